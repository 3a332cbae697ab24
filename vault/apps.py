"""App ``vault`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VaultConfig(AppConfig):
    """Registers the app."""

    name = "vault"
    verbose_name = _("Secrets and providers")
