"""What a schedule can do: the kinds of targets, each with what it needs to be told and what runs it.

An app further right adds its own from its ``AppConfig.ready``::

    register_target(TargetKind("send_report", label=_("Send a report"), properties={…}, required=("report",), run=send))

``run`` gets an ``Occasion`` and returns what the ``TaskRun`` shows as output. It is called outside transactions, maybe
again for the same occurrence, and keys whatever it does by ``occasion.id``: done twice it changes nothing. It raises
``DomainError`` for what will not work next time either, ``TryAgain`` for what may, and ``Unclear`` where nobody knows
whether it was done. A kind of which a second call may do something twice says so by ``is_repeatable``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext as _

from bots.schemas import problems
from tenants.errors import DomainError
from tenants.models.task_runs import TASK_LABELS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from tenants.models import User


class TryAgain(Exception):
    """It did not work now and may later, or after ``delay`` where that is known; the text is a note (``tenants/notes.py``)."""

    def __init__(self, text: str, *, delay: timedelta | None = None) -> None:
        super().__init__(text)
        self.delay = delay


class Unclear(Exception):
    """It may have been done or not, and a person has to find out; the text is a note."""


@dataclass(frozen=True)
class Occasion:
    """One occurrence, as whoever runs it needs it. ``id`` is the key of every effect."""

    id: UUID
    target: Mapping[str, Any]
    scheduled_for: datetime
    bot_id: UUID | None = None
    created_by: "User | None" = None


@dataclass(frozen=True)
class Author:
    """Who writes a target: what may be sent where depends on it. ``stored`` is the target before."""

    manages_credentials: bool
    stored: Mapping[str, Any] | None = None


def _always(target: Mapping[str, Any]) -> bool:
    return True


def _no_more(target: Mapping[str, Any], author: Author) -> None:
    """Nothing but the schema."""


@dataclass(frozen=True)
class TargetKind:
    """A kind of target. ``properties`` are JSON schemas by name, each with a ``title``: the admin's form is made of them.

    One that names a row says of which model, ``"reference": "bots.KnowledgeCollection"``, and, where that is not its id,
    ``"by": "code"``; that the row is there is for ``check`` to see to.
    """

    name: str
    label: "StrOrPromise"
    run: Callable[[Occasion], Mapping[str, Any]]
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: Iterable[str] = ()
    check: Callable[[Mapping[str, Any], Author], None] = _no_more
    is_repeatable: Callable[[Mapping[str, Any]], bool] = _always

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of such a target."""
        properties = {"kind": {"const": self.name}, **self.properties}
        return {"type": "object", "properties": properties, "required": ["kind", *self.required]}


TARGETS: dict[str, TargetKind] = {}
"""Every kind there is, by name."""


def register_target(kind: TargetKind) -> None:
    """Add a kind."""
    TARGETS[kind.name] = kind
    TASK_LABELS[kind.name] = kind.label


class InvalidTarget(DomainError):
    """A target that no run could be made of: 422 by field."""

    def __init__(self, found: Any) -> None:
        super().__init__("invalid_target", found[0].message)
        self.problems = found


def check_target(target: Any, author: Author) -> None:
    """Refuse a target of no known kind, or that does not say what its kind needs.

    Raises ``DomainError`` (``unknown_kind``), ``InvalidTarget``, and what the kind's own check raises: 422 by field, 403.
    """
    name = target.get("kind") if isinstance(target, dict) else None
    if not isinstance(name, str) or name not in TARGETS:
        said = _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(sorted(TARGETS))}
        raise DomainError("unknown_kind", said, field="target.kind")
    kind = TARGETS[name]
    if found := problems(kind.schema(), target, field="target"):
        raise InvalidTarget(found)
    kind.check(target, author)
