"""The exported catalogue: everything is in it, imported again it changes nothing, and no cell of it runs."""

import csv
import io
import json

import pytest
from openpyxl import load_workbook

from catalog.imports.exporting import export_catalogue
from catalog.imports.jobs import import_file, request_undo, run_due_jobs
from catalog.models import (
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingTranslation,
    OfferingVersion,
    PriceList,
    StockMovement,
    Variant,
)
from catalog.services import activate_version, archive_offering, create_offering
from catalog.stock import record_movement
from tests.catalog.imports.files import backroom, shopify, written
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db
FORMULAS = ["=1+1", "+84 909", "-1", "@SUM(1)", "＝1+1", "'=1", "''+2", "'007"]
FASHION = {"domain": "fashion", "attr__material": "linen", "description": "<p>Cool,\r\n“light”</p>", "tags": "a,b"}


def imported(content, **options):
    return import_file(chunks=[content], name="catalogue", currency="USD", **options)


def exported(form="csv"):
    with export_catalogue(form) as file:
        return file.read()


def unchanged(job):
    """Nothing of any kind was made, changed, corrected or refused."""
    assert job.status == "completed", job.error_log
    found = [(row.row, row.outcome, row.problems, row.changes) for row in job.rows.exclude(outcome="unchanged")]
    assert found == []
    assert (job.summary["errors"], job.summary["warnings"], job.summary["images"]) == (0, 0, 0)
    return True


@pytest.fixture
def shop(saigon):
    """A catalogue with a bit of everything, some of it written by hand."""
    with in_tenant(saigon.tenant):
        PriceList.objects.create(code="vip", priority=5)
        InventoryLocation.objects.create(code="shop")
        rows = [
            backroom(**FASHION, stock_qty="4", safety_stock="1", image="https://example.com/a.jpg", image_alt="Front"),
            backroom(price="99.5", price_list="vip", stock_qty="2", location="shop", image="https://example.com/b.jpg"),
            backroom(price="2900000", currency="VND", compare_at="3000000"),
            backroom(sku="RF-2", option__size="L", price="1.2340", policy="continue"),
            backroom(code="no-price", name="On request", sku="ASK", price="", status="draft"),
        ]
        assert imported(written(rows).getvalue()).summary["errors"] == 0
        shopify_rows = [shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L", Image_Src="https://example.com/l.jpg")]
        imported(written(shopify_rows).getvalue(), domain=KnowledgeDomain.objects.get(code="electronics"))
        by_hand(saigon)
    return saigon


@pytest.fixture
def inside(shop):
    with in_tenant(shop.tenant):
        yield


def by_hand(saigon):
    fashion = KnowledgeDomain.objects.get(code="fashion")
    made = create_offering(
        code="by-hand",
        name="Áo, “tay”",
        domain=fashion,
        attributes={"material": "cotton"},
        tags=["one, two", "three"],
        variants=[{"sku": "BH-1", "attributes": {"number": 42, "new": True}}, {"sku": "BH-2", "name": "Two"}],
    )
    create_offering(code="only-words", name="Nothing to buy yet", images=[{"url": "https://example.com/w.jpg"}])
    create_offering(code="bare", name="Bare")
    version = activate_version(version=made.versions.get())
    OfferingTranslation.objects.create(offering_version=version, language="en", name="Shirt", description="By hand")
    Variant.objects.filter(sku="BH-2").update(status="archived")
    location = InventoryLocation.objects.get(code="main")
    record_movement(variant=Variant.objects.get(sku="RF-2"), location=location, quantity=-3, reason="sale")
    archive_offering(offering=create_offering(code="gone", name="Gone", variants=[{"sku": "G-1"}]))
    for number, formula in enumerate(FORMULAS):
        create_offering(code=f"formula-{number}", name=formula, category=formula, variants=[{"sku": formula}])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_imported_again_it_changes_nothing(inside, form):
    before = exported()
    ledger = StockMovement.objects.count()
    assert unchanged(imported(exported(form)))
    assert exported() == before
    assert (OfferingVersion.objects.filter(version__gt=1).count(), StockMovement.objects.count()) == (0, ledger)


def test_its_rows_are_those_the_api_takes(shop, api):
    answer = api(shop).get("offerings/export/", {"format": "json"})
    rows = json.loads(b"".join(answer.streaming_content))
    assert {row["code"] for row in rows} >= {"river-flat", "by-hand", "only-words", "gone"}
    sent = api(shop).post("imports/", {"source_type": "api", "rows": rows, "currency": "USD"}).json()
    run_due_jobs()
    summary = api(shop).get(f"imports/{sent['id']}/").json()["summary"]
    assert summary["errors"] == summary["warnings"] == 0
    for part in ("offerings", "variants", "prices", "stock"):
        assert (summary[part]["created"], summary[part]["changed"]) == (0, 0)


def test_it_has_every_price_location_picture_and_language(inside):
    rows = list(csv.DictReader(io.StringIO(exported().decode("utf-8-sig"))))
    flat = [row for row in rows if row["code"] == "river-flat" and row["sku"] == "RF-1"]
    assert [(row["price_list"], row["currency"], row["price"]) for row in flat] == [
        ("standard", "USD", "125000"),
        ("standard", "VND", "2900000"),
        ("vip", "USD", "99.5"),
    ]
    assert [(row["location"], row["stock_qty"]) for row in flat] == [("main", "4"), ("shop", "2"), ("", "")]
    assert [row["image"] for row in flat] == ["https://example.com/a.jpg", "https://example.com/b.jpg", ""]
    hand = [row for row in rows if row["code"] == "by-hand"]
    assert (hand[0]["name.en"], hand[0]["tags"], hand[1]["variant_status"]) == ("Shirt", '["one, two", "three"]', "archived")
    assert {row["code"]: row["status"] for row in rows if row["status"]} | {"gone": "archived", "bare": "draft"} == {
        row["code"]: row["status"] for row in rows if row["status"]
    }


def test_another_business_that_imports_it_has_the_same_catalogue(shop, harbour):
    with in_tenant(shop.tenant):
        file = exported()
    with_stock = [line for line in file.decode("utf-8-sig").splitlines() if line]
    with in_tenant(harbour.tenant):
        PriceList.objects.create(code="vip", priority=5)
        InventoryLocation.objects.create(code="shop")
        job = imported(file)
        assert job.summary["errors"] == 0
        again = exported().decode("utf-8-sig").splitlines()
    assert len(again) == len(with_stock)
    differing = {(one, other) for one, other in zip(with_stock, again, strict=True) if one != other}
    # Options are text in a file, and a variant without a name is called by them.
    assert {line.split(",")[0] for line, _other in differing} <= {"by-hand", "river-flat", "linen-shirt"}


def test_no_cell_of_it_is_a_formula_in_any_format(inside):
    cells = [cell for row in csv.reader(io.StringIO(exported().decode("utf-8-sig"))) for cell in row]
    assert [cell for cell in cells if cell and cell[0] in "=+-@\t\r＝＋－＠"] == []
    assert "'=1+1" in cells
    book = load_workbook(io.BytesIO(exported("xlsx")))
    kinds = {(cell.data_type, str(cell.value)[:1]) for row in book.active.iter_rows() for cell in row if cell.value}
    assert {kind for kind, _first in kinds} == {"s"}
    assert not {first for _kind, first in kinds} & set("=+-@＝＋－＠")


def test_an_undone_import_leaves_the_same_bytes(inside):
    before = {form: exported(form) for form in ("csv", "json")}
    text = (
        before["csv"]
        .decode("utf-8-sig")
        .replace("River Flat", "Sea Flat")
        .replace("125000", "99")
        .replace("linen,", "silk,")
    )
    job = imported(
        (text + "brand-new,New,physical\r\n".replace(",physical", "," * (text.split("\r\n")[0].count(",") - 1))).encode()
    )
    assert job.status == "completed", job.error_log
    assert exported() != before["csv"]
    request_undo(job=job)
    run_due_jobs()
    job.refresh_from_db()
    assert job.status == "undone", job.error_log
    assert {form: exported(form) for form in ("csv", "json")} == before


def test_another_tenants_rows_are_never_in_it(shop, harbour, api):
    answer = api(harbour).get("offerings/export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert (answer.status_code, len(text.splitlines())) == (200, 1)
    assert 'filename="catalogue-' in answer["Content-Disposition"]


def test_a_format_there_is_not_and_a_stranger_get_nothing(shop, api):
    assert api(shop).get("offerings/export/", {"format": "pdf"}).status_code == 400
    assert api().get("offerings/export/").status_code == 401


def test_an_empty_catalogue_is_a_header(saigon):
    with in_tenant(saigon.tenant):
        assert exported().decode("utf-8-sig").startswith("code,name,offering_type")
        assert json.loads(exported("json")) == []
        assert not Offering.objects.exists()
