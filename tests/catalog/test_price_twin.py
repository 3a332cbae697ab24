"""The price resolver against a naive twin (WISHES D3): random catalogues with a history, asked about any instant.

A *catalogue* is one variant with prices in lists of its own. Many of them stand in one tenant, their priorities apart,
so that a whole batch is written, changed and asked in a few statements.
"""

import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from catalog.models import Offering, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import resolve_prices
from tests.conftest import Business, in_tenant

HOME, CURRENCIES = "VND", ("VND", "USD", "EUR")
CHANNELS = ("web", "zalo", "shop")
PRIORITIES = 3
STEPS = 4

Price = tuple[int, int | None]
"""Amount and compare-at."""


@dataclass
class Terms:
    """A price list: its channel (None: every one), priority within the catalogue, and window in hours from the start."""

    channel: str | None
    priority: int
    opens: float | None
    closes: float | None

    def overlaps(self, other: "Terms") -> bool:
        """Whether the database refuses both."""
        same = (self.channel, self.priority) == (other.channel, other.priority)
        return same and _below(self.opens, other.closes) and _below(other.opens, self.closes)


def _below(opens: float | None, closes: float | None) -> bool:
    return opens is None or closes is None or opens < closes


@dataclass
class Catalogue:
    """The naive twin's copy of one variant: its lists by code, its prices by list and currency."""

    number: int
    lists: dict[str, Terms] = field(default_factory=dict)
    prices: dict[tuple[str, str], Price] = field(default_factory=dict)

    def price(
        self, channel: str | None, hours: float, currency: str | None, closed: set[str]
    ) -> tuple[str, str, Price] | None:
        """What the rules say, word by word: list, currency and price that count."""
        found = [
            (-terms.priority, terms.channel is None, code, money, price)
            for (code, money), price in self.prices.items()
            for terms in [self.lists[code]]
            if (terms.channel is None or (terms.channel == channel and terms.channel not in closed))
            and (terms.opens is None or terms.opens <= hours)
            and (terms.closes is None or hours < terms.closes)
        ]
        known = {money for *_rank, money, _price in found}
        wanted = currency or (next(iter(known)) if len(known) == 1 else HOME)
        inside = sorted(entry for entry in found if entry[3] == wanted)
        ranks = [entry[:2] for entry in inside]
        assert len(ranks) == len(set(ranks)), "two lists in each other's way"
        return (inside[0][2], wanted, inside[0][4]) if inside else None


def random_terms(chance: random.Random, others: Sequence[Terms]) -> Terms | None:
    """Return terms that no other list of the catalogue is in the way of; None when there was no luck."""
    for _attempt in range(10):
        opens = chance.choice([None, None, -3, -1, 1, 2])
        closes = chance.choice([None, None, *(hour for hour in (-2, 1, 2, 4) if opens is None or hour > opens)])
        terms = Terms(chance.choice([None, None, *CHANNELS]), chance.randrange(PRIORITIES), opens, closes)
        if not any(terms.overlaps(other) for other in others):
            return terms
    return None


def random_price(chance: random.Random) -> Price:
    amount = chance.choice([0, 1, 5, chance.randrange(10**6)])
    return amount, chance.choice([None, amount + 10])


class Batch:
    """Catalogues in the database and, beside them, in plain Python."""

    def __init__(self, seed: int, size: int) -> None:
        self.chance = random.Random(seed)
        self.start = now()
        self.closed: set[str] = set()
        self.channels = {code: SalesChannel.objects.get_or_create(code=code)[0] for code in CHANNELS}
        SalesChannel.objects.update(is_active=True)
        offering = Offering.objects.create(code=f"batch-{seed}", status="active")
        self.catalogues = [Catalogue(number) for number in range(size)]
        skus = [Variant(offering=offering, sku=f"{seed}-{one.number}") for one in self.catalogues]
        self.variants = Variant.objects.bulk_create(skus)
        self.rows: dict[str, PriceList] = {}
        self._add_lists(seed)
        self._write_prices(
            {(one.number, *key): random_price(self.chance) for one in self.catalogues for key in self._keys(one)}
        )

    def _add_lists(self, seed: int) -> None:
        for one in self.catalogues:
            for number in range(self.chance.randrange(7)):
                if terms := random_terms(self.chance, list(one.lists.values())):
                    code = f"{seed}-{one.number}-{number}"
                    one.lists[code] = terms
                    self.rows[code] = PriceList(code=code, **self._columns(one, terms))
        PriceList.objects.bulk_create(self.rows.values())

    def _columns(self, one: Catalogue, terms: Terms) -> dict[str, object]:
        return {
            "channel": self.channels.get(terms.channel or ""),
            "priority": 1 + one.number * PRIORITIES + terms.priority,
            "valid_from": self.moment(terms.opens),
            "valid_to": self.moment(terms.closes),
        }

    def moment(self, hours: float | None) -> datetime | None:
        """Return the instant so many hours after the start."""
        return None if hours is None else self.start + timedelta(hours=hours)

    def _keys(self, one: Catalogue) -> list[tuple[str, str]]:
        return [(code, money) for code in one.lists for money in CURRENCIES if self.chance.random() < 0.5]

    def _write_prices(self, wanted: dict[tuple[int, str, str], Price]) -> None:
        rows = []
        for (number, code, money), price in wanted.items():
            self.catalogues[number].prices[code, money] = price
            owner = {"variant": self.variants[number], "price_list": self.rows[code], "currency": money}
            rows.append(VariantPrice(**owner, amount=price[0], compare_at=price[1]))
        key = ["tenant", "variant", "price_list", "currency"]
        VariantPrice.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=key, update_fields=["amount", "compare_at"]
        )

    def change(self) -> None:
        """Change, add and remove prices, change the terms of lists, open and close channels."""
        keys = [(one.number, *key) for one in self.catalogues for key in self._keys(one) if self.chance.random() < 0.5]
        self._write_prices({key: random_price(self.chance) for key in keys})
        self._remove_prices()
        self._change_terms()
        code = self.chance.choice(CHANNELS)
        self.closed ^= {code}
        SalesChannel.objects.filter(code=code).update(is_active=code not in self.closed)

    def _remove_prices(self) -> None:
        gone = [(one, key) for one in self.catalogues for key in list(one.prices) if self.chance.random() < 0.1]
        for one, key in gone:
            del one.prices[key]
        pairs = [(f"{self.variants[one.number].pk}", f"{self.rows[code].pk}", money) for one, (code, money) in gone]
        with connection.cursor() as cursor:
            cursor.execute(
                """DELETE FROM catalog_variantprice WHERE (variant_id, price_list_id, currency::text) IN
                (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[]))""",
                [[pair[column] for pair in pairs] for column in range(3)],
            )

    def _change_terms(self) -> None:
        changed = []
        for one in self.catalogues:
            if not one.lists or self.chance.random() < 0.5:
                continue
            code = self.chance.choice(list(one.lists))
            if terms := random_terms(self.chance, [other for name, other in one.lists.items() if name != code]):
                one.lists[code] = terms
                for name, value in self._columns(one, terms).items():
                    setattr(self.rows[code], name, value)
                changed.append(self.rows[code])
        PriceList.objects.bulk_update(changed, ["channel", "priority", "valid_from", "valid_to"])


def now() -> datetime:
    """Return the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@dataclass(frozen=True)
class Known:
    """How everything stood at an instant."""

    at: datetime
    catalogues: list[Catalogue]
    closed: set[str]


def check(seed: int, size: int, questions: int) -> int:
    """Write a batch, change it, and compare every answer; return how many prices were told."""
    batch = Batch(seed, size)
    known = []
    for step in range(STEPS):
        if step:
            batch.change()
        known.append(Known(now(), deepcopy(batch.catalogues), set(batch.closed)))
    return sum(_ask(batch, known) for _question in range(questions))


def _ask(batch: Batch, known: list[Known]) -> int:
    """Ask one question of every catalogue: of now, of an instant between two changes, or of an hour to come."""
    chance = batch.chance
    channel, currency = chance.choice([None, *CHANNELS, "unheard-of"]), chance.choice([None, None, *CURRENCIES])
    state = chance.choice([*known, known[-1], known[-1]])
    hours, at = 0.0, state.at
    if state is known[-1]:
        hours = chance.choice([0, 0, 1, 1.5, 2, 3, 5])
        at = batch.moment(hours) if hours else chance.choice([None, state.at])
    found = resolve_prices([variant.pk for variant in batch.variants], channel=channel, at=at, currency=currency)
    for one in state.catalogues:
        won = found.get(batch.variants[one.number].pk)
        told = (won.price_list, won.currency, (won.amount, won.compare_at)) if won else None
        expected = one.price(channel, hours, currency, state.closed)
        assert told == expected, (channel, at, currency, one)
    return len(found)


@pytest.mark.parametrize("seed", range(3))
def test_the_resolver_agrees_with_its_naive_twin(saigon: Business, seed: int) -> None:
    with in_tenant(saigon.tenant):
        assert check(seed, size=100, questions=30) > 500


@pytest.mark.slow
def test_the_resolver_agrees_with_its_naive_twin_on_100_000_catalogues(saigon: Business) -> None:
    told = 0
    with in_tenant(saigon.tenant):
        for seed in range(100):
            point = transaction.savepoint()
            told += check(1000 + seed, size=1000, questions=10)
            transaction.savepoint_rollback(point)
    assert told > 100_000
