"""A credential that ends soon is told of once, as early as the tenant wants."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants.models import Event, Setting, Tenant
from tests.conftest import Business, in_tenant
from tests.vault.test_services import SECRET, store
from vault.expiry import expiring_credentials
from vault.models import Credential
from vault.tasks import tell

pytestmark = pytest.mark.django_db


def events(business: Business) -> list[dict[str, Any]]:
    tell()
    with in_tenant(business.tenant):
        return list(Event.objects.filter(kind="credential.expiring").order_by("id").values_list("data", flat=True))


def ends_in(business: Business, days: float, **fields: Any) -> Credential:
    with in_tenant(business.tenant):
        return store(expires_at=timezone.now() + timedelta(days=days), **fields)


def test_each_is_told_once_with_its_name_and_never_its_secret(saigon: Business, harbour: Business) -> None:
    soon = ends_in(saigon, 13, label="Soon")
    ends_in(saigon, 15, label="Later"), ends_in(saigon, 1, label="Asleep", is_active=False)
    ends_in(harbour, -1, label="Over")
    assert soon.expires_at is not None
    expected = {"label": "Soon", "provider": "openai", "expires_at": soon.expires_at.isoformat()}
    assert events(saigon) == [expected]
    assert events(saigon) == [expected]
    assert [data["label"] for data in events(harbour)] == ["Over"]
    assert SECRET["api_key"] not in str(events(saigon))
    with in_tenant(saigon.tenant):
        assert Event.objects.get(kind="credential.expiring").subject_id == soon.pk
        assert [row.label for row in expiring_credentials()] == ["Soon"]


def test_a_new_end_is_told_anew(saigon: Business) -> None:
    ends_in(saigon, 3)
    assert len(events(saigon)) == 1
    with in_tenant(saigon.tenant):
        Credential.objects.update(expires_at=timezone.now() + timedelta(days=300))
    assert len(events(saigon)) == 1
    with in_tenant(saigon.tenant):
        Credential.objects.update(expires_at=timezone.now() + timedelta(days=2))
    assert len(events(saigon)) == 2


def test_the_tenant_says_how_early(saigon: Business) -> None:
    ends_in(saigon, 30), ends_in(saigon, 70)
    with in_tenant(saigon.tenant):
        Setting.put("credential_expiry_warning_days", 60)
    assert len(events(saigon)) == 1


def test_a_suspended_tenant_is_told_when_it_is_back(saigon: Business) -> None:
    ends_in(saigon, 3)
    with in_tenant(saigon.tenant):
        Tenant.objects.update(status="suspended")
    assert events(saigon) == []
    with in_tenant(saigon.tenant):
        Tenant.objects.update(status="active")
    assert len(events(saigon)) == 1
