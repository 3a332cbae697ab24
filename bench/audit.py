"""The audit against the same work without it: saves through the API, a bulk UPDATE; and verifying a long chain."""

import statistics
import time
from collections.abc import Callable

from django.db import connection
from django.test import Client

from bench.database import settle
from bench.result import Result, compared
from catalog.models import Offering, Variant
from tenants.audit import seal_all, verify
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant, issue_api_key

TABLE = "catalog_variant"
ROWS, SAVES, ROUNDS = 1_000, 1_000, 15
CHAIN, VERIFY_SECONDS = 1_000_000, 60

FILL = """
INSERT INTO tenants_auditentry (tenant_id, verb, subject_kind, subject_id, actor_kind, actor_id, request_id, before, after)
SELECT %(tenant)s, 'update', 'catalog.variantprice', uuidv7(), 'user', uuidv7(), uuidv7(),
       jsonb_build_object('amount', n, 'compare_at', NULL), jsonb_build_object('amount', n + 1, 'compare_at', n)
FROM generate_series(1, %(count)s) AS n
"""


def run() -> list[Result]:
    """Measure with the triggers on and off in turn, and a chain of a million entries."""
    tenant = create_tenant(slug="audited", name="Audited", owner_email="owner@audited.example").tenant
    with tenant_scope(tenant):
        offering = Offering.objects.create(code="many", status="active")
        variants = Variant.objects.bulk_create(Variant(offering=offering, sku=f"SKU-{number}") for number in range(ROWS))
    settle(TABLE)
    with tenant_scope(tenant):
        results = [_saves(variants), _bulk()]
    return [*results, *_chain(tenant)]


def _switched(switch: str) -> None:
    with connection.as_owner(), connection.cursor() as cursor:
        for event in ("insert", "update", "delete"):
            cursor.execute(f"ALTER TABLE {TABLE} {switch} TRIGGER audit_{event}")


def _in_turn(work: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    """Return the times with the audit and those without, round by round in changing order."""
    taken: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
    for number in range(rounds):
        for switch in sorted(taken, reverse=bool(number % 2)):
            _switched(switch)
            work()  # the plans of a fresh connection
            taken[switch].append(work())
    _switched("ENABLE")
    return taken["ENABLE"], taken["DISABLE"]


def _saves(variants: list[Variant]) -> Result:
    _row, key = issue_api_key(name="bench")
    client, headers = Client(SERVER_NAME="127.0.0.1"), {"Authorization": f"Bearer {key}"}
    names = iter(range(10_000_000))

    def save() -> float:
        begun = time.perf_counter()
        for variant in variants[: SAVES // 10]:
            body = {"name": f"name {next(names)}"}
            answer = client.patch(f"/api/v1/variants/{variant.pk}/", body, content_type="application/json", headers=headers)
            if answer.status_code != 200:
                raise RuntimeError(f"a save answered {answer.status_code}: {answer.content[:300]!r}")
        return time.perf_counter() - begun

    on, off = _in_turn(save, 10)
    return compared("audit: 1,000 saves through the API, s", ours=sum(on), floor=sum(off), limit="<= 1.3")


def _bulk() -> Result:
    before = AuditEntry.objects.count()

    def update() -> float:
        begun = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {TABLE} SET name = name || 'x'")
            if cursor.rowcount != ROWS:
                raise RuntimeError(f"{cursor.rowcount} rows updated")
            connection.cursor().execute(f"UPDATE {TABLE} SET name = 'y'")
        return (time.perf_counter() - begun) * 500

    on, off = _in_turn(update, ROUNDS)
    if AuditEntry.objects.count() - before != ROUNDS * 4 * ROWS:
        raise RuntimeError("not every row was audited")
    result = (statistics.median(on), statistics.median(off))
    return compared("audit: UPDATE of 1,000 rows, ms", ours=result[0], floor=result[1], limit="<= 4")


def _chain(tenant: Tenant) -> list[Result]:
    with tenant_scope(tenant), connection.cursor() as cursor:
        for _part in range(10):
            cursor.execute(FILL, {"tenant": tenant.pk, "count": CHAIN // 10})
    begun = time.perf_counter()
    sealed = seal_all()
    seal_seconds = time.perf_counter() - begun
    settle("tenants_auditentry")
    begun = time.perf_counter()
    with tenant_scope(tenant):
        verdict = verify()
    seconds = time.perf_counter() - begun
    if verdict.broken or verdict.entries < CHAIN:
        raise RuntimeError(f"the chain of {verdict.entries} does not hold: {verdict.broken}")
    return [
        compared("audit: verify 1,000,000 entries, s", ours=seconds, floor=VERIFY_SECONDS, limit="<= 1"),
        Result("audit: seal one entry, ms", seal_seconds / sealed * 1000, 1, seal_seconds / sealed * 1000, "", True),
    ]
