"""What a tenant, the platform or a person has set; what can be set is registered in ``tenants/settings.py``."""

import time
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel, updated_at_field
from tenants.models.people import PLATFORM_ID, User
from tenants.scope import current_scope, platform_scope
from tenants.settings import setting_type

REMEMBERED = 1.0
"""Seconds a process goes on with the values it has read: a change is everywhere after that, without a restart."""

_remembered: dict[UUID, tuple[float, dict[str, Any]]] = {}


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
    def effective(cls, name: str) -> Any:
        """Return what holds for the scope's tenant: its own value, else the platform's, else the default.

        Asked before the caller opens ``atomic``: inside, the platform's rows cannot be read (``ScopeConflict``).
        """
        default = setting_type(name).default
        tenant_id = current_scope().tenant_id or PLATFORM_ID
        with platform_scope(reason="the platform's settings hold where a tenant has none"):
            return _values(tenant_id).get(name, default)

    @staticmethod
    def forget_remembered() -> None:
        """Read everything anew in this process."""
        _remembered.clear()


def _values(tenant_id: UUID) -> dict[str, Any]:
    """Return the platform's values overlaid by the tenant's own, read at most once in ``REMEMBERED`` seconds."""
    known = _remembered.get(tenant_id)
    if known and known[0] > time.monotonic():
        return known[1]
    rows = list(Setting.objects.filter(tenant_id__in={tenant_id, PLATFORM_ID}))
    values = {row.name: row.value for row in sorted(rows, key=lambda row: row.tenant_id == tenant_id)}
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
