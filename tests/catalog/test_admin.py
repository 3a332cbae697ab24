"""The catalogue's pages, used as an operator uses them."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.admin.amounts import money
from catalog.models import (
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingVersion,
    PriceChange,
    PriceList,
    StockMovement,
    Variant,
    VariantPrice,
)
from catalog.services import activate_version, create_offering
from catalog.stock import record_movement
from tenants.models import User
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page, text_of

PAGES = [
    "offering",
    "offeringversion",
    "variant",
    "pricelist",
    "saleschannel",
    "pricechange",
    "inventoryitem",
    "inventorylocation",
    "stockmovement",
    "customer",
]


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def lamp(saigon: Business) -> Offering:
    """An active lamp with a price and seven pieces."""
    with in_tenant(saigon.tenant):
        offering = create_offering(
            code="lamp",
            name="Đèn bàn",
            domain=KnowledgeDomain.objects.get(code="electronics"),
            category="Lighting",
            attributes={"brand": "Lumora"},
            variants=[{"sku": "LAMP"}, {"sku": "LAMP-XL"}],
        )
        activate_version(version=offering.versions.get())
        small, big = offering.variants.all()
        standard = PriceList.objects.get()
        for variant, amount in ((small, 199_000), (big, 299_000)):
            VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=amount)
        record_movement(variant=small, location=InventoryLocation.objects.get(), quantity=7, reason="receipt")
        return offering


def url(name: str, *args: Any) -> str:
    return page(f"catalog_{name}", *args)


def test_the_variants_are_listed_with_the_price_that_counts(staff: Client, lamp: Offering, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        small, sale = Variant.objects.get(sku="LAMP"), PriceList.objects.create(code="sale", priority=1)
        VariantPrice.objects.create(variant=small, price_list=sale, currency="VND", amount=150_000)
        dear = Variant.objects.create(offering=lamp, sku="LAMP-0")
        for currency in ("USD", "EUR"):
            VariantPrice.objects.create(variant=dear, price_list=sale, currency=currency, amount=9)
    with CaptureQueriesContext(connection) as queries:
        shown = staff.get(url("variant_changelist"))
    assert sum("outranked" in query["sql"] for query in queries) == 1
    prices = {variant.sku: variant.resolved_price for variant in shown.context["cl"].result_list}
    assert (prices["LAMP"].amount, prices["LAMP-XL"].amount, prices["LAMP-0"]) == (150_000, 299_000, None)
    assert money(Decimal(150_000), "VND") in shown.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_empty_and_full(staff: Client, name: str, request: pytest.FixtureRequest) -> None:
    empty = staff.get(url(f"{name}_changelist"))
    assert empty.status_code == 200
    request.getfixturevalue("lamp")
    full = staff.get(url(f"{name}_changelist"))
    assert full.status_code == 200
    chosen = [str(row.pk) for row in full.context["cl"].result_list]
    if chosen:
        export = staff.post(url(f"{name}_changelist"), {"action": "export", "_selected_action": chosen})
        assert len(export.getvalue().decode().splitlines()) == len(chosen) + 1  # type: ignore[attr-defined]
    for row in full.context["cl"].result_list:
        assert staff.get(url(f"{name}_change", row.pk)).status_code == 200


@pytest.mark.parametrize(
    "name", ["offering", "variant", "pricelist", "saleschannel", "inventorylocation", "stockmovement", "customer"]
)
def test_what_may_be_added_has_a_form(staff: Client, name: str) -> None:
    assert staff.get(url(f"{name}_add")).status_code == 200


def test_the_list_shows_name_price_and_stock_and_costs_the_same_however_long(
    staff: Client, lamp: Offering, saigon: Business
) -> None:
    def cost() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as queries:
            shown = staff.get(url("offering_changelist")).content.decode()
        return len(queries), shown

    cost()  # the first page of a session does more
    few, shown = cost()
    assert "Đèn bàn" in shown
    assert "199,000\N{NO-BREAK SPACE}₫ – 299,000\N{NO-BREAK SPACE}₫" in shown
    assert ">7<" in re.sub(r"\s", "", shown)
    with in_tenant(saigon.tenant):
        for number in range(6):
            create_offering(code=f"item-{number}", name=f"Item {number}", variants=[{"sku": f"ITEM-{number}"}])
    assert cost()[0] == few


def test_an_offering_is_found_by_name_code_and_sku_without_accents(staff: Client, lamp: Offering) -> None:
    for term in ("den ban", "ĐÈN", "lamp", "xl"):
        assert [one.pk for one in staff.get(url("offering_changelist"), {"q": term}).context["cl"].result_list] == [lamp.pk]
    assert not staff.get(url("offering_changelist"), {"q": "chair"}).context["cl"].result_list


def test_changed_words_and_attributes_make_a_new_version_seen_at_once(
    staff: Client, lamp: Offering, saigon: Business
) -> None:
    address = url("offering_change", lamp.pk)
    data = form_of(staff.get(address))
    assert (data["name"], data["attribute_brand"]) == ("Đèn bàn", "Lumora")
    response = staff.post(
        address, {**data, "name": "Đèn mới", "attribute_power": "12.5", "attribute_water_resistant": "false"}
    )
    assert response.status_code == 302, response.context["adminform"].form.errors
    with in_tenant(saigon.tenant):
        version = OfferingVersion.objects.get(status="active")
        assert (version.version, version.name, version.created_by) == (2, "Đèn mới", saigon.operator)
        assert version.attributes == {"brand": "Lumora", "power": 12.5, "water_resistant": False}


def test_saving_without_a_change_makes_no_version(staff: Client, lamp: Offering, saigon: Business) -> None:
    address = url("offering_change", lamp.pk)
    assert staff.post(address, {**form_of(staff.get(address)), "category": "Lamps"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1
        assert Offering.objects.get().category == "Lamps"


def test_a_wrong_attribute_is_told_at_its_field(staff: Client, lamp: Offering, saigon: Business) -> None:
    address = url("offering_change", lamp.pk)
    response = staff.post(address, {**form_of(staff.get(address)), "attribute_power": "-5"})
    assert response.status_code == 200
    assert "attribute_power" in response.context["adminform"].form.errors
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1


def test_a_new_offering_is_a_draft_until_it_is_put_on_sale(staff: Client, saigon: Business) -> None:
    data = form_of(staff.get(url("offering_add")))
    variant = {"variants-TOTAL_FORMS": "1", "variants-0-offering": "", "variants-0-sku": "CHAIR"}
    variant |= {"variants-0-inventory_policy": "deny", "variants-0-status": "active", "variants-0-position": "0"}
    response = staff.post(url("offering_add"), {**data, **variant, "code": "chair", "name": "Chair", "metadata": "{}"})
    assert response.status_code == 302, response.context["errors"]
    with in_tenant(saigon.tenant):
        chair = Offering.objects.get(code="chair")
        assert (chair.status, chair.current.name, chair.variants.get().sku) == ("draft", "Chair", "CHAIR")
    assert b"Put on sale?" in staff.get(url("offering_put_on_sale", chair.pk)).content
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(pk=chair.pk).status == "draft"
    staff.post(url("offering_put_on_sale", chair.pk))
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(code="chair").status == "active"


def test_the_page_of_an_offering_says_its_name_and_whether_it_is_on_sale(
    staff: Client, lamp: Offering, saigon: Business
) -> None:
    address, sell = url("offering_change", lamp.pk), url("offering_put_on_sale", lamp.pk)
    with in_tenant(saigon.tenant):
        name = lamp.current.name
        Offering.objects.filter(pk=lamp.pk).update(status="draft")
        OfferingVersion.objects.update(status="draft")
    shown = staff.get(address)
    top = text_of(shown).partition("Where it belongs")[0]
    assert top.count(name) >= 2  # in the breadcrumbs and at the top
    assert "Draft" in top
    assert sell in shown.content.decode()
    staff.post(sell)
    shown = staff.get(address)
    assert "Active" in text_of(shown).partition("Where it belongs")[0]
    assert sell not in shown.content.decode()  # customers see the newest version
    assert "not possible as it stands now: “Active”" in text_of(staff.post(sell, follow=True))
    with in_tenant(saigon.tenant):
        OfferingVersion.objects.create(offering=lamp, version=2, name="A new lamp", created_by=saigon.operator)
    shown = staff.get(address)
    assert "Version 2 is not on sale yet." in text_of(shown)
    assert sell in shown.content.decode()


def test_many_are_put_on_sale_with_few_words(staff: Client, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        domain = KnowledgeDomain.objects.get(code="electronics")
        made = [create_offering(code=f"chair-{number}", name="Chair") for number in range(3)]
        made += [create_offering(code=f"radio-{number}", name="Radio", domain=domain) for number in range(7)]
    data = {"action": "activate_chosen", "_selected_action": [str(one.pk) for one in made]}
    said = [str(one) for one in staff.post(url("offering_changelist"), data, follow=True).context["messages"]]
    assert sum("Brand is required" in one for one in said) == 5
    assert said[5:] == ["… (+2)", "3 offerings were changed."]
    with in_tenant(saigon.tenant):
        on_sale = Offering.objects.filter(status="active").values_list("code", flat=True)
        assert set(on_sale) == {"chair-0", "chair-1", "chair-2"}


def test_chosen_offerings_are_archived(staff: Client, lamp: Offering, saigon: Business) -> None:
    staff.post(url("offering_changelist"), {"action": "archive_chosen", "_selected_action": [str(lamp.pk)]})
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().status == "archived"


def test_a_movement_is_recorded_and_too_many_are_refused(staff: Client, lamp: Offering, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        item = InventoryItem.objects.get()
    form = staff.get(url("inventoryitem_movement", item.pk), follow=True)
    data = form_of(form)
    assert (str(data["variant"]), str(data["location"])) == (str(item.variant_id), str(item.location_id))
    add = url("stockmovement_add")
    assert staff.post(add, {**data, "quantity": "-3", "reason": "sale"}).status_code == 302
    refused = staff.post(add, {**data, "quantity": "-30", "reason": "sale", "note": "By Lan"})
    assert refused.status_code == 200
    assert "4" in str(refused.context["errors"])
    kept = form_of(refused)
    assert [str(kept[name]) for name in ("variant", "location", "quantity", "reason", "note")] == [
        *(str(item.variant_id), str(item.location_id), "-30", "sale", "By Lan"),
    ]
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get().stock_qty == 4
        assert StockMovement.objects.count() == 2


def test_a_price_changed_on_the_variants_page_is_in_the_ledger(staff: Client, lamp: Offering, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        small = Variant.objects.get(sku="LAMP")
    address = url("variant_change", small.pk)
    data = form_of(staff.get(address))
    assert data["prices-0-amount"] == "199000"
    refused = staff.post(address, {**data, "prices-0-amount": "150000.5"})
    assert "There are no decimals in VND." in refused.content.decode()
    assert staff.post(address, {**data, "prices-0-amount": "150000"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert VariantPrice.objects.get(variant=small).amount == 150_000
        assert PriceChange.objects.filter(variant=small).count() == 2
    assert staff.post(address, {**data, "prices-0-currency": "XXX"}).status_code == 200


def test_ledgers_and_counted_stock_cannot_be_edited(staff: Client, lamp: Offering, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        movement, change, item = StockMovement.objects.get(), PriceChange.objects.first(), InventoryItem.objects.get()
    assert staff.post(url("stockmovement_change", movement.pk), {"quantity": "99"}).status_code == 403
    assert change is not None
    assert staff.post(url("pricechange_change", change.pk), {"new_amount": "1"}).status_code == 403
    data = form_of(staff.get(url("inventoryitem_change", item.pk)))
    assert (
        staff.post(url("inventoryitem_change", item.pk), {**data, "stock_qty": "99", "safety_stock": "2"}).status_code == 302
    )
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.values_list("stock_qty", "safety_stock").get() == (7, 2)


def test_another_business_sees_none_of_it(harbour: Business, lamp: Offering, saigon: Business) -> None:
    foreign = browser(harbour.owner)
    assert not foreign.get(url("offering_changelist")).context["cl"].result_list
    assert foreign.get(url("offering_change", lamp.pk)).status_code == 302
    foreign.get(url("offering_archive", lamp.pk))
    foreign.post(url("offering_changelist"), {"action": "archive_chosen", "_selected_action": [str(lamp.pk)]})
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().status == "active"


def test_an_analyst_looks_and_changes_nothing(lamp: Offering, saigon: Business) -> None:
    analyst = browser(saigon.analyst)
    assert analyst.get(url("offering_change", lamp.pk)).status_code == 200
    assert analyst.get(url("offering_add")).status_code == 403
    assert analyst.get(url("offering_archive", lamp.pk)).status_code == 403
    with in_tenant(saigon.tenant):
        version = OfferingVersion.objects.get()
        assert analyst.get(url("offeringversion_activate", version.pk)).status_code == 403
        assert Offering.objects.get().status == "active"


def test_domains_are_edited_by_platform_staff_and_read_by_tenants(root: User, saigon: Business, staff: Client) -> None:
    domain = KnowledgeDomain.objects.get(code="electronics")
    address = url("knowledgedomain_change", domain.pk)
    assert staff.get(address).status_code == 200
    assert staff.post(address, {"name": "Mine"}).status_code == 403
    platform = browser(root)
    response = platform.post(address, {**form_of(platform.get(address)), "name": "Electronic goods"})
    assert response.status_code == 302, response.context["errors"]
    assert KnowledgeDomain.objects.get(code="electronics").name == "Electronic goods"
