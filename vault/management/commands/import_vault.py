"""``import_vault``: stores what ``export_vault`` wrote; prints JSON of what was done, and no secret."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.actor import Actor, ActorKind, acting
from tenants.errors import DomainError
from vault.backup import import_vault


class Command(BaseCommand):
    """Import a vault."""

    help = (
        "Store the credentials of a file of “export_vault” under this installation's VAULT_KEYS; tenants are found by their "
        "short names. Works beside a database that was restored without its old VAULT_KEYS. Doing it twice changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file and the file of the passphrase."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--passphrase-file", type=Path, required=True)

    def handle(self, *args: Any, file: Path, passphrase_file: Path, **options: Any) -> None:
        """Store and print; ends with 1 when something was left out."""
        try:
            passphrase = passphrase_file.read_text().rstrip("\r\n")
            with file.open("rb") as source, acting(Actor(ActorKind.COMMAND)):
                summary = import_vault(source, passphrase=passphrase)
        except (OSError, UnicodeError) as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(asdict(summary)))
        if summary.unknown_tenants or summary.unknown_bots or summary.refused:
            raise CommandError("Something was left out, see above.")
