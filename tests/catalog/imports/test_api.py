"""Imports through the API: hand in, stage, look, apply; bad files; who may."""

import json
from io import BytesIO

import pytest
from django.utils import translation

from catalog.imports.jobs import run_due_jobs
from catalog.imports.problems import FILE_MESSAGES
from catalog.models import (
    ImportJob,
    InventoryLocation,
    Offering,
    OfferingVersion,
    PriceChange,
    PriceList,
    StockMovement,
    Variant,
    VariantPrice,
)
from tests.catalog.imports.files import backroom, shopify, written
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db
TWO = [shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L", Variant_Price="27.00")]


def named(content, name="shop.csv"):
    file = content if hasattr(content, "read") else BytesIO(content)
    file.name = name
    return file


def upload(client, content, **fields):
    return client.upload("imports/", {"file": named(content), "mapping": "auto", "currency": "USD", **fields})


def staged(client, content, **fields):
    answer = upload(client, content, **fields)
    assert answer.status_code == 201, answer.content
    run_due_jobs()
    return client.get(f"imports/{answer.json()['id']}/").json()


def applied(client, content, **fields):
    job = staged(client, content, **fields)
    assert client.post(f"imports/{job['id']}/apply/").status_code == 200
    run_due_jobs()
    return client.get(f"imports/{job['id']}/").json()


def rows(client, job, **params):
    return client.get(f"imports/{job['id']}/rows/", params).json()["results"]


def test_a_file_is_staged_and_changes_nothing_until_it_is_applied(api, saigon):
    client = api(saigon)
    job = staged(client, written(TWO))
    assert (job["status"], job["progress"], job["file"]) == ("staged", 100, "shop.csv")
    assert job["counts"] == {"total": 2, "rows": 2, "errors": 0, "warnings": 0}
    assert job["summary"]["variants"] == {"created": 2, "changed": 0, "unchanged": 0}
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
    assert client.post(f"imports/{job['id']}/apply/").json()["status"] == "applying"
    run_due_jobs()
    done = client.get(f"imports/{job['id']}/").json()
    assert set(done["summary"]) == {
        *("job", "status", "rows", "offerings", "variants", "prices", "stock", "images", "warnings", "errors", "seconds")
    }
    assert (done["status"], done["summary"]["status"], done["summary"]["job"]) == ("completed", "completed", job["id"])
    found = client.get("facts/", {"sku": "LS-L", "currency": "USD"}).json()
    assert (found["price"]["amount"], found["available"]) == ("27.00", 3)


def test_an_import_is_applied_once(api, saigon):
    client = api(saigon)
    job = applied(client, written(TWO))
    again = client.post(f"imports/{job['id']}/apply/")
    assert (again.status_code, again.json()["code"]) == (409, "not_staged")
    with in_tenant(saigon.tenant):
        assert StockMovement.objects.count() == 2


def test_rows_that_say_the_same_are_one_fact_and_those_that_contradict_each_other_are_errors_of_their_own(api, saigon):
    client = api(saigon)
    lines = [
        backroom(price="100", currency="", stock_qty="5"),
        backroom(price="100", currency="USD", stock_qty="5"),
        backroom(price="200", stock_qty="5"),
        backroom(price="100", stock_qty="6"),
    ]
    job = applied(client, written(lines))
    told = {row["row"]: (row["column"], row["code"], row["message"]) for row in rows(client, job, state="error")}
    assert told == {
        4: ("price", "conflicting_price", "Row 2 gives another price of the variant in the same list and currency."),
        5: ("stock_qty", "conflicting_stock", "Row 2 gives another stock of the variant at the same location."),
    }
    with in_tenant(saigon.tenant):
        assert [(one.amount, one.currency) for one in VariantPrice.objects.all()] == [(100, "USD")]
        assert [one.quantity for one in StockMovement.objects.all()] == [5]


def test_errors_that_only_the_catalogue_shows_are_counted_too(api, saigon):
    client = api(saigon)
    job = staged(client, written([backroom(), backroom(sku="RF-2", option__view="park", price_list="nowhere")]))
    assert job["counts"] == {"total": 2, "rows": 2, "errors": 1, "warnings": 0}
    with in_tenant(saigon.tenant):
        PriceList.objects.create(code="nowhere", priority=1)
    client.post(f"imports/{job['id']}/apply/")
    run_due_jobs()
    done = client.get(f"imports/{job['id']}/").json()
    assert (done["counts"]["errors"], done["summary"]["errors"]) == (0, 0)


def test_new_rows_tell_their_values_before_anything_is_applied(api, saigon):
    client = api(saigon)
    job = staged(client, written([backroom(stock_qty="4", category="Flats")]))
    (row,) = rows(client, job, state="create")
    assert (row["row"], row["changes"], row["cells"]) == (2, {}, None)
    assert (row["values"]["offering"]["name"], row["values"]["offering"]["category"]) == ("River Flat", "Flats")
    assert (row["values"]["variant"]["price"], row["values"]["variant"]["quantity"]) == ("125000.00", 4)


def test_a_stock_that_is_no_number_of_pieces_is_told_as_that(api, saigon):
    client = api(saigon)
    job = staged(client, written([backroom(stock_qty="2.5"), backroom(sku="RF-2", option__view="park", stock_qty="1.000")]))
    told = [(row["code"], row["message"]) for row in rows(client, job, state="error")]
    assert told == [
        ("invalid_number", "Not a whole number of pieces, such as 1234."),
        ("ambiguous_number", "Thousands or decimals? Write 1000 or 1."),
    ]


@pytest.mark.parametrize("header", ["code,name,sku,price,stock_qty", "Mã nhóm,Tên hàng,Mã SP,Giá bán,Tồn kho"])
def test_a_file_may_group_thousands_as_its_country_does(header, api, saigon):
    client = api(saigon)
    content = f'{header}\nca-phe,Cà phê,CF-1,15.000,"1.200"\ntra,Trà,TR-1,9.500,3\n'.encode()
    unsaid = staged(client, BytesIO(content), currency="VND")
    assert {row["code"] for row in rows(client, unsaid)} == {"ambiguous_number"}
    assert unsaid["summary"]["offerings"] == {"created": 2, "changed": 0, "unchanged": 0}
    assert unsaid["summary"]["without_variants"] == 2
    shown = browser(saigon.owner).get(page("catalog_importjob_change", unsaid["id"])).content.decode()
    assert "2 of the new offerings are drafts without variants and prices" in shown
    said = applied(client, BytesIO(content), currency="VND", decimals="comma")
    assert (said["id"] != unsaid["id"], said["decimals"], said["summary"]["errors"]) == (True, "comma", 0)
    with in_tenant(saigon.tenant):
        assert dict(VariantPrice.objects.values_list("variant__sku", "amount")) == {"CF-1": 15000, "TR-1": 9500}
        assert sum(one.quantity for one in StockMovement.objects.all()) == 1203


def test_a_corrected_file_tells_of_the_drafts_that_an_earlier_one_made(api, saigon):
    client = api(saigon)
    wrong = applied(client, BytesIO(b"code,name,domain,sku,price\nscaling,Scaling,dental,SC-1,300000\n"), currency="VND")
    assert (wrong["summary"]["errors"], "still_drafts" in wrong["summary"]) == (1, False)
    mended = b"code,name,domain,sku,price\nscaling,Scaling,fashion,SC-1,300000\n"
    done = applied(client, BytesIO(mended), currency="VND")
    assert (done["summary"]["errors"], done["summary"]["still_drafts"]) == (0, 1)
    shown = browser(saigon.owner).get(page("catalog_importjob_change", done["id"])).content.decode()
    assert "was a draft before and stays one" in shown
    assert f"{page('catalog_offering_changelist')}?status__exact=draft" in shown
    sold = b"code,name,domain,status,sku,price\nscaling,Scaling,fashion,active,SC-1,300000\n"
    assert "still_drafts" not in applied(client, BytesIO(sold), currency="VND")["summary"]


def test_rows_may_be_sent_as_json(api, saigon):
    client = api(saigon)
    body = {"source_type": "api", "currency": "USD", "rows": [backroom(stock_qty=4, tags=["flat", "river"])]}
    answer = client.post("imports/", body)
    assert answer.status_code == 201, answer.content
    run_due_jobs()
    job = client.get(f"imports/{answer.json()['id']}/").json()
    assert (job["status"], job["source_type"], job["mapping"]) == ("staged", "api", "backroom")
    client.post(f"imports/{job['id']}/apply/")
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().tags == ["flat", "river"]


def test_utf16_is_read(api, saigon):
    job = applied(api(saigon), written([shopify(Title="Áo sơ mi")], encoding="utf-16"))
    assert job["status"] == "completed"
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.get().name == "Áo sơ mi"


def test_bad_rows_are_told_with_row_column_and_reason_and_the_others_applied(api, saigon):
    client = api(saigon)
    content = written(
        [
            backroom(stock_qty="-2"),
            backroom(sku="RF-2", price="12,50"),
            backroom(sku="RF-3", price_list="gone"),
            backroom(sku="RF-4", stock_qty="1", location="nowhere"),
            backroom(sku="RF-5", currency="ZZZ"),
            backroom(sku="RF-6", name="=cmd|' /C calc'!A0"),
        ]
    )
    job = staged(client, content)
    found = [(row["row"], row["column"], row["value"], row["code"]) for row in rows(client, job, state="error")]
    assert found == [
        (3, "price", "12,50", "invalid_number"),
        (4, "price_list", "gone", "unknown_price_list"),
        (5, "location", "nowhere", "unknown_location"),
        (6, "currency", "ZZZ", "unknown_currency"),
    ]
    assert [(row["row"], row["code"]) for row in rows(client, job, state="warning")] == [
        (2, "negative_stock"),
        (7, "title_differs"),
    ]
    assert (job["summary"]["errors"], job["summary"]["warnings"]) == (4, 2)
    assert all(row["message"] and row["cells"] for row in rows(client, job, state="error")[:1])
    assert client.get(f"imports/{job['id']}/rows/", {"state": "odd"}).status_code == 400
    client.post(f"imports/{job['id']}/apply/")
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert set(Variant.objects.values_list("sku", flat=True)) == {"RF-1", "RF-6"}


def test_the_preview_shows_old_and_new(api, saigon):
    client = api(saigon)
    applied(client, written(TWO))
    job = staged(client, written([shopify(Title="Silk Shirt", Variant_Price="30", Variant_Inventory_Qty="1"), TWO[1]]))
    (changed,) = rows(client, job, state="change")
    assert changed["changes"] == {"name": ["Linen Shirt", "Silk Shirt"], "price": ["25 USD", "30 USD"], "stock": [3, 1]}
    assert [row["sku"] for row in rows(client, job, state="unchanged")] == ["LS-L"]


def test_a_changed_price_makes_no_version_and_changed_words_do(api, saigon):
    client = api(saigon)
    applied(client, written(TWO))
    job = applied(client, written([shopify(Variant_Price="30"), TWO[1]]))
    assert job["summary"]["prices"] == {"created": 0, "changed": 1, "unchanged": 1}
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1
        assert PriceChange.objects.count() == 3
    job = applied(client, written([shopify(Title="Silk Shirt", Variant_Price="30"), TWO[1]]))
    assert job["summary"]["offerings"] == {"created": 0, "changed": 1, "unchanged": 0}
    with in_tenant(saigon.tenant):
        versions = OfferingVersion.objects.order_by("version").values_list("version", "name", "status")
        assert list(versions) == [(1, "Linen Shirt", "archived"), (2, "Silk Shirt", "active")]
        assert PriceChange.objects.count() == 3


def test_the_sku_of_another_offering_is_an_error_and_stays_there(api, saigon):
    client = api(saigon)
    applied(client, written(TWO))
    job = applied(client, written([shopify(Handle="hemp-shirt", Title="Hemp Shirt", Variant_Price="1")]))
    (row,) = rows(client, job, state="error")
    assert (row["row"], row["column"], row["value"], row["code"]) == (2, "sku", "LS-M", "sku_of_other_offering")
    with in_tenant(saigon.tenant):
        assert Offering.objects.get(code="hemp-shirt").status == "draft"
        assert Variant.objects.get(sku="LS-M").offering.code == "linen-shirt"
        assert not VariantPrice.objects.filter(amount=1).exists()


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("admin", 200), ("operator", 200), ("analyst", 403)])
def test_who_may_apply(api, saigon, role, status):
    job = staged(api(saigon), written(TWO))
    client = api(saigon, getattr(saigon, role))
    assert client.get(f"imports/{job['id']}/").status_code == 200
    assert client.post(f"imports/{job['id']}/apply/").status_code == status
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert Offering.objects.exists() is (status == 200)


def test_nobody_else_sees_or_applies_an_import(api, saigon, harbour):
    job = staged(api(saigon), written(TWO))
    other = api(harbour)
    assert other.get(f"imports/{job['id']}/").status_code == 404
    assert other.get(f"imports/{job['id']}/rows/").status_code == 404
    assert other.post(f"imports/{job['id']}/apply/").status_code == 404
    assert api().get("imports/").status_code == 401
    assert json.loads(other.get("imports/").content)["results"] == []
    with in_tenant(saigon.tenant):
        assert ImportJob.objects.get().status == "staged"


def test_rows_of_json_are_counted_from_the_first(api, saigon):
    client = api(saigon)
    sent = [backroom(), backroom(sku="RF-2", option__view="park", price="abc")]
    for job in (
        client.post("imports/", {"source_type": "api", "currency": "USD", "rows": sent}).json(),
        upload(client, BytesIO(json.dumps(sent).encode())).json(),
    ):
        run_due_jobs()
        assert [(row["row"], row["state"]) for row in rows(client, job)] == [(1, "create"), (2, "error")]


def test_a_further_currency_and_location_of_a_new_variant_are_new(api, saigon):
    client = api(saigon)
    with in_tenant(saigon.tenant):
        InventoryLocation.objects.create(code="shop")
    more = [backroom(price="5", currency="EUR"), backroom(price="", stock_qty="3", location="shop")]
    job = applied(client, written([backroom(), *more]))
    assert [row["state"] for row in rows(client, job)] == ["create", "create", "create"]
    job = staged(client, written([backroom(), backroom(price="9", currency="GBP")]))
    assert [row["state"] for row in rows(client, job)] == ["unchanged", "change"]


def test_what_a_worker_found_is_told_in_the_language_of_whoever_reads_it(api, saigon):
    client = api(saigon)
    vietnamese = {"Accept_Language": "vi"}
    bad = staged(client, BytesIO(b"code,name\nx,y\n"))
    told = client.get(f"imports/{bad['id']}/", **vietnamese).json()
    assert bad["summary"]["error"]["message"] == "The header has no column “price”."
    with translation.override("vi"):
        missing = FILE_MESSAGES["missing_header"] % {"name": "price"}
        assert missing != bad["summary"]["error"]["message"]
    assert told["summary"]["error"]["message"] == missing
    assert told["error"].startswith(f"{missing} (")
    flat = {"domain": "real_estate", "attr__property_type": "apartment", "attr__area": "-5"}
    park = {"sku": "RF-2", "option__view": "park"}
    job = staged(client, written([backroom(**flat), backroom(**park), backroom(**park, price="7")]))
    seen = [{one["code"]: one["message"] for one in rows(client, job, **more)} for more in ({}, {"state": "error"})]
    assert seen[0]["invalid_attribute"].startswith("At least ")
    answer = client.get(f"imports/{job['id']}/rows/", **vietnamese).json()["results"]
    found = {one["code"]: one["message"] for one in answer}
    assert found["invalid_attribute"] != seen[0]["invalid_attribute"]
    assert found["conflicting_price"] != seen[0]["conflicting_price"]
    assert "3" in found["conflicting_price"]
