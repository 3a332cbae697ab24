"""The page to try a search, and the list of synonyms, as people use them."""

import pytest
from django.test import Client

from catalog.models import SearchSynonym
from catalog.search.embedding import embed_due_texts
from tests.catalog.test_facts import Shop
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db
TRY = "catalog_searchsynonym_try_search"


@pytest.fixture
def operator(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def shop(api, saigon: Business) -> Shop:
    shop = Shop(api(saigon, saigon.operator))
    shop.offering("phone", name="Điện thoại Samsung", category="Phones", variants=[{"sku": "SGS"}])
    shop.price("5000000", sku="SGS")
    shop.move(3, sku="SGS")
    return shop


def tried(client: Client, **asked: str) -> str:
    answer = client.get(page(TRY), asked)
    assert answer.status_code == 200
    return text_of(answer)


def test_a_synonym_is_added_by_hand_and_seen_at_work(operator: Client, shop: Shop, saigon: Business) -> None:
    assert "none is near in meaning" in tried(operator, q="dế")
    answer = operator.post(
        page("catalog_searchsynonym_add"), {"term": "điện thoại", "synonyms": "dế, phone", "is_two_way": "on"}
    )
    assert answer.status_code == 302
    with in_tenant(saigon.tenant):
        row = SearchSynonym.objects.get()
        assert (row.term, row.synonyms, row.is_two_way) == ("điện thoại", ["dế", "phone"], True)
    shown = tried(operator, q="dế samsung")
    assert "Điện thoại Samsung" in shown
    assert "de = dien thoai" in shown
    assert "of these by synonyms" in shown
    assert "still waits for its vector" in shown
    assert "3 in stock" in shown
    assert "5.000.000" in shown or "5,000,000" in shown
    assert "dế, phone" in text_of(operator.get(page("catalog_searchsynonym_changelist")))


def test_each_part_of_the_score_is_shown(operator: Client, shop: Shop) -> None:
    embed_due_texts()
    shown = tried(operator, q="điện thoại sgs cho tôi", channel="web", language="vi")
    for part in ("meaning", "words", "fit", "Looked for", "Too common, left out", "cho, toi"):
        assert part in shown, part
    assert "waits for its vector" not in shown


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"q": "samsung", "max_price": "100"}, "none of them meets the filters"),
        ({"q": "samsung", "available": "false"}, "none of them meets the filters"),
        ({"q": "samsung", "category": "shoes"}, "none of them meets the filters"),
        ({"q": "samsung", "attribute": "color=red"}, "none of them meets the filters"),
        ({"q": "samsung", "attribute": "color"}, "such as color=red"),
        ({"q": "?!"}, "There is no word to look for"),
        ({"q": ""}, "required"),
        ({"q": "samsung", "min_price": "much"}, "Enter a number"),
        ({"q": "zzzz"}, "No offering holds any of these words"),
    ],
)
def test_why_nothing_is_found_is_said(operator: Client, shop: Shop, asked: dict[str, str], said: str) -> None:
    assert said in tried(operator, **asked)


def test_filters_that_are_met_narrow_and_say_so(operator: Client, shop: Shop) -> None:
    met = {"max_price": "6000000", "available": "true", "category": "phones", "channel": "web"}
    assert "Điện thoại Samsung" in tried(operator, q="samsung", **met)


def test_without_offerings_the_page_says_so(operator: Client) -> None:
    assert "Nothing is on sale yet" in tried(operator, q="lamp")


def test_analysts_try_but_do_not_change_synonyms(saigon: Business, shop: Shop) -> None:
    analyst = browser(saigon.analyst)
    assert "Điện thoại Samsung" in tried(analyst, q="samsung")
    assert analyst.post(page("catalog_searchsynonym_add"), {"term": "a", "synonyms": "b"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert not SearchSynonym.objects.exists()


def test_another_tenants_offerings_and_channels_are_not_there(harbour: Business, shop: Shop) -> None:
    assert "Samsung" not in tried(browser(harbour.owner), q="dien thoai samsung").replace("samsung", "")


def test_the_pages_are_in_the_navigation(operator: Client, shop: Shop) -> None:
    shown = operator.get(page("index")).content.decode()
    assert page(TRY) in shown
    assert page("catalog_searchsynonym_changelist") in shown


def test_words_without_letters_are_refused_in_the_form(operator: Client, saigon: Business) -> None:
    answer = operator.post(page("catalog_searchsynonym_add"), {"term": "?!", "synonyms": "x", "is_two_way": "on"})
    assert "Each must be a phrase of 1 to 4 words" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not SearchSynonym.objects.exists()
