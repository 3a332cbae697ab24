"""A model's server on this machine, and a shop that may ask it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.vault.openai_server import KEY, openai_server
from vault.models import ModelPrice
from vault.providers import metering


@pytest.fixture
def remote(settings, monkeypatch):
    """Return the server that the environment names, at prices of 1 and 2 dollars a million tokens."""
    monkeypatch.setattr(metering, "FIRST_WAIT", 0.01)
    with openai_server() as found:
        settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_MODEL = found.base_url, KEY, "gpt-test"
        since = timezone.now() - timedelta(days=1)
        with platform_scope(reason="prices are the platform's"):
            ModelPrice.objects.create(model="gpt-test", valid_from=since, input_price=1, output_price=2)
            ModelPrice.objects.create(model="embed-test", valid_from=since, input_price=1)
        yield found


@pytest.fixture
def shop(saigon):
    with in_tenant(saigon.tenant):
        yield saigon
