"""Two people save the same new code or SKU in the same instant: one is told, and loses nothing of what was typed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from catalog.models import Offering, SalesChannel, Variant
from catalog.services import create_offering
from tests.catalog.test_offering_page import row, wrong
from tests.conftest import ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, form_of, page

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = ("name", "tags", "variants-0-amount", "variants-1-sku")


def new_chair(staff: Client) -> dict[str, Any]:
    """An offering with two variants, as typed into the page of a new one."""
    words = {"code": "chair", "name": "Chair", "tags": "wood", "metadata": "{}"}
    rows = {"variants-TOTAL_FORMS": "2", **row(0, sku="CHAIR-R", amount="490000"), **row(1, sku="CHAIR-B")}
    return {**form_of(staff.get(page("catalog_offering_add"))), **words, **rows}


def while_written(business: Business, write: Callable[[], Any], act: Callable[[], Any]) -> Any:
    """Return the answer of ``act``, begun after ``write`` and before its transaction is committed."""
    begun = Event()

    def other() -> Any:
        begun.wait(10)
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with in_tenant(business.tenant), transaction.atomic():
            write()
            begun.set()
            answer = pool.submit(other)
            wait_for_waiter()
        return answer.result(30)


def wait_for_waiter() -> None:
    """Return when somebody waits for this transaction to end."""
    until = monotonic() + 20
    while monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype IN ('transactionid', 'advisory') AND NOT granted")
            if cursor.fetchone()[0]:
                return
        sleep(0.02)
    raise AssertionError("nobody waited")


@pytest.mark.parametrize(("code", "sku", "field"), [("chair", "OTHER", "code"), ("other", "CHAIR-B", "variants-1-sku")])
def test_the_page_of_an_offering_tells_it_at_the_field(saigon: Business, code: str, sku: str, field: str) -> None:
    staff = browser(saigon.operator)
    typed = new_chair(staff)
    answer = while_written(
        saigon,
        lambda: create_offering(code=code, name="Theirs", variants=[{"sku": sku}]),
        lambda: staff.post(page("catalog_offering_add"), typed),
    )
    assert answer.status_code == 200
    assert field in wrong(answer)
    assert "exists already" in str(wrong(answer)[field])
    kept = form_of(answer)
    assert {name: str(kept[name]) for name in KEPT} == {name: typed[name] for name in KEPT}
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().current.name == "Theirs"
        assert Variant.objects.get().sku == sku


def test_any_other_page_tells_it_at_the_field(saigon: Business) -> None:
    staff = browser(saigon.operator)
    typed = {**form_of(staff.get(page("catalog_saleschannel_add"))), "code": "shop", "name": "Mine"}
    answer = while_written(
        saigon,
        lambda: SalesChannel.objects.create(code="shop", name="Theirs"),
        lambda: staff.post(page("catalog_saleschannel_add"), typed),
    )
    assert answer.status_code == 200
    assert set(wrong(answer)) == {"code"}
    assert form_of(answer)["name"] == "Mine"
    with in_tenant(saigon.tenant):
        assert SalesChannel.objects.get(code="shop").name == "Theirs"


def test_the_api_names_the_field(saigon: Business, api: Callable[..., ApiClient]) -> None:
    client = api(saigon, saigon.operator)
    body = {"code": "chair", "offering_type": "physical", "name": "Mine", "variants": [{"sku": "CHAIR"}]}
    for code, sku, field in [("chair", "OTHER", "code"), ("other", "CHAIR", "sku")]:
        with in_tenant(saigon.tenant):
            Offering.objects.all().delete()
        answer = while_written(
            saigon,
            lambda code=code, sku=sku: create_offering(code=code, name="Theirs", variants=[{"sku": sku}]),
            lambda: client.post("offerings/", body),
        )
        assert answer.status_code == 422
        assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, "unique")]
        with in_tenant(saigon.tenant):
            assert Offering.objects.get().code == code
