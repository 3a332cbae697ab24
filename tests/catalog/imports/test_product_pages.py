"""Product pages by address: fetched by the one safe client, read by their JSON-LD, errors row by row."""

import json
import time
from io import BytesIO, StringIO

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports import product_pages
from catalog.imports.jobs import run_due_jobs
from catalog.imports.product_pages import addresses_as_file, read_pages
from catalog.imports.structured_data import rows_of_page
from catalog.models import ImportJob, InventoryItem, Offering, OfferingImage, OfferingVersion, Variant, VariantPrice
from tests.conftest import in_tenant
from tests.outside import http_server

ADDRESS = "https://shop.example/p/desk-lamp.html"
LAMP = {
    "@context": "https://schema.org/",
    "@type": "Product",
    "name": "Đèn bàn &amp; kệ",
    "description": "Sáng <b>dịu</b>",
    "sku": "LAMP-1",
    "brand": {"@type": "Brand", "name": "Lumi"},
    "image": ["/lamp.jpg", {"@type": "ImageObject", "url": "https://img.example/2.jpg"}],
    "offers": {
        "@type": "Offer",
        "price": "25.50",
        "priceCurrency": "USD",
        "availability": "https://schema.org/InStock",
    },
}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(product_pages, "PAUSE_SECONDS", 0)


def page(*things, kind="application/ld+json"):
    scripts = "".join(f'<script type="{kind}">{json.dumps(one, ensure_ascii=False)}</script>' for one in things)
    return f"<!doctype html><html><head><script>var a = '<b>';</script>{scripts}</head><body><p>Hello</body></html>"


def of(*things, **fields):
    """The rows of a page with these things, only the named fields of each if any are."""
    rows = rows_of_page(page(*things), ADDRESS)
    return (
        [{name: row[name] for name in ("sku", "price", "currency") if name in row} for row in rows] if not fields else rows
    )


def offer(**fields):
    return {"@type": "Offer", "price": 5, "priceCurrency": "USD", **fields}


def stage(client, *urls):
    answer = client.post("imports/", {"source_type": "web", "currency": "USD", "urls": list(urls)})
    assert answer.status_code == 201, answer.content
    run_due_jobs()
    return client.get(f"imports/{answer.json()['id']}/").json()


def problems(client, job):
    rows = client.get(f"imports/{job['id']}/rows/", {"state": "error"}).json()["results"]
    return [(row["column"], row["value"], row["code"]) for row in rows]


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_pages_become_offerings_and_a_bad_one_stops_no_other(api, saigon):
    client = api(saigon)
    with http_server() as site:
        site.answers = [
            (200, {"Content-Type": "text/html; charset=utf-8"}, page(LAMP).encode()),
            (200, {}, b"<html><body>No product here"),
            (404, {}, page(LAMP).encode()),
            (
                200,
                {"Content-Type": "text/html; charset=windows-1258"},
                page({**LAMP, "sku": "B"}).encode("cp1258", "ignore"),
            ),
        ]
        urls = [site.url.replace("hook", name) for name in ("lamp", "blog", "gone", "bag")]
        job = stage(client, *urls)
        assert [one.path for one in site.received] == ["/lamp", "/blog", "/gone", "/bag"]
        assert (job["status"], job["source_type"], job["mapping"]) == ("staged", "web", "web")
        assert problems(client, job) == [("url", urls[1], "no_product_data"), ("url", urls[2], "page_refused")]
        client.post(f"imports/{job['id']}/apply/")
        run_due_jobs()
        assert len(site.received) == 4  # applying reads what was staged
    with in_tenant(saigon.tenant):
        assert set(Offering.objects.values_list("code", flat=True)) == {"LAMP-1", "B"}
        lamp = Offering.objects.get(code="LAMP-1")
        assert OfferingVersion.objects.get(offering=lamp).name == "Đèn bàn & kệ"
        assert OfferingVersion.objects.get(offering=lamp).description == "Sáng <b>dịu</b>"
        assert lamp.metadata["attributes"] == {"brand": "Lumi", "source_url": urls[0]}
        price = VariantPrice.objects.get(variant__sku="LAMP-1")
        assert (f"{price.amount:.2f}", price.currency) == ("25.50", "USD")
        assert not InventoryItem.objects.exists()
        assert OfferingImage.objects.filter(offering=lamp, url=urls[0].replace("/lamp", "/lamp.jpg")).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_pages_that_say_the_same_change_nothing(api, saigon):
    client = api(saigon)
    with http_server() as site:
        site.body = page(LAMP).encode()
        client.post(f"imports/{stage(client, site.url)['id']}/apply/")
        run_due_jobs()
        again = stage(client, site.url)
    for part in ("offerings", "variants", "prices", "stock"):
        assert (again["summary"][part]["created"], again["summary"][part]["changed"]) == (0, 0)
    assert again["summary"]["images"] == 0


@pytest.mark.django_db
def test_addresses_that_lead_inside_are_errors_and_nothing_is_asked(api, saigon):
    with http_server() as inside:
        inside.body = page(LAMP).encode()
        urls = [
            inside.url,
            f"http://[::ffff:127.0.0.1]:{inside.port}/",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
        ]
        job = stage(api(saigon), *urls, "not an address", "http://[::1")
        assert inside.received == []
    assert {code for _column, _value, code in problems(api(saigon), job)} == {"page_forbidden"}
    assert job["summary"]["errors"] == 6


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_redirects_are_followed_three_times(api, saigon):
    with http_server() as site:
        site.answers = [(302, {"Location": f"/hop-{number}"}, b"") for number in range(3)]
        site.body = page(LAMP).encode()
        assert stage(api(saigon), site.url)["summary"]["errors"] == 0
        site.answers = [(302, {"Location": "/round"}, b"") for _time in range(9)]
        assert problems(api(saigon), stage(api(saigon), site.url)) == [("url", site.url, "page_redirects")]
        site.answers = [(302, {"Location": "http://169.254.169.254/latest"}, b"")]
        assert problems(api(saigon), stage(api(saigon), site.url)) == [("url", site.url, "page_forbidden")]


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_what_is_too_large_too_slow_or_compressed_is_left(api, saigon, monkeypatch):
    monkeypatch.setattr(product_pages, "MAX_BYTES", 1000)
    monkeypatch.setattr(product_pages, "SECONDS", 0.6)
    with http_server() as site:
        site.answers = [(200, {}, b"x" * 2000), (200, {"Content-Encoding": "gzip"}, b"x")]
        urls = [f"{site.url}-{number}" for number in range(3)]
        first = stage(api(saigon), *urls[:2])
        assert [code for _c, _v, code in problems(api(saigon), first)] == ["page_too_large", "page_refused"]
        site.before = lambda: time.sleep(1.2)
        assert [code for _c, _v, code in problems(api(saigon), stage(api(saigon), urls[2]))] == ["page_timeout"]


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_a_site_that_is_down_is_given_up_after_three_pages(api, saigon):
    with http_server() as site:
        pass
    job = stage(api(saigon), *(f"{site.url}-{number}" for number in range(5)))
    codes = [code for _column, _value, code in problems(api(saigon), job)]
    assert codes == ["page_unreachable"] * 3 + ["page_given_up"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"source_type": "web"}, "urls"),
        ({"urls": []}, "urls"),
        ({"urls": ["https://a.example/"] * 201}, "urls"),
        ({"urls": [{}]}, "urls.0"),
        ({"urls": ["https://a.example/"], "rows": [{"code": "a"}]}, "urls"),
    ],
)
def test_a_list_that_is_none_makes_no_import(api, saigon, body, field):
    answer = api(saigon).post("imports/", body)
    assert answer.status_code == 422
    assert field in {one["field"] for one in answer.json()["errors"]}
    with in_tenant(saigon.tenant):
        assert not ImportJob.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("loopback_allowed")
def test_the_command_takes_addresses(saigon):
    out = StringIO()
    with http_server() as site:
        site.body = page(LAMP).encode()
        call_command("import_catalog", "saigon", "--url", site.url, "--currency", "USD", stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["variants"]["created"] == 1
    with in_tenant(saigon.tenant):
        assert Variant.objects.get().sku == "LAMP-1"


def test_a_product_is_found_wherever_it_stands():
    alone = {**LAMP, "image": []}
    expected = [{"sku": "LAMP-1", "price": "25.50", "currency": "USD"}]
    assert of(alone) == expected
    assert of([{"@type": "WebSite"}, alone]) == expected
    assert of({"@graph": [{"@type": "BreadcrumbList"}, alone]}) == expected
    assert of({"@type": "WebPage", "mainEntity": alone}) == expected
    assert of({**alone, "@type": ["Product", "http://schema.org/Thing"]}) == expected
    assert of({**alone, "@type": "http://schema.org/Product"}) == expected
    assert of(alone, alone) == expected


def test_offers_in_all_their_forms():
    lamp = {**LAMP, "image": None}
    two = [offer(priceCurrency="USD"), offer(price=120_000, priceCurrency="VND")]
    assert [(row["price"], row["currency"]) for row in of({**lamp, "offers": two})] == [("5", "USD"), ("120000", "VND")]
    nested = {"@type": "AggregateOffer", "lowPrice": 1, "highPrice": 9, "offers": two[:1]}
    assert [row["price"] for row in of({**lamp, "offers": nested})] == ["5"]
    same = {"@type": "AggregateOffer", "lowPrice": "7.00", "highPrice": "7.00", "priceCurrency": "USD"}
    assert [row["price"] for row in of({**lamp, "offers": same})] == ["7.00"]
    ranged = {"@type": "AggregateOffer", "lowPrice": 5, "highPrice": 9, "priceCurrency": "USD"}
    assert [row["price"] for row in of({**lamp, "offers": ranged})] == ["5–9"]
    details = [
        {"@type": "UnitPriceSpecification", "price": 8, "priceCurrency": "EUR"},
        {"@type": "UnitPriceSpecification", "price": 10, "priceType": "https://schema.org/StrikethroughPrice"},
    ]
    [row] = of({**lamp, "offers": {"@type": "Offer", "priceSpecification": details}}, all=True)
    assert (row["price"], row["currency"], row["compare_at"]) == ("8", "EUR", "10")


@pytest.mark.parametrize(
    ("written", "read"),
    [("$25.50", "25.50"), ("25.50 USD", "25.50"), (25.125, "25.1250"), ("120.000", "120.000"), ("from 5", "from 5")],
)
def test_a_price_is_never_guessed(written, read):
    assert [row["price"] for row in of({**LAMP, "image": None, "offers": offer(price=written)})] == [read]


@pytest.mark.parametrize(
    ("fields", "stock"),
    [
        ({"availability": "https://schema.org/InStock"}, {"policy": "continue"}),
        ({"availability": "OutOfStock"}, {"stock_qty": "0", "policy": "deny"}),
        ({"availability": "InStock", "inventoryLevel": {"value": 4}}, {"stock_qty": "4", "policy": "deny"}),
        ({}, {}),
    ],
)
def test_stock_is_what_the_page_says(fields, stock):
    [row] = of({**LAMP, "image": None, "offers": offer(**fields)}, all=True)
    assert {name: row[name] for name in ("stock_qty", "policy") if name in row} == stock


def test_a_group_has_its_variants_with_their_options():
    group = {
        "@type": "ProductGroup",
        "name": "Áo linen",
        "productGroupID": "AL",
        "hasVariant": [
            {
                "@type": "Product",
                "sku": "AL-M",
                "size": "M",
                "color": "đỏ",
                "offers": offer(),
                "image": "https://i.example/m",
            },
            {"@type": "Product", "sku": "AL-L", "size": {"name": "L"}, "offers": offer(price="6.00")},
        ],
    }
    rows = of(group, LAMP, all=True)
    assert [(row["code"], row.get("sku"), row.get("option.size"), row.get("price")) for row in rows] == [
        ("AL", "AL-M", "M", "5"),
        ("AL", "AL-L", "L", "6.00"),
    ]
    assert (rows[0]["name"], rows[0]["option.color"], rows[0]["image"]) == ("Áo linen", "đỏ", "https://i.example/m")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LAMP, "hasVariant", "url"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*LAMP, "hasVariant"], anything)))
def test_any_page_is_rows_of_text(thing):
    for kind in ("Product", "ProductGroup"):
        for row in rows_of_page(page({**thing, "@type": kind}), ADDRESS):
            assert all(isinstance(value, str) for value in row.values())


@given(st.text(max_size=60))
def test_any_script_is_no_product_or_rows(text):
    assert rows_of_page(f'<script type="application/ld+json">{text}</script>', ADDRESS) == []


@pytest.mark.usefixtures("loopback_allowed")
def test_it_is_told_how_many_pages_were_asked_for():
    told = []
    with http_server() as site:
        site.answers = [(200, {"Content-Type": "text/html"}, page(LAMP).encode()), (404, {}, b"")]
        addresses = [site.url.replace("hook", name) for name in ("lamp", "gone")]
        read_pages(BytesIO(addresses_as_file(addresses)), lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
