"""Columns of other people: guessed by their names, said once by a business, and known again."""

import json
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports.jobs import run_due_jobs
from catalog.imports.mapping import ColumnMapping, fold, guess, signature
from catalog.imports.problems import UnreadableFile
from catalog.imports.reading import open_rows
from catalog.models import ImportMapping, Offering, Variant, VariantPrice
from tests.catalog.imports.files import findings
from tests.catalog.imports.test_xlsx import workbook
from tests.conftest import in_tenant

VIETNAMESE = "Mã SP;Tên sản phẩm;Giá bán (VNĐ);Tồn kho;Màu sắc\nAL-1;Áo linen;1.250.000;4;đỏ\nAL-2;Áo đũi;390.000đ;0;xanh\n"


def read(text, **options):
    return list(open_rows(BytesIO(text.encode()), currency="VND", **options))


def upload(client, text, **fields):
    file = BytesIO(text.encode())
    file.name = "bang-gia.csv"
    answer = client.upload("imports/", {"file": file, "currency": "VND", **fields})
    assert answer.status_code == 201, answer.content
    run_due_jobs()
    return client.get(f"imports/{answer.json()['id']}/").json()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("Giá", "price"),
        ("GIÁ BÁN", "price"),
        ("Tên sản phẩm", "name"),
        ("Mã SP", "sku"),
        ("Mã sản phẩm*", "sku"),
        ("Tồn kho", "stock_qty"),
        ("SL", "stock_qty"),
        ("Số lượng", "stock_qty"),
        ("Danh mục", "category"),
        ("Mô tả", "description"),
        ("Hình ảnh", "image"),
        ("Product Name", "name"),
        ("product_name", "name"),
        ("Unit price", "price"),
        ("attr.material", "attr.material"),
        ("Descripton", "description"),
        ("Ghi chú", ""),
        ("Barcode", ""),
    ],
)
def test_names_that_people_give_are_known_in_both_languages(name, ours):
    assert guess([name]).columns == {name: ours}


def test_a_vietnamese_price_list_is_read_without_being_told_how():
    first, second = read(VIETNAMESE)
    assert (first.handle, first.offering.name, first.variant.sku) == ("AL-1", "Áo linen", "AL-1")
    assert (str(first.variant.price), first.variant.quantity, first.variant.options) == ("1250000.00", 4, {"color": "đỏ"})
    assert str(second.variant.price) == "390000.00"


def test_without_proof_of_the_notation_a_number_of_two_meanings_stays_an_error():
    [row] = read("Mã SP;Tên;Giá\nA;Áo;120.000\n")
    assert findings(row) == [("error", "price", "ambiguous_number")]


@pytest.mark.parametrize(
    ("decimals", "written", "price"),
    [
        ("comma", "1.234,50", "1234.50"),
        ("comma", "120.000", "120000.00"),
        ("comma", "12,5", "12.50"),
        ("comma", "1.234.567 đ", "1234567.00"),
        ("comma", "12.5", None),
        ("comma", "1.23,4", None),
        ("comma", "１２３", None),
        ("comma", "1e5", None),
        ("point", "1,234.50", "1234.50"),
        ("point", "$120,000", "120000.00"),
        ("point", "1.234", "1.234"),
        ("point", "12,5", None),
        ("plain", "1,234.50", None),
        ("plain", "1234.5", "1234.50"),
    ],
)
def test_numbers_are_read_in_the_notation_that_was_said(decimals, written, price):
    columns = ColumnMapping({"Ref": "sku", "What": "name", "Amount": "price"}, decimals)
    [row] = list(open_rows(BytesIO(f'Ref;What;Amount\nA;Áo;"{written}"\n'.encode()), columns=columns, currency="USD"))
    assert (row.variant and str(row.variant.price)) == price
    assert row.is_error == (price is None)


def test_a_header_is_known_again_in_any_order_and_spelling():
    assert signature(["Mã SP", "Giá", ""]) == signature(["giá ", "MÃ-SP"])
    assert signature(["Mã SP", "Giá"]) != signature(["Mã SP", "Giá", "SL"])
    assert fold("Đơn giá (VNĐ)") == "don gia vnd"


def test_rows_of_another_width_are_errors_of_their_own():
    rows = read("Mã SP;Tên;Giá;Ghi chú\nA;Áo;5\nB;Mũ;6;x\nC;Túi;7;x;y\n")
    assert [row.is_error for row in rows] == [True, False, True]
    assert rows[0].problems[0].code == "ragged_table"


def test_a_workbook_is_read_by_guess_below_what_stands_above():
    rows = list(open_rows(workbook(["BẢNG GIÁ"], [], ["STT", "Mã hàng", "Tên hàng", "Đơn giá"], [1, "A-1", "Áo", 120000.5])))
    assert [(row.row, row.handle, str(row.variant.price)) for row in rows] == [(4, "A-1", "120000.50")]


@pytest.mark.django_db
def test_an_import_tells_what_it_guessed_and_left_out(api, saigon):
    client = api(saigon)
    job = upload(client, "Mã SP,Tên,Giá,Ghi chú\nA,Áo,5x,gấp\n")
    assert job["status"] == "staged"
    assert job["understood"] == {
        "header": ["Mã SP", "Tên", "Giá", "Ghi chú"],
        "columns": {"Mã SP": "sku", "Tên": "name", "Giá": "price", "Ghi chú": ""},
        "decimals": "plain",
        "mapping": "",
        "unknown": ["Ghi chú"],
    }
    [row] = client.get(f"imports/{job['id']}/rows/", {"state": "error"}).json()["results"]
    assert (row["column"], row["value"]) == ("Giá", "5x")


@pytest.mark.django_db
def test_what_cannot_be_guessed_waits_for_a_mapping_which_then_serves_every_such_file(api, saigon):
    client = api(saigon)
    text = "Ref;What;Cena;SL\nA-1;Áo;1.200,50;3\n"
    job = upload(client, text)
    assert (job["status"], job["summary"]["error"]["code"]) == ("failed", "unknown_mapping")
    assert job["understood"]["columns"] == {"Ref": "", "What": "", "Cena": "", "SL": "stock_qty"}
    columns = {**job["understood"]["columns"], "Ref": "sku", "What": "name", "Cena": "price"}
    saved = client.post("import-mappings/", {"name": "Kho", "columns": columns, "decimals": "comma"})
    assert saved.status_code == 201, saved.content
    for mapping in ("auto", "Kho", saved.json()["id"]):
        job = upload(client, text, mapping=mapping, currency="USD")
        assert (job["status"], job["understood"]["mapping"], job["summary"]["errors"]) == ("staged", "Kho", 0)
    client.post(f"imports/{job['id']}/apply/")
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert (Offering.objects.get().code, Variant.objects.get().sku) == ("A-1", "A-1")
        assert f"{VariantPrice.objects.get().amount:.2f}" == "1200.50"
    assert client.delete(f"import-mappings/{saved.json()['id']}/").status_code == 409


@pytest.mark.django_db
def test_a_mapping_serves_its_own_business_only(api, saigon, harbour):
    columns = {"Ref": "sku", "What": "name", "Cena": "price"}
    made = api(saigon).post("import-mappings/", {"name": "Kho", "columns": columns}).json()
    assert upload(api(harbour), "Ref,What,Cena\nA,Áo,5\n")["status"] == "failed"
    for mapping in ("Kho", made["id"]):
        file = BytesIO(b"Ref,What,Cena\nA,B,5\n")
        file.name = "a.csv"
        answer = api(harbour).upload("imports/", {"file": file, "mapping": mapping})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_mapping")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "field", "code"),
    [
        ({"Ref": "sku", "What": "name"}, "columns", "incomplete"),
        ({"Ref": "sku", "What": "name", "Cena": "cost"}, "columns.Cena", "unknown_column"),
        ({"Ref": "sku", "What": "name", "Cena": "price", "C": "price"}, "columns.Cena", "duplicate_column"),
        ({}, "columns", "empty"),
        ({"Ref": 5}, "columns.Ref", "invalid"),
    ],
)
def test_a_mapping_that_reads_nothing_is_refused(api, saigon, columns, field, code):
    answer = api(saigon).post("import-mappings/", {"name": "Kho", "columns": columns})
    assert answer.status_code == 422
    assert (field, code) in {(one["field"], one["code"]) for one in answer.json()["errors"]}
    with in_tenant(saigon.tenant):
        assert not ImportMapping.objects.exists()


@pytest.mark.django_db
def test_the_command_applies_a_safe_guess_only(saigon, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Mã SP,Tên,Giá,Ghi chú\nA,Áo,5,gấp\n")
    with pytest.raises(CommandError, match="no known format"):
        call_command("import_catalog", "saigon", str(path), stdout=StringIO())
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
    path.write_text(VIETNAMESE)
    out = StringIO()
    call_command("import_catalog", "saigon", str(path), stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["variants"]["created"] == 2


names = st.text(st.sampled_from("aGiá TênSKU,;\t\"'1.0x\x0b"), max_size=8)


@given(st.lists(names | st.sampled_from(["Giá", "Tên", "SKU", "name", "price"]), min_size=1, max_size=6), st.lists(names))
def test_any_table_is_rows_or_one_kind_of_error(header, cells):
    text = ";".join(header) + "\n" + ";".join(cells)
    try:
        rows = read(text)
    except UnreadableFile:
        return
    assert all(row.variant or row.image or row.is_error for row in rows)


@pytest.mark.django_db
def test_a_mapping_is_written_in_the_admin_line_by_line(client, saigon):
    client.force_login(saigon.owner)
    page = "/admin/catalog/importmapping/add/"
    refused = client.post(page, {"name": "Kho", "decimals": "comma", "lines": "Ref = sku\nWhat = name\nCena = cost"})
    assert "cost" in refused.content.decode()
    with in_tenant(saigon.tenant):
        assert not ImportMapping.objects.exists()
    lines = "Ref = sku\nWhat = name\nCena = price\nGhi chú ="
    assert client.post(page, {"name": "Kho", "decimals": "comma", "lines": lines}).status_code == 302
    with in_tenant(saigon.tenant):
        saved = ImportMapping.objects.get()
        assert saved.columns == {"Ref": "sku", "What": "name", "Cena": "price", "Ghi chú": ""}
        assert saved.signature == signature(["ghi chú", "Cena", "Ref", "What"])
    shown = client.get(f"/admin/catalog/importmapping/{saved.pk}/change/").content.decode()
    assert "Ghi chú =" in shown


UNKNOWN = "Ref;What;Cena;SL\nA-1;Áo;1.200,50;3\n"
MEANT = {"Ref": "sku", "What": "name", "Cena": "price", "SL": "stock_qty"}


@pytest.mark.django_db
def test_a_file_is_read_once_more_without_being_sent_again(api, saigon, harbour):
    client = api(saigon)
    failed = upload(client, UNKNOWN, currency="USD")
    assert client.post(f"imports/{failed['id']}/restage/", {"mapping": "Kho"}).json()["code"] == "unknown_mapping"
    client.post("import-mappings/", {"name": "Kho", "columns": MEANT, "decimals": "comma"})
    assert api(harbour).post(f"imports/{failed['id']}/restage/", {"mapping": "shopify"}).status_code == 404
    assert api(saigon, saigon.analyst).post(f"imports/{failed['id']}/restage/", {"mapping": "Kho"}).status_code == 403
    answer = client.post(f"imports/{failed['id']}/restage/", {"mapping": "Kho"})
    assert (answer.status_code, answer.json()["status"], answer.json()["file"]) == (201, "pending", failed["file"])
    busy = client.post(f"imports/{answer.json()['id']}/restage/", {})
    assert (busy.status_code, busy.json()["code"]) == (409, "not_restageable")
    run_due_jobs()
    staged = client.get(f"imports/{answer.json()['id']}/").json()
    assert (staged["status"], staged["summary"]["errors"], staged["mapping"]) == ("staged", 0, "saved")
    again = client.post(f"imports/{staged['id']}/restage/", {}).json()
    assert again["id"] != staged["id"]
    assert client.get(f"imports/{staged['id']}/").json()["status"] == "cancelled"
    assert client.get(f"imports/{failed['id']}/").json()["status"] == "failed"


@pytest.mark.django_db
def test_rows_that_were_sent_have_no_columns_to_be_read_otherwise(api, saigon):
    client = api(saigon)
    rows = [{"code": "a", "name": "A", "sku": "A", "price": "1"}]
    sent = client.post("imports/", {"source_type": "api", "rows": rows, "currency": "USD"}).json()
    run_due_jobs()
    assert client.post(f"imports/{sent['id']}/restage/", {}).json()["code"] == "not_restageable"
    assert client.get(f"imports/{sent['id']}/").json()["status"] == "staged"


@pytest.mark.django_db
def test_in_the_admin_a_person_says_what_the_columns_mean_and_goes_on_with_the_same_file(api, client, saigon):
    failed = upload(api(saigon), UNKNOWN, currency="USD")
    client.force_login(saigon.operator)
    address = f"/admin/catalog/importjob/{failed['id']}/columns/"
    assert address in client.get(f"/admin/catalog/importjob/{failed['id']}/change/").content.decode()
    assert [name for name, _ours in client.get(address).context["form"].columns] == list(MEANT)
    fields = {"name": "Kho", "decimals": "comma", "column_0": "sku", "column_1": "name", "column_2": ""}
    refused = client.post(address, fields)
    assert (refused.status_code, "which columns are name and price" in refused.content.decode().lower()) == (200, True)
    with in_tenant(saigon.tenant):
        assert not ImportMapping.objects.exists()
    answer = client.post(address, {**fields, "column_2": "price", "column_3": "stock_qty"})
    assert answer.status_code == 302
    run_due_jobs()
    shown = client.get(answer.headers["Location"]).content.decode()
    assert "Pieces in stock (stock_qty)" in shown
    assert 'name="_apply"' in shown
    with in_tenant(saigon.tenant):
        assert ImportMapping.objects.get().columns == MEANT
    client.force_login(saigon.analyst)
    assert client.post(address, fields).status_code == 403


def test_a_handle_alone_does_not_make_a_file_one_of_shopify():
    [row] = read("handle,name,category,price,stock\nal-1,Áo linen,Áo,250000,4\n")
    assert (row.handle, row.offering.name, str(row.variant.price)) == ("al-1", "Áo linen", "250000.00")
    with pytest.raises(UnreadableFile) as refused:
        read("handle,name,note,price,stock\nal-1,Áo linen,-,250000,4\n", only_safe=True)
    assert refused.value.code == "unknown_mapping"
    assert refused.value.understood["columns"]["handle"] == "code"
    with pytest.raises(UnreadableFile) as refused:
        read("Handle,Variant Price\nal-1,250000\n")
    assert refused.value.code == "missing_header"
