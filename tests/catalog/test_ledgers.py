"""The ledgers hold whatever happens: any order of movements, any way to write, two sales at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import (
    AttributeDefinition,
    AttributeValue,
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingVersion,
    StockMovement,
    Variant,
)
from catalog.services import create_offering
from catalog.stock import record_movement
from tenants.errors import Conflict
from tenants.models import Tenant
from tests.conftest import Business, in_tenant


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(-50, 50)), max_size=8), max_size=5)
)
def test_stock_is_the_sum_of_the_movements_in_any_order(saigon: Business, batches: list[list[tuple[int, int, int]]]) -> None:
    with in_tenant(saigon.tenant):
        offering, _made = Offering.objects.get_or_create(code="lamp")
        variants = [Variant.objects.get_or_create(offering=offering, sku=f"LAMP-{number}")[0] for number in range(3)]
        places = [InventoryLocation.objects.get_or_create(code=code)[0] for code in ("main", "store")]
        for batch in batches:
            StockMovement.objects.bulk_create(
                StockMovement(variant=variants[one], location=places[place], quantity=quantity, reason="correction")
                for one, place, quantity in batch
            )
        sums = StockMovement.objects.values_list("variant", "location").annotate(sum=Sum("quantity")).order_by()
        assert set(InventoryItem.objects.values_list("variant", "location", "stock_qty")) == set(sums)


def test_the_copy_of_the_attributes_follows_every_write(saigon: Business) -> None:
    domain = KnowledgeDomain.objects.get(code="electronics")
    definitions = {one.key: one for one in AttributeDefinition.objects.filter(domain=domain)}
    with in_tenant(saigon.tenant):
        create_offering(code="lamp", name="Lamp", domain=domain, attributes={"brand": "Lumora", "connections": ["USB-C"]})
        version = OfferingVersion.objects.get()

        def copy() -> dict[str, Any]:
            version.refresh_from_db()
            return version.attributes

        assert copy() == {"brand": "Lumora", "connections": ["USB-C"]}
        AttributeValue.objects.create(
            offering_version=version, attribute_definition=definitions["power"], value_number="12.50"
        )
        assert copy()["power"] == 12.5
        AttributeValue.objects.filter(attribute_definition=definitions["brand"]).update(value_text="Other")
        assert copy()["brand"] == "Other"
        AttributeValue.objects.exclude(attribute_definition=definitions["brand"]).delete()
        assert copy() == {"brand": "Other"}
        AttributeValue.objects.all().delete()
        assert copy() == {}


@pytest.mark.django_db(transaction=True)
def test_of_many_sales_at_once_only_as_many_succeed_as_there_are_pieces() -> None:
    tenant = Tenant.objects.raw("SELECT uuidv7() AS id")[0]
    with in_tenant(tenant.id):
        Tenant.objects.create(id=tenant.id, slug="rush", name="Rush")
        offering = create_offering(code="lamp", name="Lamp", variants=[{"sku": "LAMP"}])
        variant, place = offering.variants.get(), InventoryLocation.objects.create(code="main")
        record_movement(variant=variant, location=place, quantity=3, reason="receipt")
    start = Barrier(8)

    def buy(_number: int) -> bool:
        try:
            with in_tenant(tenant.id):
                start.wait(10)
                record_movement(variant=variant, location=place, quantity=-1, reason="sale")
                return True
        except Conflict:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as buyers:
        sold = sum(buyers.map(buy, range(8)))
    with in_tenant(tenant.id):
        assert (sold, InventoryItem.objects.get().stock_qty, StockMovement.objects.count()) == (3, 0, 4)


@pytest.mark.parametrize("values", [{}, {"value_text": "matt", "value_number": 5}, {"value_bool": True, "value_json": [1]}])
def test_an_attribute_has_exactly_one_value(saigon: Business, values: dict[str, Any]) -> None:
    with in_tenant(saigon.tenant):
        version = OfferingVersion.objects.create(offering=Offering.objects.create(code="lamp"), version=1, name="Lamp")
        definition = AttributeDefinition.objects.get(domain__code="electronics", key="brand")
        with pytest.raises(IntegrityError, match="attributevalue_one_type"), transaction.atomic():
            AttributeValue.objects.create(offering_version=version, attribute_definition=definition, **values)
        assert not AttributeValue.objects.exists()


def test_the_catalogue_gives_the_checks_nothing_to_warn_of(db: None) -> None:
    call_command("check", "catalog", databases=["default"], fail_level="WARNING")
