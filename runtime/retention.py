"""How long conversations and scheduled runs are kept."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from runtime.models import ScheduleOccurrence, Session, Turn
from tenants.queue import OPEN
from tenants.retention import Kept, older_than


def _conversations(days: int) -> Iterable[QuerySet[Any]]:
    """Ended conversations whole, and of those that still go on what was said so long ago."""
    ended = Session.objects.filter(older_than(days, "state_updated_at"), ended_at__isnull=False)
    return [ended, Turn.objects.filter(older_than(days))]


def _occurrences(days: int) -> Iterable[QuerySet[Any]]:
    return [ScheduleOccurrence.objects.filter(older_than(days)).exclude(state__in=OPEN)]


KEPT = (
    Kept(
        name="turns",
        label=_("Keep conversations"),
        help_text=_("Days. Messages, with decisions, ratings and escalations; 0: for ever."),
        days=730,
        old=_conversations,
    ),
    Kept(
        name="schedule_occurrences",
        label=_("Keep scheduled runs"),
        help_text=_("Days. Schedules themselves stay; 0: for ever."),
        days=90,
        old=_occurrences,
    ),
)
