"""Versions: what changes between two, in every language, and on sale at a moment chosen beforehand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import (
    AttributeDefinition,
    AttributeValue,
    Offering,
    OfferingTranslation,
    OfferingVersion,
    ScheduledActivation,
    SearchText,
    Status,
)
from catalog.search.query import search
from catalog.services import activate_version, create_offering, create_version
from catalog.tasks import activate_versions
from catalog.versions import TASK, _carry_out, cancel_activation, schedule_activation
from config.celery import app
from tenants.errors import Conflict
from tenants.models import AuditEntry, Tenant
from tenants.queue import QueueState, claim
from tenants.scope import platform_scope
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]

LAMP: dict[str, Any] = {
    "code": "den-ban",
    "offering_type": "physical",
    "domain": "electronics",
    "name": "Đèn bàn",
    "description": "<p>Sáng</p>",
    "attributes": {"brand": "Lumora", "power": 12.5},
    "translations": {"en": {"name": "Desk lamp", "description": "<p>Bright</p><script>alert(1)</script>"}},
}


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    return api(saigon, saigon.operator)


@pytest.fixture
def lamp(client: ApiClient) -> str:
    """The address of an active lamp, whose second version is a draft."""
    return lamp_with_a_draft(client)


def lamp_with_a_draft(client: ApiClient) -> str:
    """Make an active lamp with a draft beside it, and return its address."""
    made = client.post("offerings/", LAMP)
    assert made.status_code == 201, made.content
    address = f"offerings/{made.json()['id']}/"
    client.post(f"{address}versions/1/activate/")
    client.post(f"{address}versions/", {"name": "Đèn bàn 2", "attributes": {"brand": "Lumora", "weight": 900}})
    return address


def problems(response: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in response.json()["errors"]}


def state_of(client: ApiClient, lamp: str) -> dict[int, str]:
    return {one["version"]: one["status"] for one in client.get(f"{lamp}versions/").json()["results"]}


def make_due(business: Business) -> None:
    """Let every planned moment be a second ago."""
    with in_tenant(business.tenant):
        moment = timezone.now() - timedelta(seconds=1)
        ScheduledActivation.objects.filter(state=QueueState.PENDING).update(due_at=moment, activate_at=moment)


def tomorrow() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


class TestTranslations:
    """The words of a version in another language."""

    def test_they_are_given_and_answered_by_language_and_their_html_is_cleaned(self, client: ApiClient, lamp: str) -> None:
        shown = client.get(lamp).json()
        assert shown["translations"] == {"en": {"name": "Desk lamp", "description": "<p>Bright</p>"}}
        assert client.get(f"{lamp}versions/1/").json()["translations"] == shown["translations"]

    def test_a_new_version_takes_them_over_and_those_given_take_the_place_of_all(self, client: ApiClient, lamp: str) -> None:
        assert client.get(f"{lamp}versions/2/").json()["translations"]["en"]["name"] == "Desk lamp"
        changed = client.patch(lamp, {"translations": {"en": {"name": "Lamp"}}}).json()
        assert (changed["version"], changed["translations"]) == (3, {"en": {"name": "Lamp", "description": ""}})
        assert client.patch(lamp, {"translations": {}}).json()["translations"] == {}
        client.post(f"{lamp}versions/1/activate/")  # the older version brings its own back
        assert client.get(lamp).json()["translations"]["en"]["name"] == "Desk lamp"

    @pytest.mark.parametrize(
        ("translations", "problem"),
        [
            ({"fr": {"name": "Lampe"}}, ("translations.fr", "unknown_language")),
            ({"en": {"description": "Bright"}}, ("translations.en.name", "required")),
            ({"en": {"name": " "}}, ("translations.en.name", "blank")),
            ({"en": {"name": "Lamp", "price": 5}}, ("translations.en.price", "unknown_field")),
            ({"en": {"name": "L" * 501}}, ("translations.en.name", "max_length")),
            ({"en": "Lamp"}, ("translations.en", "invalid")),
            (["en"], ("translations", "not_an_object")),
        ],
    )
    def test_wrong_ones_are_named_and_nothing_changes(
        self, client: ApiClient, lamp: str, translations: Any, problem: tuple[str, str]
    ) -> None:
        before = client.get(lamp).json()
        refused = client.patch(lamp, {"translations": translations})
        assert refused.status_code == 422
        assert problems(refused) == {problem}
        assert client.get(lamp).json() == before

    def test_a_reader_is_given_the_own_language_and_else_the_words_there_are(self, saigon: Business, lamp: str) -> None:
        with in_tenant(saigon.tenant):
            english, vietnamese = (Offering.objects.in_language(code).get() for code in ("en", "vi"))
            assert (english.name, english.description) == ("Desk lamp", "<p>Bright</p>")
            assert (vietnamese.name, vietnamese.description) == ("Đèn bàn", "<p>Sáng</p>")
            OfferingTranslation.objects.update(description="")
            assert Offering.objects.in_language("en").get().description == "<p>Sáng</p>"

    def test_a_list_costs_one_query_for_all_of_them(self, client: ApiClient, lamp: str) -> None:
        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert client.get("offerings/").status_code == 200
            return len(queries)

        before = cost()
        for number in range(5):
            client.post("offerings/", {**LAMP, "code": f"den-{number}"})
        assert cost() == before <= 8

    def test_what_is_on_sale_is_found_in_every_language(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        with in_tenant(saigon.tenant):

            def found(question: str) -> bool:
                return any((hit.parts["text"] or 0) > 0 for hit in search(question, kinds=["offering"], limit=5))

            assert found("bright")
            assert found("den ban")
            assert not found("nightlight")
        client.patch(lamp, {"translations": {"en": {"name": "Nightlight"}}})
        with in_tenant(saigon.tenant):
            assert "Nightlight" in SearchText.objects.get().body
            OfferingTranslation.objects.filter(name="Nightlight").delete()
            assert "Nightlight" not in SearchText.objects.get().body

    def test_a_draft_s_words_are_not_found(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        client.post(f"{lamp}versions/", {"translations": {"en": {"name": "Secret launch"}}})
        with in_tenant(saigon.tenant):
            assert "Secret" not in SearchText.objects.get().body

    def test_changes_are_audited(self, saigon: Business, lamp: str) -> None:
        with in_tenant(saigon.tenant):
            OfferingTranslation.objects.filter(offering_version__version=1).update(name="Other")
            entry = AuditEntry.objects.filter(subject_kind="catalog.offeringtranslation", verb="update").get()
            assert (entry.before["name"], entry.after["name"]) == ("Desk lamp", "Other")


class TestDiff:
    """Two versions side by side."""

    def test_every_field_that_differs_is_told_with_both_values(self, client: ApiClient, lamp: str) -> None:
        client.post(f"{lamp}versions/", {"name": "Đèn", "translations": {"vi": {"name": "Đèn"}}})
        told = client.get(f"{lamp}versions/1/diff/3/").json()
        assert (told["version"], told["other"]) == (1, 3)
        assert {one["field"]: (one["before"], one["after"]) for one in told["changes"]} == {
            "name": ("Đèn bàn", "Đèn"),
            "translations.en.name": ("Desk lamp", None),
            "translations.en.description": ("<p>Bright</p>", None),
            "translations.vi.name": (None, "Đèn"),
            "translations.vi.description": (None, ""),
        }
        back = client.get(f"{lamp}versions/2/diff/1/").json()["changes"]
        assert {one["field"]: (one["before"], one["after"]) for one in back} == {
            "name": ("Đèn bàn 2", "Đèn bàn"),
            "attributes.power": (None, 12.5),
            "attributes.weight": (900, None),
        }

    def test_a_version_does_not_differ_from_itself(self, client: ApiClient, lamp: str) -> None:
        assert client.get(f"{lamp}versions/1/diff/1/").json()["changes"] == []

    def test_it_costs_the_same_however_much_differs(self, client: ApiClient, lamp: str) -> None:
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{lamp}versions/1/diff/2/")
        assert len(queries) <= 6

    def test_a_version_that_is_not_there_is_not_found(
        self, client: ApiClient, api: Api, harbour: Business, lamp: str
    ) -> None:
        assert client.get(f"{lamp}versions/1/diff/9/").status_code == 404
        assert client.get(f"{lamp}versions/1/diff/x/").status_code == 404
        assert api(harbour).get(f"{lamp}versions/1/diff/2/").status_code == 404


class TestScheduledActivation:
    """On sale at a moment to come."""

    def test_the_version_goes_on_sale_then_and_only_once(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        at = timezone.now() + timedelta(hours=1)
        planned = client.post(f"{lamp}versions/2/activate/", {"at": at.isoformat()})
        assert planned.status_code == 202, planned.content
        assert (planned.json()["status"], planned.json()["activation_error"]) == ("draft", "")
        assert datetime.fromisoformat(planned.json()["activate_at"]) == at
        activate_versions()
        assert state_of(client, lamp) == {1: "active", 2: "draft"}
        make_due(saigon)
        activate_versions()
        assert state_of(client, lamp) == {1: "archived", 2: "active"}
        assert client.get(f"{lamp}versions/2/").json()["activate_at"] is None
        client.post(f"{lamp}versions/1/activate/")
        make_due(saigon)
        activate_versions()
        assert state_of(client, lamp) == {1: "active", 2: "archived"}

    def test_beat_looks_often_and_wakes_the_task(self) -> None:
        tick = app.conf.beat_schedule["activations"]
        assert (tick["task"], activate_versions.name) == (TASK, TASK)
        assert tick["schedule"] <= 10

    def test_a_plan_is_moved_and_taken_back(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        later = (timezone.now() + timedelta(days=2)).isoformat()
        assert client.post(f"{lamp}versions/2/activate/", {"at": later}).status_code == 202
        with in_tenant(saigon.tenant):
            assert ScheduledActivation.objects.get().activate_at == datetime.fromisoformat(later)
        cancelled = client.post(f"{lamp}versions/2/cancel-activation/")
        assert (cancelled.status_code, cancelled.json()["activate_at"]) == (200, None)
        again = client.post(f"{lamp}versions/2/cancel-activation/")
        assert (again.status_code, again.json()["code"]) == (409, "not_planned")
        make_due(saigon)
        activate_versions()
        assert state_of(client, lamp) == {1: "active", 2: "draft"}

    @pytest.mark.parametrize(
        ("version", "at", "status", "code"),
        [
            (2, "2020-01-01T00:00:00Z", 422, "in_the_past"),
            (2, "tomorrow", 422, "invalid"),
            (2, 5, 422, "invalid"),
            (2, None, 422, "null"),
            (1, "2999-01-01T00:00:00Z", 409, "already_active"),
            (2, "9999-12-31T23:59:59-14:00", 422, "overflow"),
            (3, "2999-01-01T00:00:00Z", 404, "not_found"),
        ],
    )
    def test_what_cannot_be_planned_is_refused(
        self, client: ApiClient, saigon: Business, lamp: str, version: int, at: Any, status: int, code: str
    ) -> None:
        refused = client.post(f"{lamp}versions/{version}/activate/", {"at": at})
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
        with in_tenant(saigon.tenant):
            assert not ScheduledActivation.objects.exists()

    def test_what_is_missing_already_is_told_at_once(self, client: ApiClient, lamp: str) -> None:
        client.post(f"{lamp}versions/", {"attributes": {"power": 5}})
        refused = client.post(f"{lamp}versions/3/activate/", {"at": tomorrow()})
        assert problems(refused) == {("attributes.brand", "required")}
        assert client.get(f"{lamp}versions/3/").json()["activate_at"] is None

    def test_what_cannot_be_done_when_it_is_due_ends_visibly_and_is_not_tried_again(
        self, client: ApiClient, saigon: Business, lamp: str
    ) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        with platform_scope(reason="test set-up"):
            AttributeDefinition.objects.filter(domain__code="electronics", key="weight").update(is_required=True)
        with in_tenant(saigon.tenant):
            AttributeValue.objects.filter(attribute_definition__key="weight").delete()
        make_due(saigon)
        activate_versions()
        shown = client.get(f"{lamp}versions/2/").json()
        assert (shown["status"], shown["activation_error"]) == ("draft", "Cần nhập Trọng lượng.")
        assert state_of(client, lamp)[1] == "active"
        with in_tenant(saigon.tenant):
            plan = ScheduledActivation.objects.get()
            assert (plan.state, plan.attempt) == (QueueState.FAILED, 1)
        activate_versions()
        with in_tenant(saigon.tenant):
            assert ScheduledActivation.objects.get().attempt == 1
        assert client.post(f"{lamp}versions/2/cancel-activation/").json()["activation_error"] == ""

    def test_by_hand_is_first(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        client.post(f"{lamp}versions/2/activate/")
        assert client.get(f"{lamp}versions/2/").json()["activate_at"] is None
        client.post(f"{lamp}versions/1/activate/")
        make_due(saigon)
        activate_versions()
        assert state_of(client, lamp) == {1: "active", 2: "archived"}

    @pytest.mark.parametrize("by_hand", ["another version", "archived"])
    def test_what_was_done_by_hand_meanwhile_stays(
        self, client: ApiClient, saigon: Business, lamp: str, by_hand: str
    ) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        if by_hand == "archived":
            client.post(f"{lamp}archive/")
        else:
            client.patch(lamp, {"name": "Đèn bàn 3"})
        before = (client.get(lamp).json(), state_of(client, lamp))
        make_due(saigon)
        activate_versions()
        assert (client.get(lamp).json(), state_of(client, lamp)) == before
        assert "sửa tay" in client.get(f"{lamp}versions/2/").json()["activation_error"]

    def test_two_plans_of_one_offering_follow_each_other(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        client.post(f"{lamp}versions/", {"name": "Đèn bàn 3"})
        for version in (2, 3):
            client.post(f"{lamp}versions/{version}/activate/", {"at": tomorrow()})
        for version in (2, 3):
            with in_tenant(saigon.tenant):
                plans = ScheduledActivation.objects.filter(offering_version__version=version)
                plans.update(due_at=timezone.now() - timedelta(seconds=1))
            activate_versions()
            assert state_of(client, lamp)[version] == "active"

    def test_a_worker_that_lost_its_lease_or_the_plan_activates_nothing(
        self, client: ApiClient, saigon: Business, lamp: str
    ) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        make_due(saigon)
        with in_tenant(saigon.tenant):
            claimed = claim(ScheduledActivation, limit=5)
            cancel_activation(version=OfferingVersion.objects.get(version=2))
            _carry_out(claimed)
        assert state_of(client, lamp) == {1: "active", 2: "draft"}

    def test_plans_of_a_suspended_business_wait(self, client: ApiClient, saigon: Business, lamp: str) -> None:
        client.post(f"{lamp}versions/2/activate/", {"at": tomorrow()})
        make_due(saigon)
        with in_tenant(saigon.tenant):
            Tenant.objects.update(status="suspended")
        activate_versions()
        with in_tenant(saigon.tenant):
            assert ScheduledActivation.objects.get().state == QueueState.PENDING
            Tenant.objects.update(status="active")
        activate_versions()
        assert state_of(client, lamp)[2] == "active"


@pytest.mark.django_db(transaction=True)
def test_of_people_and_workers_at_once_one_version_is_active_in_the_end() -> None:
    tenant = Tenant.objects.raw("SELECT uuidv7() AS id")[0]
    with in_tenant(tenant.id):
        Tenant.objects.create(id=tenant.id, slug="rush", name="Rush")
        offering = create_offering(code="lamp", name="Lamp")
        versions = [create_version(offering=offering, name=f"Lamp {number}") for number in range(4)]
        activate_version(version=versions[0])
        for version in versions[1:]:
            schedule_activation(version=version, at=timezone.now() + timedelta(days=1))
        ScheduledActivation.objects.update(due_at=timezone.now())
    start = Barrier(8)

    def act(number: int) -> None:
        try:
            start.wait(10)
            if number % 2:
                activate_versions()
                return
            with in_tenant(tenant.id):
                activate_version(version=OfferingVersion.objects.get(pk=versions[number // 2].pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as people:
        list(people.map(act, range(8)))
    with in_tenant(tenant.id):
        assert OfferingVersion.objects.filter(status=Status.ACTIVE).count() == 1
        assert Offering.objects.get().status == Status.ACTIVE
        assert not ScheduledActivation.objects.filter(state__in=ScheduledActivation.OPEN).exists()


def test_a_version_is_planned_only_when_it_is_not_on_sale(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        offering = create_offering(code="lamp", name="Lamp")
        version = activate_version(version=offering.versions.get())
        with pytest.raises(Conflict, match="already"):
            schedule_activation(version=version, at=timezone.now() + timedelta(days=1))
        assert not ScheduledActivation.objects.exists()
