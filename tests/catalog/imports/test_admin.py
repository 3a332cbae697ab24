"""Importing in the admin: upload, preview, apply."""

import pytest

from catalog.imports.jobs import run_due_jobs
from catalog.models import ImportJob, Offering
from tests.catalog.imports.files import shopify, written
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


def upload(client, rows, **fields):
    file = written(rows)
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
    assert "price: 25 USD → 30 USD" in shown
    rows = operator.get(page("catalog_importrow_changelist"), {"job__id__exact": str(job.pk)})
    assert "price: 25 USD → 30 USD" in text_of(rows)


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


def test_a_failed_import_says_why(saigon):
    owner = browser(saigon.owner)
    upload(owner, [{"name": "x", "amount": "1"}])
    run_due_jobs()
    assert "neither “Handle” nor “code” is there" in text_of(owner.get(page("catalog_importjob_change", the_job(saigon).pk)))
