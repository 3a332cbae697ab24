"""Importing in the admin: upload, preview, apply."""

from io import BytesIO

import pytest

from catalog.imports.jobs import run_due_jobs
from catalog.models import ImportJob, ImportMapping, Offering, OfferingVersion, Variant
from tests.catalog.imports.files import shopify, written
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


def upload(client, rows, **fields):
    return hand_in(client, written(rows).getvalue(), **fields)


def hand_in(client, content, **fields):
    file = BytesIO(content)
    file.name = "shop.csv"
    form = {"file": file, "mapping": "auto", "currency": "usd", "on_duplicate_sku": "error", **fields}
    return client.post(page("catalog_importjob_add"), form)


def the_job(business):
    with in_tenant(business.tenant):
        return ImportJob.objects.select_related("source_file").latest("created_at")


def test_an_operator_imports_a_file_and_sees_first_what_it_would_do(saigon):
    operator = browser(saigon.operator)
    answer = upload(operator, [shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L", Variant_Price="12,5")])
    job = the_job(saigon)
    assert answer.headers["Location"] == page("catalog_importjob_change", job.pk)
    waiting = operator.get(page("catalog_importjob_change", job.pk)).content.decode()
    assert 'http-equiv="refresh"' in waiting
    assert "_apply" not in waiting
    run_due_jobs()
    shown = operator.get(page("catalog_importjob_change", job.pk))
    text = text_of(shown)
    assert 'http-equiv="refresh"' not in shown.content.decode()
    assert "Not a plain number such as 1234.50." in text
    assert "12,5" in text
    assert "Linen Shirt" in text
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
    operator.post(page("catalog_importjob_change", job.pk), {"_apply": "1"})
    run_due_jobs()
    assert "Completed" in text_of(operator.get(page("catalog_importjob_change", job.pk)))
    assert "Completed" in text_of(operator.get(page("catalog_importjob_changelist")))
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().code == "linen-shirt"


def test_the_preview_tells_old_and_new_prices(saigon):
    operator = browser(saigon.operator)
    for price in ("25.00", "30.00"):
        upload(operator, [shopify(Variant_Price=price)])
        run_due_jobs()
        job = the_job(saigon)
        shown = text_of(operator.get(page("catalog_importjob_change", job.pk)))
        operator.post(page("catalog_importjob_change", job.pk), {"_apply": "1"})
        run_due_jobs()
    assert "price: $25.00 → $30.00" in shown
    rows = operator.get(page("catalog_importrow_changelist"), {"job__id__exact": str(job.pk)})
    assert "price: $25.00 → $30.00" in text_of(rows)


def test_the_preview_shows_amounts_as_people_read_them(saigon):
    operator = browser(saigon.operator)
    for before in ("9490000", "10490000.00"):
        content = f"code,name,sku,price,compare_at,currency\nphone,Phone,P-1,8490000,{before},VND\n"
        hand_in(operator, content.encode())
        run_due_jobs()
        job = the_job(saigon)
        shown = text_of(operator.get(page("catalog_importjob_change", job.pk))).replace("\xa0", " ")
        assert "8490000" not in shown
        operator.post(page("catalog_importjob_change", job.pk), {"_apply": "1"})
        run_due_jobs()
        assert ("8,490,000 ₫" in shown) == (before == "9490000")
    assert "before the sale: 9,490,000 ₫ → 10,490,000 ₫" in shown
    assert "price: 8,490,000" not in shown


def test_an_analyst_looks_and_applies_nothing(saigon):
    upload(browser(saigon.owner), [shopify()])
    run_due_jobs()
    job, analyst = the_job(saigon), browser(saigon.analyst)
    shown = analyst.get(page("catalog_importjob_change", job.pk))
    assert (shown.status_code, "_apply" in shown.content.decode()) == (200, False)
    assert analyst.post(page("catalog_importjob_change", job.pk), {"_apply": "1"}).status_code == 403
    assert analyst.get(page("catalog_importjob_add")).status_code == 403
    with in_tenant(saigon.tenant):
        assert ImportJob.objects.get().status == "staged"


def test_another_tenants_import_is_not_there(saigon, harbour):
    upload(browser(saigon.owner), [shopify()])
    job = the_job(saigon)
    answer = browser(harbour.owner).get(page("catalog_importjob_change", job.pk))
    assert (answer.status_code, answer.headers["Location"]) == (302, page("index"))


@pytest.mark.parametrize("fields", [{"currency": "XXX"}, {"mapping": "odd"}])
def test_a_wrong_choice_is_told_and_makes_no_import(saigon, fields):
    answer = upload(browser(saigon.owner), [shopify()], **fields)
    assert answer.status_code == 200
    assert "Please correct the error" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


def test_rows_copied_from_a_spreadsheet_are_pasted(saigon):
    operator = browser(saigon.operator)
    form = {"mapping": "auto", "currency": "USD", "on_duplicate_sku": "error"}
    answer = operator.post(page("catalog_importjob_add"), {**form, "pasted": "code\tname\tsku\tprice\r\na\tÁo\tA\t5\r\n"})
    assert answer.status_code == 302
    run_due_jobs()
    assert "Áo" in text_of(operator.get(answer.headers["Location"]))
    with in_tenant(saigon.tenant):
        assert the_job(saigon).status == "staged"


def test_addresses_of_product_pages_are_handed_in(saigon):
    operator = browser(saigon.operator)
    form = {"mapping": "auto", "currency": "USD", "on_duplicate_sku": "error"}
    refused = operator.post(page("catalog_importjob_add"), {**form, "addresses": "ftp://shop.example/a"})
    assert "begin with https://" in text_of(refused)
    operator.post(page("catalog_importjob_add"), {**form, "addresses": "http://10.0.0.1/a\nhttp://10.0.0.1/b"})
    assert (the_job(saigon).source_type, the_job(saigon).mapping) == ("web", "web")
    run_due_jobs()
    shown = text_of(operator.get(page("catalog_importjob_change", the_job(saigon).pk)))
    assert shown.count("The address does not lead to a place on the public internet.") == 2


@pytest.mark.parametrize("sources", [{}, {"pasted": "code,name,price\na,A,1", "addresses": "https://a.example/"}])
def test_one_thing_is_handed_in_at_a_time(saigon, sources):
    form = {"mapping": "auto", "currency": "USD", "on_duplicate_sku": "error", **sources}
    answer = browser(saigon.operator).post(page("catalog_importjob_add"), form)
    assert (answer.status_code, "Give a file" in text_of(answer)) == (200, True)
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


def test_a_saved_mapping_is_chosen_from_the_businesss_own(saigon, harbour):
    with in_tenant(saigon.tenant):
        columns = {"Ref": "sku", "What": "name", "Cena": "price"}
        saved = ImportMapping.objects.create(name="Kho", columns=columns, signature="x")
    content = b"Ref,What,Cena\nA,B,5\n"
    assert hand_in(browser(harbour.owner), content, mapping=str(saved.pk)).status_code == 200
    owner = browser(saigon.owner)
    assert "Kho" in text_of(owner.get(page("catalog_importjob_add")))
    assert hand_in(owner, content, mapping=str(saved.pk)).status_code == 302
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job = the_job(saigon)
        assert (job.status, job.mapping, job.column_mapping_id) == ("staged", "saved", saved.pk)


def test_a_failed_import_says_why(saigon):
    owner = browser(saigon.owner)
    upload(owner, [{"name": "x", "amount": "1"}])
    run_due_jobs()
    assert "neither “Handle” nor “code” is there" in text_of(owner.get(page("catalog_importjob_change", the_job(saigon).pk)))


HEAD = "Handle,Title,Variant SKU,Variant Price"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD}\n".encode(), "The file has no data rows."),
        (
            f"{HEAD}\na,Café,A,1\n".encode("latin-1"),
            "The text is not UTF-8. Save the table as CSV (UTF-8). (row 2, column “Title”)",
        ),
        (f"{HEAD}\na,Café,A,1\n".encode("utf-16")[:-1], "The text is broken UTF-16. Save the table as CSV (UTF-8)."),
        (b"Handle,Title\na,b\n", "The header has no column “Variant Price”. (row 1, column “Variant Price”)"),
        (f'{HEAD}\na,"b,A,1\n'.encode(), "A quotation mark opened in this row is never closed. (row 2"),
    ],
)
def test_a_file_that_cannot_be_read_says_in_one_line_why_and_cannot_be_applied(saigon, content, message):
    operator = browser(saigon.operator)
    assert hand_in(operator, content).status_code == 302
    run_due_jobs()
    shown = operator.get(page("catalog_importjob_change", the_job(saigon).pk))
    assert text_of(shown).count(message) == 1
    assert "_apply" not in shown.content.decode()
    operator.post(page("catalog_importjob_change", the_job(saigon).pk), {"_apply": "1"})
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert (the_job(saigon).status, Offering.objects.count()) == ("failed", 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The submitted file is empty."),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "This is not a text file. Save the table as CSV (UTF-8)."),
        (b"<html><table>", "This is a web page, not a table."),
    ],
)
def test_what_is_no_file_of_rows_is_refused_at_once(saigon, content, message):
    answer = hand_in(browser(saigon.operator), content)
    assert (answer.status_code, message in text_of(answer)) == (200, True)
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,Bad", "The row has 2 cells, the header has 5."),
        ("b,Bad,B,=1+1,USD", "Not a plain number such as 1234.50."),
        ("b,Bad,B,1,XXX", "Not an ISO 4217 currency code."),
    ],
)
def test_a_bad_row_is_told_once_and_the_others_are_applied(saigon, row, message):
    operator = browser(saigon.operator)
    hand_in(operator, f"code,name,sku,price,currency\na,Good,A,1,USD\n{row}\n".encode())
    run_due_jobs()
    job = the_job(saigon)
    assert text_of(operator.get(page("catalog_importjob_change", job.pk))).count(message) == 1
    operator.post(page("catalog_importjob_change", job.pk), {"_apply": "1"})
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert [(one.row, one.outcome) for one in job.rows.order_by("row")] == [(2, "create"), (3, "error")]
        assert list(Variant.objects.values_list("sku", flat=True)) == ["A"]


def test_a_whole_utf_16_file_and_a_text_that_looks_like_a_formula_are_taken_as_they_are(saigon):
    operator = browser(saigon.operator)
    hand_in(operator, f"{HEAD}\na,=HYPERLINK(1),A,1\nc,Cà phê,C,2\n".encode("utf-16"))
    run_due_jobs()
    operator.post(page("catalog_importjob_change", the_job(saigon).pk), {"_apply": "1"})
    run_due_jobs()
    with in_tenant(saigon.tenant):
        names = OfferingVersion.objects.order_by("name").values_list("name", flat=True)
        assert list(names) == ["=HYPERLINK(1)", "Cà phê"]
