"""App ``catalog`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Registers the app, and what every new tenant starts with."""

    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Add the channel, price list and location of new tenants to their creation."""
        from catalog.services import create_defaults
        from tenants.services import NEW_TENANT_STEPS

        NEW_TENANT_STEPS.append(create_defaults)
