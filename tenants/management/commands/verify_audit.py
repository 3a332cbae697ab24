"""``verify_audit``: follow the audit's chains of hashes and name the first altered entry of each tenant."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.audit import Verdict, verify
from tenants.models import Tenant
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
        with platform_scope(reason="a command names its tenants"):
            tenants = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.order_by("slug"))
        if not tenants:
            raise CommandError(f"There is no tenant “{slug}”.")
        broken = [tenant.slug for tenant in tenants if not self._verify(tenant)]
        if broken:
            raise CommandError(f"The audit was altered: {', '.join(broken)}.")

    def _verify(self, tenant: Tenant) -> bool:
        with tenant_scope(tenant):
            verdict = verify()
        self.stdout.write(f"{tenant.slug}: {_told(verdict)}")
        return not verdict.broken


def _told(verdict: Verdict) -> str:
    counted = f"{verdict.entries} entries hold, {verdict.unsealed} not sealed yet, end {verdict.end}"
    if not verdict.broken:
        return counted
    named = f" (id {verdict.entry_id})" if verdict.entry_id else ""
    return f"{verdict.broken}{named}; before it {counted}"
