"""`manage.py up`: everything in one process tree, until Ctrl-C."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.supervisor import Supervisor


class Command(BaseCommand):
    """Starts servers, migrations, demo, web, worker and beat."""

    help = "Run everything: servers, migrations, demo, web, worker and beat, until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, help="port of the web (default: PORT, else 8000)")
        parser.add_argument("--no-demo", action="store_true", help="do not load the demo")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        host = os.environ.get("HOST") or "127.0.0.1"
        Supervisor(host=host, port=options["port"] or settings.PORT, demo=not options["no_demo"]).run()
