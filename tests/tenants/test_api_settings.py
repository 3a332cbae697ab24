"""Settings and preferences through HTTP: typed, the platform's below the tenant's, changed without a restart."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.models import PLATFORM_ID, AuditEntry, Setting, UserPreference
from tenants.models import settings as tenant_settings
from tenants.scope import ScopeConflict, tenant_scope
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

DAYS = "settings/credential_expiry_warning_days/"


def of_platform(name: str, value: object) -> None:
    with tenant_scope(PLATFORM_ID):
        Setting.put(name, value)


def test_a_value_is_the_tenants_else_the_platforms_else_the_default(
    api: Any, saigon: Business, harbour: Business, django_capture_on_commit_callbacks: Any
) -> None:
    owner = api(saigon, saigon.owner)
    assert owner.get(DAYS).json() | {"title": "", "description": ""} == {
        "name": "credential_expiry_warning_days",
        "value": 14,
        "origin": "default",
        "default": 14,
        "type": "integer",
        "title": "",
        "description": "",
    }
    with django_capture_on_commit_callbacks(execute=True):
        of_platform("credential_expiry_warning_days", 30)
    assert (owner.get(DAYS).json()["value"], owner.get(DAYS).json()["origin"]) == (30, "platform")
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.patch(DAYS, {"value": 7}).status_code == 200
    assert (owner.get(DAYS).json()["value"], owner.get(DAYS).json()["origin"]) == (7, "tenant")
    assert api(harbour).get(DAYS).json()["value"] == 30
    with django_capture_on_commit_callbacks(execute=True):
        assert owner.delete(DAYS).status_code == 204
        of_platform("credential_expiry_warning_days", 14)
    assert owner.get(DAYS).json()["value"] == 14


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (DAYS, "7", "wrong_type"),
        (DAYS, True, "wrong_type"),
        (DAYS, 7.5, "wrong_type"),
        (DAYS, None, "null"),
        (DAYS, -1, "out_of_range"),
        (DAYS, 366, "out_of_range"),
        ("settings/require_second_factor/", 1, "wrong_type"),
    ],
)
def test_a_value_of_another_type_or_beyond_the_bounds_is_refused(
    api: Any, saigon: Business, path: str, value: object, code: str
) -> None:
    answer = api(saigon).patch(path, {"value": value})
    assert (answer.status_code, answer.json()["errors"][0]["code"], answer.json()["errors"][0]["field"]) == (
        422,
        code,
        "value",
    )
    with in_tenant(saigon.tenant):
        assert not Setting.objects.exists()


def test_a_setting_that_there_is_not_is_not_found(api: Any, saigon: Business) -> None:
    client = api(saigon)
    assert client.get("settings/colour/").status_code == 404
    assert client.patch("settings/colour/", {"value": "red"}).status_code == 404
    assert client.delete("settings/colour/").status_code == 404


def test_two_people_do_not_overwrite_each_others_value(api: Any, saigon: Business) -> None:
    client = api(saigon)
    seen = client.get(DAYS)["ETag"]
    assert client.patch(DAYS, {"value": 7}, If_Match='"other"').status_code == 412
    assert client.patch(DAYS, {"value": 7}, If_Match=seen).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stored", [None, 5])
def test_of_many_at_once_who_have_read_the_same_one_wins(api: Any, saigon: Business, stored: int | None) -> None:
    if stored:
        api(saigon).patch(DAYS, {"value": stored})
    seen, ready = api(saigon).get(DAYS)["ETag"], threading.Barrier(6)

    def change(value: int) -> tuple[int, int]:
        ready.wait()
        try:
            return api(saigon).patch(DAYS, {"value": value}, If_Match=seen).status_code, value
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(change, range(20, 26)))
    assert sorted(status for status, _value in answers) == [200, *[412] * 5]
    assert api(saigon).get(DAYS).json()["value"] == next(value for status, value in answers if status == 200)


def test_a_change_is_audited(api: Any, saigon: Business) -> None:
    api(saigon, saigon.owner).patch(DAYS, {"value": 7})
    with in_tenant(saigon.tenant):
        entry = AuditEntry.objects.get(subject_kind="tenants.setting")
    assert (entry.after["value"], entry.actor_id) == (7, saigon.owner.pk)


def test_nobody_locks_oneself_out_by_asking_for_a_second_factor(api: Any, saigon: Business) -> None:
    answer = api(saigon, saigon.owner).patch("settings/require_second_factor/", {"value": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "second_factor_first")
    with in_tenant(saigon.tenant):
        assert not Setting.objects.exists()
    assert api(saigon).patch("settings/require_second_factor/", {"value": True}).status_code == 200


def test_all_are_listed_with_what_they_mean(api: Any, saigon: Business) -> None:
    found = {one["name"]: one for one in api(saigon, saigon.analyst).get("settings/").json()["results"]}
    assert {"require_second_factor", "credential_expiry_warning_days"} <= set(found)
    assert all(one["title"] and one["description"] for one in found.values())


def test_reading_a_setting_inside_a_transaction_is_refused_whatever_is_remembered(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        Setting.effective("require_second_factor")
        with transaction.atomic(), pytest.raises(ScopeConflict):
            Setting.effective("require_second_factor")


def test_what_another_process_sets_holds_here_a_second_later_without_a_restart(
    saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_settings, "REMEMBERED", 0.2)
    with in_tenant(saigon.tenant):
        assert Setting.effective("credential_expiry_warning_days") == 14
        with connection.cursor() as cursor:  # as another process would, without a word to this one
            cursor.execute(
                "INSERT INTO tenants_setting (tenant_id, name, value, updated_at) VALUES (%s, %s, '7', now())",
                [saigon.tenant.pk, "credential_expiry_warning_days"],
            )
        assert Setting.effective("credential_expiry_warning_days") == 14
        time.sleep(0.25)
        assert Setting.effective("credential_expiry_warning_days") == 7


def test_a_setting_is_read_once_however_often_it_is_asked_for(saigon: Business) -> None:
    with in_tenant(saigon.tenant), CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            Setting.effective("require_second_factor")
    assert len(queries) == 1


def test_preferences_are_one_persons_in_every_tenant(api: Any, saigon: Business) -> None:
    client = api(saigon, saigon.operator)
    assert client.get("me/preferences/").json() == {}
    assert client.patch("me/preferences/", {"theme": "dark", "rows": 50}).json() == {"theme": "dark", "rows": 50}
    assert client.patch("me/preferences/", {"rows": None, "đèn": "tắt"}).json() == {"theme": "dark", "đèn": "tắt"}
    assert api(saigon, saigon.owner).get("me/preferences/").json() == {}
    assert api(saigon).get("me/preferences/").status_code == 403


@pytest.mark.parametrize(("body", "status"), [([], 422), ({"a": "x" * 20_000}, 413), (b"{", 400)])
def test_preferences_that_are_none_or_too_many_are_refused(api: Any, saigon: Business, body: Any, status: int) -> None:
    client = api(saigon, saigon.operator)
    client.patch("me/preferences/", {"theme": "dark"})
    assert client.patch("me/preferences/", body).status_code == status
    assert UserPreference.objects.get(user=saigon.operator).preferences == {"theme": "dark"}
