"""The admin's longest lists: the 1,000th page against the first, through the real pages, and what they count.

200,000 turns in as many conversations over three tenants, and 100,000 offerings with a variant, a price and stock each;
the lists are looked at by an operator of the largest tenant.
"""

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import numpy as np
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.database import settle
from bench.result import Result, compared
from bench.shelves import fill_shelves
from bots.models import Bot
from bots.services import activate_version, create_version
from catalog.models import Offering, SalesChannel
from runtime.models import Session, Turn
from tenants.admin.pages import COUNT_LIMIT, TenantChangeList
from tenants.models import Membership, Tenant, User
from tenants.roles import Role
from tenants.scope import tenant_scope
from tenants.services import create_tenant

SIZES = (150_000, 30_000, 20_000)
PAGE, OFFERING_PAGE = 1_000, 500
OFFERINGS = 100_000
ROUNDS = 25

Listed = Session | Turn | Offering

FILL = """
WITH begun AS (
    INSERT INTO runtime_session (tenant_id, bot_id, bot_version_id, channel_id, owner, flow_step, flow_context,
        ext_metadata, turn_number, state_updated_at)
    SELECT %(tenant)s, %(bot)s, %(version)s, %(channel)s, 'bot', 'open', '{}', '{}', 1, statement_timestamp()
    FROM generate_series(1, %(size)s) RETURNING id
), said AS (
    INSERT INTO runtime_turn (tenant_id, session_id, speaker, message, language, ui_metadata)
    SELECT %(tenant)s, id, 'user', 'How much is the notebook number ' || left(id::text, 8), 'en', '{}' FROM begun
    RETURNING id, session_id
)
INSERT INTO runtime_decisionevent (tenant_id, session_id, input_turn_id, bot_version_id, event_type, tier)
SELECT %(tenant)s, session_id, id, %(version)s, 'tier_selection', 'catalog' FROM said
"""


def run() -> list[Result]:
    """Fill the tenants and leaf through every list of conversations that the admin shows."""
    tenants = [_fill(number, size) for number, size in enumerate(SIZES)]
    with tenant_scope(tenants[0]), _unindexed():
        names = [f"Notebook number {number}" for number in range(OFFERINGS)]
        fill_shelves(names, [""] * OFFERINGS, generator=np.random.default_rng(3))
    settle()
    operator = _operator(tenants[0])
    lists = {Session: PAGE, Turn: PAGE, Offering: OFFERING_PAGE}
    return [result for model, page in lists.items() for result in _measure(model, page, tenants[0], operator)]


@contextmanager
def _unindexed() -> Iterator[None]:
    """Leave the search index and the audit aside: they take most of the time and are no part of a list."""
    tables = ("catalog_offering", "catalog_offeringversion", "catalog_variant", "catalog_variantprice")
    with connection.as_owner(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        yield
    finally:
        with connection.as_owner(), connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _fill(number: int, size: int) -> Tenant:
    tenant = create_tenant(slug=f"list-{number}", name="List", owner_email=f"owner@list-{number}.example").tenant
    with tenant_scope(tenant), connection.cursor() as cursor:
        bot = Bot.objects.create(code="shop", name="Shop")
        version = activate_version(version=create_version(bot=bot))
        ids = {"tenant": tenant.pk, "bot": bot.pk, "version": version.pk}
        for _part in range(size // 10_000):  # in one statement they would all have one time, and take too long
            cursor.execute(FILL, {**ids, "channel": SalesChannel.objects.get(code="web").pk, "size": 10_000})
    return tenant


def _operator(tenant: Tenant) -> User:
    with tenant_scope(tenant):
        person = User.objects.create_user("operator@list.example")
        Membership.objects.create(user=person, role=Role.OPERATOR)
    return person


def _measure(model: type[Listed], page: int, tenant: Tenant, operator: User) -> list[Result]:
    client = Client(SERVER_NAME="localhost")
    client.force_login(operator)
    first = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    deep = _deep_page(client, first, model, page, tenant)
    name = f"list of {model._meta.verbose_name_plural}"
    by_number = "<= 2" if model is Offering else ""
    return [
        _compare(client, f"{name}: page {page:,} / page 1, ms", deep, first),
        _compare(client, f"{name}: by number, page {page:,} / page 1, ms", f"{first}?p={page}", first, limit=by_number),
        _counts(client, name, (first, deep)),
    ]


def _deep_page(client: Client, first: str, model: type[Listed], page: int, tenant: Tenant) -> str:
    """Return the address that leafing to the page would end at: the page's own link with the id at that page's edge."""
    size = admin.site.get_model_admin(model).list_per_page
    with tenant_scope(tenant):
        edges = [model.objects.order_by("-id")[row].pk for row in (size - 1, (page - 1) * size - 1)]
    links = [unescape(link) for link in re.findall(r'href="([^"]*)"', client.get(first).text)]
    after_first = next(link for link in links if str(edges[0]) in link and "after" in link)
    return first + after_first.replace(str(edges[0]), str(edges[1]))


def _compare(client: Client, name: str, deep: str, first: str, limit: str = "<= 2") -> Result:
    times: dict[str, list[float]] = {deep: [], first: []}
    for _round in range(ROUNDS):
        for address, taken in times.items():
            begun = time.perf_counter()
            answer = client.get(address)
            taken.append((time.perf_counter() - begun) * 1000)
            if answer.status_code != 200 or not _is_full(answer.context_data["cl"]):
                raise RuntimeError(f"{address} answered {answer.status_code}, or not a whole page")
    ours, floor = (statistics.median(taken) for taken in times.values())
    if not limit:
        return Result(name, ours, floor, ours / floor, "", True)
    return compared(name, ours=ours, floor=floor, limit=limit)


def _is_full(page: TenantChangeList) -> bool:
    return len(page.result_list) == page.list_per_page


def _counts(client: Client, name: str, addresses: tuple[str, ...]) -> Result:
    counted, allowed = _rows_counted(client, addresses), COUNT_LIMIT + 1
    return compared(f"{name}: rows counted, at most", ours=counted, floor=allowed, limit="<= 1")


def _rows_counted(client: Client, addresses: tuple[str, ...]) -> int:
    """The most rows that any count of these pages can touch: its LIMIT, all without one."""
    most = 0
    for address in addresses:
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        for query in captured:
            sql = query["sql"]
            if "COUNT(" in sql.upper() and ("runtime_" in sql or "catalog_" in sql):
                limit = re.search(r"LIMIT (\d+)", sql)
                most = max(most, int(limit[1]) if limit else sum(SIZES))
    return most
