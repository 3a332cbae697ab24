"""``issue_api_key``: a program's way in; prints the key alone, the only time it is known."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from tenants.keys import unknown_scopes
from tenants.management.base import TenantCommand
from tenants.models import ApiKey, Tenant
from tenants.services import issue_api_key


class Command(TenantCommand):
    """Make an API key."""

    help = "Issue an API key of a tenant and print it. Without --scopes it may do all that an owner may."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug, a name, scopes and a bot."""
        super().add_arguments(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument("--scopes", default="", help="comma-separated, such as offerings:read,sessions:write")
        parser.add_argument("--bot", help="code of the bot the key belongs to")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        """Issue and print."""
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        if unknown := unknown_scopes(scopes):
            raise CommandError(f"There is no scope “{unknown[0]}”.")
        try:
            _row, key = issue_api_key(name=options["name"], scopes=scopes, bot_id=_bot_id(options["bot"]))
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(key)


def _bot_id(code: str | None) -> Any:
    if not code:
        return None
    bots = ApiKey.bot.field.related_model.objects  # type: ignore[attr-defined]
    found = bots.filter(code=code).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no bot “{code}”.")
    return found
