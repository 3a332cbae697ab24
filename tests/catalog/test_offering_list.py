"""The list of offerings: its filters, and what is done to many at once."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.bulk import put_on_sale
from catalog.models import InventoryLocation, KnowledgeDomain, Offering, PriceList, Variant, VariantPrice
from catalog.reservations import release, reserve_stock
from catalog.services import activate_version, create_offering, create_version
from catalog.stock import record_movement
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

LIST = "catalog_offering_changelist"


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def shop(saigon: Business) -> dict[str, Offering]:
    """A lamp that is priced and there, a chair that is sold out, and a service nobody counts or has priced."""
    with in_tenant(saigon.tenant):
        made = {
            code: create_offering(
                code=code, name=code.title(), tags=tags, category=category, variants=[{"sku": code.upper()}]
            )
            for code, tags, category in (("lamp", ["new"], "Light"), ("chair", ["new", "wood"], "Seats"), ("care", [], ""))
        }
        for code in ("lamp", "chair"):
            variant = made[code].variants.get()
            VariantPrice.objects.create(variant=variant, price_list=PriceList.objects.get(), currency="VND", amount=1000)
            record_movement(variant=variant, location=InventoryLocation.objects.get(), quantity=3, reason="receipt")
        record_movement(variant=variant, location=InventoryLocation.objects.get(), quantity=-3, reason="sale")
        return made


def codes(staff: Client, **asked: str) -> set[str]:
    return {offering.code for offering in staff.get(page(LIST), asked).context["cl"].result_list}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"category": "Light"}, {"lamp"}),
        ({"tag": "new"}, {"lamp", "chair"}),
        ({"tag": " wood "}, {"chair"}),
        ({"tag": "ne"}, set()),
        ({"lacks": "price"}, {"care"}),
        ({"lacks": "stock"}, {"chair"}),
        ({"offering_type__exact": "service"}, set()),
        ({"status__exact": "draft", "tag": "new", "category": "Seats"}, {"chair"}),
    ],
)
def test_the_list_is_narrowed(staff: Client, shop: dict[str, Offering], asked: dict[str, str], found: set[str]) -> None:
    assert codes(staff, **asked) == found


def test_what_is_sold_beyond_stock_or_kept_back_counts_as_such(
    staff: Client, saigon: Business, shop: dict[str, Offering]
) -> None:
    with in_tenant(saigon.tenant):
        Variant.objects.filter(sku="CHAIR").update(inventory_policy="continue")
        item = shop["lamp"].variants.get().inventory_items.get()
        item.safety_stock = 3
        item.save()
    assert codes(staff, lacks="stock") == {"lamp"}


def test_what_is_held_for_somebody_is_out_of_stock(staff: Client, saigon: Business, shop: dict[str, Offering]) -> None:
    with in_tenant(saigon.tenant):
        held = reserve_stock(variant=shop["lamp"].variants.get(), quantity=3, expires_in=600)
    assert codes(staff, lacks="stock") == {"lamp", "chair"}
    with in_tenant(saigon.tenant):
        release(reservation=held)
    assert codes(staff, lacks="stock") == {"chair"}


def choose(staff: Client, action: str, *offerings: Offering, **more: str) -> str:
    form = {"action": action, "_selected_action": [str(one.pk) for one in offerings], **more}
    return text_of(staff.post(page(LIST), form, follow=True))


def test_a_tag_is_asked_for_and_given_to_the_chosen_once(staff: Client, saigon: Business, shop: dict[str, Offering]) -> None:
    asked = choose(staff, "add_tag_to_chosen", shop["chair"], shop["care"])
    assert "Add a tag" in asked
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(code="care").tags == []
    assert "1 offerings were changed" in choose(staff, "add_tag_to_chosen", shop["chair"], shop["care"], word="  Wood ")
    with in_tenant(saigon.tenant):
        tags = dict(Offering.objects.values_list("code", "tags"))
        assert tags == {"lamp": ["new"], "chair": ["new", "wood"], "care": ["Wood"]}


def test_a_tag_is_taken_away_and_a_category_set(staff: Client, saigon: Business, shop: dict[str, Offering]) -> None:
    choose(staff, "remove_tag_from_chosen", shop["lamp"], shop["chair"], word="new")
    choose(staff, "set_category_of_chosen", shop["lamp"], shop["care"], word="  Home things ")
    with in_tenant(saigon.tenant):
        rows = Offering.objects.values_list("code", "tags", "category")
        assert {code: (tags, category) for code, tags, category in rows} == {
            "lamp": ([], "Home things"),
            "chair": (["wood"], "Seats"),
            "care": ([], "Home things"),
        }
    choose(staff, "set_category_of_chosen", shop["lamp"], word="")
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(code="lamp").category == ""


def test_an_empty_tag_and_offerings_of_others_change_nothing(
    staff: Client, saigon: Business, harbour: Business, shop: dict[str, Offering]
) -> None:
    assert "This field is required." in choose(staff, "add_tag_to_chosen", shop["lamp"], word=" ")
    stranger = browser(harbour.operator)
    choose(stranger, "add_tag_to_chosen", shop["lamp"], word="mine")
    choose(browser(saigon.analyst), "add_tag_to_chosen", shop["lamp"], word="mine")
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(code="lamp").tags == ["new"]


def test_many_are_put_on_sale_by_few_statements_and_what_lacks_something_is_told(
    staff: Client, saigon: Business, shop: dict[str, Offering]
) -> None:
    with in_tenant(saigon.tenant):
        electronics = KnowledgeDomain.objects.get(code="electronics")
        bare = create_offering(code="radio", name="Radio", domain=electronics)
        activate_version(version=shop["lamp"].versions.get())
        create_version(offering=shop["lamp"], name="Brighter lamp")
        with CaptureQueriesContext(connection) as few:
            put_on_sale(offerings=Offering.objects.filter(code="chair"))
        Offering.objects.filter(code="chair").update(status="archived")
    told = choose(staff, "activate_chosen", *shop.values(), bare)
    assert "3 offerings were changed" in told
    assert "radio: Brand is required." in told
    with in_tenant(saigon.tenant):
        assert {*Offering.objects.filter(status="active").values_list("code", flat=True)} == {"lamp", "chair", "care"}
        assert shop["lamp"].versions.get(status="active").name == "Lamp"  # the one people see, not the draft behind it
        Offering.objects.exclude(code="radio").update(status="archived")
        with CaptureQueriesContext(connection) as many:
            assert put_on_sale(offerings=Offering.objects.exclude(code="radio")) == (3, [])
        assert len(many) <= len(few)


def test_the_filter_names_every_category_once_in_order(
    saigon: Business, harbour: Business, shop: dict[str, Offering]
) -> None:
    with in_tenant(harbour.tenant):
        create_offering(code="flat", name="Flat", category="Homes")
    with in_tenant(saigon.tenant):
        create_offering(code="sun", name="Sun", category="Light")
        assert Offering.objects.categories(10) == ["Light", "Seats"]
        assert Offering.objects.categories(1) == ["Light"]
