"""``verify_audit``: follow the audit's chains of hashes and name the first altered entry of each tenant."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.audit import Verdict, verify
from tenants.models import AuditSeal, Tenant
from tenants.scope import platform_scope, tenant_scope


class Command(BaseCommand):
    """Verify one tenant's audit, or everybody's."""

    help = (
        "Verify the audit of one tenant, or of all. Prints for each how many entries hold and the hash at the end of the "
        "chain, which is worth keeping elsewhere. The exit code is 1 when something was altered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a slug or none."""
        parser.add_argument("slug", nargs="?", help="the tenant's short name; all tenants when left out")

    def handle(self, *args: Any, slug: str | None, **options: Any) -> None:
        """Verify and print."""
        chains = _chains(slug)
        if not chains:
            raise CommandError(f"There is no tenant “{slug}”.")
        broken = [name for tenant_id, name in chains.items() if not self._verify(tenant_id, name)]
        if broken:
            raise CommandError(f"The audit was altered: {', '.join(broken)}.")

    def _verify(self, tenant_id: UUID, name: str) -> bool:
        with tenant_scope(tenant_id):
            verdict = verify()
        self.stdout.write(f"{name}: {_told(verdict)}")
        return not verdict.broken


def _chains(slug: str | None) -> dict[UUID, str]:
    """Return whose chains to verify, with their names; without a slug also of tenants that are gone, by their ids."""
    with platform_scope(reason="a command names its tenants"):
        tenants = Tenant.objects.filter(slug=slug) if slug else Tenant.objects.order_by("slug")
        named = dict(tenants.values_list("id", "slug"))
        sealed = [] if slug else AuditSeal.objects.order_by().values_list("tenant_id", flat=True).distinct()
        return named | {tenant_id: str(tenant_id) for tenant_id in sealed if tenant_id not in named}


def _told(verdict: Verdict) -> str:
    counted = f"{verdict.entries} entries hold, {verdict.unsealed} not sealed yet, end {verdict.end}"
    if not verdict.broken:
        return counted
    named = f" (id {verdict.entry_id})" if verdict.entry_id else ""
    return f"{verdict.broken}{named}; before it {counted}"
