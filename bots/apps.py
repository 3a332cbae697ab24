"""App ``bots`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BotsConfig(AppConfig):
    """Registers the app."""

    name = "bots"
    verbose_name = _("Bots")
