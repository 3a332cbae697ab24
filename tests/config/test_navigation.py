"""The sidebar tells which page the reader is on."""

import pytest

from tests.conftest import Business
from tests.tenants.admin_pages import browser, page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("catalog_inventoryitem_changelist", "Stock"),
        ("catalog_searchsynonym_changelist", "Synonyms"),
        ("catalog_searchsynonym_try_search", "Try the search"),
        ("runtime_session_try_guardrails", "Try the guardrails"),
        ("runtime_session_talk", "Conversations"),
        ("index", "Home"),
    ],
)
def test_one_entry_is_where_the_reader_is(saigon: Business, address: str, title: str) -> None:
    assert entries(saigon, page(address)) == [title]


@pytest.mark.django_db
def test_a_list_that_is_narrowed_is_an_entry_of_its_own(saigon: Business) -> None:
    assert entries(saigon, page("catalog_inventoryitem_changelist") + "?low=yes") == ["Low stock"]


def entries(business: Business, address: str) -> list[str]:
    groups = browser(business.operator).get(address).context["sidebar_navigation"]
    return [str(item["title"]) for group in groups for item in group["items"] if item["active"]]
