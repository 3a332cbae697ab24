"""FAQs as CSV: out and in again, all rows or none, and only what is approved is answered."""

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from bots.models import Faq
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

HEADER = "question,answer,language,category,priority,is_active,review_state,bot"


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    """Saigon's API client, with a bot called shop."""
    client = api(saigon)
    assert client.post("bots/", {"code": "shop", "name": "Shop"}).status_code == 201
    return client


def send(client: Any, text: str | bytes) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.upload("faqs/import/", {"file": SimpleUploadedFile("faqs.csv", data)})


def exported(client: Any, **filters: str) -> bytes:
    answer = client.get("faqs/export/", filters)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_a_file_is_imported_and_imported_again_changes_nothing(shop: Any, saigon: Business) -> None:
    text = f"{HEADER}\nDo you deliver?,Yes.,en,Delivery,5,yes,approved,shop\nCó ship không?,Có.,,,,,draft,\n"
    assert send(shop, text).json() == {"rows": 2, "created": 2, "changed": 0, "unchanged": 0}
    assert send(shop, text).json() == {"rows": 2, "created": 0, "changed": 0, "unchanged": 2}
    with in_tenant(saigon.tenant):
        made = Faq.objects.select_related("bot").get(question="Do you deliver?")
        assert (made.category, made.priority, made.bot.code, made.review_state) == ("Delivery", 5, "shop", "approved")
        assert Faq.objects.get(language="vi").review_state == "draft"
    changed = text.replace("Yes.", "Of course.")
    assert send(shop, changed).json() == {"rows": 2, "created": 0, "changed": 1, "unchanged": 1}


def test_an_export_imported_again_changes_nothing_and_runs_in_no_spreadsheet(shop: Any) -> None:
    for question in ("=HYPERLINK(1)", "'=quoted", "Giá, “bao nhiêu”?\nHai dòng"):
        made = shop.post("faqs/", {"question": question, "answer": "+1", "language": "vi", "bot": "shop"})
        assert made.status_code == 201
    data = exported(shop)
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == 4
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert send(shop, data).json() == {"rows": 3, "created": 0, "changed": 0, "unchanged": 3}


def test_an_id_lets_the_question_itself_be_changed(shop: Any, saigon: Business) -> None:
    made = shop.post("faqs/", {"question": "Old?", "answer": "A", "language": "en"}).json()
    assert send(shop, f"id,question,answer,language\n{made['id']},New?,A,en\n").json()["changed"] == 1
    assert send(shop, f"id,question,answer\n{made['id']},Giao hàng mất bao lâu?,Hai ngày.\n").json()["changed"] == 1
    assert shop.get(f"faqs/{made['id']}/").json()["language"] == "en"
    with in_tenant(saigon.tenant):
        assert [faq.question for faq in Faq.objects.all()] == ["Giao hàng mất bao lâu?"]


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (",An answer.,en,,,,,", "rows.3.question", "required"),
        ("Q?,A.,fr,,,,,", "rows.3.language", "invalid_choice"),
        ("Q?,A.,en,,often,,,", "rows.3.priority", "invalid"),
        ("Q?,A.,en,,,maybe,,", "rows.3.is_active", "invalid"),
        ("Q?,A.,en,,,,published,", "rows.3.review_state", "invalid_choice"),
        ("Q?,A.,en,,,,,nobody", "rows.3.bot", "unknown_reference"),
        ("Good?,Other.,en,,,,,", "rows.3.question", "duplicate_row"),
        ("Q?,A.", "rows.3", "ragged_row"),
        (f"{'q' * 1001},A.,en,,,,,", "rows.3.question", "max_length"),
    ],
)
def test_one_wrong_row_names_its_place_and_nothing_is_imported(
    shop: Any, saigon: Business, row: str, field: str, code: str
) -> None:
    refused = send(shop, f"{HEADER}\nGood?,Yes.,en,,,,,\n{row}\n")
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_rows")
    assert [(one["field"], one["code"]) for one in refused.json()["errors"]] == [(field, code)]
    with in_tenant(saigon.tenant):
        assert not Faq.objects.exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"question\nQ?\n", "missing_header"),
        (b"question,answer,colour\nQ?,A,red\n", "unknown_header"),
        (b"question,question,answer\nQ?,Q?,A\n", "duplicate_header"),
        (b"question,answer\n\"Q?,A\n", "unclosed_quote"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary_file"),
        ("question,answer\nĐâu?,\xe9\n".encode("latin-1", "replace"), "not_utf8"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_faqs_is_refused(shop: Any, saigon: Business, data: bytes, code: str) -> None:
    refused = send(shop, data)
    assert (refused.status_code, refused.json()["errors"][0]["field"], refused.json()["code"]) == (422, "file", code)
    with in_tenant(saigon.tenant):
        assert not Faq.objects.exists()


def test_ids_of_another_tenant_are_nobodys_here(shop: Any, api: Any, saigon: Business, harbour: Business) -> None:
    theirs = api(harbour).post("faqs/", {"question": "Theirs?", "answer": "A", "language": "en"}).json()
    assert send(shop, f"id,question,answer,language\n{theirs['id']},Mine?,B,en\n").json()["created"] == 1
    with in_tenant(harbour.tenant):
        assert Faq.objects.get().question == "Theirs?"
    assert b"Theirs?" not in exported(shop)


def test_only_an_approved_faq_is_answered(shop: Any) -> None:
    faq = {"question": "Where is the shop?", "answer": "In District 3.", "language": "en", "review_state": "draft"}
    made = shop.post("faqs/", faq).json()

    def found() -> list[str]:
        hits = shop.get("bots/shop/search/", {"q": "Where is the shop?"}).json()["results"]
        return [hit["id"] for hit in hits]

    assert found() == []
    for state, answers in (("approved", [made["id"]]), ("needs_review", [])):
        assert shop.patch(f"faqs/{made['id']}/", {"review_state": state}).status_code == 200
        assert found() == answers
    assert len(shop.get("faqs/", {"review_state": "needs_review"}).json()["results"]) == 1
