"""What applying means for each thing a file can say: offerings, attributes, variants, prices, stock, images."""

import pytest

from catalog.imports.jobs import import_file
from catalog.models import (
    AttributeDefinition,
    AttributeValue,
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingImage,
    OfferingVersion,
    PriceChange,
    PriceList,
    SearchText,
    StockMovement,
    Variant,
    VariantPrice,
)
from catalog.services import activate_version
from tenants.errors import DomainError
from tenants.scope import platform_scope
from tests.catalog.imports.files import backroom, shopify, written
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db
TABLES = (Offering, OfferingVersion, AttributeValue, Variant, VariantPrice, InventoryItem, OfferingImage)
FLAT = {"domain": "real_estate", "attr__property_type": "apartment", "attr__area": "54.5", "attr__pets_allowed": "TRUE"}


@pytest.fixture(autouse=True)
def inside(saigon):
    with in_tenant(saigon.tenant):
        yield


def imported(*rows, **options):
    return import_file(chunks=[written(rows).getvalue()], name="shop.csv", currency="USD", **options)


def problems(job):
    found = job.rows.filter(outcome="error").order_by("row")
    return [(row.row, problem["column"], problem["code"]) for row in found for problem in row.problems]


def versions_of_rows():
    """Every row with the transaction that wrote it last: equal means nothing was written."""
    ledgers = [(PriceChange, PriceChange.objects.count()), (StockMovement, StockMovement.objects.count())]
    return [
        sorted(model.objects.order_by("pk").extra(select={"xmin": "xmin::text"}).values_list("pk", "xmin"))
        for model in TABLES
    ] + ledgers


def test_a_second_import_writes_not_one_row():
    rows = [
        backroom(**FLAT, stock_qty="2", safety_stock="1", tags="flat,river", image="https://example.com/a.jpg"),
        backroom(sku="RF-2", option__view="river", stock_qty="0"),
    ]
    imported(*rows)
    before = versions_of_rows()
    job = imported(*rows)
    assert versions_of_rows() == before
    assert {row.outcome for row in job.rows.all()} == {"unchanged"}
    assert job.summary["offerings"] == {"created": 0, "changed": 0, "unchanged": 1}


def test_attributes_are_typed_and_copied_into_the_version():
    imported(backroom(**FLAT))
    version = OfferingVersion.objects.get()
    assert version.attributes == {"property_type": "apartment", "area": 54.5, "pets_allowed": True}
    assert AttributeValue.objects.get(attribute_definition__key="area").value_number == 54.5
    assert Offering.objects.get().domain.code == "real_estate"


def test_an_attribute_of_a_json_file_that_is_json_itself_keeps_numbers_apart_from_text():
    with platform_scope(reason="test"):
        retail = KnowledgeDomain.objects.get(code="real_estate")
        AttributeDefinition.objects.create(domain=retail, key="floors", name="Floors", value_type="json")
    file = b'[{"code": "A", "name": "A", "sku": "A-1", "domain": "real_estate", "attributes": {"floors": {"12": [1, 2.50, "3"]}}}]'
    import_file(chunks=[file], name="shop.json", currency="USD")
    assert AttributeValue.objects.get(attribute_definition__key="floors").value_json == {"12": [1, 2.5, "3"]}


def test_a_changed_attribute_makes_a_version_and_an_emptied_one_goes():
    imported(backroom(**FLAT))
    imported(backroom(**FLAT | {"attr__area": "60", "attr__pets_allowed": ""}))
    assert OfferingVersion.objects.get(status="active").attributes == {"property_type": "apartment", "area": 60}
    assert OfferingVersion.objects.get(status="archived").attributes["area"] == 54.5


def test_what_the_file_has_no_column_for_stays():
    imported(
        backroom(**FLAT, description="<b>Bright</b>", category="Flats", tags="river", status="archived", compare_at="130000")
    )
    job = imported(backroom())
    assert job.summary["offerings"]["unchanged"] == job.summary["prices"]["unchanged"] == 1
    version = OfferingVersion.objects.get()
    assert (version.description, version.attributes["area"]) == ("<b>Bright</b>", 54.5)
    assert (Offering.objects.get().status, Offering.objects.get().tags) == ("archived", ["river"])
    assert VariantPrice.objects.get().compare_at == 130000


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"attr__area": "large"}, ("attr.area", "invalid_attribute")),
        ({"attr__area": "0"}, ("attr.area", "invalid_attribute")),
        ({"attr__property_type": "castle"}, ("attr.property_type", "invalid_attribute")),
        ({"attr__pets_allowed": "perhaps"}, ("attr.pets_allowed", "invalid_attribute")),
        ({"attr__colour": "red"}, ("attr.colour", "invalid_attribute")),
        ({"attr__floor": "3"}, ("attr.floor", "invalid_attribute")),
        ({"option__floor": "roof"}, ("option.floor", "invalid_attribute")),
        ({"domain": "moon"}, ("domain", "unknown_domain")),
    ],
)
def test_a_wrong_attribute_is_an_error_of_its_row_and_its_offering_waits_as_a_draft(fields, expected):
    job = imported(backroom(**FLAT | fields))
    assert problems(job) == [(2, *expected)]
    assert Offering.objects.get().status == "draft"
    assert not Variant.objects.exists()


def test_a_wrong_attribute_changes_nothing_of_an_offering_there_is():
    imported(backroom(**FLAT))
    imported(backroom(**FLAT | {"attr__area": "large", "name": "Castle"}))
    assert OfferingVersion.objects.get().name == "River Flat"
    assert (Offering.objects.get().status, Variant.objects.count()) == ("active", 1)


def test_options_the_domain_does_not_know_may_be_anything_and_keep_their_spelling():
    domain = KnowledgeDomain.objects.get(code="fashion")
    imported(shopify(Option1_Name="Colour Way", Option1_Value="Dusk"), domain=domain)
    assert Variant.objects.get().attributes == {"Colour Way": "Dusk"}
    assert Offering.objects.get().domain == domain


def test_a_price_list_and_a_location_of_the_file_are_those_of_the_tenant():
    PriceList.objects.create(code="vip", priority=1)
    InventoryLocation.objects.create(code="shop")
    job = imported(
        backroom(stock_qty="2"),
        backroom(price="100000", price_list="vip", stock_qty="2"),
        backroom(price="2900000000", currency="VND", stock_qty="5", location="shop"),
    )
    assert problems(job) == []
    prices = VariantPrice.objects.values_list("price_list__code", "currency", "amount")
    assert set(prices) == {("standard", "USD", 125000), ("vip", "USD", 100000), ("standard", "VND", 2900000000)}
    assert dict(InventoryItem.objects.values_list("location__code", "stock_qty")) == {"main": 2, "shop": 5}
    assert (Variant.objects.count(), StockMovement.objects.count()) == (1, 2)


def test_two_rows_that_contradict_each_other_are_not_guessed_about():
    InventoryLocation.objects.create(code="shop")
    job = imported(
        backroom(stock_qty="2"),
        backroom(currency="", price="1", location="shop", stock_qty="1"),
        backroom(price="2", currency="VND", stock_qty="7"),
    )
    assert problems(job) == [(3, "price", "conflicting_price"), (4, "stock_qty", "conflicting_stock")]
    assert "Row 2" in job.rows.get(row=3).problems[0]["message"]
    assert VariantPrice.objects.get().amount == 125000
    assert InventoryItem.objects.get().stock_qty == 2


def test_stock_is_set_by_a_movement_of_the_difference():
    for quantity in ("5", "3", "3", "0"):
        imported(backroom(stock_qty=quantity, safety_stock="1"))
    movements = StockMovement.objects.order_by("id").values_list("quantity", "reason")
    assert list(movements) == [(5, "import"), (-2, "import"), (-3, "import")]
    assert InventoryItem.objects.values_list("stock_qty", "safety_stock").get() == (0, 1)


def test_a_variant_counted_at_zero_is_counted_and_one_not_tracked_is_not():
    imported(backroom(stock_qty="0"), backroom(sku="RF-2", option__view="river"))
    assert list(InventoryItem.objects.values_list("variant__sku", "stock_qty")) == [("RF-1", 0)]
    assert not StockMovement.objects.exists()


def test_an_image_is_added_once_per_address():
    rows = [shopify(Image_Src="https://example.com/a.jpg", Image_Position="1")]
    rows += [
        {"Handle": "linen-shirt", "Image Src": address}
        for address in ("https://example.com/b.jpg", "https://example.com/a.jpg")
    ]
    assert imported(*rows).summary["images"] == 2
    assert imported(*rows).summary["images"] == 0
    assert OfferingImage.objects.count() == 2


def test_every_handle_makes_an_offering_and_one_without_a_variant_to_sell_is_a_draft():
    imported(shopify(Variant_Price="x"), shopify(Handle="cap", Title="Cap", Variant_SKU="CAP"))
    assert dict(Offering.objects.values_list("code", "status")) == {"linen-shirt": "draft", "cap": "active"}


@pytest.mark.parametrize("status", ["active", "draft", "archived"])
def test_the_status_of_the_file_is_kept(status):
    imported(shopify(Status=status))
    assert Offering.objects.get().status == status
    assert SearchText.objects.filter(kind="offering").exists() is (status == "active")


def test_a_status_column_changes_the_status_and_without_one_it_stays():
    imported(shopify(Status="active"))
    imported(shopify(Status="draft"))
    assert Offering.objects.get().status == "draft"
    imported(shopify())
    assert Offering.objects.get().status == "draft"


def test_a_variant_the_new_file_does_not_have_is_left_alone():
    imported(shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L"))
    imported(shopify(), shopify(Option1_Value="XL", Variant_SKU="LS-XL"))
    assert list(Variant.objects.order_by("position").values_list("sku", "position")) == [
        ("LS-M", 0),
        ("LS-L", 1),
        ("LS-XL", 2),
    ]
    assert set(Variant.objects.values_list("status", flat=True)) == {"active"}


def test_an_imported_offering_is_found_at_once_with_all_its_variants():
    imported(shopify(Variant_SKU="QX-77"))
    text = SearchText.objects.get()
    assert (text.title, "QX-77" in text.body) == ("Linen Shirt", True)


def test_an_offering_that_only_has_a_draft_gets_an_active_version():
    offering = Offering.objects.create(code="linen-shirt", status="draft")
    OfferingVersion.objects.create(offering=offering, version=1, name="Draft", status="draft")
    imported(shopify())
    assert OfferingVersion.objects.values_list("version", "name").get(status="active") == (2, "Linen Shirt")


def test_a_formula_is_text_like_any_other():
    imported(backroom(name="=1+1", tags="@cmd"))
    assert OfferingVersion.objects.get().name == "=1+1"
    assert Offering.objects.get().tags == ["@cmd"]


def test_a_file_with_nul_is_refused_as_a_whole():
    job = imported(backroom(name="a\x00b"))
    assert (job.status, job.summary["error"]["code"]) == ("failed", "binary_file")
    assert not Offering.objects.exists()


def warnings(job):
    return [(row.row, one["column"], one["code"]) for row in job.rows.order_by("row") for one in row.problems]


def test_an_offering_without_what_its_domain_requires_stays_a_draft_with_a_warning():
    for _time in range(2):
        job = imported(backroom(domain="electronics", status="active"), backroom(code="lamp", name="Lamp", sku="L"))
        assert (job.summary["errors"], job.summary["warnings"]) == (0, 1)
        assert warnings(job) == [(2, "attr.brand", "missing_attribute")]
    assert dict(Offering.objects.values_list("code", "status")) == {"river-flat": "draft", "lamp": "active"}
    assert job.summary["offerings"] == {"created": 0, "changed": 0, "unchanged": 2}
    assert VariantPrice.objects.count() == 2


def test_what_the_catalogue_knows_already_is_not_missing_and_what_is_emptied_is():
    lamp = backroom(domain="electronics", status="active", attr__brand="Lumora")
    imported(lamp)
    without = {name: value for name, value in lamp.items() if name != "attr.brand"}
    assert warnings(imported(without)) == []
    assert Offering.objects.get().status == "active"
    assert warnings(imported(lamp | {"attr.brand": ""})) == [(2, "attr.brand", "missing_attribute")]
    assert Offering.objects.get().status == "draft"
    assert warnings(imported(lamp)) == []
    assert Offering.objects.get().status == "active"


def test_a_shopify_file_is_not_asked_for_attributes_it_cannot_have():
    job = imported(shopify(), domain=KnowledgeDomain.objects.get(code="electronics"))
    assert (job.summary["warnings"], Offering.objects.get().status) == (0, "active")


def test_a_variant_without_an_option_its_domain_requires_keeps_a_new_offering_a_draft():
    with platform_scope(reason="test set-up"):
        AttributeDefinition.objects.filter(domain__code="fashion", key="size").update(is_required=True)
    shirts = [
        backroom(code="shirt", domain="fashion", attr__material="linen", sku="S-1", status="active", option__Size="M"),
        backroom(code="coat", domain="fashion", attr__material="wool", sku="C-1", status="active", option__Size=""),
    ]
    for _time in range(2):
        job = imported(*shirts)
        assert [found for found in warnings(job) if found[2] == "missing_attribute"] == [
            (3, "option.size", "missing_attribute")
        ]
    assert dict(Offering.objects.values_list("code", "status")) == {"shirt": "active", "coat": "draft"}
    assert Variant.objects.get(sku="S-1").attributes == {"Size": "M"}
    shirt = Offering.objects.get(code="shirt")
    activate_version(version=shirt.current)  # by hand it is complete, too
    with pytest.raises(DomainError) as refused:
        activate_version(version=Offering.objects.get(code="coat").current)
    assert [one.field for one in refused.value.problems] == ["variants.0.attributes.size"]


def test_tags_and_category_are_filed_as_by_hand():
    tags = ",".join(["Sale", "sale", " new ", *(f"t{number}" for number in range(120))])
    job = imported(backroom(tags=tags, category=" Ba\u0300n "))
    assert warnings(job) == [(2, "tags", "too_many_tags")]
    offering = Offering.objects.get()
    assert (offering.tags[:3], len(offering.tags), offering.category) == (["Sale", "new", "t0"], 100, "B\u00e0n")


def test_what_is_on_sale_gets_no_variant_without_an_option_its_domain_requires():
    with platform_scope(reason="test set-up"):
        AttributeDefinition.objects.filter(domain__code="fashion", key="size").update(is_required=True)
    shirt = {"code": "shirt", "domain": "fashion", "attr__material": "linen"}
    small = backroom(**shirt, sku="S-1", option__Size="S")
    imported(small)
    job = imported(small, backroom(**shirt, sku="S-2", option__Size=""), backroom(**shirt, sku="S-3", option__Size="L"))
    [wrong] = job.rows.filter(outcome="error")
    assert (wrong.row, wrong.first_problem["code"], wrong.first_problem["column"]) == (3, "missing_option", "option.size")
    assert {*Variant.objects.values_list("sku", flat=True)} == {"S-1", "S-3"}
    job = imported(backroom(**shirt, sku="S-1", option__Size=""))
    assert (job.summary["errors"], Variant.objects.get(sku="S-1").attributes) == (1, {"Size": "S"})
    job = imported(backroom(**shirt, sku="S-2", option__Size="", status="draft"))
    assert (job.summary["errors"], Offering.objects.get().status) == (0, "draft")
