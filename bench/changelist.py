"""The admin's longest lists: the 1,000th page against the first, through the real pages, and what they count.

200,000 turns in as many conversations over three tenants; the list is looked at by an operator of the largest.
"""

import re
import statistics
import time
from html import unescape

from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.database import settle
from bench.result import Result, compared
from bots.models import Bot
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.models import Session, Turn
from tenants.admin.pages import COUNT_LIMIT, TenantChangeList
from tenants.models import Membership, Tenant, User
from tenants.roles import Role
from tenants.scope import tenant_scope
from tenants.services import create_tenant

SIZES = (150_000, 30_000, 20_000)
PAGE = 1_000
ROUNDS = 25

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
    settle()
    operator = _operator(tenants[0])
    lists = [model for model in (Session, Turn) if admin.site.is_registered(model)]
    return [result for model in lists for result in _measure(model, tenants[0], operator)]


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


def _measure(model: type[Session] | type[Turn], tenant: Tenant, operator: User) -> list[Result]:
    client = Client(SERVER_NAME="localhost")
    client.force_login(operator)
    first = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    deep = _deep_page(client, first, model, tenant)
    name = f"list of {model._meta.verbose_name_plural}"
    return [
        _compare(client, f"{name}: page {PAGE:,} / page 1, ms", deep, first),
        _compare(client, f"{name}: by number, page {PAGE:,} / page 1, ms", f"{first}?p={PAGE}", first, limit=""),
        _counts(client, name, (first, deep)),
    ]


def _deep_page(client: Client, first: str, model: type[Session] | type[Turn], tenant: Tenant) -> str:
    """Return the address that leafing to the page would end at: the page's own link with the id at that page's edge."""
    size = admin.site.get_model_admin(model).list_per_page
    with tenant_scope(tenant):
        edges = [model.objects.order_by("-id")[row].pk for row in (size - 1, (PAGE - 1) * size - 1)]
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
            if "COUNT(" in sql.upper() and "runtime_" in sql:
                limit = re.search(r"LIMIT (\d+)", sql)
                most = max(most, int(limit[1]) if limit else sum(SIZES))
    return most
