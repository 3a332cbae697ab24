"""``load_demo``: bring the demo in, unless it is there. ``up`` runs it at every start."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from runtime.demo.loading import load_demo, logins


class Command(BaseCommand):
    """Load what is missing of the demo."""

    help = "Load the demo: two businesses with catalogue, bot and conversations. Does nothing when they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print who can log in if something was loaded."""
        password = str(settings.DEMO_PASSWORD)
        if (loaded := load_demo(password=password)) and options["verbosity"]:
            self.stdout.write(json.dumps({"loaded": loaded, "logins": logins(), "password": password}))
