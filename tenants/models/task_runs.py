"""What background work was done: one row for each attempt (S4's task logs)."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.notes import told

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TASK_LABELS: dict[str, "StrOrPromise"] = {
    "retention": _("Sweep of what is old"),
    "delete_tenant": _("Deletion of the business"),
    "export_tenant": _("Export of the business"),
}
"""What people call the types of tasks, by their codes; apps add theirs in ``AppConfig.ready``."""


class TaskRun(TenantModel):
    """One attempt at a row of a queue whose model keeps runs (``QueueRow.keeps_runs``). It names the row and outlives it."""

    class Status(models.TextChoices):
        """How it ended; a failed attempt may be followed by another one."""

        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unclear")

    queue = models.CharField(_("queue"), max_length=64, editable=False, help_text="The model: runtime.scheduleoccurrence.")
    row_id = models.UUIDField(_("id of the row"), editable=False)
    task_type = models.CharField(_("what is done"), max_length=63, editable=False)
    name = models.CharField(_("name"), max_length=200, blank=True, default="", db_default="", editable=False)
    bot_id = models.UUIDField(_("bot"), null=True, editable=False)
    attempt = models.PositiveIntegerField(_("attempt"), default=1, db_default=1, editable=False)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.RUNNING, editable=False)
    input = models.JSONField(_("input"), default=dict, db_default={}, editable=False)
    output = models.JSONField(_("output"), default=dict, db_default={}, editable=False)
    error = models.TextField(_("error"), default="", db_default="", blank=True, editable=False)
    started_at = models.DateTimeField(_("begun"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("ended"), null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="taskrun_newest"),
            models.Index(fields=["tenant", "row_id", "-id"], name="taskrun_of_row"),
            # read where the attempts of a dead worker are closed
            models.Index(fields=["tenant", "queue", "row_id"], condition=models.Q(status="running"), name="taskrun_open"),
        ]

    def __str__(self) -> str:
        return self.name or self.what

    @property
    def what(self) -> str:
        """What is done, as people call it."""
        return str(TASK_LABELS.get(self.task_type, self.task_type))

    @property
    def problem(self) -> str:
        """What went wrong, in the reader's language."""
        return told(self.error)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None
