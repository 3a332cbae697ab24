"""What hostile people type and send: kept as it is in NFC or refused in words, never a crash, never run."""

import csv
import io
import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from bots.models import Bot, Faq
from catalog.models import Customer, Offering
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import a_bot_version
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db

TEST_DATA = os.environ.get("BACKROOM_TEST_DATA")
NAUGHTY = [
    "",
    " \t\n",
    "null",
    "Robert'); DROP TABLE catalog_offering;--",
    "%s%n {0} ${7*7} {{7*7}} {% debug %}",
    "<script>alert(1)</script>",
    "\" onmouseover='alert(1)' x=\"",
    "javascript:alert(1)",
    "../../../etc/passwd\\..\\",
    "\u202egnp.exe\u202c \u200b\ufeff\u2060",
    "o\u0302\u0323 \u1ed9 \ufb01 \u2126",
    "Z\u0351\u036b\u0343\u036a\u0302\u036bA\u0335\u0321\u0359L\u035cG\u0337O",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1fb\U0001f1f3",
    "\x01\x02\x1b[31m\x7f\x85",
    "=cmd|' /C calc'!A0",
    "\ufffe\uffff\U0010ffff",
    "\x00",
    "a\x00b",
]
"""The kinds of strings that break software; with BACKROOM_TEST_DATA those of the big list are tried as well."""


@pytest.fixture(params=[90, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def strings(request: pytest.FixtureRequest) -> list[str]:
    """Every third of our own strings and every 90th of the big list; all takes minutes and is tried by the slow tests."""
    own = NAUGHTY if request.param == 1 else NAUGHTY[::3]
    if not TEST_DATA:
        return own
    return own + json.loads((Path(TEST_DATA) / "hostile" / "blns.json").read_text())[:: request.param]


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@pytest.fixture
def key(api: Any, saigon: Business) -> ApiClient:
    return api(saigon)


# --- the API

FIELDS: dict[str, tuple[str, ...]] = {
    "faqs/": ("question", "answer", "category"),
    "offerings/": ("name", "description", "category"),
    "customers/": ("name", "address", "note"),
    "bots/": ("name",),
    "sales-channels/": ("name",),
    "price-lists/": ("name",),
    "inventory-locations/": ("name",),
}
"""Texts that people write freely, by resource."""

REST = {
    "faqs/": {"question": "q", "answer": "a", "language": "en"},
    "offerings/": {"offering_type": "physical", "name": "n"},
    "customers/": {"name": "n"},
    "inventory-locations/": {"type": "warehouse"},
}


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in FIELDS.items() for field in fields])
def test_a_text_comes_back_as_it_was_sent_or_is_refused(key: ApiClient, strings: list[str], path: str, field: str) -> None:
    kept = 0
    for number, text in enumerate(strings):
        body = {**REST.get(path, {}), field: text}
        if path != "faqs/" and path != "customers/":
            body["code"] = f"code-{number}"
        answer = key.post(path, body)
        assert answer.status_code in (201, 400, 422), (text, answer.content)
        if answer.status_code == 201:
            kept += 1
            if field != "description":  # a description is HTML, kept without what could run
                assert answer.json()[field] in (nfc(text), nfc(text).strip()), text
        else:
            assert answer["Content-Type"] == "application/problem+json"
            assert is_no_text(text) or answer.json()["errors"][0]["field"], text
    assert kept >= len(strings) / 2


def is_no_text(text: str) -> bool:
    return not text.strip() or any(unicodedata.category(one) in ("Cc", "Cs") for one in text)


def test_whatever_a_customer_says_gets_an_answer_and_is_kept(key: ApiClient, strings: list[str], saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        version = a_bot_version()
    begun = key.post("sessions/", {"bot": version.bot.code, "channel": "web"}).json()
    for number, text in enumerate(strings):
        answer = key.post(f"sessions/{begun['id']}/turns/", {"message": text, "external_id": str(number)})
        assert answer.status_code in (201, 400, 422), (text, answer.content)
        if answer.status_code == 201:
            assert answer.json()["turn"]["message"] in (nfc(text), nfc(text).strip()), text
            assert answer.json()["reply"]["message"]


@pytest.mark.parametrize("path", ["faqs/", "offerings/", "customers/", "variants/", "bots/"])
def test_whatever_is_searched_for_is_no_error(key: ApiClient, strings: list[str], path: str) -> None:
    for text in strings:
        assert key.get(path, {"search": text}).status_code in (200, 400), text


def test_whatever_a_customer_looks_for_is_no_error(key: ApiClient, strings: list[str]) -> None:
    for text in strings:
        assert key.get("offerings/search/", {"q": text}).status_code in (200, 400), text


BODIES = {
    "3 MB": (b'{"name": "' + b"x" * 3_000_000 + b'"}', 413),
    "100,000 deep": (b'{"metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), 400),
    "Latin-1": ('{"name": "é"}'.encode("latin-1"), 400),
    "duplicate keys": (b'{"name": "a", "name": "b"}', 400),
    "no object": (b'["name"]', 422),
    "no JSON": (b"name=x", 400),
}


@pytest.mark.parametrize("path", ["customers/", "faqs/", "faqs/bulk/", "offerings/", "sessions/", "imports/"])
@pytest.mark.parametrize("kind", BODIES)
def test_a_broken_body_is_refused_and_changes_nothing(key: ApiClient, saigon: Business, path: str, kind: str) -> None:
    body, status = BODIES[kind]
    answer = key.post(path, body)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    with in_tenant(saigon.tenant):
        assert not any(model.objects.exists() for model in (Customer, Faq, Offering))


# --- the admin

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def is_inert(answer: HttpResponse) -> bool:
    text = answer.content.decode()
    return "<script>alert" not in text and "<img src=x" not in text


def test_scripts_in_names_and_messages_do_not_run_in_the_admin(key: ApiClient, saigon: Business) -> None:
    offering = key.post(
        "offerings/",
        {
            "code": "x",
            "offering_type": "physical",
            "name": SCRIPT,
            "description": SCRIPT,
            "category": SCRIPT,
            "tags": [SCRIPT],
            "variants": [{"sku": SCRIPT, "name": SCRIPT}],
        },
    )
    customer = key.post("customers/", {"name": SCRIPT, "note": SCRIPT, "tags": [SCRIPT]})
    faq = key.post("faqs/", {"question": SCRIPT, "answer": SCRIPT, "language": "en", "category": SCRIPT})
    assert [one.json().get("errors") for one in (offering, customer, faq)] == [None, None, None]
    with in_tenant(saigon.tenant):
        version = a_bot_version()
        Bot.objects.filter(pk=version.bot_id).update(name=SCRIPT)
    spoken_to = {"external_id": SCRIPT, "name": SCRIPT}
    session = key.post("sessions/", {"bot": version.bot.code, "channel": "web", "customer": spoken_to})
    assert key.post(f"sessions/{session.json()['id']}/turns/", {"message": SCRIPT}).status_code == 201
    owner = browser(saigon.owner)
    shown = 0
    for name, row in (
        ("catalog_offering", offering.json()["id"]),
        ("catalog_variant", offering.json()["variants"][0]["id"]),
        ("catalog_customer", customer.json()["id"]),
        ("bots_faq", faq.json()["id"]),
        ("bots_bot", version.bot_id),
        ("runtime_session", session.json()["id"]),
    ):
        for answer in (owner.get(page(f"{name}_changelist")), owner.get(page(f"{name}_change", row))):
            assert answer.status_code == 200
            assert is_inert(answer), name
            shown += "&lt;script&gt;" in answer.content.decode()
    assert shown >= 10
    assert is_inert(owner.get(page("index")))


def test_names_that_are_formulas_are_inert_in_an_export(key: ApiClient, saigon: Business) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(1)", '=HYPERLINK("http://x")', "\t=1"]
    for formula in formulas:
        key.post("customers/", {"name": formula, "note": formula})
    with in_tenant(saigon.tenant):
        chosen = list(Customer.objects.values_list("pk", flat=True))
    form = {"action": "export", "_selected_action": chosen}
    answer = browser(saigon.owner).post(page("catalog_customer_changelist"), form)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(chosen) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize(
    ("name", "form", "field", "model"),
    [
        ("bots_faq", {"question": "q", "answer": "a", "language": "en", "priority": "0"}, "question", Faq),
        ("bots_faq", {"question": "q", "answer": "a", "language": "en", "priority": "0"}, "answer", Faq),
        ("bots_bot", {"status": "active"}, "name", Bot),
    ],
)
def test_a_text_typed_into_a_form_is_kept_or_refused(
    saigon: Business, strings: list[str], name: str, form: dict[str, str], field: str, model: Any
) -> None:
    owner = browser(saigon.owner)
    for number, text in enumerate(strings):
        code = {"code": f"code-{number}"} if name == "bots_bot" else {}
        management = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"} if name == "bots_bot" else {}
        answer = owner.post(page(f"{name}_add"), {**form, **code, **management, field: text})
        assert answer.status_code in (200, 302), text
        assert is_inert(answer)
        if answer.status_code == 302:
            with in_tenant(saigon.tenant):
                stored = getattr(model.objects.order_by("-id").first(), field)
            assert stored.replace("\r\n", "\n") in (nfc(text), nfc(text).strip()), text
