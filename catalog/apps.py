"""App ``catalog`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Registers the app."""

    name = "catalog"
    verbose_name = _("Catalogue")
