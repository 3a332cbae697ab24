"""What happens in conversations."""

from runtime.models.cache import SemanticCacheEntry
from runtime.models.decisions import ActionExecution, DecisionEvent, Tier
from runtime.models.escalations import Escalation
from runtime.models.ratings import KnowledgeGap, Rating, UiEvent
from runtime.models.schedules import Schedule, ScheduleOccurrence
from runtime.models.scopes import SessionScope
from runtime.models.sessions import ContextSlot, Session, Turn

__all__ = [
    "ActionExecution",
    "ContextSlot",
    "DecisionEvent",
    "Escalation",
    "KnowledgeGap",
    "Rating",
    "Schedule",
    "ScheduleOccurrence",
    "SemanticCacheEntry",
    "Session",
    "SessionScope",
    "Tier",
    "Turn",
    "UiEvent",
]
