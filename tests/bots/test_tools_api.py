"""Tools through the API: made, refused, tried out, and kept from who may not send a secret anywhere."""

from typing import Any

import pytest

from bots.models import Bot, Tool
from tenants.models import AuditEntry
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant
from tests.outside import http_server
from vault.models import Credential
from vault.services import store_credential

pytestmark = pytest.mark.django_db

TRACKING = {
    "code": "order_tracking",
    "name": "Tracking",
    "url": "https://api.example.com/orders/{{ number }}",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
}


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    return client


def stored(business: Business, **fields: Any) -> Credential:
    with in_tenant(business.tenant):
        return store_credential(provider="custom", kind="api_key", label="Key", secret={"api_key": "sk-123456789"}, **fields)


def test_a_tool_is_made_read_changed_and_deleted(shop: Any, saigon: Business) -> None:
    made = shop.post("tools/", {**TRACKING, "bot": "shop"})
    assert made.status_code == 201, made.content
    assert (made.json()["effect"], made.json()["needs_confirmation"], made.json()["bot"]) == ("reads", False, "shop")
    pk = made.json()["id"]
    assert shop.patch(f"tools/{pk}/", {"timeout_seconds": 5}).json()["timeout_seconds"] == 5
    assert [one["code"] for one in shop.get("tools/", {"bot": "shop"}).json()["results"]] == ["order_tracking"]
    with in_tenant(saigon.tenant):
        assert {entry.verb for entry in AuditEntry.objects.filter(subject_kind="bots.tool")} == {"insert", "update"}
    assert shop.delete(f"tools/{pk}/").status_code == 204


def test_a_tool_that_acts_asks_the_customer_unless_it_is_said_otherwise(shop: Any) -> None:
    acts = shop.post("tools/", {**TRACKING, "method": "POST"}).json()
    assert (acts["effect"], acts["needs_confirmation"]) == ("acts", True)
    assert shop.patch(f"tools/{acts['id']}/", {"needs_confirmation": False}).json()["needs_confirmation"] is False


def test_a_general_bots_tool_keeps_its_script_as_text(shop: Any) -> None:
    script = 'PARAM name AS STRING\nTALK "Hello " + name'
    made = shop.post("tools/", {"name": "Chào hỏi khách", "kind": "script", "script": script}).json()
    assert (made["code"], made["script"]) == ("chao_hoi_khach", script)
    refused = shop.post(f"tools/{made['id']}/try/", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "tool_off")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"code": "Order Tracking"}, "code", "invalid"),
    ({"code": "price_lookup"}, "code", "reserved"),
    ({"url": "https://{{ number }}/"}, "url", "destination_forbidden"),
    ({"url": "https://api.example.com{{ number }}/"}, "url", "destination_forbidden"),
    ({"url": "http://127.0.0.1/"}, "url", "destination_forbidden"),
    ({"url": "https://user:pass@example.com/"}, "url", "destination_forbidden"),
    ({"url": "https://example.com:22/"}, "url", "destination_forbidden"),
    ({"url": "https://api.example.com/{{ colour }}"}, "url", "unknown_variable"),
    ({"url": "https://api.example.com/{{ secret.api_key }}"}, "url", "unknown_variable"),
    ({"url": "https://api.example.com/{{ 7*7 }}"}, "url", "unknown_variable"),
    ({"url": ""}, None, "invalid"),
    ({"headers": {"X-A": "b\r\nHost: evil"}}, "headers", "header_forbidden"),
    ({"headers": {"Host": "evil.example"}}, "headers", "header_forbidden"),
    ({"headers": {"Connection": "keep-alive"}}, "headers", "header_forbidden"),
    ({"headers": {"Authorization": "Bearer sk-1"}}, "headers", "secret_in_header"),
    ({"headers": {"X-A": 1}}, "headers", "invalid"),
    ({"body": {"text": "{{ colour }}"}}, "body", "unknown_variable"),
    ({"body": ["x"]}, "body", "not_an_object"),
    ({"timeout_seconds": 31}, None, "invalid"),
    ({"timeout_seconds": 0}, None, "invalid"),
    ({"kind": "function", "function": "os.system"}, "function", "unknown_function"),
    ({"parameters": {"type": "string"}}, "parameters", "invalid_schema"),
    (
        {"parameters": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}},
        "parameters",
        "invalid_schema",
    ),
    ({"parameters": {"type": "object", "properties": {"a": {"type": "flag"}}}}, "parameters", "invalid_schema"),
    ({"parameters": {"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}}, "parameters", "invalid_schema"),
    ({"parameters": {"type": "object", "properties": {"a b": {}}}}, "parameters", "invalid_schema"),
    ({"parameters": {"type": "object", "properties": []}}, "parameters", "invalid_schema"),
    ({"parameters": {"type": "object", "description": "x" * 17_000}}, "parameters", "invalid_schema"),
    ({"bot": "nobody"}, "bot", "unknown_reference"),
    ({"credential": "0190a6f0-0000-7000-8000-000000000000"}, "credential", "unknown_reference"),
    ({"colour": "red"}, "colour", "unknown_field"),
]


def test_tools_that_could_not_be_called_are_refused(shop: Any, saigon: Business) -> None:
    for change, field, code in REFUSED:
        refused = shop.post("tools/", {**TRACKING, **change})
        assert refused.status_code == 422, (change, refused.content)
        error = refused.json()["errors"][0]
        assert (error["field"], error["code"]) == (field, code), change
    with in_tenant(saigon.tenant):
        assert not Tool.objects.exists()


def test_an_unknown_parameter_is_named_with_its_position(shop: Any) -> None:
    refused = shop.post("tools/", {**TRACKING, "url": "https://api.example.com/{{ colour }}"}).json()
    assert refused["position"] == 25
    assert "colour" in refused["detail"]
    assert "number" in refused["detail"]


def test_a_schema_so_deep_that_nobody_could_read_it_is_refused(shop: Any, saigon: Business) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _level in range(12):
        schema = {"type": "object", "properties": {"a": schema}}
    assert shop.post("tools/", {**TRACKING, "url": "https://a.example/", "parameters": schema}).status_code == 422
    with in_tenant(saigon.tenant):
        assert not Tool.objects.exists()


def test_a_try_out_shows_the_request_without_the_secret_and_the_answer(
    shop: Any, saigon: Business, loopback_allowed: None
) -> None:
    with http_server() as server:
        server.headers, server.body = {"Content-Type": "application/json"}, b'{"state": "on its way"}'
        url = f"http://127.0.0.1:{server.port}/orders/{{{{ number }}}}"
        body = {**TRACKING, "url": url, "credential": str(stored(saigon).pk), "headers": {"X-Key": "{{ secret.api_key }}"}}
        pk = shop.post("tools/", body).json()["id"]
        shown = shop.post(f"tools/{pk}/try/", {"arguments": {"number": "7"}, "send": False}).json()
        assert (shown["outcome"], shown["request"]["headers"], server.received) == (None, {"X-Key": "[…]"}, [])
        tried = shop.post(f"tools/{pk}/try/", {"arguments": {"number": "7"}})
    assert (tried.json()["outcome"], tried.json()["output"]) == ("done", {"state": "on its way"})
    assert tried.json()["request"]["url"].endswith("/orders/7")
    assert server.received[0].headers["x-key"] == "sk-123456789"
    assert "sk-123456789" not in tried.content.decode()


def test_a_try_out_with_wrong_arguments_names_them(shop: Any) -> None:
    pk = shop.post("tools/", TRACKING).json()["id"]
    refused = shop.post(f"tools/{pk}/try/", {"arguments": {"colour": "red"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_arguments")
    assert {one["field"] for one in refused.json()["errors"]} == {"arguments.number", "arguments.colour"}


def test_only_who_manages_credentials_says_where_one_is_sent(shop: Any, api: Any, saigon: Business) -> None:
    operator, secret = api(saigon, saigon.operator), str(stored(saigon).pk)
    assert operator.post("tools/", {**TRACKING, "credential": secret}).json()["code"] == "credential_not_yours"
    pk = shop.post("tools/", {**TRACKING, "credential": secret}).json()["id"]
    for change in ({"url": "https://evil.example/"}, {"headers": {"X-A": "b"}}, {"credential": None}):
        assert operator.patch(f"tools/{pk}/", change).status_code == 403, change
    assert operator.patch(f"tools/{pk}/", {"description": "Where a parcel is."}).status_code == 200
    with in_tenant(saigon.tenant):
        assert Tool.objects.get().url == TRACKING["url"]


def test_a_credential_in_use_by_a_tool_stays(shop: Any, saigon: Business) -> None:
    secret = str(stored(saigon).pk)
    shop.post("tools/", {**TRACKING, "credential": secret})
    refused = shop.delete(f"credentials/{secret}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert refused.json()["where"][0]["name"] == "Tracking"


def test_a_credential_that_may_not_go_there_is_refused_when_it_is_chosen(shop: Any, saigon: Business) -> None:
    secret = str(stored(saigon, allowed_hosts=["api.other.example"]).pk)
    refused = shop.post("tools/", {**TRACKING, "credential": secret})
    assert (refused.status_code, refused.json()["code"]) == (422, "destination_not_allowed")


def test_tools_are_of_one_tenant_and_a_bots_key_sees_its_own(
    shop: Any, api: Any, saigon: Business, harbour: Business
) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    made = {
        bot: shop.post("tools/", {**TRACKING, "code": f"of_{bot}".lower(), "bot": bot}).json()["id"]
        for bot in ("shop", "other", None)
    }
    assert api(harbour).get("tools/").json()["results"] == []
    assert api(harbour).get(f"tools/{made['shop']}/").status_code == 404
    with in_tenant(saigon.tenant):
        bound = api(issue_api_key(name="shop", bot_id=Bot.objects.get(code="shop").pk)[1])
    assert {one["bot"] for one in bound.get("tools/").json()["results"]} == {"shop", None}
    assert bound.get(f"tools/{made['other']}/").status_code == 404
    assert bound.patch(f"tools/{made['shop']}/", {"name": "Mine"}).status_code == 403
