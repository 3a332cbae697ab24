"""Which price counts, and why; ``test_price_twin.py`` compares it with a naive reading of the rules."""

from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Offering, PriceChange, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import resolve_prices
from tests.conftest import Business, in_tenant


@pytest.fixture
def variant(saigon: Business) -> Variant:
    with in_tenant(saigon.tenant):
        offering = Offering.objects.create(code="lamp", status="active")
        return Variant.objects.create(offering=offering, sku="LAMP")


@pytest.fixture
def standard(saigon: Business) -> PriceList:
    with in_tenant(saigon.tenant):
        return PriceList.objects.get_or_create(code="standard")[0]


def test_a_price_can_be_asked_for_any_past_instant(saigon: Business, variant: Variant, standard: PriceList) -> None:
    with in_tenant(saigon.tenant):
        before = timezone.now()
        price = VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=100)
        first = timezone.now()
        VariantPrice.objects.filter(pk=price.pk).update(amount=80, compare_at=100)
        second = timezone.now()
        price.delete()
        amounts = [
            {found.amount for found in resolve_prices([variant.id], at=at).values()}
            for at in (before, first, second, timezone.now(), None)
        ]
    assert amounts == [set(), {Decimal(100)}, {Decimal(80)}, set(), set()]


def test_every_way_to_change_a_price_writes_the_ledger(saigon: Business, variant: Variant, standard: PriceList) -> None:
    with in_tenant(saigon.tenant):
        price = VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=100)
        VariantPrice.objects.update(amount=90)
        VariantPrice.objects.update(amount=90)  # nothing changed: nothing written
        VariantPrice.objects.update(currency="USD")
        price.delete()
        lines = PriceChange.objects.order_by("id").values_list("currency", "old_amount", "new_amount")
        assert sorted(lines, key=str) == sorted(
            [("VND", None, 100), ("VND", 100, 90), ("VND", 90, None), ("USD", None, 90), ("USD", 90, None)], key=str
        )


def test_nobody_rewrites_the_ledger(saigon: Business, variant: Variant, standard: PriceList) -> None:
    with in_tenant(saigon.tenant):
        VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=100)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            PriceChange.objects.update(new_amount=1)
        assert PriceChange.objects.get().new_amount == 100


def test_many_variants_are_one_query(saigon: Business, variant: Variant, standard: PriceList) -> None:
    with in_tenant(saigon.tenant):
        many = [Variant.objects.create(offering=variant.offering, sku=f"LAMP-{i}") for i in range(50)]
        VariantPrice.objects.bulk_create(
            VariantPrice(variant=one, price_list=standard, currency="VND", amount=i) for i, one in enumerate(many)
        )
        with CaptureQueriesContext(connection) as queries:
            found = resolve_prices([one.id for one in many])
    assert len(queries) == 1
    assert [found[one.id].amount for one in many] == list(range(50))


def test_the_explanation_names_the_list_and_what_it_outranked(
    saigon: Business, variant: Variant, standard: PriceList
) -> None:
    with in_tenant(saigon.tenant):
        sale = PriceList.objects.create(code="sale", channel=SalesChannel.objects.get(code="web"), priority=5)
        for price_list, amount in ((standard, 100), (sale, 80)):
            VariantPrice.objects.create(variant=variant, price_list=price_list, currency="VND", amount=amount)
        found = resolve_prices([variant.id], channel="web")[variant.id]
    assert found.explanation == "Price list sale (channel web, priority 5) comes before standard."


def test_prices_of_another_business_are_not_seen(
    saigon: Business, harbour: Business, variant: Variant, standard: PriceList
) -> None:
    with in_tenant(saigon.tenant):
        VariantPrice.objects.create(variant=variant, price_list=standard, currency="VND", amount=100)
    with in_tenant(harbour.tenant):
        assert resolve_prices([variant.id]) == {}
