"""App ``tenants``: who is here, and whose row is this."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Registers the app, how long its rows are kept and how people are forgotten."""

    name = "tenants"
    verbose_name = _("People and access")

    def ready(self) -> None:
        """Add the kinds of rows that grow old, and how a person is forgotten."""
        from tenants.erasure import forget_in_requests_and_runs, register_eraser
        from tenants.retention import OWN, register_kept

        register_kept(*OWN)
        register_eraser(forget_in_requests_and_runs)


class TenantSiteConfig(admin_apps.AdminConfig):
    """Makes ``admin.site`` the one that knows tenants."""

    default = False
    default_site = "tenants.site.TenantSite"
