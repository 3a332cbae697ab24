"""The admin of bots."""

from bots.admin.bots import BotAdmin, CapabilityAdmin
from bots.admin.faqs import FaqAdmin
from bots.admin.guardrails import GuardrailAdmin
from bots.admin.intents import IntentAdmin
from bots.admin.knowledge import KnowledgeCollectionAdmin, KnowledgeDocumentAdmin
from bots.admin.settings import BotMemoryAdmin
from bots.admin.tools import ToolAdmin
from bots.admin.versions import BotVersionAdmin

__all__ = [
    "BotAdmin",
    "BotMemoryAdmin",
    "BotVersionAdmin",
    "CapabilityAdmin",
    "FaqAdmin",
    "GuardrailAdmin",
    "IntentAdmin",
    "KnowledgeCollectionAdmin",
    "KnowledgeDocumentAdmin",
    "ToolAdmin",
]
