"""The page of one variant: its options as fields, its prices, what is left of it."""

import re
from typing import Any

import pytest
from django.test import Client

from catalog.models import InventoryLocation, KnowledgeDomain, PriceList, Variant, VariantPrice
from catalog.services import activate_version, create_offering
from catalog.stock import record_movement
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page, text_of


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def phone(saigon: Business) -> Variant:
    """A phone on sale, with a price and nine pieces of which two are kept back."""
    with in_tenant(saigon.tenant):
        options: dict[str, Any] = {"storage": "128 GB", "Case": ["leather", "linen"]}
        offering = create_offering(
            code="phone",
            name="Phone",
            domain=KnowledgeDomain.objects.get(code="electronics"),
            attributes={"brand": "Kestrix"},
            variants=[{"sku": "PHONE", "attributes": options}],
        )
        activate_version(version=offering.versions.get())
        variant = offering.variants.get()
        VariantPrice.objects.create(variant=variant, price_list=PriceList.objects.get(), currency="VND", amount=9_000_000)
        record_movement(variant=variant, location=InventoryLocation.objects.get(), quantity=9, reason="receipt")
        variant.inventory_items.update(safety_stock=2)
        return variant


def test_options_are_fields_and_what_was_not_touched_stays_as_it_is(staff: Client, saigon: Business, phone: Variant) -> None:
    address = page("catalog_variant_change", phone.pk)
    data = form_of(staff.get(address))
    assert data["option_storage"] == "128 GB"
    answer = staff.post(address, {**data, "option_color": "black", "other_options": "Plug: EU"})
    assert answer.status_code == 302, answer.context["errors"]
    with in_tenant(saigon.tenant):
        stored = Variant.objects.get()
        untouched = {"storage": "128 GB", "Case": ["leather", "linen"]}
        assert stored.attributes == {**untouched, "color": "black", "Plug": "EU"}


def test_a_wrong_option_is_told_at_its_field(staff: Client, saigon: Business, phone: Variant) -> None:
    address = page("catalog_variant_change", phone.pk)
    answer = staff.post(address, {**form_of(staff.get(address)), "option_storage": "plenty"})
    assert set(answer.context["adminform"].form.errors) == {"option_storage"}
    with in_tenant(saigon.tenant):
        assert Variant.objects.get().attributes["storage"] == "128 GB"


def test_the_page_tells_what_is_left_and_leads_to_the_ledgers(staff: Client, phone: Variant) -> None:
    shown = staff.get(page("catalog_variant_change", phone.pk))
    assert re.search(r"PHONE [\w ]+ 9 2 0 7 ", text_of(shown))
    for ledger in ("pricechange", "stockmovement"):
        address = f"{page(f'catalog_{ledger}_changelist')}?variant={phone.pk}"
        assert f'href="{address}"' in shown.content.decode()
        assert staff.get(address).context["cl"].result_count == 1


def test_a_new_variant_is_added_to_an_offering(staff: Client, saigon: Business, phone: Variant) -> None:
    asked = {"offering": str(phone.offering_id)}
    data = form_of(staff.get(page("catalog_variant_add"), asked))
    assert "option_storage" in data
    answer = staff.post(page("catalog_variant_add"), {**data, **asked, "sku": "PHONE-2", "option_storage": "256 GB"})
    assert answer.status_code == 302, answer.context["errors"]
    with in_tenant(saigon.tenant):
        assert Variant.objects.get(sku="PHONE-2").attributes == {"storage": "256 GB"}
