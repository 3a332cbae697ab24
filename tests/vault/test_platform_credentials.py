"""Credentials of the platform, which serve every tenant."""

import pytest
from django.db import transaction

from tenants.models import PLATFORM_ID, Tenant
from tenants.scope import ScopeConflict, platform_scope
from tests.conftest import Business, in_tenant
from tests.rows import a_bot_version
from tests.vault.test_services import refused, store
from vault.models import Credential, CredentialUse
from vault.services import find_credential, reveal

pytestmark = pytest.mark.django_db


def platform_credential() -> Credential:
    with in_tenant(PLATFORM_ID):
        return store(secret={"api_key": "of the platform"})


def test_the_platforms_credential_serves_every_tenant_and_the_use_is_the_tenants(saigon: Business) -> None:
    shared = platform_credential()
    with in_tenant(saigon.tenant):
        found = find_credential(provider="openai")
        assert found == shared
        bot = a_bot_version().bot
        assert reveal(found, why="test", bot_id=bot.pk) == {"api_key": "of the platform"}
        use = CredentialUse.objects.get()
        assert (use.credential_id, use.is_platform, use.bot_id) == (shared.pk, True, bot.pk)
        own = store()
        assert find_credential(provider="openai") == own
        assert find_credential(provider="n8n") is None
    with in_tenant(PLATFORM_ID):
        assert not CredentialUse.objects.exists()


def test_the_platforms_credential_is_refused_to_a_suspended_tenant(saigon: Business) -> None:
    shared = platform_credential()
    with in_tenant(saigon.tenant):
        Tenant.objects.update(status="suspended")
        refused(shared)


def test_the_platforms_credential_is_read_before_the_transaction(saigon: Business) -> None:
    shared = platform_credential()
    with in_tenant(saigon.tenant), transaction.atomic(), pytest.raises(ScopeConflict):
        reveal(shared, why="test")
    with platform_scope(reason="test"):
        assert not CredentialUse.objects.exists()
