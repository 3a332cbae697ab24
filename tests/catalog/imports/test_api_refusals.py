"""What the API refuses to import: bodies, files and lengths that are wrong, each with no job made."""

import pytest

from catalog.models import (
    ImportJob,
    Offering,
)
from tenants.models import StoredFile
from tenants.storage import path_of
from tests.catalog.imports.files import backroom, shopify, written
from tests.catalog.imports.test_api import named, staged, upload
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db
HEADER = "Handle,Title,Variant Price"
TWO = [shopify(), shopify(Option1_Value="L", Variant_SKU="LS-L", Variant_Price="27.00")]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "file", "required"),
        ({"source_type": "api"}, "rows", "required"),
        ({"source_type": "mail", "rows": [backroom()]}, "source_type", "invalid_choice"),
        ({"rows": []}, "rows", "min_length"),
        ({"rows": [backroom(), {"code": "a", "colour": "red"}]}, "rows.1.colour", "unknown_header"),
        ({"rows": [{"code": "a", "price": {"amount": 1}}]}, "rows.0.price", "invalid"),
        ({"rows": [backroom()], "currency": "XXX"}, "currency", "unknown_currency"),
        ({"rows": [backroom()], "domain": "nothing"}, "domain", "unknown_reference"),
    ],
)
def test_a_body_that_is_wrong_is_refused_and_makes_no_job(api, saigon, body, field, code):
    answer = api(saigon).post("imports/", body)
    assert answer.status_code == 422
    assert (field, code) in {(one["field"], one["code"]) for one in answer.json()["errors"]}
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("content", "code", "row", "column"),
    [
        (HEADER.encode(), "empty_file", None, None),
        (f"{HEADER}\na,Caf\u00e9,1\n".encode("latin-1"), "not_utf8", 2, "Title"),
        (b"Handle,Title\na,b\n", "missing_header", 1, "Variant Price"),
        (b"name,amount\na,b\n", "unknown_mapping", 1, None),
        (f'{HEADER}\na,"b,1\n'.encode(), "unclosed_quote", 2, None),
    ],
)
def test_a_file_that_cannot_be_read_fails_and_says_why_and_where(api, saigon, content, code, row, column):
    job = staged(api(saigon), content)
    assert job["status"] == "failed"
    error = job["summary"]["error"]
    assert (error["code"], error["column"]) == (code, column)
    assert error["row"] == row or row is None
    assert error["message"] in job["error"]
    assert api(saigon).post(f"imports/{job['id']}/apply/").status_code == 409
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "shop.csv", "binary_file"),
        (b"MZ\x90\x00\x03\x00\x00\x00" + bytes(99), "shop.csv.xlsx", "binary_file"),
        (b"%PDF-1.7\n1 0 obj", "shop.xlsx", "binary_file"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><table><tr><td>code", "shop.csv", "web_page"),
        (b"<script>alert(1)</script>", "shop.xlsx", "web_page"),
        (b"PK\x03\x04" + bytes(99), "shop.csv", "not_as_named"),
    ],
)
def test_what_is_no_table_is_refused_at_once_whatever_its_name(api, saigon, content, name, code):
    answer = api(saigon).upload("imports/", {"file": named(content, name), "mapping": "auto"})
    assert (answer.status_code, answer.json()["code"]) == (415, code)
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()
        assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\shop.csv", "a" * 300 + ".csv", "invoice\u202evsc.exe", "<b>.csv"]
)
def test_the_name_of_a_file_is_only_shown(api, saigon, name):
    job = api(saigon).upload("imports/", {"file": named(written(TWO), name), "mapping": "auto"}).json()
    assert job["file"]
    assert not set(job["file"]) & set("/\\\u202e")
    assert len(job["file"]) <= 255
    with in_tenant(saigon.tenant):
        stored = StoredFile.objects.get()
        assert path_of(stored).name == str(stored.pk)
    shown = browser(saigon.owner).get(page("catalog_importjob_change", job["id"])).content.decode()
    assert "<b>.csv" not in shown
    assert "\u202e" not in shown


def test_an_empty_upload_is_refused(api, saigon):
    answer = upload(api(saigon), b"")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")


def test_a_body_beyond_the_limit_is_413_before_it_is_read(api, saigon):
    headers = {"Authorization": f"Bearer {saigon.key}"}
    answer = api().client.post(
        "/api/v1/imports/",
        b"--x",
        content_type="multipart/form-data; boundary=x",
        headers=headers,
        CONTENT_LENGTH=str(200 * 1024 * 1024),
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_length_that_is_no_number_is_refused_and_no_error_of_ours(api, saigon):
    answer = api().client.post(
        "/api/v1/imports/",
        b"--x",
        content_type="multipart/form-data; boundary=x",
        headers={"Authorization": f"Bearer {saigon.key}"},
        CONTENT_LENGTH="many",
    )
    assert 400 <= answer.status_code < 500
