"""The admin in a real browser: nothing on its pages breaks, breaks the content security policy or leaves the house."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.models import AttributeDefinition, KnowledgeDomain
from tenants.models import User
from tenants.scope import platform_scope
from tests.conftest import PASSWORD, Business, in_tenant
from tests.rows import an_offering

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine"),
]

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@pytest.fixture
def shop(saigon: Business, live_server: Any) -> Business:
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        Faq.objects.create(question="Do you deliver?", answer=f"Yes, within two days. {HOSTILE}", language="en")
        Faq.objects.create(question="w" * 900, answer="v" * 900, language="en")
        an_offering(f"Lamp {HOSTILE}")
    return saigon


@pytest.fixture
def page(shop: Business, live_server: Any) -> Iterator[Page]:
    """A page logged in as the operator; whatever went wrong on it is in ``page.faults``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(locale="en-US")
        page.faults = []  # type: ignore[attr-defined]
        page.on("console", lambda said: note(page, said.type == "error", said.text))
        page.on("pageerror", lambda error: note(page, True, str(error)))
        page.on("request", lambda asked: note(page, not asked.url.startswith((live_server.url, "data:")), asked.url))
        page.on("response", lambda answer: note(page, answer.status >= 400, f"{answer.status} {answer.url}"))
        sign_in(page, live_server, "operator@saigon.example")
        yield page
        browser.close()


def sign_in(page: Page, live_server: Any, email: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/admin/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{live_server.url}/admin/")


def note(page: Any, is_fault: bool, text: str) -> None:
    if is_fault:
        page.faults.append(text)


def test_every_page_of_the_sidebar_opens_without_a_fault(page: Any) -> None:
    links = page.eval_on_selector_all(
        "#nav-sidebar-apps a[href^='/admin/'], nav a[href^='/admin/']", "all => all.map(a => a.href)"
    )
    assert len(set(links)) > 10
    for link in sorted(set(links)):
        if "logout" not in link:
            page.goto(link)
    assert page.faults == []
    assert page.evaluate("window.hacked") is None


def test_a_bot_is_talked_to_and_its_words_run_nothing(page: Any, live_server: Any) -> None:
    page.goto(live_server.url + reverse("admin:runtime_session_talk"))
    if page.locator("textarea[name=message]").count() == 0:
        page.locator("#content-main button[type=submit], form button[type=submit]").last.click()
    page.fill("textarea[name=message]", "do you deliver?")
    page.locator("form:has(textarea[name=message]) button").last.click()
    page.get_by_text("Yes, within two days.").first.wait_for()
    assert page.faults == []
    assert page.evaluate("window.hacked") is None


def test_the_form_of_a_tool_asks_for_what_its_kind_needs(page: Any, live_server: Any) -> None:
    page.goto(live_server.url + reverse("admin:bots_tool_add"))
    assert (page.is_visible("[name=url]"), page.is_visible("[name=function]")) == (True, False)
    page.select_option("[name=kind]", "function")
    page.wait_for_selector("[name=function]", state="visible")
    assert not page.is_visible("[name=url]")
    assert page.faults == []


def test_an_attribute_that_is_added_to_a_domain_stands_open(root: User, page: Any, live_server: Any) -> None:
    sign_in(page, live_server, "root@backroom.example")
    page.goto(live_server.url + reverse("admin:catalog_knowledgedomain_add"))
    page.click("a[href='#attribute_definitions']")
    page.click("text=Add another >> visible=true")
    page.wait_for_selector("[name$='-0-key']", state="visible")
    assert page.faults == []


def test_a_word_without_an_end_pushes_no_column_off_a_list(page: Any, live_server: Any) -> None:
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(live_server.url + reverse("admin:bots_faq_changelist"))
        assert page.evaluate("document.getElementById('result_list').scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.faults == []


@pytest.fixture
def furniture(shop: Business) -> None:
    """Give the shop a domain that asks for a brand."""
    with platform_scope(reason="test set-up"):
        domain = KnowledgeDomain.objects.create(code="furniture", name="Furniture")
        AttributeDefinition.objects.create(domain=domain, key="brand", name="Brand", is_required=True)


def test_an_offering_is_typed_in_whole_put_on_sale_and_rolled_back(furniture: None, page: Any, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/catalog/offering/add/")
    page.fill("[name=name]", "Wooden chair")
    page.fill("[name=code]", "chair")
    with page.expect_navigation():
        page.select_option("[name=domain]", label="Furniture")
    assert page.input_value("[name=name]") == "Wooden chair"
    page.click("#tabs-items >> text=Variants and prices")
    page.fill("[name=variants-0-sku]", "CHAIR-R")
    page.fill("[name=variants-0-amount]", "490000")
    page.fill("[name=variants-0-stock]", "4")
    page.click("text=Add another Variant")
    page.fill("[name=variants-1-sku]", "CHAIR-B")
    page.fill("[name=variants-1-amount]", "510000")
    with page.expect_navigation():
        page.click("button[name=_sell]")
    page.fill("[name=attribute_brand]", "Lumora")  # its tab is open, for that is what is missing
    with page.expect_navigation():
        page.click("button[name=_sell]")
    assert "Customers now see “Wooden chair (v1)”" in page.inner_text("#main")
    with page.expect_navigation():
        page.click("a:has-text('Wooden chair')")
    address = page.url.partition("?")[0]
    page.fill("[name=name]", "Better chair")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(f"{address}#versions")
    with page.expect_navigation():
        page.click("text=Show this version to customers")
    assert "Customers now see “Wooden chair (v1)”" in page.inner_text("#main")
    assert page.faults == []
