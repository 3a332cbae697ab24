"""What bots remember: set in one statement, not answered once it has expired, and forgotten for good in the background.

What others build on::

    remember(bot=…, key=…, value=…, customer=None, expires_at=None) -> BotMemory
    recall(bot_id=…, keys=…, customer_id=None) -> {key: value}     # a customer's own come before everybody's
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.functions import Caller, tool_function
from bots.models import Bot, BotMemory
from bots.models.settings import LONGEST_VALUE
from catalog.models import Customer
from tenants.errors import Conflict, DomainError
from tenants.scope import platform_scope

MOST_FOR_ALL = 1000
"""What one bot remembers for everybody."""
MOST_OF_CUSTOMER = 100
"""What one bot remembers of one customer."""
BATCH = 1000


def remember(
    *, bot: Bot, key: str, value: str, customer: Customer | None = None, expires_at: datetime | None = None
) -> BotMemory:
    """Keep ``value`` under ``key``, in the place of what was there; for one customer or for everybody.

    Raises ``DomainError`` (422 ``max_length``, ``in_the_past``) and ``Conflict`` (``memory_full``).
    """
    if len(value) > LONGEST_VALUE:
        raise DomainError("max_length", _("Up to 10,000 characters are remembered."), field="value")
    if expires_at and expires_at <= timezone.now():
        raise DomainError("in_the_past", _("This moment is over already."), field="expires_at")
    _check_room(bot, key, customer)
    row = BotMemory(bot=bot, key=key, value=value, customer=customer, expires_at=expires_at, updated_at=timezone.now())
    BotMemory.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["tenant", "bot", "customer", "key"],
        update_fields=["value", "expires_at", "updated_at"],
    )
    return BotMemory.objects.get(bot=bot, customer=customer, key=key)


def _check_room(bot: Bot, key: str, customer: Customer | None) -> None:
    others = BotMemory.objects.live().filter(bot=bot, customer=customer).exclude(key=key)
    if others.count() >= (MOST_OF_CUSTOMER if customer else MOST_FOR_ALL):
        raise Conflict("memory_full", _("The bot remembers as much as it can. Let it forget something first."))


def recall(*, bot_id: UUID, keys: Collection[str], customer_id: UUID | None = None) -> dict[str, str]:
    """Return what is remembered under these keys; what has expired, or never was there, is left out."""
    rows = BotMemory.objects.live().filter(bot=bot_id, key__in=keys)
    rows = (
        rows.filter(models.Q(customer=None) | models.Q(customer=customer_id)) if customer_id else rows.filter(customer=None)
    )
    return dict(rows.order_by(models.F("customer").desc(nulls_first=True)).values_list("key", "value"))


def forget_expired() -> int:
    """Delete what has expired, of all tenants; returns how many."""
    with platform_scope(reason="what bots remember until a moment that has passed"):
        expired = BotMemory.objects.filter(expires_at__lte=Now())
        oldest = list(expired.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
        return expired.filter(pk__in=oldest).delete()[0]  # asked again: one may have been remembered anew meanwhile


_KEY = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", "description": "Under which name."}


@tool_function(
    "memory_get",
    title=gettext_lazy("Recall what was remembered"),
    parameters={"type": "object", "properties": {"key": _KEY}, "required": ["key"]},
)
def memory_get(arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Return what is remembered of the customer, else for everybody; null when there is nothing."""
    if caller.bot_id is None:
        return {"value": None}
    found = recall(bot_id=caller.bot_id, keys=[arguments["key"]], customer_id=caller.customer_id)
    return {"value": found.get(arguments["key"])}


@tool_function(
    "memory_set",
    title=gettext_lazy("Remember something about the customer"),
    parameters={
        "type": "object",
        "properties": {
            "key": _KEY,
            "value": {"type": "string", "maxLength": 2000},
            "days": {"type": "integer", "minimum": 1, "maximum": 3650, "description": "Forgotten after so many days."},
        },
        "required": ["key", "value"],
    },
    reads=False,
)
def memory_set(arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Remember something about the customer who speaks; what holds for everybody is for the business to set."""
    if caller.bot_id is None or caller.customer_id is None:
        raise DomainError("no_customer", _("Nobody is known here whom this could be remembered of."))
    days = arguments.get("days")
    kept = remember(
        bot=Bot.objects.get(pk=caller.bot_id),
        customer=Customer.objects.get(pk=caller.customer_id),
        key=arguments["key"],
        value=arguments["value"],
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    return {"key": kept.key, "value": kept.value}
