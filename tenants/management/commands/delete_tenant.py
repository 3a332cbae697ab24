"""``delete_tenant``: delete a tenant for good, and print the proof."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.actor import Actor, ActorKind, acting
from tenants.deleting import delete_tenant, run_deletions
from tenants.errors import DomainError
from tenants.models import PLATFORM_ID, Tenant, TenantDeletion
from tenants.queue import OPEN
from tenants.scope import platform_scope, tenant_scope

PAUSE = 5.0
"""Seconds between two looks at a deletion that somebody else does."""


def _stored(slug: str) -> TenantDeletion:
    with tenant_scope(PLATFORM_ID):
        row: TenantDeletion = TenantDeletion.objects.filter(slug=slug).latest("id")
        return row


class Command(BaseCommand):
    """Delete a tenant. No ``TenantCommand``: started again after a kill, the tenant may be gone already."""

    help = (
        "Delete a tenant for good: every row, every file, its data key, its audit, and the accounts of people who worked "
        "nowhere else. Export it first (export_tenant). Prints as JSON what was deleted; started again, it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug, twice."""
        parser.add_argument("slug", help="the tenant's short name")
        parser.add_argument("--confirm", required=True, metavar="SLUG", help="the short name once more")

    def handle(self, *args: Any, slug: str, confirm: str, **options: Any) -> None:
        """Order the deletion, do it here, and print what was deleted."""
        with acting(Actor(ActorKind.COMMAND)):
            self._order(slug, confirm)
            run_deletions()
            while (row := _stored(slug)).state in OPEN:  # another worker is at it, or was, and its lease is not over
                self.stderr.write(row.last_error or "waiting for who deletes it now…")
                time.sleep(PAUSE)
                run_deletions()
        if row.state != "done":
            raise CommandError(f"“{slug}” is not deleted yet ({row.state}) {row.last_error}".strip())
        told = {"id": str(row.deleted_id), "slug": slug, "audit_end": row.audit_end, "deleted": row.deleted}
        self.stdout.write(json.dumps(told, indent=2))

    def _order(self, slug: str, confirm: str) -> None:
        with platform_scope(reason="a command names its tenant"):
            tenant = Tenant.objects.filter(slug=slug).first()
            ordered = TenantDeletion.objects.filter(slug=slug).exists()
        if tenant is None and not ordered:
            raise CommandError(f"There is no tenant “{slug}”.")
        try:
            if tenant:
                delete_tenant(tenant=tenant, typed=confirm)
        except DomainError as error:
            raise CommandError(error.message) from None
