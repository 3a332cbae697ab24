"""By which server e-mails go: the installation's, a tenant's own, a provider; how many a minute, and what rests."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from config.environment import mail_provider
from reports.models import EmailDelivery, Mailbox
from reports.outbox import send_due_emails
from tenants.models import PLATFORM_ID, Setting, Tenant
from tenants.services import set_tenant_status
from tests.conftest import in_tenant
from tests.reports.test_api_emails import ABOUT, deliveries
from vault.services import store_credential

pytestmark = pytest.mark.django_db


def test_a_suspended_tenants_mails_are_held_and_a_limit_per_minute_is_kept(api, saigon, harbour, sink) -> None:
    client = api(saigon.key)
    client.patch("settings/emails_per_minute/", {"value": 2})
    client.post("emails/", {**ABOUT, "to": [f"a{number}@example.com" for number in range(5)]})
    api(harbour.key).post("emails/", ABOUT)
    set_tenant_status(tenant_id=saigon.tenant.pk, status=Tenant.Status.SUSPENDED)
    assert send_due_emails() == 1
    with in_tenant(saigon.tenant):
        assert EmailDelivery.objects.with_status("held").count() == 5
    set_tenant_status(tenant_id=saigon.tenant.pk, status=Tenant.Status.ACTIVE)
    assert send_due_emails() == 2
    assert send_due_emails() == 0
    assert sorted(deliveries(client).values()) == ["queued"] * 3 + ["sent"] * 2


def test_two_accounts_of_a_tenant_share_its_limit_and_it_cannot_raise_the_one_of_the_installations_server(
    api, saigon, sink, loopback_allowed
) -> None:
    client = api(saigon.key)
    with in_tenant(PLATFORM_ID):
        Setting.put("own_server_emails_per_minute", 2)
    assert client.patch("settings/own_server_emails_per_minute/", {"value": 9}).status_code == 404
    client.patch("settings/emails_per_minute/", {"value": 9})
    with in_tenant(saigon.tenant):
        secret = {"host": sink.host, "port": sink.port, "security": "none"}
        credential = store_credential(provider="smtp", kind="custom", label="Mail", secret=secret)
    boxes = [
        client.post("mailboxes/", {"name": "Shop", "address": f"{name}@saigon.example", "smtp": str(credential.pk)}).json()[
            "id"
        ]
        for name in "ab"
    ]
    for sender in (None, *boxes):
        client.post("emails/", {**ABOUT, "to": [f"a{number}@example.com" for number in range(5)], "mailbox": sender})
    assert send_due_emails() == 9
    assert send_due_emails() == 0
    with in_tenant(saigon.tenant):
        own = EmailDelivery.objects.filter(mailbox=None)
        assert own.filter(state="done").count() <= 2
        EmailDelivery.objects.filter(state="done").update(sent_at=timezone.now() - timedelta(minutes=2))
        too_many = own.filter(state="pending").count() - 2
        assert send_due_emails() == 15 - 9 - max(0, too_many)


def test_what_breaks_in_a_way_nobody_expected_holds_up_nothing_else(api, saigon, sink, loopback_allowed) -> None:
    client = api(saigon.key)
    with in_tenant(saigon.tenant):
        secret = {"host": sink.host, "port": sink.port, "security": "none"}
        credential = store_credential(provider="smtp", kind="custom", label="Mail", secret=secret)
    box = {"name": "Shop", "address": "\u017fhop@saigon.example", "smtp": str(credential.pk)}
    refused = client.post("mailboxes/", box).json()
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "address")
    made = client.post("mailboxes/", {**box, "address": "shop@saigon.example"}).json()["id"]
    assert client.get("mailboxes/").json()["results"][0]["id"] == made
    client.post("emails/", {**ABOUT, "mailbox": made})
    client.post("emails/", {**ABOUT, "to": ["odd@example.com"], "priority": 9})
    client.post("emails/", {**ABOUT, "to": ["binh@example.com", "chi@example.com"]})
    with in_tenant(saigon.tenant):  # as an older version let in
        EmailDelivery.objects.filter(address="odd@example.com").update(address="od\u017f@example.com")
        Mailbox.objects.update(address=f"shop@{'x' * 70}.example")
    send_due_emails()
    assert deliveries(client) == {
        "an@example.com": "held", "od\u017f@example.com": "failed", "binh@example.com": "sent", "chi@example.com": "sent"
    }  # fmt: skip
    errors = {row["recipient"]: row["error"] for row in client.get("email-deliveries/").json()["results"]}
    broke = "Something went wrong here (UnicodeEncodeError)."
    assert errors["od\u017f@example.com"] == broke
    assert errors["an@example.com"] == "Something went wrong here (UnicodeError)."


def test_an_account_of_the_tenant_sends_by_its_own_server_and_rests_when_it_is_not_let_in(
    api, saigon, sink, loopback_allowed
) -> None:
    client = api(saigon.key)
    with in_tenant(saigon.tenant):
        secret = {"username": "an", "password": "wrong", "host": sink.host, "port": sink.port, "security": "none"}
        credential = store_credential(provider="smtp", kind="basic", label="Mail", secret=secret)
    box = client.post("mailboxes/", {"name": "Shop", "address": "shop@saigon.example", "smtp": str(credential.pk)})
    assert box.status_code == 201, box.json()
    client.post("emails/", {**ABOUT, "mailbox": box.json()["id"]})
    client.post("emails/", {**ABOUT, "to": ["platform@example.com"]})
    send_due_emails()
    send_due_emails()
    assert deliveries(client) == {"an@example.com": "held", "platform@example.com": "sent"}
    (held,) = client.get("email-deliveries/", {"status": "held"}).json()["results"]
    assert held["attempts"] == 0
    assert "wrong" not in held["error"]


def test_a_provider_takes_mails_by_its_api_and_what_it_does_not_answer_is_unclear(api, saigon, settings) -> None:
    answers = {"an": 200, "refused": 403, "busy": 429, "broken": 500}

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append(asked)
            body = {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": asked["To"]}
            self.send_response(answers[asked["To"].partition("@")[0]])
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    taken: list[dict[str, Any]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"anymail+postmark://?server_token=t&api_url=http://127.0.0.1:{server.server_port}/"
        for name, value in mail_provider(url).items():
            setattr(settings, name, value)
        client = api(saigon.key)
        to = [f"{name}@example.com" for name in answers]
        email = client.post("emails/", {**ABOUT, "to": to, "bcc": ["an@example.com"]}).json()
        for _ in range(4):
            send_due_emails()
            with in_tenant(saigon.tenant):  # an unclear one lets the account rest for a minute
                long_ago = timezone.now() - timedelta(minutes=5)
                EmailDelivery.objects.filter(state="unknown").update(begun_at=long_ago)
                EmailDelivery.objects.filter(state="pending", is_held=True).update(due_at=long_ago)
        server.shutdown()
    assert deliveries(client) == dict(zip(to, ["sent", "failed", "queued", "unknown"], strict=True))
    assert all(
        {one["Name"]: one["Value"] for one in asked["Headers"]}["Message-ID"] == email["message_id"] for asked in taken
    )
    with pytest.raises(ImproperlyConfigured, match="anymail\\+pigeon is not known"):
        mail_provider("anymail+pigeon://?api_key=x")


def test_a_server_that_wants_a_login_holds_the_mails_and_fails_none(api, saigon, sink) -> None:
    sink.script = lambda phase, _recipient: "530 5.7.0 Authentication required" if phase == "mail" else None
    client = api(saigon.key)
    client.post("emails/", {**ABOUT, "to": ["an@example.com", "binh@example.com"]})
    send_due_emails()
    assert deliveries(client) == {"an@example.com": "held", "binh@example.com": "held"}
