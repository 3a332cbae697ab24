"""The grid of a price list and "why this price", used as a merchandiser uses them."""

import re
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.admin.price_grid import PER_PAGE, field_name
from catalog.models import Offering, PriceChange, PriceList, SalesChannel, Variant, VariantPrice
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

COUNT = 100


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def standard(saigon: Business) -> PriceList:
    """A list with a hundred variants, all but the last one with a price."""
    with in_tenant(saigon.tenant):
        price_list = PriceList.objects.get(code="standard")
        lamps = Offering.objects.create(code="lamp", status="active", category="Lighting")
        bulbs = Offering.objects.create(code="bulb", status="active", category="Spares")
        variants = Variant.objects.bulk_create(
            Variant(offering=lamps if number < 60 else bulbs, sku=f"SKU-{number:03}", position=number)
            for number in range(COUNT)
        )
        VariantPrice.objects.bulk_create(
            VariantPrice(variant=one, price_list=price_list, currency="VND", amount=1000 + number)
            for number, one in enumerate(variants[:-1])
        )
        return price_list


def address(price_list: PriceList) -> str:
    return page("catalog_pricelist_edit_prices", price_list.pk)


def inputs(response: HttpResponse) -> dict[str, Any]:
    """Return what the browser would send back of the grid: inputs, hidden ones, and the choices of the card below."""
    html = response.content.decode().partition('id="prices"')[2]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if attributes.get("type") == "checkbox" or "name" not in attributes:
            continue
        if attributes["name"] == "row":
            found.setdefault("row", []).append(attributes["value"])
        else:
            found[attributes["name"]] = attributes.get("value", "")
    return {**found, "code": "VND", "step": "1", "source": ""}


def agreed(asked: HttpResponse) -> dict[str, Any]:
    """Return what the button of the page that asks first would send."""
    assert asked.status_code == 200
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode()):
        found.setdefault(name, []).append(unescape(value))
    return found


def variant(sku: str, saigon: Business) -> Variant:
    with in_tenant(saigon.tenant):
        return Variant.objects.get(sku=sku)


def amounts(saigon: Business, **wanted: Any) -> dict[str, Decimal]:
    with in_tenant(saigon.tenant):
        wanted = {"price_list__code": "standard", "currency": "VND", **wanted}
        return dict(VariantPrice.objects.filter(**wanted).values_list("variant__sku", "amount"))


def cell(sku: str, saigon: Business, part: str = "amount", currency: str = "VND") -> str:
    return field_name(variant(sku, saigon).pk, currency, part)


def test_many_cells_are_saved_at_once_and_only_those_that_changed(
    staff: Client, standard: PriceList, saigon: Business
) -> None:
    before = amounts(saigon)
    data = inputs(staff.get(address(standard)))
    # Offerings are in the order of their codes: the bulbs come first.
    changed = {cell("SKU-060", saigon): "2000", cell("SKU-061", saigon): "", cell("SKU-099", saigon): "5000"}
    changed[cell("SKU-099", saigon, "compare_at")] = "6000"
    with in_tenant(saigon.tenant):
        known = PriceChange.objects.count()
    answer = staff.post(address(standard), {**data, **changed, "_save": "1"})
    assert answer.status_code == 302, answer.content.decode()
    expected = {**before, "SKU-060": Decimal(2000), "SKU-099": Decimal(5000)}
    del expected["SKU-061"]
    assert amounts(saigon) == expected
    with in_tenant(saigon.tenant):
        assert PriceChange.objects.count() == known + 3
        assert VariantPrice.objects.get(variant__sku="SKU-099").compare_at == 6000


@pytest.mark.parametrize("wrong", ["1e-9", "-1", "0.5", "10,5", "abc", "9999999999999999"])
def test_an_error_stays_at_its_cell_and_nothing_is_saved(
    staff: Client, standard: PriceList, saigon: Business, wrong: str
) -> None:
    before, bad = amounts(saigon), cell("SKU-060", saigon)
    data = {**inputs(staff.get(address(standard))), bad: wrong, cell("SKU-061", saigon): "2000", "_save": "1"}
    answer = staff.post(address(standard), data)
    assert answer.status_code == 200
    form = answer.context["grid"]
    assert set(form.errors) == {bad}
    assert (form[bad].value(), form[cell("SKU-061", saigon)].value()) == (wrong, "2000")
    assert amounts(saigon) == before


def test_nobody_overwrites_what_somebody_else_has_saved_meanwhile(
    staff: Client, standard: PriceList, saigon: Business
) -> None:
    data = inputs(staff.get(address(standard)))
    with in_tenant(saigon.tenant):
        VariantPrice.objects.filter(variant__sku__in=["SKU-060", "SKU-061"]).update(amount=7)
    mine = {**data, cell("SKU-060", saigon): "2000", cell("SKU-062", saigon): "2100", "_save": "1"}
    refused = staff.post(address(standard), mine)
    assert "Somebody else has changed this to 7." in refused.content.decode()
    assert (amounts(saigon)["SKU-060"], amounts(saigon)["SKU-062"]) == (7, 1062)
    again = staff.post(address(standard), {**inputs(refused), "_save": "1"})
    assert again.status_code == 302
    assert [amounts(saigon)[f"SKU-06{number}"] for number in range(3)] == [2000, 7, 2100]


def test_the_grid_is_searched_filtered_and_paged(staff: Client, standard: PriceList, saigon: Business) -> None:
    def shown(query: str) -> list[str]:
        return [row.variant.sku for row in staff.get(address(standard) + query).context["grid"].table]

    first, second, third = (shown(f"?p={number}") for number in (1, 2, 3))
    assert (len(first), len(second), len(third)) == (PER_PAGE, PER_PAGE, COUNT - 2 * PER_PAGE)
    assert len({*first, *second, *third}) == COUNT
    assert shown("?q=SKU-01") == [f"SKU-01{number}" for number in range(10)]
    assert shown("?category=Spares") == [f"SKU-{number:03}" for number in range(60, COUNT)]
    assert shown("?show=unpriced") == ["SKU-099"]
    assert shown("?q=nothing") == []
    assert staff.get(address(standard) + "?currency=usd").context["currencies"] == ["VND", "USD"]
    assert "There is no such currency." in staff.get(address(standard) + "?currency=XXX").content.decode()


def test_a_page_costs_the_same_number_of_queries_whatever_it_shows(staff: Client, standard: PriceList) -> None:
    staff.get(address(standard))  # what is read once, such as the kinds of rows there are
    counts = []
    for query in ("?q=SKU-001", ""):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address(standard) + query).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25


def test_all_prices_that_were_found_are_changed_by_a_percentage(
    staff: Client, standard: PriceList, saigon: Business
) -> None:
    before = amounts(saigon)
    query = address(standard) + "?category=Spares"
    data = {**inputs(staff.get(query)), "percent": "-10", "step": "100", "as_sale": "on", "_change": "1"}
    asked = staff.post(query, data)
    shown = text_of(asked)
    assert "39 prices of the list" in shown
    for words in ("SKU-060", "1,060", "1,000"):
        assert words in shown, words
    assert amounts(saigon) == before  # it asks first
    assert staff.post(query, agreed(asked)).status_code == 302
    after = amounts(saigon)
    assert {after[f"SKU-{number:03}"] for number in range(60)} == {before[f"SKU-{number:03}"] for number in range(60)}
    assert (after["SKU-060"], after["SKU-098"]) == (1000, 1000)  # 954 and 988.2, to the hundred
    with in_tenant(saigon.tenant):
        assert VariantPrice.objects.get(variant__sku="SKU-060").compare_at == 1060


def test_only_the_ticked_rows_are_changed(staff: Client, standard: PriceList, saigon: Business) -> None:
    ticked = [str(variant(sku, saigon).pk) for sku in ("SKU-060", "SKU-062")]
    data = {**inputs(staff.get(address(standard))), "variant": ticked, "percent": "100", "_change": "1"}
    asked = staff.post(address(standard), data)
    assert "2 prices of the list" in text_of(asked)
    assert staff.post(address(standard), agreed(asked)).status_code == 302
    assert [amounts(saigon)[f"SKU-06{number}"] for number in range(3)] == [2120, 1061, 2124]


def test_agreeing_to_some_prices_does_not_change_others(staff: Client, standard: PriceList, saigon: Business) -> None:
    query = address(standard) + "?q=SKU-09"
    asked = staff.post(query, {**inputs(staff.get(query)), "percent": "100", "_change": "1"})
    with in_tenant(saigon.tenant):
        VariantPrice.objects.create(variant=variant("SKU-099", saigon), price_list=standard, currency="VND", amount=5)
    before = amounts(saigon)
    again = staff.post(query, agreed(asked))
    assert "10 prices of the list" in text_of(again)
    assert amounts(saigon) == before
    assert staff.post(query, agreed(again)).status_code == 302
    assert amounts(saigon)["SKU-099"] == 10


@pytest.mark.parametrize(
    "wrong", [{"percent": "-101"}, {"percent": "x"}, {"step": "0.01"}, {"step": "7"}, {"code": "USD"}, {"percent": ""}]
)
def test_a_change_that_cannot_be_changes_nothing(
    staff: Client, standard: PriceList, saigon: Business, wrong: dict[str, str]
) -> None:
    before = amounts(saigon)
    data = {**inputs(staff.get(address(standard))), "percent": "5", "_change": "1", **wrong}
    answer = staff.post(address(standard), data)
    assert (answer.status_code, set(answer.context["change"].errors)) == (200, set(wrong))
    assert amounts(saigon) == before


def test_prices_of_another_list_are_copied(staff: Client, standard: PriceList, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        sale = PriceList.objects.create(code="sale", priority=3)
    query = address(sale) + "?q=SKU-00"
    data = {**inputs(staff.get(query)), "percent": "-50", "_copy": "1"}
    assert set(staff.post(query, data).context["change"].errors) == {"source"}
    asked = staff.post(query, {**data, "source": str(standard.pk)})
    assert amounts(saigon, price_list__code="sale") == {}
    assert staff.post(query, agreed(asked)).status_code == 302
    copied = amounts(saigon, price_list__code="sale")
    assert (len(copied), copied["SKU-000"], copied["SKU-009"]) == (10, 500, 505)
    assert amounts(saigon)["SKU-000"] == 1000


def test_an_analyst_looks_and_changes_nothing(standard: PriceList, saigon: Business) -> None:
    analyst = browser(saigon.analyst)
    shown = analyst.get(address(standard))
    assert (shown.status_code, "1060" in shown.content.decode(), "_save" in shown.content.decode()) == (200, True, False)
    before = amounts(saigon)
    for button in ("_save", "_change", "_copy"):
        answer = analyst.post(address(standard), {cell("SKU-060", saigon): "1", "percent": "5", "code": "VND", button: "1"})
        assert answer.status_code == 403
    assert amounts(saigon) == before


def test_the_list_of_another_business_has_no_grid(standard: PriceList, harbour: Business, saigon: Business) -> None:
    stranger = browser(harbour.operator)
    assert stranger.get(address(standard)).status_code == 302
    assert stranger.post(address(standard), {"percent": "5", "code": "VND", "_change": "1"}).status_code == 302
    assert amounts(saigon)["SKU-000"] == 1000


def test_a_list_in_the_way_of_another_is_refused_in_the_form(staff: Client, standard: PriceList, saigon: Business) -> None:
    form = {"code": "sale", "name": "", "channel": "", "priority": "0"}
    window = {"valid_from_0": "", "valid_from_1": "", "valid_to_0": "", "valid_to_1": ""}
    refused = staff.post(page("catalog_pricelist_add"), {**form, **window})
    assert set(refused.context["adminform"].form.errors) == {"priority"}
    assert "standard has priority 0 on the same channel at the same time" in refused.content.decode()
    made = staff.post(page("catalog_pricelist_add"), {**form, **window, "priority": "1"})
    with in_tenant(saigon.tenant):
        assert made["Location"] == address(PriceList.objects.get(code="sale"))


def test_the_box_tells_why_a_price_counts(staff: Client, standard: PriceList, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        web = SalesChannel.objects.get(code="web")
        sale = PriceList.objects.create(code="sale", channel=web, priority=3)
        before = timezone.localtime(timezone=ZoneInfo(saigon.tenant.time_zone))
        VariantPrice.objects.create(variant=Variant.objects.get(sku="SKU-001"), price_list=sale, currency="VND", amount=900)
    box = page("catalog_pricelist_why")
    assert "Choose a SKU" in staff.get(box).content.decode()
    told = staff.get(box, {"sku": "SKU-001", "channel": str(web.pk)})
    assert told.context["told"].price.price_list == "sale"
    text = told.content.decode()
    assert "Price list sale (channel web, priority 3) comes before standard." in text
    assert "its priority 0 is lower" in text
    earlier = staff.get(box, {"sku": "SKU-001", "channel": str(web.pk), "at": f"{before:%Y-%m-%dT%H:%M:%S.%f}"})
    assert earlier.context["told"].price.price_list == "standard"
    for wrong in ({"sku": "NONE"}, {"sku": "SKU-001", "currency": "XXX"}, {"sku": "SKU-001", "at": "yesterday"}):
        refused = staff.get(box, wrong)
        assert (refused.context["told"], len(refused.context["form"].errors)) == (None, 1)


def test_the_ledger_tells_who_changed_a_price_and_by_how_much(
    staff: Client, standard: PriceList, saigon: Business, api: Any
) -> None:
    data = inputs(staff.get(address(standard)))
    staff.post(address(standard), {**data, cell("SKU-060", saigon): "530", "_save": "1"})
    client = api(saigon)
    body = {"price_list": "standard", "variant": "SKU-099", "currency": "VND", "amount": "5"}
    assert client.post("prices/", body).status_code == 201
    shown = staff.get(page("catalog_pricechange_changelist"), {"q": "SKU-060"})
    newest = shown.context["cl"].result_list[0]
    assert (newest.old_amount, newest.new_amount, newest.percent) == (1060, 530, Decimal("-50.0"))
    text = shown.content.decode()
    assert saigon.operator.email in text
    assert "-50" in text
    (line,) = client.get("price-changes/", {"sku": "SKU-099"}).json()["results"]
    assert line["actor_kind"] == "api_key"
    ids = [str(row.pk) for row in shown.context["cl"].result_list]
    export = staff.post(page("catalog_pricechange_changelist"), {"action": "export", "_selected_action": ids})
    lines = export.getvalue().decode().splitlines()  # type: ignore[attr-defined]
    assert "person" in lines[0]
    assert any(saigon.operator.email in one and "-50.0" in one for one in lines[1:])
    lamps = {"variant__offering__id__exact": str(variant("SKU-000", saigon).offering_id)}
    of_lamps = staff.get(page("catalog_pricechange_changelist"), lamps)
    assert {row.variant.sku for row in of_lamps.context["cl"].result_list} <= {f"SKU-{number:03}" for number in range(60)}
