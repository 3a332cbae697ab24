"""The price of 200 variants, now and of a past instant: one query, against the bare join that reads the same rows.

5,000 variants with a price in each of eight lists (channels, windows, priorities), a third of which has changed since.
"""

import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.database import settle
from bench.result import Result, compared
from catalog.models import Offering, PriceList, SalesChannel, Variant, VariantPrice
from catalog.pricing import resolve_prices
from tenants.scope import current_tenant_id, tenant_scope
from tenants.services import create_tenant

VARIANTS, ASKED, ROUNDS = 5_000, 200, 40

# Every price of the variants with its list and channel: what any resolver has to read, and nothing decided.
FLOOR_NOW = """
SELECT p.variant_id, p.currency, p.amount, p.compare_at, l.code, l.priority, l.valid_from, l.valid_to, c.code
FROM catalog_variantprice AS p
JOIN catalog_pricelist AS l ON l.tenant_id = %(tenant)s AND l.id = p.price_list_id
LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id
WHERE p.tenant_id = %(tenant)s AND p.variant_id = ANY (%(variants)s::uuid[])
"""
FLOOR_THEN = """
SELECT p.variant_id, p.currency, p.new_amount, p.new_compare_at, l.code, l.priority, l.valid_from, l.valid_to, c.code
FROM catalog_pricechange AS p
JOIN catalog_pricelist AS l ON l.tenant_id = %(tenant)s AND l.id = p.price_list_id
LEFT JOIN catalog_saleschannel AS c ON c.tenant_id = %(tenant)s AND c.id = l.channel_id
WHERE p.tenant_id = %(tenant)s AND p.variant_id = ANY (%(variants)s::uuid[]) AND p.created_at <= %(at)s
"""


def run() -> list[Result]:
    """Fill one tenant, and resolve the same draws of variants both ways in turn."""
    tenant = create_tenant(slug="prices", name="Prices", owner_email="owner@prices.example").tenant
    with tenant_scope(tenant):
        variants = _fill()
        between = timezone.now()
        VariantPrice.objects.filter(price_list__code__in=["standard", "web-2"]).update(amount=7)
    settle()
    with tenant_scope(tenant):
        now = compared("prices: 200 variants now, ms", **_medians(variants, FLOOR_NOW, None), limit="<= 2")
        then = compared("prices: 200 variants as of an instant, ms", **_medians(variants, FLOOR_THEN, between), limit="<= 4")
        with CaptureQueriesContext(connection) as queries:
            resolve_prices(variants[:ASKED], channel="web")
    return [now, then, compared("prices: queries for 200 variants", ours=len(queries), floor=1, limit="<= 1")]


def _fill() -> list[UUID]:
    offering = Offering.objects.create(code="lamp", status="active")
    made = Variant.objects.bulk_create(Variant(offering=offering, sku=f"SKU-{number}") for number in range(VARIANTS))
    for price_list in _lists():
        VariantPrice.objects.bulk_create(
            VariantPrice(variant=one, price_list=price_list, currency="VND", amount=1000 + number)
            for number, one in enumerate(made)
        )
    return [one.pk for one in made]


def _lists() -> list[PriceList]:
    day, now = timedelta(days=1), timezone.now()
    for code in ("web", "zalo", "shop"):
        channel, _made = SalesChannel.objects.get_or_create(code=code)
        PriceList.objects.create(code=f"{code}-1", channel=channel, priority=1)
        PriceList.objects.create(code=f"{code}-2", channel=channel, priority=2, valid_from=now - day)
    PriceList.objects.create(code="over", priority=9, valid_to=now - day)
    return list(PriceList.objects.all())


def _medians(variants: list[UUID], floor: str, at: datetime | None) -> dict[str, float]:
    """Return the median milliseconds of both, of draws that differ from round to round."""
    chance = random.Random(5)
    times: dict[str, list[float]] = {"ours": [], "floor": []}
    for _round in range(ROUNDS):
        asked = chance.sample(variants, ASKED)
        times["ours"].append(_timed(partial(resolve_prices, asked, channel="web", at=at)))
        times["floor"].append(_timed(partial(_bare, floor, asked, at)))
    return {name: statistics.median(values[5:]) for name, values in times.items()}


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _bare(sql: str, variants: list[UUID], at: datetime | None) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": current_tenant_id(), "variants": variants, "at": at})
        return cursor.fetchall()
