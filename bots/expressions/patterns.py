"""Regular expressions inside expressions: RE2 only (no back-references, time linear in the text), and only cheap ones.

RE2 builds its automaton while it reads. One that outgrows its memory costs 25 to 70 ns per instruction and byte, so the
instructions of all patterns of an expression are counted: 40 of them take up to 30 ms over 10 KB. Words in a row
(``refund|money back``) grow no such automaton, and count for nothing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2
from django.utils.translation import gettext as _

MOST_INSTRUCTIONS = 40
"""Instructions of all patterns of an expression together."""

_WORDS = re.compile(r"(\(\?i\))?[^\\.^$*+?()\[\]{}]*")

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class BadPattern(Exception):
    """A pattern that cannot be read."""


class CostlyPattern(Exception):
    """A pattern that may be run, at a price nobody wants to pay."""


@lru_cache(maxsize=1024)
def pattern(text: str) -> Any:
    """Return the compiled pattern; raises ``BadPattern`` or ``CostlyPattern``."""
    if _repeats_a_repetition(text):
        raise CostlyPattern(_("A repetition may not stand inside another one: write (a+)+ as a+."))
    try:
        compiled = re2.compile(text, _OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        raise BadPattern(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error
    return compiled


def instructions(text: str) -> int:
    """Return what a pattern counts for; raises as ``pattern`` does."""
    compiled = pattern(text)
    return 0 if _WORDS.fullmatch(text) else int(compiled.programsize)


@dataclass
class _Group:
    has_repetition: bool = False


def _repeats_a_repetition(text: str) -> bool:
    """Whether a group that holds a ``*``, ``+`` or ``{n,}`` is itself repeated."""
    groups, closed, place = [_Group()], _Group(), 0
    while place < len(text):
        letter = text[place]
        if letter == "\\":
            place, closed = place + 2, _Group()
            continue
        if letter == "[":
            place, closed = _after_class(text, place), _Group()
            continue
        if letter in "*+" or (letter == "{" and _is_repetition(text, place)):
            if closed.has_repetition:
                return True
            groups[-1].has_repetition |= letter != "{" or _is_endless(text, place)
        elif letter == "(":
            groups.append(_Group())
        elif letter == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1].has_repetition |= closed.has_repetition
            place += 1
            continue
        if letter != "?":
            closed = _Group()
        place += 1
    return False


def _after_class(text: str, place: int) -> int:
    """Return the place behind a class such as ``[^]a-z]``."""
    place += 1 + text.startswith("^", place + 1)
    place += text.startswith("]", place)
    while place < len(text) and text[place] != "]":
        place += 2 if text[place] == "\\" else 1
    return place + 1


def _is_repetition(text: str, place: int) -> bool:
    return text[place + 1 : place + 2].isdigit()


def _is_endless(text: str, place: int) -> bool:
    return text[place : text.find("}", place)].endswith(",")
