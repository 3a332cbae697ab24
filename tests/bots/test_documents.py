"""Documents through the API: kept, read, found, changed and gone again."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from bots import documents
from bots.documents import read_due_documents
from bots.models import Bot, KnowledgeChunk, KnowledgeDocument
from catalog.models import SearchText, SearchVector
from catalog.search.embedding import embed_due_texts
from tenants.models import StoredFile
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

RETURNS = "# Returns\n\nGoods may be returned within 30 days.\n\n## Refunds\n\nWe pay the money back within a week."


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    """Saigon's API client, with a bot and a collection of documents."""
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    assert client.post("collections/", {"code": "policies", "name": "Policies"}).status_code == 201
    return client


def add(client: Any, content: str = RETURNS, name: str = "Policy", **fields: Any) -> dict[str, Any]:
    made = client.post("documents/", {"collection": "policies", "name": name, "content": content, **fields})
    assert made.status_code == 201, made.json()
    return made.json()


def upload(client: Any, data: bytes, name: str = "policy.md", **fields: Any) -> dict[str, Any]:
    made = client.upload("documents/", {"collection": "policies", "file": SimpleUploadedFile(name, data), **fields})
    assert made.status_code == 201, made.json()
    return made.json()


def found(client: Any, question: str, bot: str = "shop") -> list[dict[str, Any]]:
    return [one for one in client.get(f"bots/{bot}/search/", {"q": question}).json()["results"] if one["kind"] == "document"]


def test_a_text_is_found_at_once_under_its_name_and_headings(shop: Any) -> None:
    made = add(shop)
    assert (made["status"], made["chunks"], made["language"], made["source"]) == ("indexed", 2, "en", "text")
    best = found(shop, "When do I get my money back?")[0]
    assert best["title"] == "Policy › Returns › Refunds"
    assert best["text"] == "We pay the money back within a week."
    assert best["id"] == made["id"]
    assert set(best["parts"]) >= {"vector", "text", "priority"}


def test_each_section_is_of_its_own_language(shop: Any, saigon: Business) -> None:
    sections = (
        "## Đổi hàng\n\nKhách được đổi hàng trong 30 ngày.\n\n## Fee\n\nWe charge 50.000đ for each parcel.\n\n## M-1\n\nX2"
    )
    add(shop, f"{RETURNS}\n\n{sections}")
    with in_tenant(saigon.tenant):
        told = dict(SearchText.objects.filter(kind="document").values_list("body", "language"))
    assert told == {
        "Goods may be returned within 30 days.": "en",
        "We pay the money back within a week.": "en",
        "Khách được đổi hàng trong 30 ngày.": "vi",
        "We charge 50.000đ for each parcel.": "en",
        "X2": "vi",  # the document's
    }


def test_a_file_is_pending_until_a_worker_has_read_it(shop: Any) -> None:
    made = upload(shop, RETURNS.encode())
    assert (made["status"], made["name"], made["file_name"], made["chunks"]) == ("pending", "policy.md", "policy.md", 0)
    assert found(shop, "returned within 30 days") == []
    assert read_due_documents() == 1
    read = shop.get(f"documents/{made['id']}/").json()
    assert (read["status"], read["chunks"], read["media_type"]) == ("indexed", 2, "text/markdown")
    assert found(shop, "returned within 30 days")[0]["title"] == "policy.md › Returns"
    chunks = shop.get(f"documents/{made['id']}/chunks/").json()["results"]
    assert [(one["headings"], one["position"]) for one in chunks] == [(["Returns"], 0), (["Returns", "Refunds"], 1)]


def test_a_changed_text_is_found_at_commit_and_only_what_changed_is_embedded_anew(shop: Any, saigon: Business) -> None:
    made = add(shop)
    embed_due_texts()
    with in_tenant(saigon.tenant):
        before = dict(KnowledgeChunk.objects.values_list("text", "pk"))
    changed = shop.patch(f"documents/{made['id']}/", {"content": "# New\n\nHello.\n\n" + RETURNS.replace("30", "14")})
    assert (changed.status_code, changed.json()["chunks"]) == (200, 3)
    assert "30 days" not in str(found(shop, "Goods may be returned within 30 days"))
    with in_tenant(saigon.tenant):
        after = dict(KnowledgeChunk.objects.values_list("text", "pk"))
        kept = "We pay the money back within a week."
        assert after[kept] == before[kept]
        waiting = SearchVector.objects.filter(kind="document", embedding=None).values_list("owner_id", flat=True)
        assert set(waiting) == {pk for text, pk in after.items() if text != kept}
        assert SearchVector.objects.filter(kind="document").count() == 3


def test_a_replaced_file_that_cannot_be_read_is_not_answered_from_any_more(shop: Any, saigon: Business) -> None:
    made = upload(shop, RETURNS.encode())
    read_due_documents()
    body = {"file": SimpleUploadedFile("policy.pdf", b"\x89PNG")}
    sent = shop.patch(f"documents/{made['id']}/", encode_multipart(BOUNDARY, body), Content_Type=MULTIPART_CONTENT)
    assert (sent.status_code, sent.json()["status"]) == (200, "pending")
    assert found(shop, "returned within 30 days")  # what was read before serves until then
    read_due_documents()
    failed = shop.get(f"documents/{made['id']}/").json()
    assert (failed["status"], failed["chunks"]) == ("failed", 0)
    assert "not of the kind its name says" in failed["reason"]
    assert found(shop, "returned within 30 days") == []
    with in_tenant(saigon.tenant):
        assert StoredFile.objects.count() == 1


def test_a_failed_document_says_why(shop: Any) -> None:
    made = upload(shop, b" \n \n", name="empty.txt")
    read_due_documents()
    assert shop.get(f"documents/{made['id']}/").json()["reason"] == "There is no text in it."


def test_reading_again_changes_nothing_that_is_unchanged(shop: Any, saigon: Business) -> None:
    made = upload(shop, RETURNS.encode())
    read_due_documents()
    embed_due_texts()
    with in_tenant(saigon.tenant):
        before = list(SearchVector.objects.filter(kind="document").order_by("pk").values("pk", "owner_id", "state", "model"))
    assert shop.post(f"documents/{made['id']}/reindex/").json()["status"] == "pending"
    read_due_documents()
    with in_tenant(saigon.tenant):
        now = list(SearchVector.objects.filter(kind="document").order_by("pk").values("pk", "owner_id", "state", "model"))
    assert now == before
    assert [one["state"] for one in now] == ["done", "done"]


def test_a_document_changed_while_it_is_read_is_read_again(shop: Any, saigon: Business, monkeypatch: Any) -> None:
    made = upload(shop, RETURNS.encode())
    real = documents.read_file

    def slow(*args: Any, **options: Any) -> Any:
        read = real(*args, **options)
        monkeypatch.setattr(documents, "read_file", real)
        shop.patch(f"documents/{made['id']}/", {"content": "Another text."})
        return read

    monkeypatch.setattr(documents, "read_file", slow)
    read_due_documents()
    with in_tenant(saigon.tenant):
        assert list(KnowledgeChunk.objects.values_list("text", flat=True)) == ["Another text."]


def test_a_document_that_goes_takes_file_chunks_and_vectors_along(shop: Any, saigon: Business) -> None:
    made = upload(shop, RETURNS.encode())
    read_due_documents()
    embed_due_texts()
    assert shop.delete(f"documents/{made['id']}/").status_code == 204
    add(shop)
    collection = shop.get("collections/", {"code": "policies"}).json()["results"][0]
    assert shop.delete(f"collections/{collection['id']}/").status_code == 204
    with in_tenant(saigon.tenant):
        for model in (KnowledgeDocument, KnowledgeChunk, StoredFile):
            assert not model.objects.exists()
        assert not SearchText.objects.filter(kind="document").exists()
        assert not SearchVector.objects.filter(kind="document").exists()


def test_documents_of_another_bot_are_not_found_even_after_the_collection_moved(shop: Any) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    add(shop)
    collection = shop.get("collections/").json()["results"][0]
    assert found(shop, "money back", bot="other")
    shop.patch(f"collections/{collection['id']}/", {"bot": "shop"})
    assert found(shop, "money back", bot="other") == []
    assert found(shop, "money back", bot="shop")


def test_a_key_bound_to_a_bot_sees_what_that_bot_answers_from(shop: Any, api: Any, saigon: Business) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    shop.post("collections/", {"code": "others", "name": "Others", "bot": "other"})
    shop.post("documents/", {"collection": "others", "name": "Theirs", "content": "Secret words."})
    mine = add(shop)
    with in_tenant(saigon.tenant):
        _row, key = issue_api_key(name="bound", bot_id=Bot.objects.get(code="shop").pk)
    bound = api(key)
    assert [one["id"] for one in bound.get("documents/").json()["results"]] == [mine["id"]]
    assert [one["code"] for one in bound.get("collections/").json()["results"]] == ["policies"]
    assert bound.post("documents/", {"collection": "policies", "name": "x", "content": "y"}).status_code == 403


def test_another_tenant_neither_sees_nor_finds_a_document(shop: Any, api: Any, harbour: Business) -> None:
    made = add(shop)
    other = api(harbour)
    other.post("bots/", {"code": "shop", "name": "Theirs"})
    assert found(other, "When do I get my money back?") == []
    for path in (f"documents/{made['id']}/", f"documents/{made['id']}/chunks/"):
        assert other.get(path).status_code == 404
    assert other.post(f"documents/{made['id']}/reindex/").status_code == 404
    refused = other.post("documents/", {"collection": "policies", "name": "x", "content": "y"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_reference")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "content"),
        ({"content": "x"}, "name"),
        ({"name": "x", "content": "x", "url": "https://example.com/"}, "url"),
        ({"name": "x", "url": "http://169.254.169.254/"}, "url"),
        ({"name": "x", "url": "file:///etc/passwd"}, "url"),
        ({"name": "x", "content": "x", "status": "indexed"}, "status"),
    ],
)
def test_what_is_no_document_is_refused(shop: Any, saigon: Business, body: Any, field: str) -> None:
    refused = shop.post("documents/", {"collection": "policies", **body})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
    with in_tenant(saigon.tenant):
        assert not KnowledgeDocument.objects.exists()


def test_headings_without_a_word_under_them_are_no_document(shop: Any) -> None:
    made = shop.post("documents/", {"collection": "policies", "name": "x", "content": "# Only\n\n## Headings"}).json()
    assert (made["status"], made["reason"]) == ("failed", "There is no text in it.")
