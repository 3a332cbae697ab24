"""App ``runtime`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RuntimeConfig(AppConfig):
    """Registers the app and its settings."""

    name = "runtime"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Add what can be set here."""
        from tenants.settings import SettingType, register_settings

        register_settings(
            {
                "claim_minutes": SettingType(
                    label=_("Give a claimed conversation back"),
                    help_text=_(
                        "Minutes. Who has claimed a conversation and leaves the customer without an answer for so long "
                        "loses it: it waits for somebody else, and the bot answers meanwhile."
                    ),
                    default=15,
                    minimum=1,
                    maximum=10_080,
                ),
                "session_idle_minutes": SettingType(
                    label=_("End an idle conversation"),
                    help_text=_("Minutes without a message. The flow of a bot's version may say otherwise (idle_minutes)."),
                    default=1440,
                    minimum=1,
                    maximum=525_600,
                ),
            }
        )
