"""Documents that stand at an address: fetched from a real server, read like files, and refused for what they are."""

from collections.abc import Iterator
from typing import Any

import pytest

from bots.documents import read_due_documents
from bots.models import KnowledgeChunk, KnowledgeDocument
from bots.reading import limits
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server, listener

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_allowed")]

PAGE = (
    "<html><head><title>Giao hàng</title><script>steal()</script></head><body><h1>Giao hàng</h1>"
    "<p>Nội thành nhận trong ngày, các tỉnh từ 2 đến 4 ngày.</p></body></html>"
)
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    """Saigon's API client, with a bot and a collection."""
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    client.post("collections/", {"code": "pages", "name": "Pages"})
    return client


@pytest.fixture
def site() -> Iterator[HttpServer]:
    """A site with one page."""
    with http_server() as found:
        found.headers, found.body = HTML, PAGE.encode()
        yield found


def read(shop: Any, url: str) -> dict[str, Any]:
    """Return the document that was made of an address, as it is once a worker has tried to read it."""
    made = shop.post("documents/", {"collection": "pages", "name": "Page", "url": url})
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    read_due_documents()
    body: dict[str, Any] = shop.get(f"documents/{made.json()['id']}/").json()
    return body


def reason(business: Business) -> str:
    with in_tenant(business.tenant):
        assert not KnowledgeChunk.objects.exists()
        found: str = KnowledgeDocument.objects.get().last_error
        return found


def test_a_page_is_read_and_answers_without_its_scripts(shop: Any, site: HttpServer) -> None:
    document = read(shop, site.url)
    assert (document["status"], document["media_type"], document["source"]) == ("indexed", "text/html", "url")
    (best, *_) = shop.get("bots/shop/search/", {"q": "cac tinh may ngay"}).json()["results"]
    assert "2 đến 4 ngày" in best["text"]
    assert "steal" not in best["text"]
    assert "text/html" in site.received[0].headers["accept"]
    assert not {"cookie", "authorization"} & site.received[0].headers.keys()


def test_another_encoding_that_the_site_names_is_read(shop: Any, site: HttpServer) -> None:
    site.headers, site.body = {"Content-Type": "text/html; charset=windows-1252"}, "<p>Café crème, 3 €</p>".encode("cp1252")
    assert read(shop, site.url)["status"] == "indexed"
    assert shop.get("bots/shop/search/", {"q": "café crème"}).json()["results"][0]["text"] == "Café crème, 3 €"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/ld+json", "Application/RSS+XML", "text/css"]
)
def test_what_is_meant_for_programs_is_no_document(shop: Any, site: HttpServer, saigon: Business, kind: str) -> None:
    site.headers, site.body = {"Content-Type": kind}, b'{"warranty": "24 months"}'
    document = read(shop, site.url)
    assert document["status"] == "failed"
    assert reason(saigon) == "unknown_kind"


@pytest.mark.parametrize("kind", ["application/xhtml+xml", "text/plain"])
def test_what_is_meant_for_people_is_one_whatever_its_kind_is_called(shop: Any, site: HttpServer, kind: str) -> None:
    site.headers = {"Content-Type": kind}
    assert read(shop, site.url)["status"] == "indexed"


def test_a_page_that_moved_is_followed_and_one_that_moves_for_ever_is_not(
    shop: Any, site: HttpServer, saigon: Business
) -> None:
    site.answers = [(302, {"Location": "/here"}, b"")]
    assert read(shop, site.url)["status"] == "indexed"
    assert [one.path for one in site.received] == ["/hook", "/here"]
    shop.delete(f"documents/{shop.get('documents/').json()['results'][0]['id']}/")
    site.answers = [(302, {"Location": "/again"}, b"")] * 50
    assert read(shop, site.url)["status"] == "failed"
    assert reason(saigon) == "page_redirects"
    assert len(site.received) < 12


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/", "file:///etc/passwd", "http://10.0.0.1/", "gopher://x/"]
)
def test_a_page_that_leads_inside_is_not_followed(shop: Any, site: HttpServer, saigon: Business, target: str) -> None:
    site.answers = [(302, {"Location": target}, b"")]
    document = read(shop, site.url)
    assert (document["status"], reason(saigon)) == ("failed", "page_forbidden")
    assert len(site.received) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        (200, HTML, b"x" * (limits.PAGE_BYTES + 1), "page_too_large"),
        (404, HTML, PAGE.encode(), "page_refused"),
        (500, HTML, PAGE.encode(), "page_refused"),
        (204, {}, b"", "page_refused"),
        (200, {"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "unknown_kind"),
        (200, HTML, b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "changed_kind"),
        (200, HTML, b"", "empty"),
        (200, HTML, b"<script>only()</script>", "empty"),
    ],
    ids=["too large", "404", "500", "nothing", "picture", "picture called a page", "empty", "scripts only"],
)
def test_what_is_no_page_is_refused_for_what_it_is(
    shop: Any, site: HttpServer, saigon: Business, status: int, headers: dict[str, str], body: bytes, code: str
) -> None:
    site.status, site.headers, site.body = status, headers, body
    assert read(shop, site.url)["status"] == "failed"
    assert reason(saigon) == code


def test_a_site_that_says_nothing_is_given_up_in_time_and_tried_again(shop: Any, saigon: Business, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "PAGE_SECONDS", 0.3)
    with listener(lambda stream: stream.recv(1)) as silent:
        document = read(shop, silent.url)
    assert document["status"] == "pending"
    assert reason(saigon) == "page_timeout"


def test_a_site_that_is_not_there_is_tried_again(shop: Any, saigon: Business) -> None:
    with listener() as gone:
        url = gone.url
    assert read(shop, url)["status"] == "pending"
    assert reason(saigon) == "page_unreachable"
