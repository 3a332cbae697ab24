"""The API of conversations."""

from runtime.api.cache import SemanticCacheViewSet
from runtime.api.escalations import EscalationViewSet
from runtime.api.exports import TranscriptsView
from runtime.api.gaps import KnowledgeGapViewSet
from runtime.api.guardrails import GuardrailTryView
from runtime.api.ratings import RatedTurnViewSet, RatingViewSet, UiEventViewSet
from runtime.api.records import ActionViewSet, DecisionViewSet, SlotViewSet
from runtime.api.schedules import OccurrenceViewSet, ScheduleViewSet
from runtime.api.sessions import SessionViewSet
from runtime.api.turns import TurnViewSet

__all__ = [
    "ActionViewSet",
    "DecisionViewSet",
    "EscalationViewSet",
    "GuardrailTryView",
    "KnowledgeGapViewSet",
    "OccurrenceViewSet",
    "RatedTurnViewSet",
    "RatingViewSet",
    "ScheduleViewSet",
    "SemanticCacheViewSet",
    "SessionViewSet",
    "SlotViewSet",
    "TranscriptsView",
    "TurnViewSet",
    "UiEventViewSet",
]
