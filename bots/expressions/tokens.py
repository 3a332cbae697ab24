"""An expression as tokens: what the checks read before the CEL library does."""

import re
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from bots.expressions.errors import INVALID, TOO_COSTLY, ExpressionError

MOST_NESTED = 8
"""Brackets inside each other."""

# Strings and comments as the CEL specification has them; bytes, braces and back-ticks are left out.
_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | //[^\n]* )
    | (?P<text> [rR]? (?: \"\"\" (?: [^\\] | \\. )*? \"\"\" | ''' (?: [^\\] | \\. )*? ''' ) )
    | (?P<raw> [rR] (?: "[^"\n]*" | '[^'\n]*' ) )
    | (?P<plain> (?: "(?: [^"\\\n] | \\. )*" | '(?: [^'\\\n] | \\. )*' ) )
    | (?P<number> 0[xX][0-9a-fA-F]+ | \d+ (?: \.\d+ )? (?: [eE][+-]?\d+ )? | \.\d+ )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign> && | \|\| | == | != | <= | >= | [()\[\].,?:<>!+\-*/%^] )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSES = {")": "(", "]": "["}

Kind = Literal["text", "number", "name", "sign"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the source and its place."""

    kind: Kind
    text: str
    offset: int


NOTHING = Token("sign", "", 0)
"""Stands before the first token and behind the last."""


class Tokens:
    """The tokens of an expression, with the partner of every bracket."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.all = _split(source)
        self.partner = _partners(self.all, source)

    def at(self, index: int) -> Token:
        """Return a token; ``NOTHING`` beyond the ends."""
        return self.all[index] if 0 <= index < len(self.all) else NOTHING

    def invalid(self, index: int, message: str) -> ExpressionError:
        """Return the error for what stands at a token."""
        return ExpressionError(INVALID, message, source=self.source, offset=self.at(index).offset)

    def too_costly(self, index: int, message: str) -> ExpressionError:
        """Return the error for what would cost too much at a token."""
        return ExpressionError(TOO_COSTLY, message, source=self.source, offset=self.at(index).offset)


def _split(source: str) -> list[Token]:
    tokens, place = [], 0
    while place < len(source):
        found = _TOKEN.match(source, place)
        if found is None or not found[0]:
            raise ExpressionError(INVALID, _unread(source[place]), source=source, offset=place)
        if found.lastgroup != "space":
            kind: Kind = "text" if found.lastgroup in ("raw", "plain") else found.lastgroup  # type: ignore[assignment]
            tokens.append(Token(kind, found[0], place))
        place = found.end()
    return tokens


def _unread(letter: str) -> str:
    if letter in "\"'":
        return _("This text has no end: the quotation mark is missing.")
    if not letter.isprintable():
        return _("There is a character here that cannot be seen, and means nothing.")
    return _("“%(sign)s” means nothing here.") % {"sign": letter}


def _partners(tokens: list[Token], source: str) -> dict[int, int]:
    partner: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "sign" and token.text in "([":
            opened.append(index)
            if len(opened) > MOST_NESTED:
                message = _("At most %(most)d brackets may stand inside each other.") % {"most": MOST_NESTED}
                raise ExpressionError(TOO_COSTLY, message, source=source, offset=token.offset)
        elif token.kind == "sign" and token.text in _CLOSES:
            if not opened or tokens[opened[-1]].text != _CLOSES[token.text]:
                raise ExpressionError(INVALID, _("This bracket was never opened."), source=source, offset=token.offset)
            start = opened.pop()
            partner[start], partner[index] = index, start
    if opened:
        place = tokens[opened[-1]].offset
        raise ExpressionError(INVALID, _("This bracket is never closed."), source=source, offset=place)
    return partner
