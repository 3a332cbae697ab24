"""App ``catalog`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """Registers the app, its settings, and what every new tenant starts with."""

    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Add the channel, price list and location of new tenants to their creation, what can be set here, and what grows old."""
        from catalog.erasure import forget_customer
        from catalog.retention import KEPT
        from catalog.services import create_defaults
        from tenants.erasure import register_eraser
        from tenants.models.task_runs import TASK_LABELS
        from tenants.retention import register_kept
        from tenants.services import NEW_TENANT_STEPS
        from tenants.settings import SettingType, register_settings

        TASK_LABELS.update({"import_catalog": _("Import of the catalogue"), "undo_import": _("Taking back an import")})
        NEW_TENANT_STEPS.append(create_defaults)
        register_kept(*KEPT)
        register_eraser(forget_customer)
        register_settings(
            {
                "order_hold_minutes": SettingType(
                    label=_("Hold the stock of a pending order"),
                    help_text=_("Minutes. An order that is not confirmed by then is cancelled and its stock on sale again."),
                    default=1440,
                    minimum=1,
                    maximum=43_200,
                )
            }
        )
