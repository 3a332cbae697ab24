"""The admin of conversations."""

from runtime.admin.cache import SemanticCacheEntryAdmin
from runtime.admin.escalations import EscalationAdmin
from runtime.admin.gaps import KnowledgeGapAdmin
from runtime.admin.lab import RetrievalMarkAdmin
from runtime.admin.ratings import RatingAdmin
from runtime.admin.schedules import ScheduleAdmin, ScheduleOccurrenceAdmin
from runtime.admin.sessions import SessionAdmin
from runtime.admin.turns import TurnAdmin

__all__ = [
    "EscalationAdmin",
    "KnowledgeGapAdmin",
    "RatingAdmin",
    "RetrievalMarkAdmin",
    "ScheduleAdmin",
    "ScheduleOccurrenceAdmin",
    "SemanticCacheEntryAdmin",
    "SessionAdmin",
    "TurnAdmin",
]
