"""Credentials that end soon are told of once, early enough to renew them."""

from datetime import timedelta
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from tenants.events import record_event
from tenants.models import Setting, Tenant
from tenants.scope import platform_scope, tenant_scope
from tenants.settings import setting_type
from vault.models import Credential

DAYS = "credential_expiry_warning_days"
UNTOLD = models.Q(expiry_told_for=None) | ~models.Q(expiry_told_for=models.F("expires_at"))
"""Not told of yet for the end it has now: a new date is a new warning."""


def expiring_credentials() -> models.QuerySet:
    """Return the scope's active credentials that end within its warning time, or have ended. Call it outside ``atomic``."""
    return Credential.objects.expiring(before=timezone.now() + timedelta(days=Setting.effective(DAYS)))


def tell_expiring() -> int:
    """Record ``credential.expiring`` for every credential that has come within its tenant's warning time; returns how many."""
    told = 0
    for tenant_id in _tenants():
        with tenant_scope(tenant_id):
            told += _tell(expiring_credentials())
    return told


def _tenants() -> list[UUID]:
    latest = timezone.now() + timedelta(days=setting_type(DAYS).maximum)
    with platform_scope(reason="whose credentials end soon"):
        rows = Credential.objects.expiring(before=latest).filter(UNTOLD, tenant__status=Tenant.Status.ACTIVE)
        return list(rows.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def _tell(expiring: models.QuerySet) -> int:
    with transaction.atomic():
        rows = list(expiring.filter(UNTOLD).select_for_update(skip_locked=True))
        for row in rows:
            data = {"label": row.label, "provider": row.provider, "expires_at": row.expires_at.isoformat()}
            record_event("credential.expiring", subject=row, data=data)
        Credential.objects.filter(pk__in=[row.pk for row in rows]).update(expiry_told_for=models.F("expires_at"))
    return len(rows)
