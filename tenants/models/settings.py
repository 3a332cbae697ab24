"""What a tenant, the platform or a person has set; what can be set is registered in ``tenants/settings.py``."""

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.errors import TooLarge
from tenants.models.base import TenantModel, updated_at_field
from tenants.models.people import PLATFORM_ID, User
from tenants.scope import current_scope, current_tenant_id, platform_scope
from tenants.settings import SETTINGS, setting_type

LARGEST_PREFERENCES = 16_384
"""Bytes of one person's preferences as JSON."""
REMEMBERED = 1.0
"""Seconds a process goes on with the values it has read: a change is everywhere after that, without a restart."""

_remembered: dict[UUID, tuple[float, dict[str, tuple[Any, str]]]] = {}


class Setting(TenantModel):
    """One value of a tenant, or of the tenant ``platform`` for all that have none of their own."""

    name = models.CharField(_("name"), max_length=64)
    value = models.JSONField(_("value"))
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("setting")
        verbose_name_plural = _("settings")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="setting_once",
                violation_error_message=_("This is set already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of what the scope's tenant can set."""
        is_platform = current_tenant_id() == PLATFORM_ID
        return sorted(name for name, kind in SETTINGS.items() if is_platform or not kind.of_platform)

    @classmethod
    def effective(cls, name: str) -> Any:
        """Return what holds for the scope's tenant: its own value, else the platform's, else the default.

        Asked before the caller opens ``atomic``: inside, the platform's rows cannot be read (``ScopeConflict``).
        """
        return _held(name)[0]

    @classmethod
    def explained(cls, name: str) -> tuple[Any, str]:
        """Return what holds, read anew, and where it comes from: ``tenant``, ``platform`` or ``default``."""
        _remembered.clear()
        return _held(name)

    @classmethod
    def beneath(cls, name: str) -> tuple[Any, str]:
        """Return what would hold without a value of the scope's tenant, as ``explained`` does; asked before ``atomic``."""
        default = setting_type(name).default
        if current_tenant_id() == PLATFORM_ID:
            return default, "default"
        with platform_scope(reason="the platform's settings hold where a tenant has none"):
            row = cls.objects.filter(tenant_id=PLATFORM_ID, name=name).first()
        return (row.value, "platform") if row else (default, "default")

    @classmethod
    def lock(cls, name: str) -> tuple[Any, str] | None:
        """Let all others who change this wait until the transaction ends, also while there is no row to lock.

        Returns the tenant's own value as ``explained`` does, or None without one.
        """
        tenant_id = current_tenant_id()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"setting {tenant_id} {name}"])
        row = cls.objects.filter(name=name).first()
        return (row.value, "platform" if tenant_id == PLATFORM_ID else "tenant") if row else None

    @classmethod
    def put(cls, name: str, value: object) -> None:
        """Set a value of the scope's tenant; raises ``DomainError`` for one that does not fit."""
        checked = setting_type(name).check(value)
        cls.objects.update_or_create(name=name, defaults={"value": checked})
        transaction.on_commit(_remembered.clear)

    @classmethod
    def reset(cls, name: str) -> None:
        """Take the own value away."""
        cls.objects.filter(name=name).delete()
        transaction.on_commit(_remembered.clear)


def _held(name: str) -> tuple[Any, str]:
    default = setting_type(name).default
    tenant_id = current_scope().tenant_id or PLATFORM_ID
    with platform_scope(reason="the platform's settings hold where a tenant has none"):
        return _values(tenant_id).get(name, (default, "default"))


def _values(tenant_id: UUID) -> dict[str, tuple[Any, str]]:
    """Return the platform's values overlaid by the tenant's own, read at most once in ``REMEMBERED`` seconds."""
    known = _remembered.get(tenant_id)
    if known and known[0] > time.monotonic():
        return known[1]
    values: dict[str, tuple[Any, str]] = {}
    for row in Setting.objects.filter(tenant_id__in={tenant_id, PLATFORM_ID}):
        if row.tenant_id == tenant_id or row.name not in values:
            values[row.name] = (row.value, "platform" if row.tenant_id == PLATFORM_ID else "tenant")
    _remembered[tenant_id] = (time.monotonic() + REMEMBERED, values)
    return values


class UserPreference(models.Model):
    """What one person likes, whichever tenant is worked in: an object that front ends read and write."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="preference")
    preferences = models.JSONField(_("preferences"), default=dict)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = updated_at_field()

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return str(self.user)

    def merge(self, given: Mapping[str, Any]) -> None:
        """Set the keys given, and take away those given as None; raises ``TooLarge``."""
        merged = {**self.preferences, **given}
        kept = {name: value for name, value in merged.items() if value is not None}
        if len(json.dumps(kept)) > LARGEST_PREFERENCES:
            raise TooLarge("too_large", gettext("Preferences take up to 16 KB."))
        self.preferences = kept
        self.save(update_fields=["preferences", "updated_at"])
