"""A tenant's data in one file, as platform staff ordered it (``tenants/export_orders.py``): a row of the platform."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.fields import TenantForeignKey
from tenants.models.base import created_by_field
from tenants.models.queues import QueueRow
from tenants.models.requests import StoredFile

TASK = "tenants.export_tenants"


class TenantExport(QueueRow):
    """The order to export a tenant, its place in the queue, and the file until it expires."""

    task: ClassVar[str] = TASK
    keeps_runs: ClassVar[bool] = True

    exported_id = models.UUIDField(_("id of the tenant"), editable=False)
    slug = models.CharField(_("slug"), max_length=63, editable=False)
    file = TenantForeignKey(
        StoredFile, null=True, editable=False, on_delete=models.PROTECT, related_name="+", verbose_name=_("file")
    )
    rows = models.PositiveBigIntegerField(_("rows"), null=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, editable=False)
    created_by = created_by_field()

    class Meta(QueueRow.Meta):
        verbose_name = _("export of a tenant")
        verbose_name_plural = _("exports of tenants")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "exported_id"],
                condition=models.Q(state__in=["pending", "running"]),
                name="tenantexport_one_at_a_time",
                violation_error_message=_("This tenant is being exported already."),
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    def task_type(self) -> str:
        """Return what is done, for its ``TaskRun``."""
        return gettext_noop("export_tenant")

    def run_input(self) -> dict[str, Any]:
        """Return which tenant, for its ``TaskRun``."""
        return {"id": str(self.exported_id), "slug": self.slug}
