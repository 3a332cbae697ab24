"""App ``runtime`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RuntimeConfig(AppConfig):
    """Registers the app and its settings."""

    name = "runtime"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Add what can be set here."""
        from runtime.settings import SETTINGS
        from tenants.settings import register_settings

        register_settings(SETTINGS)
