"""App ``vault`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    """Registers the app, its settings, and how long its rows are kept."""

    name = "vault"
    verbose_name = _("Connections")

    def ready(self) -> None:
        """Add what can be set here, and the kinds of rows that grow old."""
        from tenants.erasure import register_eraser
        from tenants.retention import register_kept
        from tenants.settings import SettingType, register_settings
        from vault.erasure import forget_in_deliveries
        from vault.retention import KEPT

        register_kept(*KEPT)
        register_eraser(forget_in_deliveries)

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
