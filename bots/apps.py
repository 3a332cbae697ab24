"""App ``bots`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BotsConfig(AppConfig):
    """Registers the app."""

    name = "bots"
    verbose_name = _("Bots")

    def ready(self) -> None:
        """Make the functions known that tools may run, and how a person is forgotten."""
        from bots import memories  # noqa: F401 - registers them
        from bots.erasure import forget_in_memories
        from tenants.erasure import register_eraser

        register_eraser(forget_in_memories)
