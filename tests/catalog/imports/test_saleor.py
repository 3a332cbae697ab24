"""A shop of Saleor, moved here: what its objects become, and that moving it again changes nothing."""

import json
import os
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog.imports.jobs import import_file, request_undo, run_due_jobs
from catalog.imports.json_objects import read_objects
from catalog.imports.problems import UnreadableFile
from catalog.imports.reading import open_rows
from catalog.models import (
    InventoryItem,
    InventoryLocation,
    Offering,
    OfferingImage,
    OfferingVersion,
    PriceList,
    PriceListChange,
    Variant,
    VariantPrice,
)
from catalog.services import create_offering
from tests.catalog.imports.files import findings
from tests.conftest import in_tenant

DATA = os.environ.get("BACKROOM_TEST_DATA")


def shop(*more):
    """A shop of one shirt in two sizes, sold in two channels, lying in two warehouses."""
    objects = [
        ("product.category", 1, {"name": "Shirts"}),
        ("product.collection", 4, {"name": "Summer"}),
        ("product.collectionproduct", 1, {"collection": 4, "product": 7}),
        ("channel.channel", 1, {"slug": "web-us", "name": "Web US", "currency_code": "USD"}),
        ("channel.channel", 2, {"slug": "sàn vn", "name": "Sàn VN", "currency_code": "VND"}),
        ("warehouse.warehouse", "aa-bb", {"slug": "hanoi", "name": "Hà Nội"}),
        ("warehouse.warehouse", "cc-dd", {"slug": "hue", "name": "Huế"}),
        ("attribute.attribute", 1, {"slug": "material", "name": "Material"}),
        ("attribute.attribute", 2, {"slug": "shirt-size", "name": "Size"}),
        ("attribute.attributevalue", 1, {"attribute": 1, "name": "linen"}),
        ("attribute.attributevalue", 2, {"attribute": 2, "name": "M"}),
        ("attribute.attributevalue", 3, {"attribute": 2, "name": "L"}),
        ("attribute.attributevalue", 4, {"attribute": 1, "name": "cotton"}),
        ("attribute.assignedproductattributevalue", 1, {"product": 7, "value": 1, "sort_order": 0}),
        ("attribute.assignedproductattribute", 9, {"product": 7}),
        ("attribute.assignedproductattributevalue", 2, {"assignment": 9, "value": 4, "sort_order": 1}),
        ("attribute.assignedvariantattribute", 31, {"variant": 71}),
        ("attribute.assignedvariantattributevalue", 1, {"assignment": 31, "value": 2}),
        ("attribute.assignedvariantattributevalue", 2, {"variant": 72, "value": 3}),
        ("product.product", 7, {"name": "Áo linen", "slug": "ao-linen", "category": 1, "description": WORDS}),
        ("product.productchannellisting", 1, {"product": 7, "channel": 1, "is_published": True}),
        ("product.productmedia", 1, {"product": 7, "external_url": "https://img.example/ao.jpg", "alt": "Front"}),
        ("product.productvariant", 71, {"product": 7, "sku": "AL-M", "name": "M", "track_inventory": True}),
        ("product.productvariant", 72, {"product": 7, "sku": None, "name": "L", "track_inventory": False}),
        ("product.productvariantchannellisting", 1, price(71, 1, "20.000", "15.500")),
        ("product.productvariantchannellisting", 2, price(71, 2, "390000.000", "390000.000")),
        ("product.productvariantchannellisting", 3, price(72, 1, "21.125", None)),
        ("product.productvariantchannellisting", 4, price(72, 2, None, None)),
        ("warehouse.stock", 1, {"warehouse": "aa-bb", "product_variant": 71, "quantity": 4}),
        ("warehouse.stock", 2, {"warehouse": "cc-dd", "product_variant": 71, "quantity": 6}),
        ("menu.menu", 1, {"name": "navbar"}),
        *more,
    ]
    return json.dumps([{"model": model, "pk": pk, "fields": fields} for model, pk, fields in objects]).encode()


WORDS = {
    "blocks": [
        {"type": "header", "data": {"text": "Cool"}},
        {"type": "paragraph", "data": {"text": "and <b>light</b><script>x</script>"}},
        {"type": "list", "data": {"style": "unordered", "items": ["one", {"content": "two"}]}},
    ]
}


def price(variant, channel, amount, reduced):
    currency = {1: "USD", 2: "VND"}[channel]
    return {
        "variant": variant,
        "channel": channel,
        "currency": currency,
        "price_amount": amount,
        "discounted_price_amount": reduced,
    }


def run(slug, path, *options):
    out = StringIO()
    call_command("import_catalog", slug, str(path), *options, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def saved(tmp_path, content):
    path = tmp_path / "shop.json"
    path.write_bytes(content)
    return path


def prices_of(sku):
    found = VariantPrice.objects.filter(variant__sku=sku).order_by("price_list__code")
    return [
        (one.price_list.code, one.currency, f"{one.amount:f}", one.compare_at and f"{one.compare_at:f}") for one in found
    ]


@pytest.mark.django_db
def test_a_shop_becomes_offerings_prices_in_every_channel_and_stock_in_every_warehouse(saigon, tmp_path):
    summary = run("saigon", saved(tmp_path, shop()), "--currency", "USD")
    assert (summary["status"], summary["errors"], summary["warnings"]) == ("completed", 0, 0)
    with in_tenant(saigon.tenant):
        offering = Offering.objects.get()
        assert (offering.code, offering.status, offering.category, offering.tags) == (
            *("ao-linen", "active", "Shirts", ["Summer"]),
        )
        assert offering.metadata == {"attributes": {"material": "linen, cotton"}}
        words = OfferingVersion.objects.get()
        assert words.name == "Áo linen"
        assert words.description == "<h3>Cool</h3><p>and <b>light</b></p><ul><li>one</li><li>two</li></ul>"
        assert prices_of("AL-M") == [
            ("s-n-vn", "VND", "390000.0000", None),
            ("web-us", "USD", "15.5000", "20.0000"),
        ]
        assert prices_of("ao-linen-l") == [("web-us", "USD", "21.1250", None)]
        options = dict(Variant.objects.values_list("sku", "attributes"))
        assert options == {"AL-M": {"shirt_size": "M"}, "ao-linen-l": {"shirt_size": "L"}}
        stock = InventoryItem.objects.order_by("location__code").values_list("location__code", "stock_qty")
        assert list(stock) == [("hanoi", 4), ("hue", 6)]
        assert PriceList.objects.get(code="s-n-vn").name == "Sàn VN"
        assert InventoryLocation.objects.get(code="hue").name == "Huế"
        assert list(OfferingImage.objects.values_list("url", "alt")) == [("https://img.example/ao.jpg", "Front")]


@pytest.mark.django_db
def test_a_second_move_changes_nothing(saigon, tmp_path):
    path = saved(tmp_path, shop())
    run("saigon", path)
    again = run("saigon", path)
    for part in ("offerings", "variants", "prices", "stock"):
        assert (again[part]["created"], again[part]["changed"]) == (0, 0)
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1
        assert PriceList.objects.filter(code="web-us").count() == 1


@pytest.mark.django_db
def test_lists_and_locations_are_announced_and_made_only_when_it_is_applied(api, saigon, tmp_path):
    run("saigon", saved(tmp_path, shop()), "--dry-run")
    with in_tenant(saigon.tenant):
        assert set(PriceList.objects.values_list("code", flat=True)) == {"standard"}
        assert set(InventoryLocation.objects.values_list("code", flat=True)) == {"main"}
    [job] = api(saigon).get("imports/").json()["results"]
    assert (job["status"], job["summary"]["errors"]) == ("staged", 0)
    assert job["understood"]["makes"] == {
        "price_lists": {"web-us": "Web US", "s-n-vn": "Sàn VN"},
        "locations": {"hanoi": "Hà Nội", "hue": "Huế"},
    }


@pytest.mark.django_db
def test_attributes_that_the_domain_knows_are_attributes(api, saigon):
    client = api(saigon)
    file = BytesIO(shop())
    file.name = "shop.json"
    job = client.upload("imports/", {"file": file, "mapping": "saleor", "domain": "fashion"}).json()
    run_due_jobs()
    client.post(f"imports/{job['id']}/apply/")
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.get().attributes == {"material": "linen, cotton"}
        assert Offering.objects.get().metadata == {}


def test_files_of_the_shop_have_no_address_and_are_left_out_with_one_warning():
    media = [("product.productmedia", key, {"product": 8, "image": f"products/{key}.png"}) for key in (5, 6)]
    product = ("product.product", 8, {"name": "Cap", "slug": "cap"})
    variant = ("product.productvariant", 81, {"product": 8, "sku": "C-1", "track_inventory": False})
    listing = ("product.productvariantchannellisting", 9, price(81, 1, "5.000", "5.000"))
    rows = list(open_rows(BytesIO(shop(product, variant, listing, *media))))
    assert [findings(row) for row in rows if row.handle == "cap"] == [[("warning", "image", "invalid_image")]]


@pytest.mark.parametrize("amount", ["-1.000", "1e-9", "NaN", "1e999999999", {}, [], "free"])
def test_an_amount_that_is_none_is_an_error_of_its_row_only(amount):
    rows = list(open_rows(BytesIO(shop(("product.productvariantchannellisting", 9, price(72, 2, amount, None))))))
    assert [row.is_error for row in rows] == [False, False, False, True]


@pytest.mark.parametrize("field", ["slug", "name", "category", "description"])
@pytest.mark.parametrize("value", [None, 1, "x" * 600, [], {"blocks": 5}, {"blocks": [1, {"data": 2}]}, "\0"])
def test_any_value_in_any_field_is_rows_or_errors(field, value):
    broken = ("product.product", 8, {"name": "Cap", "slug": "cap", field: value})
    variant = ("product.productvariant", 81, {"product": 8, "sku": "C-1"})
    rows = list(open_rows(BytesIO(shop(broken, variant))))
    assert sum(row.handle == "ao-linen" for row in rows) == 3
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[]", "empty_file"),
        (b"[1]", "malformed_json"),
        (b'[{"code": "a"', "malformed_json"),
        (b'[{"code": NaN}]', "malformed_json"),
        (b'[{"a":' * 100_000, "malformed_json"),
        (b'[{"code": "a", "price": {"amount": 1}}]', "malformed_json"),
        (b'[{"code": "a", "name": "A", "price": 1, "colour": "red"}]', "unknown_header"),
        ('[{"code": "Á'.encode("latin-1"), "not_utf8"),
    ],
)
def test_json_that_is_no_catalogue_is_refused(content, code):
    with pytest.raises(UnreadableFile) as caught:
        open_rows(BytesIO(content))
    assert caught.value.code == code


@pytest.mark.parametrize("form", ["[{}, {}]", "{}\n{}\n", "\ufeff[{},\n{}]\n"])
def test_rows_of_our_own_are_read_from_a_json_file_too(form):
    first = {"code": "cap", "name": "Mũ", "sku": "C-1", "price": 5.125, "attributes": {"note": True}}
    second = {
        "code": "hat",
        "name": "Hat",
        "variants": [{"sku": "H-1", "price": "6", "options": {"size": "M"}}, {"price": 7}],
    }
    content = form.replace("{}", "%s") % (json.dumps(first), json.dumps(second))
    rows = list(open_rows(BytesIO(content.encode()), currency="USD"))
    assert [(row.handle, row.variant and row.variant.sku, row.variant and str(row.variant.price)) for row in rows] == [
        ("cap", "C-1", "5.125"),
        ("hat", "H-1", "6.00"),
        ("hat", "hat", "7.00"),
    ]


@pytest.mark.sample_data
@pytest.mark.django_db
def test_the_sample_shop_of_saleor_is_moved_whole(saigon):
    path = Path(DATA or "") / "catalog" / "saleor_populatedb.json"
    first, second = (run("saigon", path, "--currency", "USD") for _time in range(2))
    assert (first["status"], first["errors"]) == ("completed", 0)
    assert first["offerings"]["created"] == 32
    assert first["variants"]["created"] == 73
    assert first["prices"]["created"] == 146
    assert first["stock"]["created"] == 56
    assert [second[part]["created"] + second[part]["changed"] for part in ("offerings", "variants", "prices", "stock")] == [
        0
    ] * 4
    with in_tenant(saigon.tenant):
        assert set(VariantPrice.objects.values_list("currency", flat=True)) == {"USD", "PLN"}


@pytest.fixture
def moved(saigon):
    """The shop, imported."""
    with in_tenant(saigon.tenant):
        return import_file(chunks=[shop()], name="shop.json", currency="USD")


def undone(job):
    request_undo(job=job)
    run_due_jobs()
    job.refresh_from_db()
    assert job.status == "undone", job.error_log


def codes(model):
    return set(model.objects.values_list("code", flat=True))


@pytest.mark.django_db
def test_undone_a_shop_takes_its_price_lists_and_warehouses_with_it(moved, saigon):
    with in_tenant(saigon.tenant):
        assert codes(PriceList) > {"standard"}
        undone(moved)
        assert (codes(PriceList), codes(InventoryLocation)) == ({"standard"}, {"main"})
        assert not Offering.objects.exists()
        assert PriceListChange.objects.count() == 1
        assert import_file(chunks=[shop()], name="shop.json", currency="USD").status == "completed"
        assert {"hanoi", "hue"} < codes(InventoryLocation)


@pytest.mark.django_db
def test_a_list_or_place_that_somebody_changed_or_uses_stays_when_a_shop_is_undone(moved, saigon):
    with in_tenant(saigon.tenant):
        mine = create_offering(code="mine", name="Mine", variants=[{"sku": "MINE"}]).variants.get()
        used, other = PriceList.objects.exclude(code="standard").order_by("code")
        used.prices.create(variant=mine, currency="USD", amount=1)
        InventoryLocation.objects.filter(code="hue").update(name="Mine now")
        undone(moved)
        assert codes(PriceList) == {"standard", used.code}
        assert codes(InventoryLocation) == {"main", "hue"}
        other_shop = import_file(chunks=[shop()], name="shop.json", currency="USD")
        PriceList.objects.filter(code=other.code).update(name="Mine", updated_at=timezone.now())
        undone(other_shop)
        assert codes(PriceList) == {"standard", used.code, other.code}


def test_no_object_of_a_long_file_is_lost():
    objects = [{"code": f"c-{number}", "text": "é" * 700} for number in range(2_000)]
    for text in (json.dumps(objects), "\n".join(json.dumps(one, ensure_ascii=False) for one in objects)):
        assert list(read_objects(BytesIO(text.encode()))) == objects
