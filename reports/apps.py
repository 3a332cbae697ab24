"""App ``reports`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Registers the app, and what schedules can do with reports."""

    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Add what can be set, what grows old, and what schedules can do."""
        from reports.erasure import forget_mail_and_figures
        from reports.retention import KEPT
        from reports.schedule_mails import OWN as MAILS
        from reports.schedule_targets import OWN
        from reports.settings import SETTINGS
        from runtime.targets import register_target
        from tenants.erasure import register_eraser
        from tenants.models.task_runs import TASK_LABELS
        from tenants.retention import register_kept
        from tenants.settings import register_settings

        register_settings(SETTINGS)
        register_kept(*KEPT)
        register_eraser(forget_mail_and_figures)
        TASK_LABELS["read_report"] = _("Reading of a report")
        TASK_LABELS["read_mail"] = _("Reading of mail")
        for kind in (*OWN, *MAILS):
            register_target(kind)
