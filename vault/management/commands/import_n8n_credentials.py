"""``import_n8n_credentials``: keeps what ``n8n export:credentials`` wrote; prints JSON of what was done, and no secret."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tenants.errors import DomainError
from tenants.management.base import TenantCommand
from tenants.models import Tenant
from vault.n8n import import_export


class Command(TenantCommand):
    """Import credentials of n8n into a tenant's vault."""

    help = (
        "Import the file of “n8n export:credentials --all”, encrypted (with --key-file) or --decrypted. A second import "
        "changes nothing. Delete a decrypted file afterwards: it holds the secrets in the clear."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug, the file and the file of the key."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--key-file", type=Path, help="a file that holds N8N_ENCRYPTION_KEY")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        """Import and print; ends with 1 when something could not be kept."""
        try:
            key = options["key_file"].read_text().strip() if options["key_file"] else ""
            summary = import_export(options["file"].read_bytes(), key=key)
        except (OSError, UnicodeError) as error:
            raise CommandError(f"The file cannot be read: {error}") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(asdict(summary), ensure_ascii=False))
        if summary.errors:
            raise CommandError(f"{len(summary.errors)} credentials could not be kept.")
