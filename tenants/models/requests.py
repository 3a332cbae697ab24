"""What a request leaves behind: the answer kept for a repeated POST, and uploaded files."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.models.people import User


class IdempotencyKey(TenantModel):
    """The answer to a POST that named an ``Idempotency-Key``: the same request gets it again for 24 hours."""

    principal = models.CharField(max_length=80, help_text="Who asked: kind and id of the key, person or session.")
    key = models.CharField(max_length=255)
    route = models.CharField(max_length=255, help_text="Method and path.")
    body_hash = models.BinaryField(max_length=32, help_text="HMAC-SHA-256 of the body, keyed with SECRET_KEY.")
    status_code = models.PositiveSmallIntegerField(null=True, help_text="Null while the first request is in flight.")
    answer = models.JSONField(null=True)
    lease_until = models.DateTimeField(help_text="A dead first request is taken over after this.")

    class Meta(TenantModel.Meta):
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "principal", "key", "route"],
                name="idempotencykey_once",
                violation_error_message=_("This key is in use."),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class StoredFile(TenantModel):
    """A file's name, size and hash. The bytes lie under ``DATA_DIR/files/<tenant>/<id>``, never in the database."""

    name = models.CharField(_("file name"), max_length=255)
    media_type = models.CharField(_("media type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("created by")
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("file")
        verbose_name_plural = _("files")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["tenant", "sha256"], name="storedfile_sha256")]

    def __str__(self) -> str:
        return self.name
