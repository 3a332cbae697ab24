"""``erase_customer``: forget a customer for good, and print the proof."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from catalog.erasure import erase_customer
from tenants.errors import DomainError
from tenants.management.base import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    """Erase a customer of a tenant."""

    help = (
        "Forget a customer, and all who were merged with them: conversations and what was made of their words are deleted, "
        "orders stay without the person. Prints as JSON what was deleted, what was kept and why, and where they are still "
        "mentioned. All or nothing; run again, it prints the same. Backups made before still have them: erase them again "
        "after a restore."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug and the customer's id."""
        super().add_arguments(parser)
        parser.add_argument("id", type=UUID, help="the customer's id")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        """Erase and print."""
        try:
            done = erase_customer(customer_id=options["id"])
        except DomainError as error:
            raise CommandError(error.message) from None
        told = {"customer_ids": [str(one) for one in done.customer_ids], "erased_at": done.created_at.isoformat()}
        self.stdout.write(json.dumps(told | done.report, ensure_ascii=False, indent=2))
