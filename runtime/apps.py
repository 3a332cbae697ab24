"""App ``runtime`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RuntimeConfig(AppConfig):
    """Registers the app."""

    name = "runtime"
    verbose_name = _("Conversations")
