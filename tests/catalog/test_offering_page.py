"""The page of an offering, used as a merchandiser uses it: words, attributes, the grid, versions, and two people at once."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import (
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingVersion,
    PriceChange,
    PriceList,
    ScheduledActivation,
    StockMovement,
    Variant,
    VariantPrice,
)
from catalog.services import activate_version, create_offering, create_version
from catalog.stock import record_movement
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page, text_of


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def electronics(db: None) -> KnowledgeDomain:
    return KnowledgeDomain.objects.get(code="electronics")


@pytest.fixture
def lamp(saigon: Business, electronics: KnowledgeDomain) -> Offering:
    """An active lamp in two sizes, one with a price and seven pieces."""
    with in_tenant(saigon.tenant):
        offering = create_offering(
            code="lamp",
            name="Desk lamp",
            description="Bright and warm.",
            domain=electronics,
            attributes={"brand": "Lumora", "power": 12.5},
            variants=[{"sku": "LAMP", "attributes": {"Shade": "linen"}}, {"sku": "LAMP-XL"}],
        )
        activate_version(version=offering.versions.get())
        small = offering.variants.get(sku="LAMP")
        VariantPrice.objects.create(variant=small, price_list=PriceList.objects.get(), currency="VND", amount=199_000)
        record_movement(variant=small, location=InventoryLocation.objects.get(), quantity=7, reason="receipt")
        return offering


def change_page(offering: Offering) -> str:
    return page("catalog_offering_change", offering.pk)


def row(number: int, **values: Any) -> dict[str, Any]:
    """What the browser sends for a row that was added to the grid."""
    blank = {"offering": "", "inventory_policy": "deny", "status": "active", "position": "0"}
    return {f"variants-{number}-{name}": value for name, value in {**blank, **values}.items()}


def wrong(response: Any) -> dict[str, Any]:
    """What the page says is wrong, by field."""
    found = {name: [*errors] for name, errors in response.context["adminform"].form.errors.items()}
    for inline in response.context["inline_admin_formsets"]:
        for form in inline.formset.forms:
            found |= {f"{form.prefix}-{name}": [*errors] for name, errors in form.errors.items()}
    return found


def new_chair(staff: Client, electronics: KnowledgeDomain, **values: Any) -> dict[str, Any]:
    """A whole new offering, as typed into the page of a new one."""
    data = form_of(staff.get(page("catalog_offering_add"), {"domain": str(electronics.pk)}))
    words = {"code": "chair", "name": "Chair", "description": "It stands.", "tags": "wood, chairs", "metadata": "{}"}
    rows = {"variants-TOTAL_FORMS": "2", **row(0, sku="CHAIR-R", option_color="red", amount="490000", stock="5")}
    rows |= row(1, sku="CHAIR-B", other_options="Legs: four", amount="510000", compare_at="600000")
    return {**data, **words, "attribute_brand": "Lumora", **rows, **values}


def test_a_new_offering_is_typed_in_whole_and_put_on_sale(
    staff: Client, saigon: Business, electronics: KnowledgeDomain
) -> None:
    answer = staff.post(page("catalog_offering_add"), new_chair(staff, electronics, _sell="1"))
    assert answer.status_code == 302, wrong(answer)
    with in_tenant(saigon.tenant):
        chair = Offering.objects.get(code="chair")
        assert (chair.status, chair.tags, chair.current.attributes) == ("active", ["wood", "chairs"], {"brand": "Lumora"})
        red, blue = chair.variants.all()
        assert (red.sku, red.attributes, blue.attributes) == ("CHAIR-R", {"color": "red"}, {"Legs": "four"})
        assert (red.position, blue.position) == (0, 1)
        prices = VariantPrice.objects.values_list("variant__sku", "price_list__code", "currency", "amount", "compare_at")
        assert set(prices) == {
            ("CHAIR-R", "standard", "VND", 490_000, None),
            ("CHAIR-B", "standard", "VND", 510_000, 600_000),
        }
        moved = StockMovement.objects.get()
        assert (moved.variant, moved.quantity, moved.reason, moved.created_by) == (red, 5, "correction", saigon.operator)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"attribute_brand": ""}, "attribute_brand"),
        ({"attribute_power": "-5"}, "attribute_power"),
        ({"attribute_device_type": "teapot"}, "attribute_device_type"),
        ({"code": ""}, "code"),
        ({"variants-0-amount": "1.5"}, "variants-0-amount"),
        ({"variants-0-amount": "-1"}, "variants-0-amount"),
        ({"variants-0-amount": "", "variants-0-compare_at": "5"}, "variants-0-amount"),
        ({"variants-0-stock": "some"}, "variants-0-stock"),
        ({"variants-1-sku": "CHAIR-R"}, "variants-1-sku"),
        ({"variants-1-sku": ""}, "variants-1-sku"),
        ({"variants-1-other_options": "four legs"}, "variants-1-other_options"),
        ({"variants-1-option_storage": "much"}, "variants-1-option_storage"),
        ({"translation_en_description": "It stands."}, "translation_en_name"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(
    staff: Client, saigon: Business, electronics: KnowledgeDomain, typed: dict[str, str], field: str
) -> None:
    saigon.tenant.locale = "vi"
    with in_tenant(saigon.tenant):
        saigon.tenant.save()
    data = new_chair(staff, electronics, _sell="1", **typed)
    answer = staff.post(page("catalog_offering_add"), data)
    assert answer.status_code == 200
    assert set(wrong(answer)) == {field}
    kept = form_of(answer)
    for name in ("name", "description", "variants-0-stock", "variants-1-sku", *typed):
        assert str(kept[name]) == data[name], name
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
        assert not StockMovement.objects.exists()


def test_a_sku_of_another_offering_is_refused_at_its_field(
    staff: Client, saigon: Business, lamp: Offering, electronics: KnowledgeDomain
) -> None:
    answer = staff.post(page("catalog_offering_add"), new_chair(staff, electronics, **{"variants-0-sku": "LAMP"}))
    assert set(wrong(answer)) == {"variants-0-sku"}
    with in_tenant(saigon.tenant):
        assert Offering.objects.get() == lamp


def test_another_domain_brings_its_fields_and_keeps_what_was_typed(
    staff: Client, saigon: Business, electronics: KnowledgeDomain
) -> None:
    fashion = KnowledgeDomain.objects.get(code="fashion")
    data = new_chair(staff, electronics, domain=str(fashion.pk), attribute_power="40", _refresh="1")
    shown = staff.post(page("catalog_offering_add"), data)
    assert shown.status_code == 200
    assert wrong(shown) == {}
    assert "This field is required" not in str(shown.context["errors"])
    fields = form_of(shown)
    assert "attribute_material" in fields
    assert (fields["name"], fields["attribute_brand"], fields["variants-0-amount"]) == ("Chair", "Lumora", "490000")
    back = form_of(staff.post(page("catalog_offering_add"), {**data, **fields, "domain": str(electronics.pk)}))
    assert back["attribute_power"] == "40"
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
    saved = staff.post(page("catalog_offering_add"), fields)
    assert saved.status_code == 302, wrong(saved)
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().current.attributes == {"brand": "Lumora"}


def test_what_is_wrong_is_not_said_in_the_words_of_the_help(
    staff: Client, saigon: Business, electronics: KnowledgeDomain
) -> None:
    fields = {**new_chair(staff, electronics, _sell="1"), "attribute_brand": ""}
    shown = re.sub(r"<[^>]*>", " ", staff.post(page("catalog_offering_add"), fields).content.decode())
    assert (shown.count("Needed before it can be sold."), shown.count("This field is required.")) == (1, 1)
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()


def test_the_fields_are_those_of_the_definitions(staff: Client, lamp: Offering) -> None:
    shown = staff.get(change_page(lamp)).content.decode()
    power = re.search(r'<input type="number"[^>]*name="attribute_power"[^>]*>\s*<span[^>]*>\s*W', shown)
    assert power, "a number has its unit behind it"
    assert 'min="0"' in power[0]
    assert "Home appliance" in shown
    for name in ("Measures and technical data", "Characteristics"):
        assert f">{name}<" in re.sub(r"\s*([<>])\s*", r"\1", shown)


def test_a_price_changed_in_the_grid_is_in_the_ledger_and_the_rest_is_left_alone(
    staff: Client, saigon: Business, lamp: Offering
) -> None:
    data = form_of(staff.get(change_page(lamp)))
    assert (data["variants-0-amount"], data["variants-0-stock"], data["variants-1-amount"]) == ("199000", 7, "")
    answer = staff.post(change_page(lamp), {**data, "variants-0-amount": "189000", "variants-1-amount": "289000"})
    assert answer.status_code == 302, wrong(answer)
    with in_tenant(saigon.tenant):
        changes = PriceChange.objects.order_by("id").values_list("variant__sku", "old_amount", "new_amount")
        assert [*changes][1:] == [("LAMP", 199_000, 189_000), ("LAMP-XL", None, 289_000)]
        assert (StockMovement.objects.count(), OfferingVersion.objects.count()) == (1, 1)
    data = form_of(staff.get(change_page(lamp)))
    assert staff.post(change_page(lamp), {**data, "variants-1-amount": ""}).status_code == 302
    with in_tenant(saigon.tenant):
        assert not VariantPrice.objects.filter(variant__sku="LAMP-XL").exists()


def test_another_price_list_is_edited_in_the_same_grid(staff: Client, saigon: Business, lamp: Offering) -> None:
    with in_tenant(saigon.tenant):
        sale = PriceList.objects.create(code="sale", name="Sale", priority=5)
    address = f"{change_page(lamp)}?price_list={sale.pk}"
    data = form_of(staff.get(address))
    assert data["variants-0-amount"] == ""
    assert staff.post(address, {**data, "variants-0-amount": "99000"}).status_code == 302
    with in_tenant(saigon.tenant):
        prices = VariantPrice.objects.order_by("amount").values_list("price_list__code", "amount")
        assert [*prices] == [("sale", 99_000), ("standard", 199_000)]


def test_stock_is_corrected_by_a_movement_of_the_difference(staff: Client, saigon: Business, lamp: Offering) -> None:
    data = form_of(staff.get(change_page(lamp)))
    assert staff.post(change_page(lamp), {**data, "variants-0-stock": "5"}).status_code == 302
    with in_tenant(saigon.tenant):
        moved = StockMovement.objects.order_by("-id").first()
        assert moved is not None
        assert (moved.quantity, moved.reason, InventoryItem.objects.get().stock_qty) == (-2, "correction", 5)
    refused = staff.post(change_page(lamp), {**form_of(staff.get(change_page(lamp))), "variants-0-stock": ""})
    assert set(wrong(refused)) == {"variants-0-stock"}


def test_options_are_columns_and_new_ones_are_added_by_name(staff: Client, saigon: Business, lamp: Offering) -> None:
    data = form_of(staff.get(change_page(lamp)))
    assert data["variants-0-option_Shade"] == "linen"
    typed = {"variants-0-option_color": "white", "variants-1-other_options": "Cable: 2 m; Plug: EU"}
    assert staff.post(change_page(lamp), {**data, **typed}).status_code == 302
    with in_tenant(saigon.tenant):
        small, big = Variant.objects.order_by("sku")
        assert small.attributes == {"Shade": "linen", "color": "white"}
        assert big.attributes == {"Cable": "2 m", "Plug": "EU"}
    data = form_of(staff.get(change_page(lamp)))
    assert (data["variants-1-option_Cable"], data["variants-1-option_Shade"]) == ("2 m", "")


# --- two people at once


def test_words_changed_meanwhile_are_not_overwritten_and_what_was_typed_stays(
    staff: Client, saigon: Business, lamp: Offering
) -> None:
    mine = form_of(staff.get(change_page(lamp)))
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(offering=Offering.objects.get(), name="Theirs"))
    answer = staff.post(change_page(lamp), {**mine, "name": "Mine"})
    assert answer.status_code == 200
    assert "Somebody else has changed this" in text_of(answer)
    assert form_of(answer)["name"] == "Mine"
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().current.name == "Theirs"
    assert staff.post(change_page(lamp), form_of(answer)).status_code == 302
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().current.name == "Mine"


def test_what_was_sold_meanwhile_is_told_before_the_stock_is_corrected(
    staff: Client, saigon: Business, lamp: Offering
) -> None:
    mine = form_of(staff.get(change_page(lamp)))
    with in_tenant(saigon.tenant):
        location = InventoryLocation.objects.get()
        record_movement(variant=Variant.objects.get(sku="LAMP"), location=location, quantity=-3, reason="sale")
    answer = staff.post(change_page(lamp), {**mine, "variants-0-stock": "10"})
    assert "Meanwhile it has become 4." in str(wrong(answer)["variants-0-stock"])
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get().stock_qty == 4
    again = {**mine, **hidden_initials(answer), "variants-0-stock": "10"}
    assert staff.post(change_page(lamp), again).status_code == 302
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get().stock_qty == 10


def test_a_cell_nobody_touched_overwrites_nothing(staff: Client, saigon: Business, lamp: Offering) -> None:
    mine = form_of(staff.get(change_page(lamp)))
    with in_tenant(saigon.tenant):
        VariantPrice.objects.update(amount=150_000)
        Variant.objects.filter(sku="LAMP").update(name="Renamed")
        record_movement(
            variant=Variant.objects.get(sku="LAMP"), location=InventoryLocation.objects.get(), quantity=-3, reason="sale"
        )
    answer = staff.post(change_page(lamp), {**mine, "variants-0-option_color": "white"})
    assert answer.status_code == 302, wrong(answer)
    with in_tenant(saigon.tenant):
        small = Variant.objects.get(sku="LAMP")
        assert (small.name, small.attributes["color"]) == ("Renamed", "white")
        assert (VariantPrice.objects.get().amount, InventoryItem.objects.get().stock_qty) == (150_000, 4)


def hidden_initials(response: Any) -> dict[str, str]:
    return dict(re.findall(r'name="(initial-variants-\d+-\w+)" value="([^"]*)"', response.content.decode()))


# --- versions


def test_an_older_version_is_shown_again_with_one_click(staff: Client, saigon: Business, lamp: Offering) -> None:
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(offering=lamp, name="Lamp, new"))
        first = lamp.versions.get(version=1)
    button = page("catalog_offeringversion_activate", first.pk)
    assert f'formaction="{button}"' in staff.get(change_page(lamp)).content.decode()
    answer = staff.post(button, {"back": "offering"})
    assert answer["Location"] == f"{change_page(lamp)}#versions"
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().current == first


def test_two_versions_are_compared_word_by_word(staff: Client, saigon: Business, lamp: Offering) -> None:
    with in_tenant(saigon.tenant):
        words: dict[str, Any] = {"description": "Bright and cool.", "translations": {"vi": {"name": "Đèn bàn"}}}
        second = create_version(offering=lamp, attributes={"brand": "Lumora"}, **words)
    shown = staff.get(page("catalog_offeringversion_compare", second.pk)).content.decode()
    assert re.findall(r"<del[^>]*>(.*?)</del>", shown) == ["warm", "12.5"]
    assert re.findall(r"<ins[^>]*>(.*?)</ins>", shown) == ["cool", "Đèn bàn"]
    assert "Power" in shown
    alone = browser(saigon.analyst).get(page("catalog_offeringversion_compare", second.pk), {"with": "nonsense"})
    assert alone.status_code == 200


def test_a_version_goes_on_sale_at_a_moment_and_the_plan_is_taken_back(
    staff: Client, saigon: Business, lamp: Offering
) -> None:
    with in_tenant(saigon.tenant):
        second = create_version(offering=lamp, name="Lamp, new")
    address = page("catalog_offeringversion_schedule", second.pk)
    past = staff.post(address, {"at": "2020-01-01T10:00"})
    assert "Choose a moment to come." in text_of(past)
    with in_tenant(saigon.tenant):
        assert not ScheduledActivation.objects.exists()
    at = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    typed = at.astimezone(ZoneInfo(saigon.tenant.time_zone))
    assert staff.post(address, {"at": f"{typed:%Y-%m-%dT%H:%M}"}).status_code == 302
    with in_tenant(saigon.tenant):
        plan = ScheduledActivation.objects.get()
        assert (plan.offering_version, plan.activate_at, plan.created_by) == (second, at, saigon.operator)
    assert "On sale from" in text_of(staff.get(change_page(lamp)))
    assert staff.post(address, {"cancel": "1"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert not ScheduledActivation.objects.exists()


def test_translations_are_words_of_the_version(staff: Client, saigon: Business, lamp: Offering) -> None:
    own = saigon.tenant.locale
    other = "vi" if own == "en" else "en"
    data = form_of(staff.get(change_page(lamp)))
    assert f"translation_{own}_name" not in data
    assert staff.post(change_page(lamp), {**data, f"translation_{other}_name": "Đèn bàn"}).status_code == 302
    with in_tenant(saigon.tenant):
        version = Offering.objects.get().current
        assert (version.version, version.name) == (2, "Desk lamp")
        assert version.translations.values_list("language", "name").get() == (other, "Đèn bàn")
    assert form_of(staff.get(change_page(lamp)))[f"translation_{other}_name"] == "Đèn bàn"


# --- who may only look


def test_an_analyst_sees_words_attributes_prices_and_stock_and_no_button(saigon: Business, lamp: Offering) -> None:
    analyst = browser(saigon.analyst)
    shown = analyst.get(change_page(lamp))
    said = text_of(shown)
    for text in ("Desk lamp", "Lumora", "12.5", "linen", "199000", "LAMP-XL"):
        assert text in said, text
    assert "Save and put on sale" not in said
    assert "formaction" not in shown.content.decode()
    assert analyst.post(change_page(lamp), {"name": "Mine", "_sell": "1"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1


def test_the_page_takes_the_same_number_of_queries_however_many_variants_there_are(
    staff: Client, saigon: Business, lamp: Offering
) -> None:
    def cost() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(change_page(lamp)).status_code == 200
        return [query["sql"] for query in queries]

    _first, few = cost(), cost()
    with in_tenant(saigon.tenant):
        for number in range(8):
            variant = Variant.objects.create(offering=lamp, sku=f"MORE-{number}")
            record_movement(variant=variant, location=InventoryLocation.objects.get(), quantity=1, reason="receipt")
            create_version(offering=lamp, name=f"Lamp {number}")
    many = cost()
    assert len(many) == len(few), "\n".join(many)
