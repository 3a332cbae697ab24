"""Rows of ``vault``: secrets, what they open, and what that costs."""

import uuid

from bots.models import (
    Bot,
)
from tests.rows.names import code
from vault.events_out import create_destination
from vault.models import (
    Budget,
    Credential,
    CredentialUse,
    EventDelivery,
    EventDestination,
    UsageEntry,
)
from vault.services import reveal, store_credential


def a_budget() -> Budget:
    bot = Bot.objects.create(code=code("bot"), name="Secret bot")
    return Budget.objects.create(bot=bot, limit_amount=10)


def a_usage_entry() -> UsageEntry:
    return UsageEntry.objects.create(
        key=code("call"), kind="chat", provider="openai", model=code("model"), state="settled", amount=0
    )


def a_credential() -> Credential:
    return store_credential(provider="openai", kind="api_key", label="Secret key", secret={"api_key": code("sk")})


def a_destination() -> EventDestination:
    # Nobody answers there: .invalid is no name.
    return create_destination(name=code("Secret destination"), url="http://hooks.invalid/secret")[0]


def a_delivery() -> EventDelivery:
    return EventDelivery.objects.create(
        destination=a_destination(), event_id=uuid.uuid4(), kind="order.created", body="{}", state="failed"
    )


def a_use() -> CredentialUse:
    reveal(a_credential(), why="test")
    return CredentialUse.objects.latest("created_at")
