"""The ways in beside the password: one-time links sent by mail, the second factor, and the count of failures."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.fields import UUIDv7
from tenants.models.people import Tenant, User
from tenants.roles import Role


class LoginTokenQuerySet(models.QuerySet["LoginToken"]):
    """Reads of links. The table is global: whoever reads a tenant's invitations names the tenant."""

    def usable(self) -> "LoginTokenQuerySet":
        """Links that open the door now: sent, never used, not expired; of an invitation, to a tenant that is active."""
        to_active = models.Q(invited_to=None) | models.Q(invited_to__status=Tenant.Status.ACTIVE)
        return self.filter(to_active, token_hash__isnull=False, used_at=None, expires_at__gt=Now())

    def due(self) -> "LoginTokenQuerySet":
        """Links to send now, none that were ended meanwhile; a suspended tenant's invitations wait."""
        to_active = models.Q(invited_to=None) | models.Q(invited_to__status=Tenant.Status.ACTIVE)
        return self.filter(to_active, state=LoginToken.State.WAITING, used_at=None, due_at__lte=Now())

    def ended(self, before: datetime | Combinable) -> "LoginTokenQuerySet":
        """Links that were over before that time: used, never sent, or expired. What still waits is not over."""
        never_sent = models.Q(state__in=[LoginToken.State.DROPPED, LoginToken.State.FAILED], due_at__lt=before)
        expired = models.Q(state__in=[LoginToken.State.SENT, LoginToken.State.UNKNOWN], expires_at__lt=before)
        return self.filter(models.Q(used_at__lt=before) | never_sent | expired)

    def invitations(self, tenant_id: object) -> "LoginTokenQuerySet":
        """A tenant's invitations that nobody has accepted, the newest first."""
        mine = self.filter(invited_to_id=tenant_id, purpose=LoginToken.Purpose.INVITATION, used_at=None)
        return mine.select_related("created_by").order_by("-id")


class LoginToken(models.Model):
    """A one-time link by mail. The row is its own queue: the token is made when it is sent, and only its hash is kept."""

    class Purpose(models.TextChoices):
        """A login link opens the own account; an invitation a tenant."""

        LOGIN = "login", _("Login link")
        INVITATION = "invitation", _("Invitation")

    class State(models.TextChoices):
        """Where the mail stands. ``unknown``: it may have arrived, so it is never sent again by itself."""

        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        DROPPED = "dropped", _("Nobody to send it to")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unclear")

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose)
    email = models.EmailField(_("e-mail address"))
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("user"))
    invited_to = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("invited to")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role, blank=True, default="")
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    token_hash = models.BinaryField(null=True, max_length=32, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, editable=False)
    used_at = models.DateTimeField(_("used"), null=True, editable=False)
    state = models.CharField(_("mail"), max_length=16, choices=State, default=State.WAITING, db_default=State.WAITING)
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    due_at = models.DateTimeField(_("due"), db_default=Now(), editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, editable=False)
    attempt = models.PositiveIntegerField(_("attempts"), default=0, db_default=0, editable=False)
    last_error = models.TextField(_("last error"), default="", db_default="", blank=True, editable=False)

    objects: ClassVar = LoginTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose="login", invited_to=None, role="")
                | models.Q(purpose="invitation", invited_to__isnull=False, role__in=Role.values),
                name="logintoken_purpose",
                violation_error_message=_("An invitation names a tenant and a role, a login link neither."),
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="logintoken_email_lower",
                violation_error_message=_("Write the e-mail address in lower case."),
            ),
            models.UniqueConstraint(
                fields=["invited_to", "email"],
                condition=models.Q(purpose="invitation", used_at=None),
                name="logintoken_invited_once",
                violation_error_message=_("This person has been invited already."),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="logintoken_due", condition=models.Q(state__in=["waiting", "sending"])),
            models.Index(fields=["email", "created_at"], name="logintoken_email"),  # how many were asked for
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.email}"

    def stage(self) -> str:
        """Return where the mail stands (a ``State``), or ``expired`` once nobody can use it any more."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return "expired" if expired else self.state


class LoginFailure(models.Model):
    """Attempts that were not right, for one address typed and one client; an empty one means all (``tenants/lockout.py``)."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    email = models.CharField(max_length=254)
    client = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveIntegerField()
    since = models.DateTimeField(help_text="When the first of them was made: the count ends a while after.")

    class Meta:
        verbose_name = _("failed login")
        verbose_name_plural = _("failed logins")
        constraints = [
            models.UniqueConstraint(
                fields=["email", "client"],
                name="loginfailure_once",
                violation_error_message=_("This count exists already."),
            ),
        ]
        indexes = [models.Index(fields=["since"], name="loginfailure_since")]  # forgotten by age

    def __str__(self) -> str:
        return f"{self.email} ({self.client or '*'}): {self.attempts}"


class AuthIdentity(models.Model):
    """What proves a person beside the password. So far ``totp``: a shared secret (RFC 6238), encrypted."""

    class Provider(models.TextChoices):
        """Who vouches."""

        TOTP = "totp", _("Authenticator app")

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities", verbose_name=_("user"))
    provider = models.CharField(_("provider"), max_length=32, choices=Provider)
    external_id = models.CharField(_("external id"), max_length=255, blank=True, default="")
    secret = models.BinaryField(editable=False, help_text="Encrypted; tenants/second_factor.py tells the form.")
    recovery_codes = ArrayField(
        models.BinaryField(max_length=32), default=list, editable=False, help_text="SHA-256 of the codes not used yet."
    )
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, editable=False)
    last_step = models.BigIntegerField(
        null=True, editable=False, help_text="The 30 s step of the last code taken: a code works once."
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "provider"],
                name="authidentity_once",
                violation_error_message=_("This person has one already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_provider_display()}"
