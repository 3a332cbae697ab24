"""Orders, low stock and customers in the admin, used as an operator uses them."""

from typing import Any

import pytest
from django.test import Client

from catalog.models import Customer, InventoryItem, InventoryLocation, Order, SalesChannel, StockMovement
from catalog.orders import confirm_order, fulfil_order
from catalog.reservations import reserve_stock
from tests.catalog.shop import a_thing, order
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def made(saigon: Business) -> Order:
    """An order of two lamps by Mai."""
    with in_tenant(saigon.tenant):
        mai = Customer.objects.create(name="Nguyễn Thị Mai", phone="0901 234 567")
        return order(a_thing("LAMP", 10), 2, customer=mai)


def stored(saigon: Business) -> Order:
    with in_tenant(saigon.tenant):
        return Order.objects.get()


def test_an_order_is_found_by_number_phone_name_and_sku(staff: Client, made: Order, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        order(a_thing("RUG", 3))
    for term in ("1001", "#1001", "Nguyễn", "0901", "LAMP"):
        listed = text_of(staff.get(page("catalog_order_changelist"), {"q": term}))
        assert "#1001" in listed, term
        assert "#1002" not in listed, term
    assert "#1001" not in text_of(staff.get(page("catalog_order_changelist"), {"q": "nobody"}))
    listed = text_of(staff.get(page("catalog_order_changelist")))
    assert "398,000" in listed
    assert "Pending" in listed


def test_the_page_of_an_order_tells_what_was_bought_and_what_happened(staff: Client, made: Order, saigon: Business) -> None:
    shown = text_of(staff.get(page("catalog_order_change", made.pk)))
    for words in ("LAMP", "199,000", "398,000", "Nguyễn Thị Mai", "0901 234 567", "Created", "Its stock is held until"):
        assert words in shown, words


@pytest.mark.parametrize("step", ["confirm", "cancel"])
def test_a_step_asks_first(staff: Client, made: Order, saigon: Business, step: str) -> None:
    address = page(f"catalog_order_{step}", made.pk)
    assert staff.get(address).status_code == 200
    assert stored(saigon).status == "pending"
    assert staff.post(address, {"reason": "No money"}).status_code == 302
    assert stored(saigon).status == {"confirm": "confirmed", "cancel": "cancelled"}[step]


def test_an_order_is_confirmed_fulfilled_and_partly_taken_back(staff: Client, made: Order, saigon: Business) -> None:
    staff.post(page("catalog_order_note", made.pk), {"text": "Ring twice"})
    staff.post(page("catalog_order_confirm", made.pk))
    staff.post(page("catalog_order_fulfil", made.pk))
    asked = text_of(staff.get(page("catalog_order_returns", made.pk)))
    assert "At most 2." in asked
    none = staff.post(page("catalog_order_returns", made.pk), {"line_0": "0"})
    assert "at least one piece" in text_of(none)
    done = staff.post(page("catalog_order_returns", made.pk), {"line_0": "1", "refund_amount": "100000"})
    assert done.status_code == 302
    order = stored(saigon)
    assert (order.status, order.refunded) == ("fulfilled", 100_000)
    shown = text_of(staff.get(page("catalog_order_change", made.pk)))
    for words in ("Returned", "1 × LAMP", "Ring twice", "Confirmed", "298,000", "operator@saigon.example"):
        assert words in shown, words
    with in_tenant(saigon.tenant):
        assert InventoryItem.objects.get().stock_qty == 9


def test_a_step_that_does_not_follow_is_not_offered(staff: Client, made: Order, saigon: Business) -> None:
    shown = staff.get(page("catalog_order_change", made.pk)).content.decode()
    assert page("catalog_order_confirm", made.pk) in shown
    assert page("catalog_order_fulfil", made.pk) not in shown
    told = text_of(staff.post(page("catalog_order_fulfil", made.pk), follow=True))
    assert "“Fulfil” is not possible as it stands now: “Pending”." in told
    assert stored(saigon).status == "pending"


def by_hand(saigon: Business, **quantities: int) -> dict[str, Any]:
    """Return the form of an order taken by hand."""
    with in_tenant(saigon.tenant):
        things = {sku: a_thing(sku, 5) for sku in quantities}
        form: dict[str, Any] = {
            "customer": str(Customer.objects.create(name="Lan").pk),
            "channel": str(SalesChannel.objects.get().pk),
            "currency": "",
            "shipping_address": "1 Hàng Bạc",
            "note": "",
            "lines-TOTAL_FORMS": str(len(things)),
            "lines-INITIAL_FORMS": "0",
            "_save": "1",
        }
    for place, (sku, quantity) in enumerate(quantities.items()):
        form |= {f"lines-{place}-variant": str(things[sku].pk), f"lines-{place}-quantity": str(quantity)}
    return form


def test_an_order_is_taken_by_hand_at_the_prices_of_the_moment(staff: Client, saigon: Business) -> None:
    assert staff.get(page("catalog_order_add")).status_code == 200
    answer = staff.post(page("catalog_order_add"), by_hand(saigon, LAMP=2, RUG=1))
    assert answer.status_code == 302, text_of(answer)
    order = stored(saigon)
    assert (order.number, order.total, order.currency, order.created_by_id) == (1001, 597_000, "VND", saigon.operator.pk)
    with in_tenant(saigon.tenant):
        assert [(line.sku, line.quantity) for line in order.lines.all()] == [("LAMP", 2), ("RUG", 1)]


def test_what_is_short_is_told_beside_what_was_typed(staff: Client, saigon: Business) -> None:
    answer = staff.post(page("catalog_order_add"), by_hand(saigon, LAMP=2, RUG=6))
    assert answer.status_code == 200
    assert "Not enough in stock: RUG." in text_of(answer)
    assert "1 Hàng Bạc" in answer.content.decode()
    with in_tenant(saigon.tenant):
        assert not Order.objects.exists()


def test_low_stock_counts_what_is_held(staff: Client, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        lamp, rug = a_thing("LAMP", 5), a_thing("RUG", 9)
        reserve_stock(variant=lamp, quantity=5, expires_in=600)
        fulfil_order(order=confirm_order(order=order(rug)))
    listed = text_of(staff.get(page("catalog_inventoryitem_changelist"), {"low": "yes"}))
    assert "LAMP" in listed
    assert "RUG" not in listed
    assert "RUG" in text_of(staff.get(page("catalog_inventoryitem_changelist"), {"low": "20"}))
    with in_tenant(saigon.tenant):
        keys = [str(key) for key in InventoryItem.objects.values_list("pk", flat=True)]
    body = {"action": "export", "_selected_action": keys}
    exported = staff.post(page("catalog_inventoryitem_changelist"), body)
    text = b"".join(exported.streaming_content).decode()  # type: ignore[attr-defined]
    assert "LAMP,Kho chính,5,0,5,0," in text
    assert "RUG,Kho chính,8,0,0,8,20" in text


def test_two_customers_of_one_phone_are_made_one(staff: Client, made: Order, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        twin = Customer.objects.create(name="Mai N.", phone="+84 901-234-567")
        Customer.objects.create(name="Somebody else", phone="0911111111")
    listed = text_of(staff.get(page("catalog_customer_changelist"), {"twice": "yes"}))
    assert "Mai N." in listed
    assert "Somebody else" not in listed
    shown = staff.get(page("catalog_customer_change", made.customer_id)).content.decode()
    assert "Likely the same person" in shown
    assert "#1001" in shown
    address = page("catalog_customer_merge", made.customer_id)
    assert "Mai N." in text_of(staff.get(address))
    assert staff.post(address, {"into": str(twin.pk)}).status_code == 302
    assert stored(saigon).customer_id == twin.pk
    assert "#1001" in text_of(staff.get(page("catalog_customer_change", twin.pk)))
    assert "Nguyễn" not in text_of(staff.get(page("catalog_customer_changelist")))


def test_a_location_may_serve_one_channel(staff: Client, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        channel = SalesChannel.objects.get()
    body = {"code": "shop", "name": "Shop", "type": "store", "channel": str(channel.pk)}
    assert staff.post(page("catalog_inventorylocation_add"), body).status_code == 302
    with in_tenant(saigon.tenant):
        assert InventoryLocation.objects.get(code="shop").channel == channel
        assert not StockMovement.objects.exists()
