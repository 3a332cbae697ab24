"""``QueueRow``, the base of every row that is work to do; what is done with such rows is ``tenants/queue.py``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel

MAX_ATTEMPTS = 5
DEATH = 2
"""As so many attempts counts one whose worker died: what kills each worker that takes it is parked after three."""


class QueueState(models.TextChoices):
    """Where a row stands. ``unknown``: the outcome is ambiguous, a person decides; never retried blindly.

    ``skipped``: by a rule it was never begun. ``cancelled``: a person has given it up.
    """

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unclear")
    SKIPPED = "skipped", _("Skipped")
    CANCELLED = "cancelled", _("Given up")


class QueueRow(TenantModel):
    """A row that is work to do. While it runs, ``due_at`` is the end of its lease: one index finds both kinds of due.

    ``lease_until`` is what the lease was when the row was claimed, and stays so while it is renewed: it tells this
    claim from every other. The attempt number alone would not, for a person may set it back.
    """

    max_attempts: ClassVar[int] = MAX_ATTEMPTS
    """After so many a row is a dead letter; one in which the worker died counts twice."""
    task: ClassVar[str] = ""
    """The task that works the queue, woken when a person puts rows back; empty where they are gone on with elsewhere."""
    put_back_values: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Columns of the model's own that putting a row back sets as well."""
    keeps_runs: ClassVar[bool] = False
    """Whether every attempt leaves a ``TaskRun``."""
    run_related: ClassVar[tuple[str, ...]] = ()
    """Relations that the run's description reads."""
    output: Mapping[str, Any] = MappingProxyType({})
    """What a worker says its attempt has brought, for the ``TaskRun``; said before ``finish``."""

    state = models.CharField(
        _("state"),
        max_length=16,
        choices=QueueState,
        default=QueueState.PENDING,
        db_default=QueueState.PENDING,
        editable=False,
    )
    due_at = models.DateTimeField(_("due"), db_default=Now(), editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, editable=False)
    attempt = models.PositiveIntegerField(_("attempts"), default=0, db_default=0, editable=False)
    priority = models.SmallIntegerField(_("priority"), default=0, db_default=0, editable=False)
    last_error = models.TextField(_("last error"), default="", db_default="", blank=True, editable=False)

    class Meta(TenantModel.Meta):
        abstract = True
        indexes = [
            models.Index(  # read by due_tenants and claim, in the order in which it claims
                fields=["tenant", "-priority", "due_at"],
                name="%(class)s_next",
                condition=models.Q(state__in=["pending", "running"]),
            ),
            models.Index(  # read by the page of jobs
                fields=["tenant", "state"],
                name="%(class)s_stuck",
                condition=models.Q(state__in=["failed", "unknown"]),
            ),
        ]

    def task_type(self) -> str:
        """Return what is done with the row, for its ``TaskRun``."""
        return str(self._meta.model_name)

    def run_name(self) -> str:
        """Return what people call the row, for its ``TaskRun``."""
        return str(self)

    def run_input(self) -> dict[str, Any]:
        """Return what it is done with, for its ``TaskRun``."""
        return {}
