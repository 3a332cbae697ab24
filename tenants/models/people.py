"""Who is here: tenants, users, memberships and the keys of programs."""

import hashlib
import secrets
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantForeignKey, TenantIdField, UUIDv7
from tenants.models.base import TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.postgres.prepared import Prepared
from tenants.roles import Role, role_permissions
from tenants.scope import active_scope, any_scope
from tenants.text import time_zones

PLATFORM_ID = UUID("00000000-0000-7000-8000-000000000000")
"""The tenant ``platform``: owner of settings and credentials that serve the whole installation."""

API_KEY_PREFIX = "brk_"


def validate_time_zone(value: str) -> None:
    """Refuse names the time zone database does not know."""
    if value not in time_zones():
        raise ValidationError(_("“%(value)s” is not a known time zone."), params={"value": value})


class Tenant(models.Model):
    """One business on this installation. Row security shows an operator only the own one."""

    class Status(models.TextChoices):
        """Suspension stops all ways in and loses nothing."""

        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    class Plan(models.TextChoices):
        """What the business pays for."""

        FREE = "free", _("Free")
        PRO = "pro", _("Pro")
        ENTERPRISE = "enterprise", _("Enterprise")

    class Locale(models.TextChoices):
        """Languages of interface and search."""

        VIETNAMESE = "vi", "Tiếng Việt"
        ENGLISH = "en", "English"

    id = TenantIdField(primary_key=True, db_default=UUIDv7(), editable=False)
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=63, unique=True, help_text=_("Short name used in commands and log-in."))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    plan = models.CharField(_("plan"), max_length=16, choices=Plan, default=Plan.FREE, db_default=Plan.FREE)
    locale = models.CharField(_("language"), max_length=8, choices=Locale, default=Locale.VIETNAMESE)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Ho_Chi_Minh", validators=[validate_time_zone])
    currency = models.CharField(
        _("currency"), max_length=3, default="VND", validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters."))]
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = updated_at_field()

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "suspended"]),
                name="tenant_status",
                violation_error_message=_("Unknown status."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; without a password only other ways in work. The address is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of the platform staff."""
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by address, in any case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person. Global: one person may belong to many tenants, with a role in each."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    picture_url = models.URLField(_("picture"), blank=True)
    locale = models.CharField(_("language"), max_length=8, choices=Tenant.Locale, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, default="", db_default="", validators=[validate_time_zone]
    )
    sessions_ended_at = models.DateTimeField(
        _("sessions ended"), null=True, editable=False, help_text="Sessions and tokens from before are worth nothing."
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(_("platform staff"), default=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["email"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_lower",
                violation_error_message=_("Write the e-mail address in lower case."),
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    @property
    def is_staff(self) -> bool:
        """Every active person may open the admin; what they see there follows from role and scope."""
        return self.is_active

    def get_full_name(self) -> str:
        """Return first and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        """Return the first name, else the address."""
        return self.first_name or self.email

    def save(self, *args: Any, **options: Any) -> None:
        """Save in a scope: the audit has to know whose entry it is, and Django itself saves people outside any."""
        with any_scope(reason="a person's own account"):
            super().save(*args, **options)

    @property
    def session_epoch(self) -> str:
        """Return what every session and token of this person carries; it changes when all of them end."""
        return self.sessions_ended_at.isoformat() if self.sessions_ended_at else ""

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Let a session end with the password it began with, and when all sessions are ended."""
        salt = "tenants.models.User.get_session_auth_hash"
        return salted_hmac(salt, f"{self.password} {self.session_epoch}", secret=secret, algorithm="sha256").hexdigest()

    def end_sessions(self, also: Iterable[str] = ()) -> None:
        """End every session and token of this person, from the next request on; ``also`` saves other columns with it."""
        self.sessions_ended_at = timezone.now()
        self.save(update_fields=["sessions_ended_at", *also])

    def role(self) -> str | None:
        """Return this person's role in the tenant now worked in, or None. Read once per tenant and instance."""
        scope = active_scope()
        if scope is None or scope.tenant_id is None:
            return None
        roles: dict[UUID, str | None] = self.__dict__.setdefault("_roles", {})
        if scope.tenant_id not in roles:
            roles[scope.tenant_id] = Membership.objects.filter(user=self).values_list("role", flat=True).first()
        return roles[scope.tenant_id]

    def remember_role(self, tenant_id: UUID, role: str) -> None:
        """Spare ``role()`` its query where a door has read the membership already."""
        self.__dict__.setdefault("_roles", {})[tenant_id] = role

    def get_all_permissions(self, obj: models.Model | None = None) -> frozenset[str]:
        """Return the permissions of the role in the tenant now worked in."""
        role = self.role() if self.is_active else None
        return role_permissions(role) if role else frozenset()

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether the person may do ``app.verb_model`` here."""
        return self.is_active and (self.is_superuser or perm in self.get_all_permissions())

    def has_perms(self, perm_list: list[str], obj: models.Model | None = None) -> bool:
        """Whether the person may do all of them here."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the person may see anything of the app here."""
        prefix = f"{app_label}."
        return self.is_superuser or any(perm.startswith(prefix) for perm in self.get_all_permissions())


class Membership(TenantModel):
    """A person's role in a tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=16, choices=Role)

    class Meta(TenantModel.Meta):
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["user__email"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user"],
                name="membership_once",
                violation_error_message=_("This person is a member already."),
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role", violation_error_message=_("Unknown role.")
            ),
        ]
        indexes = [models.Index(fields=["user"], name="membership_user")]  # read by the doors, in platform scope

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class ApiKeyQuerySet(TenantQuerySet):
    """Reads of API keys."""

    def live(self) -> "ApiKeyQuerySet":
        """Keys that open the door now: neither revoked nor expired, and the tenant is not suspended."""
        not_expired = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(not_expired, revoked_at=None, tenant__status=Tenant.Status.ACTIVE)

    def opening(self, key_hash: bytes) -> "ApiKey | None":
        """Return the live key with this hash; asked in the platform's scope. SQL, because every request waits for it."""
        asked: dict[str, Any] = {"hash": key_hash, "now": timezone.now(), "active": Tenant.Status.ACTIVE.value}
        sql, names = _live_key()
        with connection.cursor() as cursor:
            cursor.execute(sql, asked)
            row = cursor.fetchone()
        return ApiKey.from_db(self.db, names, row) if row else None


_LIVE_KEY = """
SELECT {columns} FROM tenants_apikey AS k JOIN tenants_tenant AS t ON t.id = k.tenant_id
WHERE k.key_hash = %(hash)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
    AND t.status = %(active)s
LIMIT 1
"""
"""The keys of ``live``."""


@cache
def _live_key() -> tuple[Prepared, list[str]]:
    """Return the statement and what its columns are called, in the order of the model's fields."""
    names = [field.attname for field in ApiKey._meta.concrete_fields]
    return Prepared(_LIVE_KEY.format(columns=", ".join(f"k.{name}" for name in names))), names


class ApiKey(TenantModel):
    """A program's way in. The key itself is shown once; only its SHA-256 is kept (it has 256 random bits)."""

    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("begins with"), max_length=16, editable=False)
    key_hash = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=80),
        verbose_name=_("scopes"),
        default=list,
        blank=True,
        help_text=_("For example “offering:read”. Empty: all that an owner may."),
    )
    bot = TenantForeignKey(
        "bots.Bot", verbose_name=_("bot"), null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys"
    )
    created_by = created_by_field()
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    rotated_at = models.DateTimeField(
        _("replaced"), null=True, blank=True, editable=False, help_text=_("When another key took its place: done once.")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "key_hash"],
                name="apikey_hash_once",
                violation_error_message=_("This key exists already."),
            ),
        ]
        indexes = [models.Index(fields=["key_hash"], name="apikey_hash")]  # read by the API's door, in platform scope

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def state(self) -> str:
        """Return ``live``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "live"

    def make_key(self) -> str:
        """Give this unsaved row a fresh key and return the key: the only time it is known."""
        key = API_KEY_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.key_hash = key[:12], hash_token(key)
        return key

    def revoke(self) -> None:
        """Close this way in from the next request on. Done twice, the first time stays on record."""
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
        self.refresh_from_db(fields=["revoked_at"])


def hash_token(token: str) -> bytes:
    """Return the SHA-256 under which a random token is kept and found."""
    return hashlib.sha256(token.encode()).digest()
