"""App ``tenants``: who is here, and whose row is this."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Registers the app."""

    name = "tenants"
    verbose_name = _("People and access")
