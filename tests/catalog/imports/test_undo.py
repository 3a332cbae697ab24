"""Undoing an import: the catalogue is what it was before, and newer work is never overwritten."""

from decimal import Decimal

import pytest
from django.db import connection

from catalog.imports.jobs import import_file, request_undo, run_due_jobs
from catalog.models import (
    AttributeValue,
    ImportChange,
    InventoryItem,
    InventoryLocation,
    Offering,
    OfferingImage,
    OfferingTranslation,
    OfferingVersion,
    PriceChange,
    PriceList,
    SearchText,
    StockMovement,
    StockReservation,
    Variant,
    VariantPrice,
)
from catalog.services import archive_offering, change_offering
from catalog.stock import record_movement
from tenants.errors import Conflict
from tests.catalog.imports.files import backroom, written
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db
inside_tenant = pytest.mark.usefixtures("inside")
TABLES = (
    Offering,
    OfferingVersion,
    OfferingTranslation,
    AttributeValue,
    Variant,
    VariantPrice,
    InventoryItem,
    OfferingImage,
)
FLAT = {"domain": "real_estate", "attr__property_type": "apartment", "attr__area": "54.5", "attr__pets_allowed": "true"}
FIRST = [
    backroom(**FLAT, description="<b>Bright</b>", category="Flats", tags="river", compare_at="130000", stock_qty="4"),
    backroom(sku="RF-2", option__view="river", stock_qty="7", safety_stock="1"),
]
SECOND = [
    backroom(**FLAT | {"attr__area": "60"}, name="Flat", category="Homes", tags="new,big", price="99000", stock_qty="9"),
    backroom(sku="RF-2", option__view="park", stock_qty="2", safety_stock="0", image="https://example.com/a.jpg"),
    backroom(sku="RF-2", option__view="park", price="5", currency="VND", stock_qty="3", location="shop"),
    backroom(sku="RF-3", option__view="hill", stock_qty="1"),
    backroom(code="tent", name="Tent", sku="T-1", price="50", stock_qty="3", image="https://example.com/t.jpg"),
]


@pytest.fixture
def inside(saigon):
    with in_tenant(saigon.tenant):
        InventoryLocation.objects.create(code="shop")
        yield


def imported(*rows, **options):
    job = import_file(chunks=[written(rows).getvalue()], name="shop.csv", currency="USD", **options)
    assert job.status == "completed", job.error_log
    return job


def undone(job):
    request_undo(job=job)
    run_due_jobs()
    job.refresh_from_db()
    assert (job.status, job.error_log) == ("undone", "")


def contents():
    """Every row with all its columns, even the time of its last change; of search what can be found."""
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in TABLES}
    return {**rows, "found": list(SearchText.objects.order_by("owner_id").values("owner_id", "title", "body"))}


@inside_tenant
def test_a_version_that_an_import_makes_says_the_same_in_other_languages_and_goes_with_them():
    imported(*FIRST)
    change_offering(offering=Offering.objects.get(), values={}, words={"translations": {"vi": {"name": "Căn hộ ven sông"}}})
    before = contents()
    job = imported(*SECOND)
    made = OfferingVersion.objects.get(offering__code="river-flat", status="active")
    assert (made.version, made.name, made.translations.get().name) == (3, "Flat", "Căn hộ ven sông")
    assert "ven sông" in SearchText.objects.get(owner_id=made.offering_id).body
    undone(job)
    assert contents() == before


@inside_tenant
def test_a_first_import_undone_leaves_nothing_behind_not_even_in_the_ledgers():
    job = imported(*FIRST, *SECOND[4:])
    undone(job)
    assert not any(contents().values())
    assert not PriceChange.objects.exists()
    assert not StockMovement.objects.exists()
    assert not ImportChange.objects.exists()


@inside_tenant
def test_every_row_has_the_values_it_had_before():
    imported(*FIRST)
    before = contents()
    job = imported(*SECOND)
    assert job.summary["errors"] == 0
    assert contents() != before
    undone(job)
    assert contents() == before


@inside_tenant
def test_stock_comes_back_by_movements_and_prices_with_a_line_in_their_ledger():
    imported(*FIRST)
    undone(imported(*SECOND))
    moved = StockMovement.objects.filter(variant__sku="RF-2", location__code="main").order_by("pk")
    assert list(moved.values_list("quantity", flat=True)) == [7, -5, 5]
    assert InventoryItem.objects.get(variant__sku="RF-2").stock_qty == 7
    changes = PriceChange.objects.filter(variant__sku="RF-1").order_by("pk").values_list("old_amount", "new_amount")
    assert list(changes) == [(None, 125000), (125000, 99000), (99000, 125000)]


@inside_tenant
def test_the_same_file_can_be_imported_again_after_its_undo():
    undone(imported(*FIRST))
    assert imported(*FIRST).summary["offerings"] == {"created": 1, "changed": 0, "unchanged": 0}


def changed_price():
    VariantPrice.objects.get(variant__sku="RF-1").save()


def changed_name():
    Variant.objects.get(sku="RF-2").save()


def changed_offering():
    archive_offering(offering=Offering.objects.get())


def new_price():
    variant = Variant.objects.get(sku="RF-2")
    PriceList.objects.create(code="vip", priority=9).prices.create(variant=variant, currency="USD", amount=Decimal(3))


def new_variant():
    Variant.objects.create(offering=Offering.objects.get(), sku="by-hand")


def reserved():
    StockReservation.objects.create(variant=Variant.objects.get(sku="RF-2"), quantity=1)


@pytest.mark.parametrize("newer_work", [changed_price, changed_name, changed_offering, new_price, new_variant, reserved])
def test_newer_work_is_never_overwritten(newer_work, api, saigon):
    with in_tenant(saigon.tenant):
        job = imported(*FIRST)
        newer_work()
        before = contents()
    answer = api(saigon).post(f"imports/{job.pk}/undo/")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since")
    assert answer.json()["changed"][0]["name"] in answer.json()["detail"]
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, contents()) == ("completed", before)


def test_the_refusal_tells_whose_price_it_is(api, saigon):
    with in_tenant(saigon.tenant):
        job = imported(*FIRST)
        price = VariantPrice.objects.get(variant__sku="RF-2")
        price.amount = Decimal(7)
        price.save()
    answer = api(saigon).post(f"imports/{job.pk}/undo/").json()
    (changed,) = answer["changed"]
    assert changed["name"].startswith("RF-2 (")
    assert changed["name"].endswith("): 7 USD")
    assert changed["name"] in answer["detail"]


@inside_tenant
def test_what_is_changed_while_the_undo_waits_its_turn_is_found_by_the_worker():
    job = imported(*FIRST)
    request_undo(job=job)
    changed_price()
    before = contents()
    run_due_jobs()
    job.refresh_from_db()
    assert (job.status, job.state, contents()) == ("completed", "done", before)
    assert "River Flat" in job.error_log or "125000" in job.error_log


@pytest.mark.django_db(transaction=True)
@inside_tenant
def test_what_was_sold_stays_sold():
    job = imported(*FIRST)
    variant, location = Variant.objects.get(sku="RF-2"), InventoryLocation.objects.get(code="main")
    record_movement(variant=variant, location=location, quantity=-1, reason="sale")
    with pytest.raises(Conflict) as refused:
        request_undo(job=job)
    assert refused.value.code == "changed_since"
    assert InventoryItem.objects.get(variant=variant).stock_qty == 6


@pytest.mark.django_db(transaction=True)
@inside_tenant
def test_imports_are_undone_one_after_the_other_the_newest_first_to_the_very_same_rows():
    first = imported(*FIRST)
    before = contents()
    second = imported(*SECOND)
    with pytest.raises(Conflict) as refused:
        request_undo(job=first)
    assert refused.value.code == "changed_since"
    undone(second)
    assert contents() == before
    undone(first)
    assert not Offering.objects.exists()


def test_an_import_is_undone_through_the_api_once(api, saigon):
    client = api(saigon)
    with in_tenant(saigon.tenant):
        job = imported(*FIRST)
    assert client.post(f"imports/{job.pk}/undo/").json()["status"] == "undoing"
    run_due_jobs()
    assert client.get(f"imports/{job.pk}/").json()["status"] == "undone"
    assert client.get("offerings/").json()["results"] == []
    answer = client.post(f"imports/{job.pk}/undo/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_completed")


def test_what_is_not_applied_cannot_be_undone(api, saigon):
    with in_tenant(saigon.tenant):
        job = import_file(chunks=[written(FIRST).getvalue()], name="a.csv", currency="USD", apply_now=False)
    answer = api(saigon).post(f"imports/{job.pk}/undo/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_completed")


def test_an_undo_is_refused_to_another_tenant_and_to_who_only_looks(api, saigon, harbour):
    with in_tenant(saigon.tenant):
        job = imported(*FIRST)
    assert api(harbour).post(f"imports/{job.pk}/undo/").status_code == 404
    assert api(saigon, saigon.analyst).post(f"imports/{job.pk}/undo/").status_code == 403
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, Offering.objects.count()) == ("completed", 1)


def test_finding_what_is_in_use_asks_every_table_that_can_refer_to_the_catalogue():
    from catalog.imports.undoing import _references

    asked = " ".join(_references())
    for table in ("catalog_orderline", "catalog_stockreservation"):
        assert f"FROM {table} r" in asked
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT DISTINCT con.conrelid::regclass::text FROM pg_constraint con
            WHERE con.contype = 'f' AND con.confrelid::regclass::text IN ('catalog_offering', 'catalog_offeringversion',
                'catalog_variant', 'catalog_variantprice', 'catalog_inventoryitem', 'catalog_offeringimage')""")
        tables = {table for (table,) in cursor.fetchall()}
    known = {
        f"catalog_{name}"
        for name in (
            "attributevalue",
            "offeringtranslation",
            "pricechange",
            "stockmovement",
            "offeringversion",
            "offeringimage",
            "variant",
        )
    } | {"catalog_variantprice", "catalog_inventoryitem"}
    assert tables - known
    assert {table for table in tables - known if f"FROM {table} r" not in asked} == set()
