"""What an expression may contain: known names, a handful of functions, and nothing whose cost grows out of hand.

The CEL library bounds depth (32) and loops (10,000 rounds) by itself, but not the product of what a loop does with a long
text. So loops run over written lists only and not inside each other, patterns and loops are counted, and what is looked
for in a text is written down, with few exceptions.
"""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from bots.expressions.names import FIELDS, LISTS, NAMES, ROOTS
from bots.expressions.patterns import MOST_INSTRUCTIONS, BadPattern, CostlyPattern, instructions
from bots.expressions.tokens import Tokens
from bots.expressions.values import literal

GLOBAL = frozenset({"size", "has", "int", "double", "string"})
LOOKUPS = frozenset({"contains", "startsWith", "endsWith", "matches"})
LOOPS = frozenset({"all", "exists", "exists_one", "filter"})
WORDS = frozenset({"true", "false", "null", "in"})

MOST_LOOPS, MOST_ITEMS, MOST_CALLS = 4, 200, 8
"""Loops of an expression, entries of the list one runs over, functions called in each round."""

MOST_UNWRITTEN = 4
"""Look-ups of a text that is not written down: ``message.contains(slots.name)``."""


@dataclass(frozen=True)
class LooksFor:
    """A text that the expression looks for in ``name``: as a pattern, or word for word."""

    name: str
    text: str
    is_pattern: bool


@dataclass
class Read:
    """What the checks learnt about an expression."""

    names: set[str] = field(default_factory=set)
    looks_for: list[LooksFor] = field(default_factory=list)
    instructions: int = 0
    unwritten: int = 0
    loops: int = 0


@dataclass(frozen=True)
class Loop:
    """A loop: the tokens of its body, its variable, and the texts of the list it runs over."""

    start: int
    end: int
    variable: str
    texts: tuple[str, ...]


def check(tokens: Tokens) -> Read:
    """Return the names an expression uses and what it looks for; raises ``ExpressionError``."""
    return _Check(tokens).read()


class _Check:
    """One walk over the tokens, from left to right."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.found = tokens, Read()
        self.loop: Loop | None = None
        self.calls = 0

    def read(self) -> Read:
        for index, token in enumerate(self.tokens.all):
            if self.loop and index >= self.loop.end:
                self.loop = None
            if token.kind == "name":
                self._name(index)
            elif token.text in ("*", "^"):
                self._product(index)
            elif token.text == "+" and self.loop:
                raise self.tokens.too_costly(index, _("Nothing may be put together inside a loop."))
        return self.found

    def _is(self, index: int, *texts: str) -> bool:
        token = self.tokens.at(index)
        return token.kind == "sign" and token.text in texts

    def _product(self, index: int) -> None:
        """Refuse powers and repeated texts: other languages have them, and they are the cheapest way to use up memory."""
        beside = self.tokens.at(index - 1), self.tokens.at(index + 1)
        is_power = self._is(index, "^") or self._is(index + 1, "*")
        if is_power or any(one.kind == "text" for one in beside) or self._is(index + 1, "[") or self._is(index - 1, "]"):
            raise self.tokens.too_costly(
                index, _("Only numbers can be multiplied; there are no powers and no repeated texts.")
            )

    def _name(self, index: int) -> None:
        text, is_member = self.tokens.at(index).text, self._is(index - 1, ".")
        if self._is(index + 1, "("):
            self._function(index, text, is_member=is_member)
        elif not is_member and text not in WORDS and not (self.loop and text == self.loop.variable):
            self._declared(index)

    def _declared(self, index: int) -> None:
        """Check a name and what stands behind its dot."""
        root = self.tokens.at(index).text
        if root not in ROOTS:
            names = ", ".join(sorted(ROOTS))
            message = _("There is no name “%(name)s”. There are: %(names)s.") % {"name": root, "names": names}
            raise self.tokens.invalid(index, message)
        if root == "slots":
            self.found.names.add(root)
            return
        name = self._path(index)
        if name not in NAMES:
            place = index if name == root else index + 2
            behind = ", ".join(FIELDS[root]) or "–"
            message = _("Behind “%(name)s” there may stand: %(names)s.") % {"name": root, "names": behind}
            raise self.tokens.invalid(place, message)
        self.found.names.add(name)

    def _path(self, index: int) -> str:
        """Return the name that begins at a token, with its field: ``message`` of ``message.contains(…)``."""
        name = self.tokens.at(index).text
        if self._is(index + 1, ".") and self.tokens.at(index + 2).kind == "name" and not self._is(index + 3, "("):
            name = f"{name}.{self.tokens.at(index + 2).text}"
        return name

    def _function(self, index: int, name: str, *, is_member: bool) -> None:
        members = LOOKUPS | LOOPS | {"size"}
        if name not in (members if is_member else GLOBAL):
            self._unknown_function(index, name, is_member=is_member)
        self._count_call(index)
        if name in LOOPS:
            self._begin_loop(index)
        elif name in LOOKUPS:
            self._lookup(index, name)

    def _unknown_function(self, index: int, name: str, *, is_member: bool) -> None:
        if name in LOOKUPS | LOOPS and not is_member:
            message = _("Write “%(name)s” behind a name: message.%(name)s(…).") % {"name": name}
        else:
            names = ", ".join(sorted(GLOBAL | LOOKUPS | LOOPS))
            message = _("There is no function “%(name)s”. There are: %(names)s.") % {"name": name, "names": names}
        raise self.tokens.invalid(index, message)

    def _count_call(self, index: int) -> None:
        if self.loop:
            self.calls += 1
            if self.calls > MOST_CALLS:
                raise self.tokens.too_costly(index, _("A loop may call at most %(most)d functions.") % {"most": MOST_CALLS})

    def _begin_loop(self, index: int) -> None:
        self.found.loops += 1
        if self.loop:
            raise self.tokens.too_costly(index, _("A loop may not stand inside another one."))
        if self.found.loops > MOST_LOOPS:
            raise self.tokens.too_costly(index, _("An expression may have at most %(most)d loops.") % {"most": MOST_LOOPS})
        variable, end = self.tokens.at(index + 2), self.tokens.partner[index + 1]
        if variable.kind != "name" or variable.text in ROOTS | WORDS or not self._is(index + 3, ","):
            message = _("A loop begins with a new name and a comma: [“a”, “b”].exists(word, message.contains(word)).")
            raise self.tokens.invalid(index + 2, message)
        self.loop, self.calls = Loop(index + 2, end, variable.text, self._range(index - 2)), 0

    def _range(self, last: int) -> tuple[str, ...]:
        """Return the texts of the written list that ends at a token; a declared list has none."""
        start = self.tokens.partner.get(last, last)
        if self._is(last, "]") and not self._is_index(start):
            items = self.tokens.all[start + 1 : last]
            if len([one for one in items if one.text != ","]) > MOST_ITEMS:
                raise self.tokens.too_costly(start, _("A list may have at most %(most)d entries.") % {"most": MOST_ITEMS})
            if all(one.kind in ("text", "number") or one.text in (",", "-") for one in items):
                return tuple(literal(one.text) for one in items if one.kind == "text")
        elif self._named(last) in LISTS | {"slots"}:
            return ()
        raise self.tokens.too_costly(
            last, _("A loop runs over a written list of texts or numbers, or over one of the names.")
        )

    def _is_index(self, start: int) -> bool:
        before = self.tokens.at(start - 1)
        return (before.kind in ("name", "text") and before.text not in WORDS) or before.text in (")", "]")

    def _named(self, last: int) -> str:
        """Return the declared name that ends at a token; empty for anything else."""
        if self.tokens.at(last).kind != "name":
            return ""
        if self._is(last - 1, "."):
            return f"{self.tokens.at(last - 2).text}.{self.tokens.at(last).text}"
        return self.tokens.at(last).text

    def _lookup(self, index: int, name: str) -> None:
        target = self._target(index - 2)
        argument, alone = self.tokens.at(index + 2), self._is(index + 3, ")")
        if argument.kind == "text" and alone:
            self._written(index + 2, target, literal(argument.text), name)
        elif name == "matches":
            raise self.tokens.too_costly(index + 2, _("Write the pattern down: matches(“…”)."))
        elif self.loop and argument.text == self.loop.variable and alone:
            self.found.looks_for += [LooksFor(target, text, is_pattern=False) for text in self.loop.texts]
        else:
            self.found.unwritten += 1
            if self.loop or self.found.unwritten > MOST_UNWRITTEN:
                raise self.tokens.too_costly(index + 2, _("Write down what is looked for, as a text in quotation marks."))

    def _target(self, last: int) -> str:
        """Return the name whose text is looked through; raises for a text that was put together."""
        start = self.tokens.partner.get(last, last)
        is_entry = self._is(last, "]") and start == last - 2 and self.tokens.at(start - 1).text == "slots"
        if not is_entry and self.tokens.at(last).kind != "name":
            raise self.tokens.too_costly(last, _("Look through a name, such as message or reply, and not through a result."))
        return self._named(last)

    def _written(self, index: int, target: str, text: str, name: str) -> None:
        if name in ("contains", "matches"):
            self.found.looks_for.append(LooksFor(target, text, is_pattern=name == "matches"))
        if name != "matches":
            return
        if self.loop:
            raise self.tokens.too_costly(index, _("A pattern may not stand inside a loop."))
        try:
            self.found.instructions += instructions(text)
        except BadPattern as error:
            raise self.tokens.invalid(index, _("This pattern cannot be read: %(reason)s") % {"reason": error}) from error
        except CostlyPattern as error:
            raise self.tokens.too_costly(index, str(error)) from error
        if self.found.instructions > MOST_INSTRUCTIONS:
            message = _("This pattern is too large: use shorter repetitions, or a list of words and “contains”.")
            raise self.tokens.too_costly(index, message)
