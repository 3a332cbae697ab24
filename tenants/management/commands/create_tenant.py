"""``create_tenant``: a tenant with its owner; prints JSON with their ids."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.errors import DomainError
from tenants.services import create_tenant


class Command(BaseCommand):
    """Make a tenant, its owner and what every new tenant starts with."""

    help = "Create a tenant with its owner. Prints JSON; a password that had to be made is shown in it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take slug, name, owner and the tenant's habits."""
        parser.add_argument("slug", help="short name, used in commands and log-in")
        parser.add_argument("--name", required=True)
        parser.add_argument("--owner", required=True, help="e-mail address; an existing person is reused")
        parser.add_argument("--password", help="for a new person; made up when left out")
        parser.add_argument("--currency", default="VND")
        parser.add_argument("--locale", default="vi")
        parser.add_argument("--time-zone", default="Asia/Ho_Chi_Minh")

    def handle(self, *args: Any, slug: str, owner: str, **options: Any) -> None:
        """Create and print."""
        names = ("name", "password", "currency", "locale", "time_zone")
        try:
            made = create_tenant(slug=slug, owner_email=owner, **{name: options[name] for name in names})
        except DomainError as error:
            raise CommandError(error.message) from error
        except ValidationError as error:
            raise CommandError(_one_line(error)) from error
        shown = {"tenant": str(made.tenant.id), "slug": slug, "owner": str(made.owner.id), "email": made.owner.email}
        if made.password:
            shown["password"] = made.password
        self.stdout.write(json.dumps(shown))


def _one_line(error: ValidationError) -> str:
    return "; ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
