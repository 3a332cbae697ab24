"""App ``reports`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Registers the app."""

    name = "reports"
    verbose_name = _("Reports")
