"""The price resolver against a naive one: any catalogue, any instant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.models import Offering, PriceChange, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import resolve_prices
from tests.conftest import Business, in_tenant

CHANNELS = [None, "web", "zalo"]
CURRENCIES = ["VND", "USD", "EUR"]


@dataclass(frozen=True)
class Line:
    """One price in one list of its own."""

    channel: str | None
    priority: int
    opens: int | None
    closes: int | None
    currency: str
    amount: int


def day(start: datetime, number: int | None) -> datetime | None:
    return None if number is None else start + timedelta(days=number)


LINES = st.builds(
    Line,
    channel=st.sampled_from(CHANNELS),
    priority=st.integers(0, 2),
    opens=st.none() | st.integers(0, 4),
    closes=st.none() | st.integers(5, 9),
    currency=st.sampled_from(CURRENCIES),
    amount=st.integers(0, 10**6),
)


def naive(lines: list[Line], channel: str | None, at: int, currency: str | None, home: str) -> Line | str | None:
    """What INTERFACE says, word by word."""
    open_now = [
        (number, line)
        for number, line in enumerate(lines)
        if line.channel in (None, channel)
        and (line.opens is None or line.opens <= at)
        and (line.closes is None or at < line.closes)
    ]
    found = {line.currency for _number, line in open_now}
    if currency is None:
        currency = home if home in found else found.pop() if len(found) == 1 else None
    if currency is None:
        return "currency_required" if found else None
    inside = [(number, line) for number, line in open_now if line.currency == currency]

    def rank(entry: tuple[int, Line]) -> tuple[int, bool, int, int]:
        number, line = entry
        return -line.priority, line.channel is None, -(line.opens if line.opens is not None else -1), number

    return min(inside, key=rank)[1] if inside else None


@pytest.fixture
def variant(saigon: Business) -> Variant:
    with in_tenant(saigon.tenant):
        offering = Offering.objects.create(code="lamp", status="active")
        return Variant.objects.create(offering=offering, sku="LAMP")


def set_up(variant: Variant, lines: list[Line], start: datetime) -> None:
    VariantPrice.objects.all().delete()
    PriceChange.objects.all().delete()
    PriceList.objects.all().delete()
    channels = {code: SalesChannel.objects.get_or_create(code=code)[0] for code in CHANNELS if code}
    for number, line in enumerate(lines):
        window = {"valid_from": day(start, line.opens), "valid_to": day(start, line.closes)}
        channel = channels.get(line.channel or "")
        price_list = PriceList.objects.create(code=f"{number:03}", channel=channel, priority=line.priority, **window)
        VariantPrice.objects.create(variant=variant, price_list=price_list, currency=line.currency, amount=line.amount)


@pytest.mark.parametrize("source", ["now", "ledger"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINES, max_size=6),
    channel=st.sampled_from([*CHANNELS, "unheard-of"]),
    at=st.integers(-1, 10),
    currency=st.none() | st.sampled_from(CURRENCIES),
)
def test_the_resolver_agrees_with_the_naive_reading_of_the_rules(
    saigon: Business,
    variant: Variant,
    source: str,
    lines: list[Line],
    channel: str | None,
    at: int,
    currency: str | None,
) -> None:
    """Prices of now have windows around this moment; the ledger is asked about a day it knows all prices for."""
    start = datetime(2126, 1, 1, tzinfo=UTC) if source == "ledger" else timezone.now() - timedelta(days=at, hours=1)
    moment = start + timedelta(days=at) if source == "ledger" else None
    expected = naive(lines, channel, at, currency, "VND")
    with in_tenant(saigon.tenant):
        set_up(variant, lines, start)
        found = resolve_prices([variant.id], channel=channel, at=moment, currency=currency).get(variant.id)
    if not isinstance(expected, Line):
        assert (found, expected) in ((None, None), (None, "currency_required"))
        return
    assert found is not None
    assert (found.amount, found.currency, found.channel) == (expected.amount, expected.currency, expected.channel)


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
