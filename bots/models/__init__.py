"""How a bot speaks and what it knows."""

from bots.models.bots import Bot, BotVersion, BotVersionCapability, Capability, capability_name
from bots.models.faqs import Faq
from bots.models.guardrails import Guardrail
from bots.models.intents import Intent, IntentExample
from bots.models.knowledge import PATH_SEPARATOR, KnowledgeChunk, KnowledgeCollection, KnowledgeDocument
from bots.models.retrieval import AnswerThreshold, RetrievalMark
from bots.models.settings import BotMemory, BotSetting
from bots.models.tools import Tool

__all__ = [
    "PATH_SEPARATOR",
    "AnswerThreshold",
    "Bot",
    "BotMemory",
    "BotSetting",
    "BotVersion",
    "BotVersionCapability",
    "Capability",
    "Faq",
    "Guardrail",
    "Intent",
    "IntentExample",
    "KnowledgeChunk",
    "KnowledgeCollection",
    "KnowledgeDocument",
    "RetrievalMark",
    "Tool",
    "capability_name",
]
