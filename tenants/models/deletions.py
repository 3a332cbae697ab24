"""A tenant that is being deleted, or was (``tenants/deleting.py``): a row of the platform, which outlives the tenant."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.models.base import created_by_field
from tenants.models.queues import QueueRow

TASK = "tenants.delete_tenants"


class TenantDeletion(QueueRow):
    """The order to delete a tenant, its place in the queue, and the proof of what was deleted."""

    max_attempts: ClassVar[int] = 20
    task: ClassVar[str] = TASK
    keeps_runs: ClassVar[bool] = True

    deleted_id = models.UUIDField(_("id of the tenant"), editable=False)
    slug = models.CharField(_("slug"), max_length=63, editable=False)
    name = models.CharField(_("name"), max_length=200, editable=False)
    deleted = models.JSONField(_("deleted"), default=dict, db_default={}, editable=False, help_text="Rows by table.")
    audit_end = models.CharField(
        _("end of the audit"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("The hash at the end of its chain, as it was when it was deleted."),
    )
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)
    created_by = created_by_field()

    class Meta(QueueRow.Meta):
        verbose_name = _("deletion of a tenant")
        verbose_name_plural = _("deletions of tenants")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "deleted_id"],
                name="tenantdeletion_once",
                violation_error_message=_("This tenant is being deleted already."),
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    def task_type(self) -> str:
        """Return what is done, for its ``TaskRun``."""
        return gettext_noop("delete_tenant")

    def run_input(self) -> dict[str, Any]:
        """Return which tenant, for its ``TaskRun``."""
        return {"id": str(self.deleted_id), "slug": self.slug}
