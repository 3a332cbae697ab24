"""The OpenAPI description, of the real addresses, and the page that shows it."""

import json
import re
from functools import cache

import pytest
from drf_spectacular.validation import validate_schema

from tests.conftest import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(db):
    return described()


@cache
def described():
    """Ask for the description once: it takes a second to write, and says the same to everybody."""
    return json.loads(ApiClient().get("schema/", {"format": "json"}).content)


def test_nothing_in_the_schema_had_to_be_guessed(api, capsys):
    api().get("schema/")
    assert "Warning" not in (said := capsys.readouterr().err), said
    assert "Error" not in said, said


def operations(schema):
    return [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "patch", "delete")
    ]


def test_the_schema_is_valid_open_api_and_names_whole_addresses(schema):
    validate_schema(schema)
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    assert not any("put" in methods for methods in schema["paths"].values())


def test_every_operation_has_its_own_id(schema):
    ids = [operation["operationId"] for _method, _path, operation in operations(schema)]
    assert len(ids) == len(set(ids))


def test_every_operation_tells_its_problems(schema):
    for method, path, operation in operations(schema):
        assert {"400", "429"} <= set(operation["responses"]), (method, path)
        problem = operation["responses"]["400"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}
        if not path.startswith("/api/v1/auth/"):
            assert operation["security"] == [{"bearer": []}], (method, path)
            assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_the_page_can_authorize_with_one_bearer_token(schema):
    schemes = schema["components"]["securitySchemes"]
    assert [(name, one["type"], one["scheme"]) for name, one in schemes.items()] == [("bearer", "http", "bearer")]


def test_the_schema_says_how_to_get_a_key_and_how_to_import(schema):
    said = schema["info"]["description"]
    assert "API keys" in said
    assert "issue_api_key" in said
    named = {f"/api/v1/{path}" for path in re.findall(r"`(?:GET|POST) ([^`?]+)[^`]*`", said)}
    assert len(named) == 5
    assert named <= set(schema["paths"])


def test_every_post_but_logging_in_takes_an_idempotency_key(schema):
    for method, path, operation in operations(schema):
        named = {one["name"] for one in operation.get("parameters", ())}
        assert ("Idempotency-Key" in named) is (method == "post" and not path.startswith("/api/v1/auth/")), path
        assert ("If-Match" in named) is (method == "patch"), path


def test_a_list_describes_its_page_and_parameters(schema):
    members = schema["paths"]["/api/v1/members/"]["get"]
    assert {one["name"] for one in members["parameters"]} == {"cursor", "page_size", "role", "search"}
    page = members["responses"]["200"]["content"]["application/json"]["schema"]
    assert page["$ref"].rpartition("/")[2] in schema["components"]["schemas"]


def test_the_page_needs_nothing_from_outside_and_no_inline_script(api):
    page = api().get("docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text.replace("https://github.com", "")
    assert "<script>" not in text
    script = api().get("docs/", {"script": ""})
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in script.content.decode()


def examples(schema):
    """Return the example body of every POST, by its path."""
    found = {}
    for method, path, operation in operations(schema):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if method == "post" and media:
            shown = [one["value"] for one in media.get("examples", {}).values()]
            found[path.removeprefix("/api/v1/")] = shown[0] if shown else None
    return found


def test_every_post_shows_a_body(schema):
    assert [path for path, body in examples(schema).items() if body is None] == []


IN_THIS_ORDER = (
    *(
        "bots/",
        "bots/shop/versions/",
        "bots/shop/settings/",
        "bots/shop/memories/",
        "schedules/",
        "schedules/preview/",
        "tools/",
        "tools/{tool}/try/",
        "faqs/",
        "faqs/bulk/",
        "collections/",
        "documents/",
        "intents/",
        "guardrails/",
        "guardrails/try/",
        "knowledge-gaps/",
        "sales-channels/",
        "price-lists/",
        "offerings/",
    ),
    *("offerings/{offering}/versions/", "variants/", "prices/", "inventory-locations/", "inventory-items/"),
    *(
        "stock-movements/",
        "stock-movements/transfer/",
        "stock-reservations/",
        "customers/",
        "orders/",
        "orders/{order}/notes/",
        "orders/{order}/cancel/",
        "search-synonyms/",
        "import-mappings/",
        "imports/",
        "api-keys/",
        "members/invite/",
        "credentials/",
        "credentials/{credential}/rotate/",
        "credential-grants/",
        "budgets/",
        "event-destinations/",
        "sessions/",
        "sessions/{session}/turns/",
    ),
    *("sessions/{session}/slots/", "sessions/{session}/decisions/", "sessions/{session}/actions/"),
    *("mailboxes/", "email-templates/", "emails/", "email-deliveries/bounces/"),
    *("insight-subscriptions/", "insight-opt-outs/"),
)
TOLD_ELSEWHERE = (
    *("auth/", "me/password/", "api-keys/{id}/rotate/", "customers/{id}/merge/", "imports/{id}/apply/"),
    *("imports/{id}/restage/", "insight-deliveries/"),
    *("turns/{id}/rating/", "ui-events/", "escalations/{id}/", "knowledge-gaps/{id}/answer/", "sessions/{id}/escalate/"),
    *("orders/{id}/returns/", "offerings/{offering}/versions/{version}/activate/"),
)


def shown_as(path):
    """Return the path as the schema writes it."""
    return (
        path.replace("bots/shop", "bots/{code}")
        .replace("{credential}", "{id}")
        .replace("{order}", "{id}")
        .replace("{tool}", "{id}")
    )


def test_the_bodies_that_are_shown_tell_one_story_and_all_are_taken(schema, api, saigon):
    """Sent one after the other by a new tenant, as somebody would who follows the page."""
    bodies, client, known = examples(schema), api(saigon, saigon.owner), {}
    assert {shown_as(path) for path in IN_THIS_ORDER} == {path for path in bodies if not path.startswith(TOLD_ELSEWHERE)}
    for path in IN_THIS_ORDER:
        body = dict(bodies[shown_as(path)])
        if path == "variants/":
            body["offering"] = known["offering"]
        if path == "credential-grants/":
            body["credential"] = known["credential"]
        if path == "orders/":
            body["customer"] = known["customer"]
            client.post(f"offerings/{known['offering']}/versions/1/activate/")
            client.post("prices/", {"price_list": "standard", "variant": "LAMP-W", "currency": "VND", "amount": "250000"})
        answer = client.post(path.format(**known), body, Idempotency_Key=path)
        assert answer.status_code == (
            200 if path.endswith(("rotate/", "cancel/", "try/", "preview/", "bounces/")) else 201
        ), (
            path,
            answer.content.decode(),
        )
        if path == "bots/shop/versions/":
            assert client.post("bots/shop/versions/1/activate/").status_code == 200
        if path in ("offerings/", "sessions/", "credentials/", "customers/", "orders/", "tools/"):
            known[path.removesuffix("s/")] = answer.json()["id"]
