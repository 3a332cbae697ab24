"""Tools: what is refused before a call, what is sent, and what becomes of the answer."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots.functions import FUNCTIONS, Caller, tool_function
from bots.models import Bot, Tool
from bots.tool_requests import InvalidArguments
from bots.tools import MOST_ANSWER_BYTES, MOST_OUTPUT, ToolResult, call_tool
from tenants.errors import Conflict, DomainError
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, answer, http_server, listener
from vault.models import Credential, CredentialGrant, CredentialUse
from vault.services import NotGranted, store_credential

pytestmark = pytest.mark.django_db

KEY = "sk-live/0123+456789abcdef"
NUMBER = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}


@pytest.fixture
def server(loopback_allowed: None) -> Iterator[HttpServer]:
    with http_server() as found:
        found.headers = {"Content-Type": "application/json"}
        yield found


@pytest.fixture
def tool(saigon: Business, server: HttpServer) -> Callable[..., Tool]:
    """Return what makes a tool that calls the server."""

    def make(**fields: Any) -> Tool:
        usual = {"code": "tracking", "name": "Tracking", "url": server.url, "parameters": NUMBER, "effect": "reads"}
        with in_tenant(saigon.tenant):
            made: Tool = Tool.objects.create(**{**usual, **fields})
            return made

    return make


@pytest.fixture
def call(saigon: Business) -> Callable[..., ToolResult]:
    def made(tool: Tool, arguments: Any = None, **options: Any) -> ToolResult:
        with in_tenant(saigon.tenant):
            return call_tool(tool=tool, arguments={"number": "10042"} if arguments is None else arguments, **options)

    return made


def credential(business: Business, secret: dict[str, Any], kind: str = "api_key", **fields: Any) -> Credential:
    with in_tenant(business.tenant):
        return store_credential(provider="custom", kind=kind, label="Tracking", secret=secret, **fields)


# What is sent


def test_parameters_stand_in_the_address_percent_encoded_and_nowhere_else(server: Any, tool: Any, call: Any) -> None:
    made = tool(url=f"http://127.0.0.1:{server.port}/orders/{{{{ number }}}}/state?lang={{{{ number }}}}")
    assert call(made, {"number": "a/../b?c&d é"}).outcome == "done"
    assert server.received[0].path == "/orders/a%2F..%2Fb%3Fc%26d%20%C3%A9/state?lang=a%2F..%2Fb%3Fc%26d%20%C3%A9"


@pytest.mark.parametrize("number", ["..", ".", "", "x" * 501])
def test_a_parameter_that_would_lead_elsewhere_is_refused_before_the_call(
    server: Any, tool: Any, call: Any, number: str
) -> None:
    made = tool(url=f"http://127.0.0.1:{server.port}/orders/{{{{ number }}}}/state")
    with pytest.raises(InvalidArguments) as refused:
        call(made, {"number": number})
    assert refused.value.problems[0].field == "arguments.number"
    assert server.received == []


def test_what_the_address_does_not_name_goes_into_the_query_or_the_body(server: Any, tool: Any, call: Any) -> None:
    call(tool(code="reads"))
    call(tool(code="writes", method="POST", effect="acts"))
    assert (server.received[0].method, server.received[0].path) == ("GET", "/hook?number=10042")
    assert (server.received[1].method, json.loads(server.received[1].body)) == ("POST", {"number": "10042"})
    assert server.received[1].headers["content-type"] == "application/json"


def test_a_body_keeps_the_types_of_its_values_and_leaves_out_what_is_not_said(server: Any, tool: Any, call: Any) -> None:
    schema = {"type": "object", "properties": {"size": {"type": "integer"}, "gift": {"type": "boolean"}, "note": {}}}
    body = {"order": {"size": "{{ size }}", "text": "Size {{ size }}", "note": "{{ note }}"}, "all": ["{{ gift }}", 1]}
    call(tool(method="POST", parameters=schema, body=body), {"size": 42, "gift": True})
    assert json.loads(server.received[0].body) == {"order": {"size": 42, "text": "Size 42"}, "all": [True, 1]}


def test_a_form_is_sent_as_a_form(server: Any, tool: Any, call: Any) -> None:
    call(tool(method="POST", headers={"Content-Type": "application/x-www-form-urlencoded"}))
    assert server.received[0].body == b"number=10042"


@pytest.mark.parametrize("number", ["a\r\nHost: evil", "a\nb", "đ", "{{ secret.api_key }}"])
def test_a_header_takes_one_plain_line(server: Any, tool: Any, call: Any, number: str) -> None:
    with pytest.raises(InvalidArguments):
        call(tool(headers={"X-Number": "{{ number }}"}), {"number": number})
    assert server.received == []


# Arguments


SIZES = {
    "type": "object",
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 50},
        "colour": {"enum": ["red", "blue"]},
        "code": {"type": "string", "pattern": "^(a+)+$"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
    "required": ["size"],
}
REFUSED = [
    ({}, "arguments.size", "required"),
    ({"size": 1, "admin": True}, "arguments.admin", "unknown_field"),
    ({"size": 1, "lines": [{"sku": "A", "price": 0}]}, "arguments.lines.0.price", "unknown_field"),
    ({"size": 10**30}, "arguments.size", "out_of_range"),
    ({"size": 51}, "arguments.size", "out_of_range"),
    ({"size": "1"}, "arguments.size", "invalid_type"),
    ({"size": True}, "arguments.size", "invalid_type"),
    ({"size": 1, "colour": "green"}, "arguments.colour", "invalid_choice"),
    ({"size": 1, "code": "a" * 5000 + "!"}, "arguments.code", "invalid"),
    ({"size": 1, "code": "a" * 11_000}, "arguments", "too_large"),
    ({"size": float("nan")}, "arguments.size", "out_of_range"),
    ([], "arguments", "invalid_type"),
    ("size", "arguments", "invalid_type"),
]


def test_arguments_that_do_not_fit_the_schema_are_refused_before_the_call(server: Any, tool: Any, call: Any) -> None:
    made, began = tool(parameters=SIZES), time.perf_counter()
    for arguments, field, code in REFUSED:
        with pytest.raises(InvalidArguments) as refused:
            call(made, arguments)
        problem = refused.value.problems[0]
        assert (problem.field, problem.code) == (field, code), str(arguments)[:100]
    assert time.perf_counter() - began < 1
    assert server.received == []


# Secrets


def test_the_secret_is_sent_and_comes_back_in_no_writing(saigon: Business, server: Any, tool: Any, call: Any) -> None:
    said = [KEY, KEY.replace("/", "\\/"), "c2stbGl2ZS8wMTIzKzQ1Njc4OWFiY2RlZg==", "sk-live%2F0123%2B456789abcdef"]
    server.status, server.body = 401, ('{"error": "Bad key: ' + " ".join(said) + '"}').encode()
    result = call(tool(credential=credential(saigon, {"api_key": KEY})))
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert (result.outcome, result.code, result.status) == ("failed", "http_status", 401)
    assert KEY not in str(result)
    assert result.output["error"].count("[…]") >= 3
    assert "456789abcdef" not in str(result.output).replace("\\/", "/")


def test_a_header_says_which_part_of_the_secret_is_sent(saigon: Business, server: Any, tool: Any, call: Any) -> None:
    kept = credential(saigon, {"token": "t-0123456789", "shop": "7"}, kind="custom")
    result = call(tool(headers={"X-Token": "{{ secret.token }}"}, credential=kept))
    assert server.received[0].headers["x-token"] == "t-0123456789"
    assert "authorization" not in server.received[0].headers
    assert result.request["headers"] == {"X-Token": "[…]"}


@pytest.mark.parametrize(
    ("template", "arguments"),
    [
        ("{{ a }}{{ b }}", {"a": "{", "b": "{ secret.api_key }}"}),
        ("{{ a }}-{{ b }}", {"a": "{{ secret.api_key }}", "b": ""}),
        ("{{ a }}{ secret.api_key }}{{ b }}", {"a": "{", "b": ""}),
        ("{{ secret.api_key }}{{ a }}{{ b }}", {"a": "{{ secret.api", "b": "_key }}"}),
    ],
)
def test_parameters_of_a_header_never_name_a_part_of_the_secret(
    saigon: Business, server: Any, tool: Any, call: Any, template: str, arguments: dict[str, str]
) -> None:
    texts = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    made = tool(headers={"X-Note": template}, parameters=texts, credential=credential(saigon, {"api_key": KEY}))
    with pytest.raises(InvalidArguments):
        call(made, arguments)
    assert server.received == []
    call(made, {"a": "{one}", "b": "{two}"})  # braces by themselves are text
    assert KEY not in server.received[0].headers["x-note"].replace(KEY, "", template.count("{{ secret"))


def test_a_part_that_the_secret_does_not_have_sends_nothing(saigon: Business, server: Any, tool: Any, call: Any) -> None:
    made = tool(headers={"X-Token": "{{ secret.token }}"}, credential=credential(saigon, {"api_key": KEY}))
    with pytest.raises(DomainError) as refused:
        call(made)
    assert refused.value.code == "no_such_secret"
    assert server.received == []


def test_a_bot_needs_a_grant_and_its_use_is_on_record(saigon: Business, server: Any, tool: Any, call: Any) -> None:
    kept = credential(saigon, {"api_key": KEY})
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
    made = tool(credential=kept)
    with pytest.raises(NotGranted):
        call(made, caller=Caller(bot_id=bot.pk))
    assert server.received == []
    with in_tenant(saigon.tenant):
        CredentialGrant.objects.create(credential=kept, bot=bot)
    assert call(made, caller=Caller(bot_id=bot.pk)).outcome == "done"
    with in_tenant(saigon.tenant):
        assert [(one.outcome, one.why) for one in CredentialUse.objects.all()] == [
            ("used", "tool tracking"),
            ("refused", "tool tracking"),
        ]


def test_a_secret_that_names_its_server_goes_to_no_other(saigon: Business, server: Any, tool: Any, call: Any) -> None:
    kept = credential(saigon, {"api_key": KEY, "base_url": "https://api.example.com/v1"})
    with pytest.raises(DomainError) as refused:
        call(tool(credential=kept))
    assert refused.value.code == "destination_not_allowed"
    assert server.received == []


# Answers


def test_an_answer_is_kept_as_what_it_says_it_is(server: Any, tool: Any, call: Any) -> None:
    made = tool()
    server.body = b'{"state": "on its way", "nul": "a\\u0000b", "half": "\\ud800", "big": 1e999}'
    assert call(made).output == {"state": "on its way", "nul": "a�b", "half": "?", "big": "inf"}
    server.headers, server.body = {"Content-Type": "text/html"}, b"<h1>\xff</h1>"
    assert call(made).output == "<h1>�</h1>"
    server.headers, server.body, server.status = {}, b"", 204
    assert (call(made).output, call(made).outcome) == (None, "done")


@pytest.mark.parametrize("body", [b"{", b"<html>", b"[" * 5000, b'{"a": 1} x'])
def test_json_that_is_none_is_told(server: Any, tool: Any, call: Any, body: bytes) -> None:
    server.body = body
    result = call(tool())
    assert (result.outcome, result.code, result.size) == ("failed", "not_json", len(body))


def test_a_long_answer_is_cut_and_its_size_is_told(server: Any, tool: Any, call: Any) -> None:
    server.headers, server.body = {"Content-Type": "text/plain"}, b"x" * 50_000
    result = call(tool())
    assert (result.is_cut, result.size, result.outcome) == (True, 50_000, "done")
    assert MOST_OUTPUT < len(result.output) < MOST_OUTPUT + 200
    assert "50000" in result.output


@pytest.mark.parametrize("status", [302, 404, 418, 500, 999])
def test_what_is_no_success_is_a_failure_with_its_status(server: Any, tool: Any, call: Any, status: int) -> None:
    server.status, server.headers = status, {"Location": "http://127.0.0.1/", "Content-Type": "application/json"}
    result = call(tool(effect="acts", method="POST"))
    assert (result.outcome, result.code, result.status) == ("failed", "http_status", status)
    assert len(server.received) == 1


# Calls that end without an answer


@pytest.mark.parametrize(("effect", "outcome"), [("acts", "unknown"), ("repeatable", "failed"), ("reads", "failed")])
def test_a_call_that_acts_and_is_not_answered_is_unclear(
    loopback_allowed: None, tool: Any, call: Any, effect: str, outcome: str
) -> None:
    with listener(lambda stream: time.sleep(2)) as silent:
        result = call(tool(url=silent.url, method="POST", effect=effect, timeout_seconds=1), key="turn:1")
    assert (result.outcome, result.code) == (outcome, "timeout")
    assert silent.connects == 1
    assert (b"idempotency-key: turn:1" in silent.requests[0].lower()) is (effect == "repeatable")


def test_a_call_that_never_went_out_has_failed(loopback_allowed: None, tool: Any, call: Any) -> None:
    with listener() as gone:
        url = gone.url
    result = call(tool(url=url, method="POST", effect="acts"))
    assert (result.outcome, result.code) == ("failed", "connection")


def test_an_answer_too_large_is_refused_on_the_way(loopback_allowed: None, tool: Any, call: Any) -> None:
    endless = answer("Content-Type: text/plain\r\n", b"x" * (MOST_ANSWER_BYTES + 10))
    with listener(endless) as talkative:
        assert call(tool(code="one", url=talkative.url)).code == "too_large"
        assert call(tool(code="two", url=talkative.url, effect="acts")).outcome == "unknown"


def test_nothing_inside_is_reached(settings: Any, tool: Any, call: Any) -> None:
    settings.OUTBOUND_ALLOW = []
    with listener() as inside:
        result = call(tool(url=inside.url))
    assert (result.outcome, result.code, inside.connects) == ("failed", "destination_forbidden", 0)


# Functions, and tools that cannot be called


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a function for the length of a test."""
    monkeypatch.delitem(FUNCTIONS, "half", raising=False)
    monkeypatch.setitem(FUNCTIONS, "half", None)
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}

    @tool_function("half", title="Half", parameters=schema)
    def run(arguments: dict[str, Any], caller: Caller) -> float:
        return 1 / 0 if arguments["number"] == 0 else arguments["number"] / 2


def test_a_function_is_run_with_checked_arguments(half: None, tool: Any, call: Any) -> None:
    made = tool(kind="function", function="half", parameters=FUNCTIONS["half"].parameters)
    assert call(made, {"number": 7}).output == 3.5
    with pytest.raises(InvalidArguments):
        call(made, {"number": "7"})


def test_a_function_that_breaks_is_a_failure_without_detail(half: None, tool: Any, call: Any) -> None:
    result = call(tool(kind="function", function="half", parameters=FUNCTIONS["half"].parameters), {"number": 0})
    assert (result.outcome, result.code) == ("failed", "error")
    assert "division" not in str(result)


def test_the_time_at_the_business_is_told(tool: Any, call: Any) -> None:
    said = call(tool(kind="function", function="business_time", parameters={"type": "object"}), {}).output
    assert said["time_zone"] == "Asia/Ho_Chi_Minh"
    assert set(said) == {"date", "time", "weekday", "time_zone"}


@pytest.mark.parametrize("fields", [{"is_active": False}, {"kind": "script", "script": 'TALK "hello"'}])
def test_a_tool_that_is_off_or_a_script_is_not_called(server: Any, tool: Any, call: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(Conflict):
        call(tool(**fields))
    assert server.received == []
