"""What happens in conversations."""

from runtime.models.decisions import ActionExecution, DecisionEvent, Tier
from runtime.models.sessions import ContextSlot, Session, Turn

__all__ = ["ActionExecution", "ContextSlot", "DecisionEvent", "Session", "Tier", "Turn"]
