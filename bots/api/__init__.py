"""The API of bots."""

from bots.api.bots import BotVersionViewSet, BotViewSet, CapabilityViewSet
from bots.api.faqs import FaqViewSet
from bots.api.guardrails import GuardrailViewSet
from bots.api.intents import IntentViewSet
from bots.api.knowledge import ChunkViewSet, CollectionViewSet, DocumentViewSet
from bots.api.settings import BotMemoryViewSet, BotSettingViewSet
from bots.api.tools import ToolViewSet

__all__ = [
    "BotMemoryViewSet",
    "BotSettingViewSet",
    "BotVersionViewSet",
    "BotViewSet",
    "CapabilityViewSet",
    "ChunkViewSet",
    "CollectionViewSet",
    "DocumentViewSet",
    "FaqViewSet",
    "GuardrailViewSet",
    "IntentViewSet",
    "ToolViewSet",
]
