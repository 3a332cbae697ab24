"""What was changed, by whom, and the chain of hashes that shows if the record itself was changed later."""

from typing import ClassVar

from django.apps import apps
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from tenants.actor import ActorKind
from tenants.fields import TenantField
from tenants.models.base import TenantModel, TenantQuerySet


class AuditEntryQuerySet(TenantQuerySet):
    """Reads of the audit."""

    def about(self, row: models.Model) -> "AuditEntryQuerySet":
        """Entries of one row, the newest first."""
        return self.filter(subject_kind=row._meta.label_lower, subject_id=row.pk).order_by("-id")

    def unsealed(self) -> "AuditEntryQuerySet":
        """Entries that the chain does not hold yet, in the order they will."""
        return self.filter(position=None).order_by("id")

    def highest(self, column: str) -> models.QuerySet:
        """One number for each row told of, ``highest``: the most that a column of whole numbers was ever set to."""
        number = Cast(KT(f"after__{column}"), models.BigIntegerField())
        return self.order_by().values("subject_id").annotate(highest=models.Max(number)).values("highest")


class AuditEntry(TenantModel):
    """One row inserted, updated or deleted. Written by the trigger ``tenants_audit`` in the transaction of the change.

    The application may not change or delete entries; ``position`` and ``hash`` are given when they are sealed, and values
    of a person who is forgotten are erased, which is all that the database allows (``tenants/erasure.py``). They outlive
    what they tell of: no key of the database binds them to it, nor to the tenant.
    """

    class Verb(models.TextChoices):
        """What happened to the row."""

        INSERT = "insert", _("Added")
        UPDATE = "update", _("Changed")
        DELETE = "delete", _("Deleted")

    tenant = TenantField(on_delete=models.DO_NOTHING, db_constraint=False)
    verb = models.CharField(_("what"), max_length=8, choices=Verb, editable=False)
    subject_kind = models.CharField(_("kind"), max_length=64, editable=False)
    subject_id = models.UUIDField(_("id of the row"), editable=False)
    actor_kind = models.CharField(_("by"), max_length=16, choices=ActorKind, editable=False)
    actor_id = models.UUIDField(_("id of who did it"), null=True, editable=False)
    request_id = models.UUIDField(_("request"), null=True, editable=False)
    before = models.JSONField(_("before"), null=True, editable=False, help_text=_("Of a change only what differs."))
    after = models.JSONField(_("after"), null=True, editable=False, help_text=_("Of a change only what differs."))
    erased_digest = models.BinaryField(
        max_length=32, null=True, editable=False, help_text="Of the entry as it was, where values of a person were erased."
    )
    position = models.BigIntegerField(_("number"), null=True, editable=False)
    hash = models.BinaryField(max_length=32, null=True, editable=False)

    objects: ClassVar = AuditEntryQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "position"],
                condition=models.Q(position__isnull=False),
                name="auditentry_position",
                violation_error_message=_("The chain has this link already."),
            ),
            models.CheckConstraint(
                condition=models.Q(position__isnull=True, hash__isnull=True)
                | models.Q(position__isnull=False, hash__isnull=False),
                name="auditentry_sealed_whole",
                violation_error_message=_("A sealed entry has a number and a hash."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subject_id"], name="auditentry_subject"),  # read by the history of a row
            # read by the sealing
            models.Index(fields=["tenant", "id"], condition=models.Q(position=None), name="auditentry_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verb_display()}: {self.subject_name()}"

    def subject_name(self) -> str:
        """Return what the kind of row is called; its table's name where there is none any more."""
        try:
            return str(apps.get_model(self.subject_kind)._meta.verbose_name)
        except (LookupError, ValueError):
            return self.subject_kind


class AuditSeal(TenantModel):
    """The end of the chain after one batch of entries. Without it the newest entries could be cut off unseen."""

    tenant = TenantField(referenced=False, on_delete=models.DO_NOTHING, db_constraint=False)
    last_position = models.BigIntegerField(_("number of the last entry"), editable=False)
    hash = models.BinaryField(max_length=32, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("audit seal")
        verbose_name_plural = _("audit seals")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "last_position"],
                name="auditseal_once",
                violation_error_message=_("This part is sealed already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.last_position)
