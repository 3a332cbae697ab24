"""Event destinations and deliveries through the API."""

import time
from typing import Any

import pytest
from django.db import connections
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tenants.events import record_event
from tenants.models import AuditEntry
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, listener
from vault import testing
from vault.deliveries import deliver_due
from vault.events_out import dispatch_events
from vault.models import Credential, EventDelivery, EventDestination

pytestmark = pytest.mark.django_db

URL = "https://example.com/hooks/backroom"


@pytest.fixture
def client(api: Any, saigon: Business) -> Any:
    return api(saigon, saigon.owner)


def make(client: Any, **body: Any) -> Any:
    answer = client.post("event-destinations/", {"name": "Bookkeeping", "url": URL, **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_the_secret_is_shown_once_and_never_again(client: Any, saigon: Business) -> None:
    answer = client.post("event-destinations/", {"name": "Bookkeeping", "url": URL}, Idempotency_Key="once")
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    assert (made["state"], made["kinds"], made["is_active"]) == ("active", [], True)
    again = client.post("event-destinations/", {"name": "Bookkeeping", "url": URL}, Idempotency_Key="once")
    assert again.status_code == 201
    assert {**again.json(), "secret": made["secret"]} == made
    path = f"event-destinations/{made['id']}/"
    shown = [again, client.get(path), client.get("event-destinations/"), client.patch(path, {"name": "Books"})]
    with in_tenant(saigon.tenant):
        stored = "".join(str(row) for model in (EventDestination, Credential, AuditEntry) for row in model.objects.values())
    for text in (*(one.content.decode() for one in shown), stored):
        assert made["secret"] not in text
        assert "whsec_" not in text


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"url": "http://127.0.0.1/"}, "url", "destination_forbidden"),
        ({"url": "http://169.254.169.254/latest"}, "url", "destination_forbidden"),
        ({"url": "https://user:pass@example.com/"}, "url", "destination_forbidden"),
        ({"url": "https://example.com:6379/"}, "url", "destination_forbidden"),
        ({"url": "ftp://example.com/"}, "url", "destination_forbidden"),
        ({"url": ""}, "url", "blank"),
        ({"kinds": ["order.created", "no.such"]}, "kinds", "unknown_kind"),
        ({"kinds": "order.created"}, "kinds", "not_a_list"),
        ({"secret": "whsec_mine"}, "secret", "unknown_field"),
        ({"name": ""}, "name", "blank"),
    ],
)
def test_what_cannot_be_is_refused_by_field(client: Any, saigon: Business, body: Any, field: str, code: str) -> None:
    answer = client.post("event-destinations/", {"name": "Bookkeeping", "url": URL, **body})
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]
    with in_tenant(saigon.tenant):
        assert not EventDestination.objects.exists()
        assert not Credential.objects.exists()


def test_a_change_to_an_address_inside_is_refused_and_changes_nothing(client: Any) -> None:
    made = make(client)
    path = f"event-destinations/{made['id']}/"
    assert client.patch(path, {"url": "http://[::1]/"}).status_code == 422
    assert client.get(path).json()["url"] == URL


def test_two_destinations_cannot_have_one_name(client: Any, saigon: Business) -> None:
    make(client)
    answer = client.post("event-destinations/", {"name": "Bookkeeping", "url": URL})
    assert (answer.status_code, answer.json()["code"]) == (422, "unique")
    with in_tenant(saigon.tenant):
        assert Credential.objects.count() == 1


def test_a_rotation_answers_the_new_secret_and_both_sign(client: Any, saigon: Business, server: HttpServer) -> None:
    made = make(client, url=server.url)
    rotated = client.post(f"event-destinations/{made['id']}/rotate-secret/")
    assert rotated.status_code == 200
    assert rotated.json()["previous_secret_until"]
    with in_tenant(saigon.tenant):
        record_event("order.created")
    dispatch_events()
    deliver_due()
    (got,) = server.received
    for secret in (rotated.json()["secret"], made["secret"]):
        Webhook(secret).verify(got.body, got.headers)


def test_a_test_answers_how_it_went(client: Any, server: HttpServer) -> None:
    made = make(client, url=server.url)
    path = f"event-destinations/{made['id']}/test/"
    good = client.post(path).json()
    assert (good["kind"], good["state"], good["status_code"]) == ("ping", "done", 200)
    Webhook(made["secret"]).verify(server.received[0].body, server.received[0].headers)
    server.status, server.body = 401, b"who are you?"
    bad = client.post(path).json()
    assert (bad["state"], bad["status_code"], bad["answer"]) == ("failed", 401, "who are you?")


def test_deliveries_are_listed_narrowed_and_sent_again(client: Any, saigon: Business, server: HttpServer) -> None:
    made = make(client, url=server.url)
    server.status = 410
    with in_tenant(saigon.tenant):
        record_event("order.created", data={"code": "A1"})
    dispatch_events()
    deliver_due()
    (row,) = client.get("event-deliveries/", {"state": "failed", "destination": made["id"], "kind": "order.created"}).json()[
        "results"
    ]
    assert (row["attempt"], row["status_code"], row["last_error"]) == (1, 410, "The receiver answered 410.")
    in_vietnamese = client.get(f"event-deliveries/{row['id']}/", Accept_Language="vi").json()
    assert in_vietnamese["last_error"] == "Bên nhận trả lời 410."
    assert client.get("event-deliveries/", {"state": "done"}).json()["results"] == []
    assert client.get(f"event-destinations/{made['id']}/").json()["state"] == "disabled"

    switched_on = client.patch(f"event-destinations/{made['id']}/", {"is_active": True}).json()
    assert (switched_on["state"], switched_on["disabled_reason"]) == ("active", "")
    server.status = 200
    again = client.post(f"event-deliveries/{row['id']}/retry/")
    assert (again.status_code, again.json()["state"], again.json()["attempt"]) == (200, "pending", 0)
    twice = client.post(f"event-deliveries/{row['id']}/retry/")
    assert (twice.status_code, twice.json()["code"]) == (409, "not_ended")
    deliver_due()
    assert client.get(f"event-deliveries/{row['id']}/").json()["state"] == "done"
    first, second = server.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == row["event_id"]


def test_deleting_takes_deliveries_and_secrets_along(client: Any, saigon: Business, server: HttpServer) -> None:
    made = make(client, url=server.url)
    client.post(f"event-destinations/{made['id']}/rotate-secret/")
    client.post(f"event-destinations/{made['id']}/test/")
    assert client.delete(f"event-destinations/{made['id']}/").status_code == 204
    with in_tenant(saigon.tenant):
        for model in (EventDestination, EventDelivery, Credential):
            assert not model.objects.exists(), model


def test_another_tenant_finds_nothing(client: Any, api: Any, harbour: Business) -> None:
    made = make(client)
    other = api(harbour, harbour.owner)
    assert other.get("event-destinations/").json()["results"] == []
    for path in ("", "rotate-secret/", "test/"):
        full = f"event-destinations/{made['id']}/{path}"
        assert (other.post(full) if path else other.get(full)).status_code == 404


def test_a_key_may_be_narrowed_to_event_destinations(api: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        _row, key = issue_api_key(name="hooks", scopes=["event-destinations:read"])
    reader = api(key)
    assert reader.get("event-destinations/").status_code == 200
    assert reader.get("event-deliveries/").status_code == 200
    assert reader.post("event-destinations/", {"name": "x", "url": URL}).status_code == 403
    assert reader.get("offerings/").status_code == 403


def test_every_change_of_a_destination_is_audited(client: Any, saigon: Business) -> None:
    made = make(client)
    client.patch(f"event-destinations/{made['id']}/", {"kinds": ["order.created"]})
    client.delete(f"event-destinations/{made['id']}/")
    with in_tenant(saigon.tenant):
        entries = AuditEntry.objects.filter(subject_kind="vault.eventdestination").order_by("id")
        assert list(entries.values_list("verb", flat=True)) == ["insert", "update", "delete"]


def test_a_stranger_cannot_sign_for_us(client: Any, server: HttpServer) -> None:
    made = make(client, url=server.url)
    client.post(f"event-destinations/{made['id']}/test/")
    other = make(client, name="Other", url=server.url)
    with pytest.raises(WebhookVerificationError):
        Webhook(other["secret"]).verify(server.received[0].body, server.received[0].headers)


@pytest.mark.django_db(transaction=True)
def test_a_tenant_runs_one_test_at_a_time_and_another_tenant_its_own(
    api: Any, client: Any, saigon: Business, harbour: Business, server: HttpServer
) -> None:
    mine = make(client, url=server.url)["id"]
    other = api(harbour, harbour.owner)
    theirs = make(other, url=server.url)["id"]
    secret = {"api_key": "k", "base_url": f"http://127.0.0.1:{server.port}"}
    stored = {"provider": "n8n", "kind": "api_key", "label": "n8n", "secret": secret}
    credential = client.post("credentials/", stored).json()["id"]
    meanwhile: list[Any] = []

    def ask() -> None:
        server.before = lambda: None
        for who, path in (
            (client, f"credentials/{credential}"),
            (client, f"event-destinations/{mine}"),
            (other, f"event-destinations/{theirs}"),
        ):
            meanwhile.append(who.post(f"{path}/test/", Idempotency_Key="again"))
        connections.close_all()

    server.before = ask
    assert client.post(f"event-destinations/{mine}/test/").json()["state"] == "done"
    for refused in meanwhile[:2]:
        assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (409, "in_progress", "5")
    assert (meanwhile[2].status_code, meanwhile[2].json()["state"]) == (200, "done")
    assert [got.method for got in server.received] == ["POST", "POST"]
    with in_tenant(saigon.tenant):
        assert EventDelivery.objects.count() == 1
    for path in (f"credentials/{credential}", f"event-destinations/{mine}"):  # also with the key that was refused
        assert client.post(f"{path}/test/", Idempotency_Key="again").status_code == 200
    assert len(server.received) == 4


def test_a_test_waits_for_five_seconds_at_most(client: Any, loopback_allowed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert testing.SECONDS == 5
    monkeypatch.setattr(testing, "SECONDS", 0.3)
    with listener(lambda stream: time.sleep(2)) as silent:
        made = make(client, url=silent.url)
        answer = client.post(f"event-destinations/{made['id']}/test/").json()
    assert answer["state"] == "failed"
    assert answer["latency_ms"] < 1500


def test_a_signing_secret_is_replaced_at_its_destination_only(client: Any, saigon: Business) -> None:
    made = make(client)
    client.post(f"event-destinations/{made['id']}/rotate-secret/")
    with in_tenant(saigon.tenant):
        signing = list(Credential.objects.order_by("pk"))
    assert len(signing) == 2
    for credential in signing:
        path = f"credentials/{credential.pk}/"
        answers = [
            client.post(f"{path}rotate/", {"secret": {"api_key": "junk-not-whsec"}}),
            client.patch(path, {"active": False}),
            client.patch(path, {"allowed_hosts": ["x.example"]}),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "signs_events")] * 3
    with in_tenant(saigon.tenant):
        stored = Credential.objects.order_by("pk")
        assert [(one.version, one.is_active, one.allowed_hosts) for one in stored] == [(1, True, [])] * 2
