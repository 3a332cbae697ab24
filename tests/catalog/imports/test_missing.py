"""Offerings that are no longer in the file: kept, or archived when it is asked for, seen and plausible. Cancelling."""

import pytest

from catalog.imports.jobs import error_of, import_file, request_undo, run_due_jobs
from catalog.models import ImportJob, Offering
from tests.catalog.imports.files import backroom, shopify, written
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db
SHOP = [shopify(Handle=f"shirt-{number}", Variant_SKU=f"S-{number}") for number in range(10)]


@pytest.fixture
def inside(saigon):
    with in_tenant(saigon.tenant):
        yield


def shop(count, **options):
    return import_file(chunks=[written(SHOP[:count]).getvalue()], name="shop.csv", currency="USD", **options)


def statuses():
    return dict(Offering.objects.values_list("code", "status"))


def archived():
    return Offering.objects.filter(status="archived").count()


def test_offerings_not_in_the_file_stay_unless_it_is_said_otherwise(inside):
    shop(10)
    assert shop(9).summary["offerings"] == {"created": 0, "changed": 0, "unchanged": 9}
    assert archived() == 0


def test_they_are_previewed_archived_and_brought_back_by_an_undo(api, saigon):
    client = api(saigon)
    with in_tenant(saigon.tenant):
        shop(10)
        import_file(chunks=[written([backroom()]).getvalue()], name="own.csv", currency="USD")
        Offering.objects.create(code="by-hand")
        before = statuses()
        job = shop(9, missing="archive", apply_now=False)
        assert job.summary["offerings"] == {"created": 0, "changed": 0, "unchanged": 9, "archived": 1}
        assert statuses() == before
    (row,) = client.get(f"imports/{job.pk}/rows/?state=archive").json()["results"]
    assert (row["row"], row["handle"], row["changes"]) == (0, "shirt-9", {"status": ["active", "archived"]})
    assert client.post(f"imports/{job.pk}/apply/").status_code == 200
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, job.summary["rows"], job.summary["offerings"]["archived"]) == ("completed", 9, 1)
        assert statuses() == before | {"shirt-9": "archived"}
        request_undo(job=job)
        run_due_jobs()
        assert statuses() == before


def test_a_row_without_a_handle_keeps_everything_and_the_summary_and_the_page_say_so(api, saigon):
    with in_tenant(saigon.tenant):
        shop(10)
        lost = [*SHOP[:9], shopify(Handle="", Variant_SKU="S-lost")]
        job = import_file(
            chunks=[written(lost).getvalue()], name="shop.csv", currency="USD", missing="archive", apply_now=False
        )
    message = "Nothing is archived while row 11 does not say which product it belongs to."
    summary = api(saigon).get(f"imports/{job.pk}/").json()["summary"]
    assert summary["not_archived"] == {"code": "nothing_archived", "row": 11, "message": message}
    assert summary["offerings"]["archived"] == 0
    assert message in browser(saigon.owner).get(page("catalog_importjob_change", job.pk)).content.decode()


def test_another_source_archives_only_its_own(inside):
    shop(10, source="North")
    job = shop(1, source="South", missing="archive")
    assert (job.summary["offerings"]["archived"], archived()) == (0, 0)


def test_half_a_file_archives_nothing_before_somebody_confirms_it(api, saigon):
    client = api(saigon)
    with in_tenant(saigon.tenant):
        shop(10)
        job = shop(5, missing="archive", apply_now=False)
    answer = client.post(f"imports/{job.pk}/apply/")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_archived")
    assert (answer.json()["archived"], answer.json()["there"]) == (5, 10)
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, archived()) == ("staged", 0)
    assert client.post(f"imports/{job.pk}/apply/", {"may_archive_many": True}).status_code == 200
    run_due_jobs()
    with in_tenant(saigon.tenant):
        assert archived() == 5


def test_half_a_file_that_was_to_be_applied_at_once_waits_for_a_person(inside):
    shop(10)
    job = shop(5, missing="archive")
    assert (job.status, job.state, archived()) == ("staged", "done", 0)
    assert "5 of 10" in error_of(job)


def test_a_row_that_does_not_say_what_it_belongs_to_may_be_any_and_nothing_is_archived(inside):
    shop(10)
    rows = [*SHOP[:9], shopify(Handle="", Variant_SKU="S-9")]
    job = import_file(chunks=[written(rows).getvalue()], name="a.csv", currency="USD", missing="archive")
    assert (job.summary["errors"], job.summary["offerings"]["archived"], archived()) == (1, 0, 0)


def test_an_import_may_be_cancelled_until_it_is_applied(api, saigon):
    client = api(saigon)
    with in_tenant(saigon.tenant):
        job = shop(3, apply_now=False)
    assert client.post(f"imports/{job.pk}/cancel/").json()["status"] == "cancelled"
    assert client.get(f"imports/{job.pk}/rows/").json()["results"] == []
    assert client.post(f"imports/{job.pk}/apply/").json()["code"] == "not_staged"
    with in_tenant(saigon.tenant):
        done = shop(3)
    answer = client.post(f"imports/{done.pk}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    with in_tenant(saigon.tenant):
        assert (ImportJob.objects.get(pk=done.pk).status, Offering.objects.count()) == ("completed", 3)
