"""``import_catalog``: files of real shops, and what the command says of bad ones."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

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
from tests.conftest import in_tenant

DATA = os.environ.get("BACKROOM_TEST_DATA")
pytestmark = pytest.mark.django_db
real_files = pytest.mark.skipif(not DATA, reason="BACKROOM_TEST_DATA names no folder")
CATALOGUE = (Offering, OfferingVersion, OfferingImage, Variant, VariantPrice, PriceChange, InventoryItem, StockMovement)


def run(slug, path, *options):
    out = StringIO()
    call_command("import_catalog", slug, str(path), *options, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def real(name):
    return Path(DATA or "") / "catalog" / name


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
