"""``rotate_vault_keys``: brings every secret under the first of ``VAULT_KEYS``; prints JSON of what was done and is left."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from vault.rotation import rotate_keys
from vault.startup import WrongMasterKey, check_master_keys


class Command(BaseCommand):
    """Rotate, beside a running installation."""

    help = (
        "Encrypt every secret anew under the first of VAULT_KEYS. Put the new key first, keep the old one behind it, start "
        "every process anew, then run this. What it prints under “removable” may leave VAULT_KEYS afterwards."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate and print; ends with 1 when a secret could not be read."""
        try:
            check_master_keys()
        except WrongMasterKey as error:
            raise CommandError(str(error)) from error
        report = rotate_keys()
        self.stdout.write(json.dumps(asdict(report), default=str))
        if report.unreadable:
            raise CommandError(f"{len(report.unreadable)} secrets cannot be read; they stay as they are, with their keys.")
