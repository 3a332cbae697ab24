"""How a bot speaks and what it knows."""

from bots.models.bots import Bot, BotVersion, BotVersionCapability, Capability
from bots.models.faqs import Faq

__all__ = ["Bot", "BotVersion", "BotVersionCapability", "Capability", "Faq"]
