"""The language of conditions: CEL over a fixed set of names, checked when it is saved, bounded when it is run.

>>> read("message.folded.contains('hoan tien') && !has(slots.order)").holds(values)

Every call answers within 50 ms for texts of up to 10 KB, whatever staff write or customers say: it says true or false,
or raises ``ExpressionError`` with a code and a place. Expressions read nothing but the values they are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from bots.expressions.checks import LooksFor, check
from bots.expressions.errors import TOO_COSTLY, ExpressionError
from bots.expressions.names import FIELDS, NAMES
from bots.expressions.tokens import Tokens
from bots.expressions.values import program, run

__all__ = ["FIELDS", "LONGEST", "NAMES", "Expression", "ExpressionError", "LooksFor", "read", "read_and_try"]

LONGEST = 2000
"""Characters of an expression."""


@dataclass(frozen=True)
class Expression:
    """An expression that was read: the names it uses, and the texts it looks for."""

    source: str
    names: frozenset[str]
    looks_for: tuple[LooksFor, ...]
    program: Any

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true of these values (of which only ``names`` are read); raises ``ExpressionError``."""
        return run(self.program, {name: values[name] for name in self.names}, self.source)


@lru_cache(maxsize=4096)
def read(source: str) -> Expression:
    """Return the expression; raises ``ExpressionError`` with the place of what is wrong or too costly."""
    if len(source) > LONGEST:
        message = _("An expression may have at most %(most)d characters.") % {"most": LONGEST}
        raise ExpressionError(TOO_COSTLY, message, source=source, offset=LONGEST)
    tokens = Tokens(source)
    found = check(tokens)
    return Expression(source, frozenset(found.names), tuple(found.looks_for), program(source))


def read_and_try(source: str) -> Expression:
    """Return the expression as ``read`` does, once it has run on the sample of every name: what a save asks.

    Raises ``ExpressionError`` also for types that only show when it runs; what the sample merely lacks is no fault.
    """
    expression = read(source)
    try:
        expression.holds({name: one.sample for name, one in NAMES.items()})
    except ExpressionError as error:
        if error.code == "wrong_type":
            raise ExpressionError("expression_invalid", error.message, source=source, offset=error.offset) from error
    return expression
