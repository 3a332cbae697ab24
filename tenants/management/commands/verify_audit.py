"""``verify_audit``: follow the audit's chains, name each tenant's first altered entry and the rows that were put back."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.audit import Verdict, put_back, verify
from tenants.models import AuditEntry, AuditSeal, Tenant
from tenants.scope import platform_scope, tenant_scope

ALTERED, PUT_BACK = "The audit was altered", "Rows were put back to an older version"


class Command(BaseCommand):
    """Verify one tenant's audit, or everybody's."""

    help = (
        "Verify the audit of one tenant, or of all. Prints for each how many entries hold and the hash at the end of the "
        "chain, which is worth keeping elsewhere, and names the rows that say less than the audit tells of them, such as a "
        "credential put back from an old copy. The exit code is 1 when something was altered or put back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a slug or none."""
        parser.add_argument("slug", nargs="?", help="the tenant's short name; all tenants when left out")

    def handle(self, *args: Any, slug: str | None, **options: Any) -> None:
        """Verify and print."""
        chains = _chains(slug)
        if not chains:
            raise CommandError(f"There is no tenant “{slug}”.")
        broken: dict[str, list[str]] = {}
        for tenant_id, name in chains.items():
            for problem in self._verify(tenant_id, name):
                broken.setdefault(problem, []).append(name)
        if broken:
            raise CommandError(" ".join(f"{problem}: {', '.join(names)}." for problem, names in broken.items()))

    def _verify(self, tenant_id: UUID, name: str) -> list[str]:
        """Print what was found of one tenant; returns what is wrong."""
        with tenant_scope(tenant_id):
            verdict, old = verify(), _old_rows()
            self.stdout.write(f"{name}: {_told(verdict)}")
        for row in old:
            self.stdout.write(f"{name}: {_named(row)}")
        return [ALTERED] * bool(verdict.broken) + [PUT_BACK] * bool(old)


def _chains(slug: str | None) -> dict[UUID, str]:
    """Return whose chains to verify, with their names; without a slug also of tenants that are gone, by their ids."""
    with platform_scope(reason="a command names its tenants"):
        tenants = Tenant.objects.filter(slug=slug) if slug else Tenant.objects.order_by("slug")
        named = dict(tenants.values_list("id", "slug"))
        sealed = [] if slug else AuditSeal.objects.order_by().values_list("tenant_id", flat=True).distinct()
        return named | {tenant_id: str(tenant_id) for tenant_id in sealed if tenant_id not in named}


def _told(verdict: Verdict) -> str:
    erased = AuditEntry.objects.exclude(erased_digest=None).count()
    of_people = f", {erased} of them without values of erased people" if erased else ""
    counted = f"{verdict.entries} entries hold{of_people}, {verdict.unsealed} not sealed yet, end {verdict.end}"
    if not verdict.broken:
        return counted
    named = f" (id {verdict.entry_id})" if verdict.entry_id else ""
    return f"{verdict.broken}{named}; before it {counted}"


def _old_rows() -> list[Any]:
    """Return the rows of the scope's tenant that were put back."""
    growing = [model for model in apps.get_models() if getattr(model, "only_grows", "")]
    return [row for model in growing for row in put_back(model._default_manager.all())]


def _named(row: Any) -> str:
    now = getattr(row, row.only_grows)
    return f"{row._meta.verbose_name} {row.pk} “{row}” was put back: it says {now}, the audit tells of {row.told}"
