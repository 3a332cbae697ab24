"""Backroom speaks English and Vietnamese, both complete: read off the source, the catalogue and its compiled form."""

import ast
import gettext
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from catalog.imports.problems import message_of
from catalog.models import InventoryLocation, PriceList
from runtime.models import Session
from runtime.services import set_slot
from tenants.services import create_tenant
from tests.catalog.shop import a_thing, order
from tests.conftest import Business, in_tenant
from tests.rows import make_row
from tests.tenants.admin_pages import browser, page, text_of
from tests.test_architecture import nodes

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "tenants", "vault", "catalog", "bots", "runtime", "reports")
CATALOGUE = ROOT / "locale/vi/LC_MESSAGES/django.po"
COMPILED = CATALOGUE.with_suffix(".mo")

MARKERS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
WITH_CONTEXT = {"pgettext", "pgettext_lazy"}
"""The names that ``makemessages`` knows; a text marked by another one would never reach the catalogue."""

STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
IN_TEMPLATE = re.compile(rf"(?:\b_|(?<!p)gettext)\(({STRING})")
IN_TEMPLATE_WITH_CONTEXT = re.compile(rf"pgettext\(({STRING}), ({STRING})")
CONTEXT_END = "\x04"
"""What stands between a context and its text in a compiled catalogue (GNU gettext, 10.3)."""
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|{\w*}")

Entry = tuple[str, str | None, str]
"""What is said in English, its plural if it has one, and what is said in Vietnamese."""


def msgids_of_python(path: Path) -> Iterator[str]:
    """Yield the texts that a module marks for translation; a text that is not written out there fails."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS and node.args:
            text = node.args[0]
            assert isinstance(text, ast.Constant), f"{path}:{node.lineno} translates what no catalogue can know"
            yield text.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WITH_CONTEXT:
            yield CONTEXT_END.join(ast.literal_eval(part) for part in node.args[:2])


def msgids_of_template(path: Path) -> Iterator[str]:
    """Yield the texts that a template marks for translation, as ``makemessages`` sees them."""
    seen = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    yield from (ast.literal_eval(text) for text in IN_TEMPLATE.findall(seen))
    yield from (CONTEXT_END.join(map(ast.literal_eval, pair)) for pair in IN_TEMPLATE_WITH_CONTEXT.findall(seen))


def msgids_of_source() -> set[str]:
    found: set[str] = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            found.update(msgids_of_python(path))
        for path in (*(ROOT / app).rglob("*.html"), *(ROOT / app).rglob("templates/**/*.txt")):
            found.update(msgids_of_template(path))
    return found


def entries_of(catalogue: str) -> Iterator[Entry]:
    """Yield the entries of a catalogue, without its header."""
    for block in catalogue.split("\n\n")[1:]:
        texts: dict[str, str] = {}
        for line in block.splitlines():
            if not line.startswith("#"):
                keyword, text = ("", line) if line.startswith('"') else line.split(" ", 1)
                name = keyword or list(texts)[-1]
                texts[name] = texts.get(name, "") + ast.literal_eval(text)
        if "msgid" in texts:
            context = texts["msgctxt"] + CONTEXT_END if "msgctxt" in texts else ""
            yield context + texts["msgid"], texts.get("msgid_plural"), texts.get("msgstr[0]", texts.get("msgstr", ""))


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return list(entries_of(CATALOGUE.read_text(encoding="utf-8")))


def test_every_text_of_the_source_has_an_entry_and_no_entry_is_left_over(entries: list[Entry]) -> None:
    known, said = {english for english, _, _ in entries}, msgids_of_source()
    assert sorted(said - known) == [], "run `make messages`, then translate what is new"
    assert sorted(known - said) == [], "run `make messages`"


def test_texts_are_marked_by_names_that_makemessages_knows() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {alias.asname}"
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.asname not in (None, "_")
    ]
    assert wrong == []


def test_no_entry_is_empty_or_guessed(entries: list[Entry]) -> None:
    assert [english for english, _, vietnamese in entries if not vietnamese.strip()] == []
    assert not re.search(r"^#, .*fuzzy", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)


def test_placeholders_survive_translation(entries: list[Entry]) -> None:
    changed = [
        english
        for english, plural, vietnamese in entries
        if Counter(PLACEHOLDER.findall(plural or english)) != Counter(PLACEHOLDER.findall(vietnamese))
    ]
    assert changed == []


def test_vietnamese_is_nfc_and_keeps_the_space_around_a_text(entries: list[Entry]) -> None:
    for english, _, vietnamese in entries:
        assert unicodedata.is_normalized("NFC", vietnamese), english
        assert english.split(english.strip()) == vietnamese.split(vietnamese.strip()), english


def test_the_compiled_catalogue_says_what_the_written_one_says(entries: list[Entry]) -> None:
    with COMPILED.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for english, plural, vietnamese in entries:
        assert (compiled.ngettext(english, plural, 2) if plural else compiled.gettext(english)) == vietnamese
    singles = {english for english, plural, _ in entries if plural is None}
    assert {key for key in compiled._catalog if isinstance(key, str) and key} == singles  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('_("Price")', ["Price"]),
        ('ngettext("%(n)d day", "%(n)d days", n)', ["%(n)d day"]),
        ('print("Price")', []),
    ],
)
def test_marked_texts_are_found_in_python(tmp_path: Path, line: str, found: list[str]) -> None:
    (tmp_path / "module.py").write_text(line)
    assert list(msgids_of_python(tmp_path / "module.py")) == found


def test_marked_texts_are_found_in_templates(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "{% load i18n %}{% translate \"It's here\" %} plain {{ _('Price') }}"
        "{% blocktranslate trimmed with n=name %}\n  Add\n  {{ n }}\n{% endblocktranslate %}"
    )
    assert list(msgids_of_template(tmp_path / "page.html")) == ["It's here", "Price", "Add %(n)s"]


@pytest.mark.django_db
def test_an_operator_who_chose_vietnamese_reads_it(saigon: Business) -> None:
    person = browser(saigon.operator)
    person.cookies[settings.LANGUAGE_COOKIE_NAME] = "vi"
    listed = text_of(person.get(page("catalog_offering_changelist")))
    for word in ("Sản phẩm", "Danh mục hàng", "Giá bán", "Tồn kho", "Bộ lọc"):
        assert word.lower() in listed.lower(), word
    assert "Offerings" not in listed
    assert "Filters" not in listed


@pytest.mark.django_db
def test_the_login_page_is_vietnamese_for_a_vietnamese_browser(client: Client) -> None:
    said = text_of(client.get(page("login"), headers={"Accept-Language": "vi"}))
    assert "Trang quản trị cho bot bán hàng" in said
    assert "Địa chỉ e-mail" in said
    assert "E-mail address" not in said


@pytest.mark.django_db
def test_what_was_learnt_is_told_in_the_readers_language(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        session = make_row(Session)
        set_slot(session=session, slot_key="budget", slot_value='{"max": "200000", "currency": "VND"}')
        set_slot(session=session, slot_key="offering", slot_value='{"text": "LAMP", "max": "3"}')
    person = browser(saigon.operator)
    person.cookies[settings.LANGUAGE_COOKIE_NAME] = "vi"
    said = text_of(person.get(page("runtime_session_change", session.pk)))
    assert "ngân sách" in said
    assert "tối đa 200.000 ₫" in said
    assert "văn bản LAMP, tối đa 3" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("locale", "names"), [("vi", ["Bảng giá chuẩn", "Kho chính"]), ("en", ["Standard prices", "Main location"])]
)
def test_a_new_tenant_gets_its_first_rows_in_its_own_language(locale: str, names: list[str]) -> None:
    made = create_tenant(slug="new", name="New", owner_email="new@example.com", locale=locale)
    with in_tenant(made.tenant):
        assert [PriceList.objects.get().name, InventoryLocation.objects.get().name] == names


@pytest.mark.django_db
@pytest.mark.parametrize(("locale", "says"), [("vi", "Bảng giá standard"), ("en", "Price list standard")])
def test_an_order_keeps_why_its_price_in_the_language_of_the_tenant(locale: str, says: str) -> None:
    made = create_tenant(slug="new", name="New", owner_email="new@example.com", locale=locale)
    with in_tenant(made.tenant):
        assert says in order(a_thing("LAMP")).lines.get().explanation


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ({"code": "missing_price", "message": "The variant has no price."}, "Biến thể chưa có giá."),
        ({"code": "duplicate_sku", "message": "…", "params": {"row": 7}}, "SKU thuộc biến thể khác, ở dòng 7."),
        ({"code": "from_an_older_version", "message": "Once said."}, "Once said."),
    ],
)
def test_what_a_worker_found_in_a_file_is_told_in_the_readers_language(problem: dict[str, str], says: str) -> None:
    with translation.override("vi"):
        assert message_of(problem) == says
