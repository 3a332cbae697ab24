"""The OpenAPI description, of the real addresses, and the page that shows it."""

import json

import pytest
from drf_spectacular.validation import validate_schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(api):
    return json.loads(api().get("schema/", {"format": "json"}).content)


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
