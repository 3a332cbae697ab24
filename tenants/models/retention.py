"""One night's forgetting of what a tenant has kept long enough (``tenants/retention.py``)."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.models.queues import QueueRow

TASK = "tenants.forget_old"


class RetentionSweep(QueueRow):
    """What is too old is deleted, kind by kind. One row for each tenant and night, which tells how much that was."""

    task: ClassVar[str] = TASK
    keeps_runs: ClassVar[bool] = True

    night = models.DateField(_("night"), editable=False, help_text=_("By the tenant's own calendar."))
    deleted = models.JSONField(_("deleted"), default=dict, db_default={}, editable=False, help_text="Rows by kind.")

    class Meta(QueueRow.Meta):
        verbose_name = _("retention sweep")
        verbose_name_plural = _("retention sweeps")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "night"],
                name="retentionsweep_once",
                violation_error_message=_("This night has its sweep already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.night)

    def task_type(self) -> str:
        """Return what is done, for its ``TaskRun``."""
        return gettext_noop("retention")

    def run_input(self) -> dict[str, Any]:
        """Return how far the night's work had come, for its ``TaskRun``."""
        return {"night": str(self.night), "deleted": self.deleted}
