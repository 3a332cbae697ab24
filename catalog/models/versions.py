"""When a version is to go on sale by itself."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.offerings import OfferingVersion
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import created_by_field
from tenants.queue import QueueRow, QueueState


class ScheduledActivation(QueueRow):
    """A version that is to go on sale at ``activate_at``; one plan a version, kept when it is over.

    Waiting rows are ``pending``, one that could not be carried out is ``failed`` with the reason in ``last_error``, and
    one whose version went on sale, then or before by hand, is ``done``. ``planned_over`` is what customers saw when it
    was planned: when that has changed meanwhile, what was done by hand stands.
    """

    task: ClassVar[str] = "catalog.activate_versions"

    tenant = TenantField(referenced=False)
    offering_version = TenantForeignKey(
        OfferingVersion, on_delete=models.CASCADE, related_name="activations", verbose_name=_("version")
    )
    activate_at = models.DateTimeField(_("goes on sale"))
    planned_over = models.CharField(_("planned over"), max_length=32, editable=False)
    created_by = created_by_field(_("planned by"))

    class Meta(QueueRow.Meta):
        verbose_name = _("scheduled activation")
        verbose_name_plural = _("scheduled activations")
        ordering = ["activate_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "offering_version"],
                name="scheduledactivation_once",
                violation_error_message=_("The version is planned already."),
            ),
        ]

    OPEN: ClassVar = (QueueState.PENDING, QueueState.RUNNING)

    def __str__(self) -> str:
        return f"{self.offering_version} – {self.activate_at}"

    @property
    def is_open(self) -> bool:
        """Whether it is still to be carried out."""
        return self.state in self.OPEN
