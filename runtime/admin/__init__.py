"""The admin of conversations."""

from runtime.admin.cache import SemanticCacheEntryAdmin
from runtime.admin.sessions import SessionAdmin
from runtime.admin.turns import TurnAdmin

__all__ = ["SemanticCacheEntryAdmin", "SessionAdmin", "TurnAdmin"]
