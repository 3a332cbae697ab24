"""What HTTP asks of the API whatever the resource: methods, hosts, origins, unknown addresses and errors nobody foresaw."""

import pytest
from django.test import Client

from catalog.models import SalesChannel
from tests.conftest import in_tenant

pytestmark = pytest.mark.urls("tests.tenants.api_urls")


@pytest.fixture
def owner(api, saigon):
    with in_tenant(saigon.tenant):
        SalesChannel.objects.all().delete()
    return api(saigon, saigon.owner)


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "PROPFIND"])
def test_methods_nobody_offers_are_405(owner, method):
    assert owner.send(method, "channels/").status_code == 405
    assert owner.send(method, "echo/").status_code == 405


def test_head_answers_like_get_without_the_body(owner):
    answer = owner.send("HEAD", "channels/")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_foreign_page_gets_no_leave_to_read(owner, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    preflight = {"Access_Control_Request_Method": "POST"}
    assert "Access-Control-Allow-Origin" not in owner.send(
        "OPTIONS", "channels/", Origin="https://evil.example", **preflight
    )
    allowed = owner.send("OPTIONS", "channels/", Origin="https://shop.example", **preflight)
    assert allowed["Access-Control-Allow-Origin"] == "https://shop.example"


def test_a_method_override_header_changes_nothing(owner):
    made = owner.post("channels/", {"code": "web"}).json()
    assert owner.send("GET", f"channels/{made['id']}/", X_HTTP_Method_Override="DELETE").status_code == 200
    assert owner.get(f"channels/{made['id']}/").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/nowhere/", "/api/v1/channels", "/api/", "/api/v1/%2e%2e/channels/"])
def test_an_unknown_address_is_a_json_problem(owner, path):
    answer = owner.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_post_to_an_unknown_address_is_a_json_problem_too(owner):
    answer = Client(enforce_csrf_checks=True).post("/api/v1/nowhere/", {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_forged_host_is_refused(owner):
    answer = owner.get("channels/", Host="evil.example")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_what_nobody_foresaw_is_a_bare_500(owner):
    answer = owner.post("echo/", {"text": "break"})
    assert answer.status_code == 500
    assert "secret detail" not in answer.content.decode()
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "errors"}


def test_a_database_that_does_not_answer_is_503(owner):
    answer = owner.post("echo/", {"text": "database down"})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "1")
    assert "secret" not in answer.content.decode()


def test_a_browser_elsewhere_may_send_and_read_the_headers_of_the_api(owner, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example"]
    wanted = "authorization,content-type,idempotency-key,if-match"
    preflight = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": wanted}
    asked = owner.send("OPTIONS", "channels/", Origin="https://shop.example", **preflight)
    assert set(wanted.split(",")) <= set(asked["Access-Control-Allow-Headers"].lower().split(", "))
    answer = owner.get("channels/", Origin="https://shop.example")
    exposed = set(answer["Access-Control-Expose-Headers"].lower().split(", "))
    assert exposed >= {
        "etag",
        "retry-after",
        "idempotency-replayed",
        *(f"ratelimit-{x}" for x in ("limit", "remaining", "reset")),
    }
