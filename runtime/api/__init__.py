"""The API of conversations."""

from runtime.api.records import ActionViewSet, DecisionViewSet, SlotViewSet
from runtime.api.sessions import SessionViewSet
from runtime.api.turns import TurnViewSet

__all__ = ["ActionViewSet", "DecisionViewSet", "SessionViewSet", "SlotViewSet", "TurnViewSet"]
