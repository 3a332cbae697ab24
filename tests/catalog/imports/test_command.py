"""``import_catalog``: files of real shops, and what the command says of bad ones."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalog.models import (
    ImportJob,
    ImportRow,
    InventoryItem,
    Offering,
    OfferingImage,
    OfferingVersion,
    PriceChange,
    StockMovement,
    Variant,
    VariantPrice,
)
from tests.catalog.imports.files import shopify, written
from tests.conftest import in_tenant

DATA = os.environ.get("BACKROOM_TEST_DATA")
pytestmark = pytest.mark.django_db
real_files = pytest.mark.sample_data
CATALOGUE = (Offering, OfferingVersion, OfferingImage, Variant, VariantPrice, PriceChange, InventoryItem, StockMovement)


def run(slug, path, *options):
    out = StringIO()
    call_command("import_catalog", slug, str(path), *options, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def failed_run(slug, path, *options):
    """The line on stderr and the summary that was printed."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_catalog", slug, str(path), *options, stdout=out)
    assert error.value.returncode == 1
    return str(error.value), json.loads(out.getvalue().splitlines()[-1])


def real(name):
    return Path(DATA or "") / "catalog" / name


def counted(**effects):
    return {"created": 0, "changed": 0, "unchanged": 0, **effects}


def sizes():
    return {model.__name__: model.objects.count() for model in CATALOGUE}


@real_files
def test_the_bicycle_shop_is_imported_exactly(saigon):
    summary = run("saigon", real("shopify_bicycles.csv"), "--currency", "USD")
    assert summary["status"] == "completed"
    assert (summary["rows"], summary["errors"], summary["warnings"]) == (1399, 41, 5)
    assert summary["offerings"] == {"created": 284, "changed": 0, "unchanged": 0}
    assert summary["variants"] == {"created": 1080, "changed": 0, "unchanged": 0}
    assert summary["prices"] == {"created": 1080, "changed": 0, "unchanged": 0}
    assert summary["stock"] == {"created": 1055, "changed": 0, "unchanged": 0}
    with in_tenant(saigon.tenant):
        assert Offering.objects.filter(status="draft").count() >= 6
        assert Variant.objects.filter(inventory_policy="continue").count() == 17
        assert ImportRow.objects.filter(outcome="error").count() == 41
        assert Variant.objects.filter(inventory_items=None).count() == 25


@real_files
def test_the_apparel_shop_is_imported_exactly_and_a_second_time_nothing_changes(saigon):
    first, second = (run("saigon", real("shopify_apparel.csv"), "--currency", "USD") for _time in range(2))
    assert (first["rows"], first["images"], first["errors"], first["warnings"]) == (104, 55, 0, 0)
    assert (second["rows"], second["images"], second["errors"], second["warnings"]) == (104, 0, 0, 0)
    sizes = {"offerings": 25, "variants": 96, "prices": 96, "stock": 95}
    assert {part: first[part] for part in sizes} == {part: counted(created=size) for part, size in sizes.items()}
    assert {part: second[part] for part in sizes} == {part: counted(unchanged=size) for part, size in sizes.items()}
    with in_tenant(saigon.tenant):
        assert (Offering.objects.filter(status="active").count(), OfferingImage.objects.count()) == (25, 55)


@real_files
@pytest.mark.parametrize("name", ["shopify_bicycles.csv", "shopify_apparel.csv"])
def test_a_second_import_of_the_same_file_changes_nothing(saigon, name):
    first = run("saigon", real(name), "--currency", "USD")
    with in_tenant(saigon.tenant):
        before = sizes()
    second = run("saigon", real(name), "--currency", "USD")
    for part in ("offerings", "variants", "prices", "stock"):
        assert second[part] == {"created": 0, "changed": 0, "unchanged": first[part]["created"]}
    assert (second["images"], second["errors"], second["warnings"]) == (0, first["errors"], first["warnings"])
    with in_tenant(saigon.tenant):
        assert sizes() == before
        job = ImportJob.objects.latest("created_at")
        assert set(job.rows.values_list("outcome", flat=True)) <= {"unchanged", "error"}


@real_files
def test_two_tenants_import_the_same_file_independently(saigon, harbour):
    counts = [run(slug, real("shopify_apparel.csv"), "--currency", "USD") for slug in ("saigon", "harbour")]
    assert counts[0]["variants"] == counts[1]["variants"] == {"created": 96, "changed": 0, "unchanged": 0}
    with in_tenant(harbour.tenant):
        assert Variant.objects.count() == 96


@pytest.fixture
def file(tmp_path):
    def write(rows):
        path = tmp_path / "shop.csv"
        path.write_bytes(written(rows).getvalue())
        return path

    return write


def test_prices_are_in_the_tenants_currency_unless_another_is_named(saigon, file):
    run("saigon", file([shopify()]))
    run("saigon", file([shopify()]), "--currency", "usd")
    with in_tenant(saigon.tenant):
        assert set(VariantPrice.objects.values_list("currency", flat=True)) == {"VND", "USD"}


def test_a_dry_run_tells_and_applies_nothing(saigon, file):
    summary = run("saigon", file([shopify()]), "--dry-run")
    assert (summary["status"], summary["variants"]["created"]) == ("staged", 1)
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()


def test_row_errors_do_not_fail_the_command(saigon, file):
    summary = run("saigon", file([shopify(Variant_Price="x"), shopify(Option1_Value="L", Variant_SKU="L")]))
    assert (summary["status"], summary["errors"], summary["variants"]["created"]) == ("completed", 1, 1)


def test_the_first_ten_problems_are_named_on_stderr_errors_before_corrections(saigon, file):
    rows = [shopify(Variant_SKU="A", Variant_Inventory_Qty="-1"), shopify(Option1_Value="L", Variant_Price="120.000")]
    told = problems_told(file(rows))
    assert told == [
        "row 3, column Variant Price: ambiguous_number: Thousands or decimals? Write 120000 or 120.00.",
        "row 2, column Variant Inventory Qty: negative_stock: Negative stock is stored as 0.",
    ]
    assert len(problems_told(file([shopify(Option1_Value=str(number), Variant_Price="x") for number in range(12)]))) == 10


def problems_told(path):
    errors = StringIO()
    call_command("import_catalog", "saigon", str(path), stdout=StringIO(), stderr=errors)
    return errors.getvalue().splitlines()


def test_duplicate_skus_get_a_number_when_asked_for(saigon, file):
    rows = [shopify(), shopify(Option1_Value="L")]
    assert run("saigon", file(rows))["errors"] == 1
    summary = run("saigon", file(rows), "--on-duplicate-sku", "suffix")
    assert (summary["errors"], summary["warnings"]) == (0, 1)
    with in_tenant(saigon.tenant):
        assert set(Variant.objects.values_list("sku", flat=True)) == {"LS-M", "LS-M-2"}


KEYS = ["job", "status", "rows", "offerings", "variants", "prices", "stock", "images", "warnings", "errors", "seconds"]


def test_the_summary_has_the_contracts_keys_in_its_order(saigon, file):
    summary = run("saigon", file([shopify()]))
    assert list(summary) == KEYS
    assert [list(summary[part]) for part in KEYS[3:7]] == [["created", "changed", "unchanged"]] * 4


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--currency", "XXX"), "unknown_currency", "“XXX” is no ISO 4217 currency."),
        (("--mapping", "backroom"), "missing_header", "shop.csv: The header has no column “code”. (row 1, column “code”)"),
    ],
)
def test_what_cannot_be_imported_at_all_is_one_clear_line_and_a_summary_of_zeros(saigon, file, options, code, message):
    line, summary = failed_run("saigon", file([shopify()]), *options)
    assert line == message
    assert (list(summary), summary["status"]) == ([*KEYS, "error"], "failed")
    assert [summary[name] for name in KEYS[2:]] == [0, *[counted()] * 4, 0, 0, 0, 0]
    assert summary["error"]["code"] == code
    assert summary["error"]["message"] in line
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
        assert [str(pk) for pk in ImportJob.objects.values_list("pk", flat=True)] == [*filter(None, [summary["job"]])]


def test_an_unknown_tenant_is_one_clear_line(saigon, file):
    with pytest.raises(CommandError, match=r"^There is no tenant “nobody”\.$"):
        run("nobody", file([shopify()]))


def test_a_file_that_is_not_there_is_one_clear_line(saigon, tmp_path):
    line, summary = failed_run("saigon", tmp_path / "gone.csv")
    assert line == summary["error"]["message"] == f"{tmp_path / 'gone.csv'}: No such file or directory"
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


def test_numbers_of_a_shopify_file_are_read_as_it_is_said(saigon, tmp_path):
    path = tmp_path / "shop.csv"
    path.write_bytes(written([shopify(Variant_Price="1.250.000", Variant_Compare_At_Price="1.500.000")]).getvalue())
    assert run("saigon", path, "--currency", "VND")["errors"] == 1
    summary = run("saigon", path, "--currency", "VND", "--decimals", "comma")
    assert (summary["errors"], summary["prices"]["created"]) == (0, 1)
    with in_tenant(saigon.tenant):
        price = VariantPrice.objects.get()
        assert (price.amount, price.compare_at) == (1_250_000, 1_500_000)


def test_what_the_file_lacks_is_archived_when_it_is_said(saigon, tmp_path):
    path = tmp_path / "shop.csv"

    def bring(count, *options):
        rows = [shopify(Handle=f"h-{number}", Variant_SKU=f"S-{number}") for number in range(count)]
        path.write_bytes(written(rows).getvalue())
        return run("saigon", path, "--currency", "USD", "--source", "north", *options)

    bring(3)
    assert "archived" not in bring(2)["offerings"]
    with pytest.raises(CommandError, match="lacks 2 of 3"):
        bring(1, "--missing", "archive")
    assert bring(1, "--missing", "archive", "--may-archive-many")["offerings"]["archived"] == 2
    with in_tenant(saigon.tenant):
        assert Offering.objects.filter(status="archived").count() == 2
