"""``export_tenant``: everything a tenant has, in one file."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tenants.exporting import export_tenant
from tenants.management.base import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    """Export a tenant."""

    help = (
        "Write everything a tenant has into a ZIP: a JSON line for each row, the uploaded files, and a manifest. Secrets are "
        "left out (export_vault writes them, to a passphrase). Started again after it was stopped, it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug and the file."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the ZIP to write; must not be there yet")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        """Export, and print a summary as the last line."""
        target: Path = options["file"]
        if target.exists():
            raise CommandError(f"{target} is there already.")
        if not target.absolute().parent.is_dir():
            raise CommandError(f"There is no folder {target.absolute().parent}.")
        manifest = export_tenant(tenant, target.absolute(), say=self.stderr.write)
        rows = sum(table["rows"] for table in manifest["tables"].values())
        told = {"tenant": tenant.slug, "file": str(target), "tables": len(manifest["tables"]), "rows": rows}
        self.stdout.write(json.dumps(told | {"missing_files": manifest["missing_files"]}))
