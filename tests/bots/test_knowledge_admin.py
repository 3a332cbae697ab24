"""Collections and documents in the admin: uploads, what the bot sees, and what went wrong."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bots.documents import read_due_documents
from bots.models import Faq, KnowledgeCollection, KnowledgeDocument
from tenants.models import StoredFile
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page, text_of

pytestmark = pytest.mark.django_db


def change(document: KnowledgeDocument) -> str:
    """The address of a document's page."""
    return page("bots_knowledgedocument_change", document.pk)


@pytest.fixture
def staff(saigon: Business) -> Client:
    """The operator's browser."""
    return browser(saigon.operator)


@pytest.fixture
def collection(saigon: Business) -> KnowledgeCollection:
    """An empty collection."""
    with in_tenant(saigon.tenant):
        return KnowledgeCollection.objects.create(code="policies", name="Policies")


def add(staff: Client, collection: KnowledgeCollection, **fields: Any) -> Any:
    form = {"collection": collection.pk, "name": "", "language": "", "content": "", "url": "", **fields}
    return staff.post(page("bots_knowledgedocument_add"), form)


def test_several_files_are_handed_in_at_once(staff: Client, collection: KnowledgeCollection, saigon: Business) -> None:
    files = [SimpleUploadedFile("a.md", b"# Returns\n\nWithin 30 days."), SimpleUploadedFile("b.pdf", b"\x89PNG")]
    assert add(staff, collection, uploads=files).status_code == 302
    read_due_documents()
    with in_tenant(saigon.tenant):
        read = {document.name: document for document in KnowledgeDocument.objects.all()}
        assert {name: one.status for name, one in read.items()} == {"a.md": "indexed", "b.pdf": "failed"}
    shown = text_of(staff.get(change(read["a.md"])))
    assert "What the bot sees" in shown
    assert "Within 30 days." in shown
    failed = text_of(staff.get(change(read["b.pdf"])))
    assert "The file is not of the kind its name says." in failed
    listed = text_of(staff.get(page("bots_knowledgedocument_changelist")))
    assert "a.md" in listed
    assert "Failed" in listed


def test_of_several_files_one_of_which_is_refused_nothing_stays(
    staff: Client, collection: KnowledgeCollection, saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.reading.limits.MAX_FILE_BYTES", 100)
    folder = Path(default_storage.path(str(saigon.tenant.pk)))  # other tests leave files there
    before = set(folder.iterdir()) if folder.exists() else set()
    files = [SimpleUploadedFile("a.md", b"Small."), SimpleUploadedFile("b.md", b"Large." * 100)]
    assert "The file is larger than 100 bytes." in text_of(add(staff, collection, uploads=files))
    with in_tenant(saigon.tenant):
        assert not KnowledgeDocument.objects.exists()
        assert not StoredFile.objects.exists()
    assert set(folder.iterdir()) == before


def test_a_text_is_added_and_changed(staff: Client, collection: KnowledgeCollection, saigon: Business) -> None:
    assert add(staff, collection, name="Terms", content="Thirty days.").status_code == 302
    with in_tenant(saigon.tenant):
        document = KnowledgeDocument.objects.get()
        assert (document.status, document.created_by) == ("indexed", saigon.operator)
    form = {**form_of(staff.get(change(document))), "name": "Terms 2", "content": "Fourteen days."}
    assert staff.post(change(document), form).status_code == 302
    with in_tenant(saigon.tenant):
        document.refresh_from_db()
        assert document.name == "Terms 2"
        assert [chunk.text for chunk in document.chunks.all()] == ["Fourteen days."]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "x"}, "one of them"),
        ({"name": "x", "content": "x", "url": "https://example.com/"}, "one of them"),
        ({"content": "x"}, "This field is required."),
        ({"name": "x", "url": "http://127.0.0.1/"}, "public internet"),
    ],
)
def test_what_is_no_document_is_told_in_the_form(
    staff: Client, collection: KnowledgeCollection, saigon: Business, fields: dict[str, str], said: str
) -> None:
    refused = add(staff, collection, **fields)
    assert refused.status_code == 200
    assert said in refused.content.decode()
    with in_tenant(saigon.tenant):
        assert not KnowledgeDocument.objects.exists()


def test_a_collection_goes_with_its_files(staff: Client, collection: KnowledgeCollection, saigon: Business) -> None:
    add(staff, collection, uploads=[SimpleUploadedFile("a.md", b"Text.")])
    gone = staff.post(page("bots_knowledgecollection_delete", collection.pk), {"post": "yes"})
    assert gone.status_code == 302
    with in_tenant(saigon.tenant):
        assert not KnowledgeDocument.objects.exists()
        assert not StoredFile.objects.exists()


def test_markup_of_a_document_is_shown_and_not_run(staff: Client, collection: KnowledgeCollection, saigon: Business) -> None:
    add(staff, collection, name="<script>alert(1)</script>", content="a &lt;b <img src=x onerror=alert(1)")
    with in_tenant(saigon.tenant):
        document = KnowledgeDocument.objects.get()
    shown = staff.get(change(document)).content.decode()
    assert "<script>alert(1)" not in shown
    assert "<img src=x" not in shown


def test_faqs_are_imported_with_every_error_told(staff: Client, saigon: Business) -> None:
    url = page("bots_faq_import_csv")
    wrong = staff.post(url, {"file": SimpleUploadedFile("f.csv", b"question,answer,priority\nQ?,A,high\n")}, follow=True)
    assert "Write a whole number." in wrong.content.decode()
    with in_tenant(saigon.tenant):
        assert not Faq.objects.exists()
    done = staff.post(url, {"file": SimpleUploadedFile("f.csv", b"question,answer,priority\nQ?,A,3\n")}, follow=True)
    assert "1 FAQs added" in done.content.decode()
    assert b"Q?" in b"".join(staff.get(page("bots_faq_export_csv")).streaming_content)
