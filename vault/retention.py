"""How long the vault's ledgers and deliveries are kept."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.queue import QueueState
from tenants.retention import Kept, older_than
from vault.models import CredentialUse, EventDelivery, UsageEntry

SHORTEST_USAGE = 62
"""Days: what budgets of this month and the last are counted from stays."""
FAILED_LONGER = 3
"""What was given up is kept so many times as long as what was delivered."""
GIVEN_UP = (QueueState.FAILED, QueueState.CANCELLED)


def _usage(days: int) -> Iterable[QuerySet[Any]]:
    return [UsageEntry.objects.filter(older_than(max(days, SHORTEST_USAGE))).exclude(state=UsageEntry.State.RESERVED)]


def _deliveries(days: int) -> Iterable[QuerySet[Any]]:
    delivered = Q(older_than(days), state=QueueState.DONE)
    given_up = Q(older_than(days * FAILED_LONGER), state__in=GIVEN_UP)
    return [EventDelivery.objects.filter(delivered), EventDelivery.objects.filter(given_up)]


KEPT = (
    Kept(
        name="usage",
        label=_("Keep usage and cost"),
        help_text=_("Days, and never less than 62, for budgets count them. 0: for ever."),
        days=0,
        old=_usage,
    ),
    Kept(
        name="credential_uses",
        label=_("Keep uses of credentials"),
        help_text=_("Days. The audit goes on telling of each; 0: for ever."),
        days=365,
        old=lambda days: [CredentialUse.objects.filter(older_than(days))],
    ),
    Kept(
        name="event_deliveries",
        label=_("Keep event deliveries"),
        help_text=_("Days. Those that failed or were given up three times as long; 0: for ever."),
        days=30,
        old=_deliveries,
    ),
)
