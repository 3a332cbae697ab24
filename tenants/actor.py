"""Who acts now, and in which request: what the audit writes beside every change.

A door sets it for the time of a request, a task or a command; the database backend sends it in the prefix that names
the tenant (``tenants/postgres/base.py``), where the audit's trigger reads it. Both ids are UUIDs of our own making,
never text that somebody sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


class ActorKind(models.TextChoices):
    """What kind of actor changed something. ``system``: nobody was named, such as a shell or a migration."""

    USER = "user", _("Person")
    API_KEY = "api_key", _("API key")
    SESSION = "session", _("Customer in a conversation")
    TASK = "task", _("Background job")
    COMMAND = "command", _("Command")
    SYSTEM = "system", _("System")


@dataclass(frozen=True)
class Actor:
    """Who acts (``id`` of the person, key or conversation) and in which request."""

    kind: ActorKind
    id: UUID | None = None
    request_id: UUID | None = None

    def __str__(self) -> str:
        """Return ``kind:id:request``, as it travels to the database."""
        return f"{self.kind.value}:{self.id or ''}:{self.request_id or ''}"


_current: ContextVar[Actor | None] = ContextVar("backroom_actor", default=None)


def current_actor() -> Actor | None:
    """Return who acts now; None where no door has said so."""
    return _current.get()


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """Write ``actor`` beside every change made inside."""
    token = _current.set(actor)
    try:
        yield actor
    finally:
        _current.reset(token)
