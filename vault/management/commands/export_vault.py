"""``export_vault``: every tenant's credentials in one file, encrypted to a passphrase; prints JSON of what it holds."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.actor import Actor, ActorKind, acting
from tenants.errors import DomainError
from vault.backup import export_vault


class Command(BaseCommand):
    """Export the vault."""

    help = (
        "Write every credential to FILE, encrypted to the passphrase in --passphrase-file. “import_vault” reads it on this "
        "or another installation, whatever its VAULT_KEYS."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file and the file of the passphrase."""
        parser.add_argument("file", type=Path, help="must not exist yet")
        parser.add_argument("--passphrase-file", type=Path, required=True)

    def handle(self, *args: Any, file: Path, passphrase_file: Path, **options: Any) -> None:
        """Write and print; ends with 1 when a credential could not be read. A file of a failed export is removed."""
        try:
            passphrase = passphrase_file.read_text().rstrip("\r\n")
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except (OSError, UnicodeError) as error:
            raise CommandError(str(error)) from error
        try:
            with os.fdopen(handle, "wb") as target, acting(Actor(ActorKind.COMMAND)):
                summary = export_vault(target, passphrase=passphrase)
        except BaseException as error:
            file.unlink()
            if isinstance(error, DomainError):
                raise CommandError(error.message) from error
            raise
        self.stdout.write(json.dumps({"credentials": summary.credentials, "unreadable": summary.unreadable}))
        if summary.unreadable:
            raise CommandError(f"{len(summary.unreadable)} credentials cannot be read and are not in the file.")
