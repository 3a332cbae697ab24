"""Credentials, the versions of their secrets, who may use them, and every use."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.actor import ActorKind
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import AuditEntry, TenantModel, TenantQuerySet, User, created_by_field, updated_at_field
from tenants.notes import told
from tenants.roles import Role
from vault.crypto import Place
from vault.destinations import is_host, read_url
from vault.models.events_out import EventDestination
from vault.models.keys import TenantKey


class CredentialQuerySet(TenantQuerySet):
    """Reads of credentials."""

    def with_last_use(self) -> "CredentialQuerySet":
        """Annotate ``last_used_at``, None for one that never was."""
        used = CredentialUse.Outcome.USED
        uses = CredentialUse.objects.filter(credential_id=models.OuterRef("pk"), outcome=used).order_by("-id")
        return self.annotate(last_used_at=models.Subquery(uses.values("created_at")[:1]))

    def with_signing(self) -> "CredentialQuerySet":
        """Annotate ``signs`` and ``signed``: the secret of an event destination, and the one that was before it."""
        own = models.OuterRef("pk")
        return self.annotate(
            signs=models.Exists(EventDestination.objects.filter(secret=own)),
            signed=models.Exists(EventDestination.objects.filter(previous_secret=own)),
        )

    def expiring(self, *, before: datetime) -> "CredentialQuerySet":
        """Active ones that end before then, or have ended; the first to end comes first."""
        return self.filter(is_active=True, expires_at__lt=before).order_by("expires_at")


class Credential(TenantModel):
    """What opens something outside. It says all about itself but the secret, which only ``vault.services.reveal`` shows."""

    class Provider(models.TextChoices):
        """Whom the secret is for."""

        OPENAI = "openai", "OpenAI"
        ANTHROPIC = "anthropic", "Anthropic"
        FLOWISE = "flowise", "Flowise"
        N8N = "n8n", "n8n"
        ACTIVEPIECES = "activepieces", "Activepieces"
        FACEBOOK_PAGE = "facebook_page", _("Facebook page")
        ZALO_OA = "zalo_oa", _("Zalo Official Account")
        SMTP = "smtp", "SMTP"
        IMAP = "imap", "IMAP"
        CUSTOM = "custom", _("Other")

    class Kind(models.TextChoices):
        """What the secret consists of (``vault/schemas.py``)."""

        API_KEY = "api_key", _("Key")
        BASIC = "basic", _("Name and password")
        OAUTH2 = "oauth2", "OAuth 2"
        CUSTOM = "custom", _("Other")

    class RefreshState(models.TextChoices):
        """How the last refresh of OAuth 2 tokens ended; ``unknown``: nobody can tell, a person decides."""

        NONE = "", _("Never tried")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unclear")

    provider = models.CharField(_("service"), max_length=32, choices=Provider)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    label = models.CharField(_("label"), max_length=200, help_text=_("How people tell it from others."))
    hint = models.CharField(
        _("ends with"),
        max_length=4,
        blank=True,
        editable=False,
        help_text=_("The last four characters; nothing of a secret shorter than 16."),
    )
    destination = models.CharField(
        _("address"),
        max_length=300,
        blank=True,
        editable=False,
        help_text=_("Where the secret is sent to, as stored with it. It changes only together with the secret."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, db_default=1, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    expiry_told_for = models.DateTimeField(
        null=True, editable=False, help_text="The expires_at that credential.expiring was recorded for."
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    person = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("person"),
        help_text=_("Whose account it is, where it is not the business's own."),
    )
    created_by = created_by_field()
    allowed_hosts = ArrayField(
        models.CharField(max_length=253),
        verbose_name=_("may be sent to"),
        default=list,
        db_default=[],
        blank=True,
        help_text=_("Hosts such as api.example.com, separated by commas. With none it may be sent wherever it is used."),
    )
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    refresh_state = models.CharField(
        _("refresh"), max_length=16, choices=RefreshState, default="", db_default="", blank=True, editable=False
    )
    refresh_lease_until = models.DateTimeField(null=True, editable=False)
    refresh_error = models.CharField(_("refresh error"), max_length=300, default="", db_default="", editable=False)
    updated_at = updated_at_field()

    only_grows = "version"
    """``verify_audit`` names the row when the audit tells of a later version: it was put back from an old copy."""

    objects: ClassVar = CredentialQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        ordering = ["label"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(version__gte=1),
                name="credential_version",
                violation_error_message=_("Versions start at 1."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "provider"], name="credential_provider"),
            models.Index(
                fields=["tenant", "expires_at"], name="credential_expiry", condition=models.Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.get_provider_display()})"

    @property
    def signs_events(self) -> bool:
        """Whether it is, or was a moment ago, the secret of an event destination."""
        return self.event_destinations.exists() or self.event_destinations_before.exists()

    def clean(self) -> None:
        """Refuse hosts that are not written plainly: they are compared letter by letter."""
        super().clean()
        if wrong := [host for host in self.allowed_hosts if not is_host(host)]:
            said = _("Write hosts in small letters and without port, such as api.example.com: %(hosts)s")
            problem = ValidationError(said, code="invalid", params={"hosts": ", ".join(wrong)})
            raise ValidationError({"allowed_hosts": problem})

    def allows(self, url: str) -> bool:
        """Whether the secret may be sent to this address."""
        return not self.allowed_hosts or read_url(url).host in self.allowed_hosts

    def expiry_state(self, *, warning_days: int) -> str:
        """Return ``never``, ``expired``, ``soon`` (within so many days) or ``later``."""
        if self.expires_at is None:
            return "never"
        left = self.expires_at - timezone.now()
        return "expired" if left.total_seconds() <= 0 else "soon" if left.days < warning_days else "later"

    def last_version(self) -> int:
        """Return the latest version that it or the audit tells of, 0 for a credential that there never was."""
        told = AuditEntry.objects.about(self).highest(self.only_grows).values_list("highest", flat=True)
        return max(0 if self._state.adding else self.version, *[number or 0 for number in told], 0)

    def secret_place(self, version: int) -> Place:
        """Return where the envelope of a version belongs; 0 stands for all versions (fingerprints)."""
        assert self.tenant_id is not None
        return secret_place(tenant=self.tenant_id, credential=self.pk, version=version)

    def references(self) -> list[models.Model]:
        """Return the rows that point at this credential, and so keep it from being deleted: grants, destinations, …"""
        found: list[models.Model] = []
        for relation in self._meta.related_objects:
            if relation.related_model is not CredentialSecret:
                found += relation.related_model._default_manager.filter(**{relation.field.name: self.pk})[:100]
        return found


def secret_place(*, tenant: UUID, credential: UUID, version: int) -> Place:
    """Return where the envelope of a version of a credential belongs."""
    return Place(tenant, "vault_credentialsecret", credential.bytes, "ciphertext", version)


class CredentialSecret(TenantModel):
    """A version of a secret. Only the newest has its ciphertext: the moment another one is stored, it is wiped."""

    credential = TenantForeignKey(Credential, on_delete=models.CASCADE, related_name="secrets", verbose_name=_("credential"))
    version = models.PositiveIntegerField(_("version"), editable=False)
    key = TenantForeignKey(TenantKey, null=True, on_delete=models.RESTRICT, related_name="secrets", editable=False)
    ciphertext = models.BinaryField(null=True, editable=False)
    fingerprint = models.BinaryField(
        max_length=32, null=True, editable=False, help_text="Keyed and of this row only: tells the same secret from another."
    )
    access_expires_at = models.DateTimeField(_("access token expires"), null=True, editable=False)
    refresh_expires_at = models.DateTimeField(_("refresh token expires"), null=True, editable=False)
    created_by = models.ForeignKey(User, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")

    class Meta(TenantModel.Meta):
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "credential", "version"],
                name="credentialsecret_version_once",
                violation_error_message=_("This version exists already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "credential"],
                condition=models.Q(ciphertext__isnull=False),
                name="credentialsecret_one_live",
                violation_error_message=_("The secret of an older version is still there."),
            ),
            models.CheckConstraint(
                condition=models.Q(ciphertext__isnull=False, key__isnull=False, fingerprint__isnull=False)
                | models.Q(ciphertext=None, key=None, fingerprint=None),
                name="credentialsecret_whole_or_wiped",
                violation_error_message=_("A secret is whole or wiped."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "key"], name="credentialsecret_of_key")]  # read by the rotation

    def __str__(self) -> str:
        return str(self.version)


class CredentialGrantQuerySet(TenantQuerySet):
    """Reads of grants."""

    def live(self) -> "CredentialGrantQuerySet":
        """Grants that have not ended."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))


class CredentialGrant(TenantModel):
    """Lets a role or a bot use a credential; it lets nobody read it."""

    credential = TenantForeignKey(Credential, on_delete=models.CASCADE, related_name="grants", verbose_name=_("credential"))
    role = models.CharField(_("role"), max_length=16, choices=Role, default="", blank=True)
    bot = TenantForeignKey(
        "bots.Bot", null=True, blank=True, on_delete=models.CASCADE, related_name="credential_grants", verbose_name=_("bot")
    )
    expires_at = models.DateTimeField(_("ends"), null=True, blank=True)
    created_by = created_by_field()

    objects: ClassVar = CredentialGrantQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role="", bot__isnull=False) | (models.Q(bot=None) & ~models.Q(role="")),
                name="credentialgrant_role_or_bot",
                violation_error_message=_("Grant it to a role or to a bot."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "credential", "role"],
                condition=models.Q(bot=None),
                name="credentialgrant_role_once",
                violation_error_message=_("This role may use it already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "credential", "bot"],
                condition=models.Q(bot__isnull=False),
                name="credentialgrant_bot_once",
                violation_error_message=_("This bot may use it already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.bot) if self.bot_id else str(self.get_role_display())

    def clean(self) -> None:
        """Refuse a grant that is over when it is made."""
        if self._state.adding and self.expires_at and self.expires_at <= timezone.now():
            raise ValidationError({"expires_at": ValidationError(_("This moment is over already."), code="in_the_past")})


class CredentialUse(TenantModel):
    """One reading of a secret by the program, or a refused one: who, when, why, for which run.

    Never changed; outlives the credential. A refused one has no label and version 0 where the tenant has no such credential.
    """

    class Outcome(models.TextChoices):
        """Whether the secret was given; ``limited``: refused, as were all that came after, for too many in a minute."""

        USED = "used", _("Used")
        REFUSED = "refused", _("Refused")
        LIMITED = "limited", _("Too many")

    tenant = TenantField(referenced=False)
    credential_id = models.UUIDField(_("credential"), editable=False)
    label = models.CharField(_("label"), max_length=200, editable=False, help_text=_("As it was then."))
    version = models.PositiveIntegerField(_("version"), editable=False)
    outcome = models.CharField(
        _("outcome"), max_length=8, choices=Outcome, default=Outcome.USED, db_default=Outcome.USED, editable=False
    )
    is_platform = models.BooleanField(
        _("of the platform"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("Whether it is the platform's own."),
    )
    actor_kind = models.CharField(_("who"), max_length=16, choices=ActorKind, editable=False)
    actor_id = models.UUIDField(_("id of who did it"), null=True, editable=False)
    bot_id = models.UUIDField(_("bot"), null=True, editable=False)
    why = models.CharField(_("why"), max_length=200, editable=False)
    run = models.UUIDField(_("run"), null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("use")
        verbose_name_plural = _("uses")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "credential_id", "-id"], name="credentialuse_of_credential"),
            models.Index(fields=["tenant", "-id"], name="credentialuse_newest"),
            BrinIndex(fields=["created_at"], name="credentialuse_by_age", autosummarize=True),  # read by the nightly sweep
            models.Index(
                fields=["tenant", "actor_kind", "actor_id", "-id"], name="credentialuse_of_actor"
            ),  # read by reveal
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"

    @property
    def reason(self) -> str:
        """Why, in the reader's language where it is a reason of our own."""
        return told(self.why)


def reference_name(row: models.Model) -> dict[str, Any]:
    """Return what tells people where a credential is used: kind, id and name of the row."""
    return {"kind": str(row._meta.verbose_name), "id": str(row.pk), "name": str(row)}
