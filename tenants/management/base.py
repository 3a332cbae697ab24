"""``TenantCommand``: the door of the command line into a tenant's scope."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.actor import Actor, ActorKind, acting
from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope


class TenantCommand(BaseCommand):
    """A command whose first argument is a tenant's slug; ``handle_tenant`` runs in that tenant's scope."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug."""
        parser.add_argument("slug", help="the tenant's short name")

    def handle(self, *args: Any, slug: str, **options: Any) -> str | None:
        """Find the tenant, enter its scope and run."""
        with platform_scope(reason="a command names its tenant"):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant “{slug}”.")
        with tenant_scope(tenant), acting(Actor(ActorKind.COMMAND)):
            return self.handle_tenant(tenant, **options)

    def handle_tenant(self, tenant: Tenant, **options: Any) -> str | None:
        """Do the work of the command."""
        raise NotImplementedError
