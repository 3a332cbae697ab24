"""`manage.py prepare_database`: what `up` does to a database of the user's own, for deployments that run the rest apart."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from config import external


class Command(BaseCommand):
    """Checks the server of DATABASE_URL, makes the roles when it may, and migrates."""

    help = "Check the server of DATABASE_URL, make roles and extension when we may, and migrate."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises StartError when there is something to mend first."""
        external.prepare()
        call_command("migrate", interactive=False, skip_checks=True)
