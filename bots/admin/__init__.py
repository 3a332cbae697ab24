"""The admin of bots."""

from bots.admin.bots import BotAdmin, BotVersionAdmin, CapabilityAdmin
from bots.admin.faqs import FaqAdmin
from bots.admin.guardrails import GuardrailAdmin
from bots.admin.intents import IntentAdmin

__all__ = ["BotAdmin", "BotVersionAdmin", "CapabilityAdmin", "FaqAdmin", "GuardrailAdmin", "IntentAdmin"]
