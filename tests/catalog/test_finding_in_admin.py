"""Finding variants and customers in the admin, by the names people know and without accents."""

from typing import Any

import pytest
from django.test import Client

from catalog.models import Customer, InventoryItem, PriceList, StockMovement, Variant, VariantPrice
from catalog.services import activate_version, create_offering
from tests.catalog.shop import a_thing, order, receive
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def speaker(saigon: Business) -> Variant:
    """A speaker with a name, a price and a stock, beside a lamp."""
    with in_tenant(saigon.tenant):
        receive(a_thing("LAMP"), 3)
        made = create_offering(code="lk-1", name="Loa kéo Mai", variants=[{"sku": "TN-D", "name": "Đỏ"}])
        activate_version(version=made.versions.get())
        red = made.variants.get()
        standard = PriceList.objects.get(code="standard")
        price = VariantPrice.objects.create(variant=red, price_list=standard, currency="VND", amount=890_000)
        price.amount = 900_000
        price.save()
        receive(red, 5)
        return red


def choices(staff: Client, model: str, field: str, term: str) -> list[str]:
    asked = {"app_label": "catalog", "model_name": model, "field_name": field, "term": term}
    return [one["text"] for one in staff.get(page("autocomplete"), asked).json()["results"]]


@pytest.mark.parametrize("term", ["nguyen", "NGUYỄN mai", "0901234", "0901 234", "mai@"])
def test_customers_and_their_orders_are_found_without_accents(staff: Client, saigon: Business, term: str) -> None:
    with in_tenant(saigon.tenant):
        mai = Customer.objects.create(name="Nguyễn Thị Mai", phone="0901 234 567", email="mai@shop.example")
        order(a_thing("RUG"), customer=Customer.objects.create(name="Trần Lan", phone="0988 000 111"))
        order(a_thing("LAMP"), customer=mai)
    for listed in ("catalog_customer_changelist", "catalog_order_changelist"):
        shown = text_of(staff.get(page(listed), {"q": term}))
        assert "Nguyễn Thị Mai" in shown
        assert "Trần Lan" not in shown
    found = choices(staff, "order", "customer", term)
    assert found == ["Nguyễn Thị Mai · 0901 234 567 · mai@shop.example"]


def test_two_customers_of_one_name_are_told_apart_by_their_phones(staff: Client, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        Customer.objects.create(name="Lan", phone="0901")
        Customer.objects.create(name="Lan", phone="0902")
        Customer.objects.create(phone="0903")
    assert choices(staff, "order", "customer", "lan") == ["Lan · 0902", "Lan · 0901"]
    assert choices(staff, "order", "customer", "0903") == ["0903"]


@pytest.mark.parametrize("term", ["loa keo", "do loa", "tn-d", "LK-1"])
def test_a_variant_is_chosen_by_the_name_of_the_product(
    staff: Client, speaker: Variant, saigon: Business, term: str
) -> None:
    (label,) = choices(staff, "orderline", "variant", term)
    assert label.startswith("Loa kéo Mai · Đỏ · TN-D · 900,000")
    assert choices(staff, "stockmovement", "variant", term) == [label]
    assert choices(staff, "stockmovement", "variant", "nothing") == []


@pytest.mark.parametrize("listed", ["inventoryitem", "stockmovement", "pricechange", "variant"])
def test_lists_of_variants_name_the_product_and_are_searched_by_it(
    staff: Client, speaker: Variant, saigon: Business, listed: str
) -> None:
    answer: Any = staff.get(page(f"catalog_{listed}_changelist"), {"q": "loa keo"})
    shown = text_of(answer)
    assert "TN-D" in shown
    assert "LAMP" not in shown
    assert "Đỏ" in shown
    if listed != "variant":  # its page is reached from the product's
        assert "Loa kéo Mai · Đỏ" in shown
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.count() == StockMovement.objects.count() == 2


def test_the_grid_of_prices_names_the_product(staff: Client, speaker: Variant, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        standard = PriceList.objects.get(code="standard")
    shown = text_of(staff.get(page("catalog_pricelist_edit_prices", standard.pk), {"q": "loa keo"}))
    assert "Loa kéo Mai · Đỏ" in shown
    assert "LAMP" not in shown
