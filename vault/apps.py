"""App ``vault`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    """Registers the app."""

    name = "vault"
    verbose_name = _("Connections")

    def ready(self) -> None:
        """Add what can be set here."""
        from tenants.settings import SettingType, register_settings

        register_settings(
            {
                "credential_expiry_warning_days": SettingType(
                    label=_("Warn before a credential expires"),
                    help_text=_("Days before the end: an event, and a line on the home page."),
                    default=14,
                    maximum=365,
                )
            }
        )
