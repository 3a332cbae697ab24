"""Versions of a bot: drafts that change, versions that stay, what differs, and who speaks with which."""

import time
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bots.models import Bot, BotVersion, Capability
from catalog.flows import FLOW_SCHEMA, InvalidFlow, check_flow
from catalog.models import KnowledgeDomain
from runtime.models import Session
from tests.conftest import Business, in_tenant
from tests.rows import a_domain

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    return client


FIRST = {
    "system_prompt": "You are {{ bot_name }}.",
    "flow_config": {"default_state": "idle", "idle_minutes": 30},
    "capabilities": ["price_lookup"],
}


def test_a_draft_is_changed_and_deleted(shop: Any) -> None:
    shop.post("bots/shop/versions/", FIRST)
    changed = shop.patch("bots/shop/versions/1/", {"system_prompt": "Be brief.", "capabilities": []})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["system_prompt"], changed.json()["capabilities"]) == ("Be brief.", [])
    assert changed.json()["flow_config"] == FIRST["flow_config"]
    assert shop.delete("bots/shop/versions/1/").status_code == 204
    assert shop.get("bots/shop/versions/").json()["results"] == []


def test_a_version_that_was_ever_active_stays_as_it_is(shop: Any) -> None:
    shop.post("bots/shop/versions/", FIRST)
    shop.post("bots/shop/versions/", {"from": 1})
    for number in (1, 2):
        shop.post(f"bots/shop/versions/{number}/activate/")
    for number in (1, 2):
        refused = shop.patch(f"bots/shop/versions/{number}/", {"system_prompt": "Be rude."})
        assert (refused.status_code, refused.json()["code"]) == (409, "version_spoke")
        assert shop.delete(f"bots/shop/versions/{number}/").status_code == 409
        assert shop.get(f"bots/shop/versions/{number}/").json()["system_prompt"] == FIRST["system_prompt"]


STATEMENTS = [
    "UPDATE bots_botversion SET system_prompt = 'Be rude.' WHERE id = %s",
    "UPDATE bots_botversion SET flow_config = '{}' WHERE id = %s",
    "UPDATE bots_botversion SET version = 9 WHERE id = %s",
    "UPDATE bots_botversion SET activated_at = NULL WHERE id = %s",
    "DELETE FROM bots_botversion WHERE id = %s",
    "DELETE FROM bots_botversioncapability WHERE bot_version_id = %s",
    "UPDATE bots_botversioncapability SET capability_id = (SELECT id FROM bots_capability WHERE code = 'stock_check') "
    "WHERE bot_version_id = %s",
    "INSERT INTO bots_botversioncapability (tenant_id, bot_version_id, capability_id) "
    "SELECT tenant_id, id, (SELECT id FROM bots_capability WHERE code = 'stock_check') FROM bots_botversion WHERE id = %s",
]


def test_the_database_itself_keeps_a_version_that_spoke(shop: Any, saigon: Business) -> None:
    shop.post("bots/shop/versions/", FIRST)
    shop.post("bots/shop/versions/1/activate/")
    before = shop.get("bots/shop/versions/1/").json()
    with in_tenant(saigon.tenant):
        pk = BotVersion.objects.get().pk
        for sql in STATEMENTS:
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, [pk])
        BotVersion.objects.update(is_active=False)
    assert shop.get("bots/shop/versions/1/").json() == {**before, "is_active": False}


def test_a_version_begins_as_a_copy_of_another(shop: Any) -> None:
    shop.post("bots/shop/versions/", FIRST)
    copied = shop.post("bots/shop/versions/", {"from": 1, "system_prompt": "Be kind."}).json()
    assert (copied["version"], copied["system_prompt"], copied["is_active"]) == (2, "Be kind.", False)
    assert (copied["flow_config"], copied["capabilities"]) == (FIRST["flow_config"], ["price_lookup"])
    assert "from" not in copied


@pytest.mark.parametrize("number", [7, 2**40, 0, "one"])
def test_a_copy_of_no_version_is_refused(shop: Any, saigon: Business, number: Any) -> None:
    refused = shop.post("bots/shop/versions/", {"from": number})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "from")
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.exists()


def test_two_versions_are_compared_field_by_field(shop: Any, api: Any, harbour: Business) -> None:
    shop.post("bots/shop/versions/", FIRST)
    flow = {"default_state": "idle", "idle_minutes": 60, "steps": {"idle": {"next": ["idle"]}}}
    shop.post("bots/shop/versions/", {"from": 1, "flow_config": flow, "capabilities": ["stock_check", "price_lookup"]})
    found = shop.get("bots/shop/versions/1/diff/2/").json()
    assert (found["version"], found["other"]) == (1, 2)
    assert {one["field"]: (one["before"], one["after"]) for one in found["changes"]} == {
        "capabilities": (["price_lookup"], ["price_lookup", "stock_check"]),
        "flow_config.idle_minutes": (30, 60),
        "flow_config.steps.idle.next": (None, ["idle"]),
    }
    assert shop.get("bots/shop/versions/1/diff/1/").json()["changes"] == []
    assert shop.get("bots/shop/versions/1/diff/9/").status_code == 404
    assert api(harbour).get("bots/shop/versions/1/diff/2/").status_code == 404


def test_a_roll_back_serves_new_conversations_within_a_second_and_running_ones_stay(shop: Any, saigon: Business) -> None:
    def start() -> Any:
        answer = shop.post("sessions/", {"bot": "shop", "channel": "web"})
        return answer.json()["id"], answer.json()["bot_version"]

    for _number in (1, 2):
        shop.post("bots/shop/versions/", FIRST)
    shop.post("bots/shop/versions/1/activate/")
    running, first = start()
    shop.post("bots/shop/versions/2/activate/")
    newer, second = start()
    began = time.perf_counter()
    shop.post("bots/shop/versions/1/activate/")
    back = start()[1]
    assert time.perf_counter() - began < 1
    assert (first, second, back) == (1, 2, 1)
    assert shop.post(f"sessions/{running}/turns/", {"message": "hello"}).status_code == 201
    with in_tenant(saigon.tenant):
        spoken = dict(Session.objects.values_list("id", "bot_version__version"))
    assert {str(pk): version for pk, version in spoken.items() if str(pk) in (running, newer)} == {running: 1, newer: 2}


# Instructions and flow


@pytest.mark.parametrize(
    ("prompt", "position"),
    [
        ("Hello {{ customer }}", 7),
        ("{{ bot_name }} and {{ 7*7 }}", 20),
        ("{{ bot_name.__class__ }}", 1),
        ("{{", 1),
        ("Line\n{{ secret.api_key }}", 6),
    ],
)
def test_an_unknown_variable_is_refused_with_its_position(shop: Any, saigon: Business, prompt: str, position: int) -> None:
    refused = shop.post("bots/shop/versions/", {"system_prompt": prompt})
    assert (refused.status_code, refused.json()["code"], refused.json()["position"]) == (422, "unknown_variable", position)
    assert refused.json()["errors"][0]["field"] == "system_prompt"
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.exists()


def test_the_refusal_lists_what_is_declared_and_not_what_else_the_prompt_says(shop: Any) -> None:
    refused = shop.post("bots/shop/versions/", {"system_prompt": "{{ memory.hours }} {{ colour }}"}).json()
    assert "bot_name" in refused["detail"]
    assert "memory.…" in refused["detail"]
    assert "memory.hours" not in refused["detail"]


def test_of_several_references_the_unknown_one_is_named(shop: Any) -> None:
    refused = shop.post("bots/shop/versions/", {"capabilities": ["price_lookup", "flying"]}).json()
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [("capabilities", "unknown_reference")]
    assert "flying" in refused["errors"][0]["message"]


def test_a_refused_choice_names_those_there_are(shop: Any) -> None:
    refused = shop.patch("bots/shop/", {"status": "asleep"}).json()
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [("status", "invalid_choice")]
    assert "active" in refused["detail"]
    assert "archived" in shop.get("bots/", {"status": "asleep"}).json()["detail"]


def test_a_prompt_may_show_json_and_other_signs(shop: Any) -> None:
    prompt = 'Answer {"a": {"b": 1}} {% now %} ${x} about {{ memory.opening_hours }}.'
    assert shop.post("bots/shop/versions/", {"system_prompt": prompt}).json()["system_prompt"] == prompt


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"default_state": 7}, "flow_config.default_state"),
    ({"default_state": "a b"}, "flow_config.default_state"),
    ({"idle_minutes": 0}, "flow_config.idle_minutes"),
    ({"idle_minutes": "30"}, "flow_config.idle_minutes"),
    ({"idle_minutes": True}, "flow_config.idle_minutes"),
    ({"claim_minutes": 50_000}, "flow_config.claim_minutes"),
    ({"steps": ["idle"]}, "flow_config.steps"),
    ({"steps": {"idle": {"after": 1}}}, "flow_config.steps.idle"),
    ({"steps": {"idle": {"next": ["done"]}}}, "flow_config.steps.idle.next.0"),
    ({"steps": {"idle": {"timeout_minutes": -1}}}, "flow_config.steps.idle.timeout_minutes"),
    ({"steps": {"idle": {}}, "default_state": "open"}, "flow_config.default_state"),
    ({"greeting": ""}, "flow_config.greeting"),
    ({"quick_replies": ["x" * 81]}, "flow_config.quick_replies.0"),
    ({"note": "x" * 33_000}, "flow_config"),
]


def test_a_flow_that_says_what_nobody_can_follow_is_refused(shop: Any, saigon: Business) -> None:
    shop.post("bots/shop/versions/", FIRST)
    for flow, field in REFUSED:
        for refused in (
            shop.post("bots/shop/versions/", {"flow_config": flow}),
            shop.patch("bots/shop/versions/1/", {"flow_config": flow}),
        ):
            assert refused.status_code == 422, flow
            assert refused.json()["errors"][0]["field"] == field, flow
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().flow_config == FIRST["flow_config"]


def test_a_flow_keeps_what_a_business_adds_for_itself(shop: Any) -> None:
    flow = {
        "default_state": "idle",
        "steps": {"idle": {"next": ["buying"], "timeout_minutes": 5}, "buying": {"on_timeout": "idle"}},
        "greeting": {"vi": "Chào bạn!", "en": "Hello!"},
        "allows_comparison": True,
        "requires_analysis": {"depth": 2},
    }
    assert shop.post("bots/shop/versions/", {"flow_config": flow}).json()["flow_config"] == flow


def test_a_version_without_a_flow_begins_with_its_domains(shop: Any, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        domain = a_domain()
        KnowledgeDomain.objects.filter(pk=domain.pk).update(flow_config={"default_state": "idle"})
    shop.patch("bots/shop/", {"domain": domain.code})
    assert shop.post("bots/shop/versions/", {}).json()["flow_config"] == {"default_state": "idle"}
    assert shop.post("bots/shop/versions/", {"flow_config": {}}).json()["flow_config"] == {}
    with in_tenant(saigon.tenant):
        KnowledgeDomain.objects.filter(pk=domain.pk).update(flow_config={"default_state": "other"})
    assert shop.get("bots/shop/versions/1/").json()["flow_config"] == {"default_state": "idle"}


def test_defaults_of_a_domain_are_checked_by_the_same_schema() -> None:
    with pytest.raises(InvalidFlow):
        check_flow({"idle_minutes": "soon"})
    assert set(FLOW_SCHEMA["properties"]) >= {"default_state", "steps", "idle_minutes", "claim_minutes"}
    with pytest.raises(Exception, match="idle_minutes"):
        KnowledgeDomain(code="x", name="X", flow_config={"idle_minutes": "soon"}).full_clean()


def test_an_operator_writes_versions_and_an_analyst_reads_them(shop: Any, api: Any, saigon: Business) -> None:
    shop.post("bots/shop/versions/", FIRST)
    operator, analyst = api(saigon, saigon.operator), api(saigon, saigon.analyst)
    assert operator.patch("bots/shop/versions/1/", {"system_prompt": "Be kind."}).status_code == 200
    assert analyst.get("bots/shop/versions/1/diff/1/").status_code == 200
    assert analyst.patch("bots/shop/versions/1/", {"system_prompt": "x"}).status_code == 403
    assert analyst.delete("bots/shop/versions/1/").status_code == 403
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().system_prompt == "Be kind."
        assert Bot.objects.count() == 1
        assert Capability.objects.exists()
