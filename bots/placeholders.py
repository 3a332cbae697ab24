"""Texts with names in double braces, ``{{ name }}``, each replaced by a value and by nothing else: no language runs here."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenants.errors import DomainError

OPENING = re.compile(r"\{\{")
PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_.-]{0,127})[ \t]*\}\}")


class UnknownPlaceholder(DomainError):
    """A name that nothing stands behind, or braces that hold no name: 422. ``position`` counts characters from 1."""

    def __init__(self, message: str, *, field: str | None, position: int) -> None:
        super().__init__("unknown_variable", message, field=field, position=position)


@dataclass(frozen=True)
class Placeholder:
    """A name in a text; ``position`` is that of its first brace, from 1."""

    name: str
    position: int


def placeholders(text: str, *, field: str | None = None) -> Iterator[Placeholder]:
    """Yield the names in ``text``; raises ``UnknownPlaceholder`` for two opening braces that begin no name."""
    for opening in OPENING.finditer(text):
        found = PLACEHOLDER.match(text, opening.start())
        position = opening.start() + 1
        if not found:
            said = _("Character %(position)d: write a name in double braces, such as {{ name }}.") % {"position": position}
            raise UnknownPlaceholder(said, field=field, position=position)
        yield Placeholder(found[1], position)


def check_placeholders(text: str, *, known: Collection[str], family: str = "", field: str | None = None) -> None:
    """Raise ``UnknownPlaceholder`` for the first name that is not ``known``, and does not begin as those of the ``family``."""
    for one in placeholders(text, field=field):
        if one.name not in known and not (family and one.name.startswith(family)):
            listed = ", ".join([*sorted(known), *([f"{family}…"] if family else [])]) or "–"
            values = {"position": one.position, "name": one.name, "known": listed}
            said = _("Character %(position)d: there is no “%(name)s” here. Known: %(known)s.") % values
            raise UnknownPlaceholder(said, field=field, position=one.position)


def fill(text: str, value_of: Callable[[str], str]) -> str:
    """Put ``value_of(name)`` in the place of each name. What is put in is not read again."""
    return PLACEHOLDER.sub(lambda found: value_of(found[1]), text)
