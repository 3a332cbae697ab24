"""What guardrails do: ask the rules in their order, hide what masks find, stop at the first that blocks or hands over.

Pure functions over values: a turn, the try-out page and a stream of sentences ask them alike. A rule whose condition
fails (a slot that is not there, a division by zero) counts as not holding, and is told with its error.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.expressions import Expression, ExpressionError, LooksFor, read
from bots.expressions.patterns import pattern
from bots.personal_data import FINDERS, Span, masked
from tenants.text import fold_letters

LONGEST_TEXT = 10_000
"""Characters of a text that conditions see; masks hide in all of it."""

MOST_SLOTS, LONGEST_SLOT = 100, 500
"""Slots that conditions see, and characters of each."""


class Action(models.TextChoices):
    """What happens when a rule's condition holds."""

    BLOCK = "block", _("Block")
    WARN = "warn", _("Warn: only note it")
    MASK = "mask", _("Mask what was found")
    HANDOFF = "handoff", _("Hand over to a person")


class Stage(models.TextChoices):
    """What a rule looks at."""

    MESSAGE = "message", _("the customer's message")
    REPLY = "reply", _("the bot's reply")


@dataclass(frozen=True)
class Rule:
    """A guardrail as a turn reads it."""

    id: str
    code: str
    name: str
    action: Action
    condition: str
    fallback: str = ""
    fallbacks: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By language; ``fallback`` in any other."""

    def words_in(self, language: str) -> str:
        """Return what the rule has said instead, empty when it has no words of its own."""
        return self.fallbacks.get(language) or self.fallback

    @property
    def stage(self) -> Stage:
        """What the rule looks at."""
        return stage_of(self.condition)


@dataclass(frozen=True)
class Judged:
    """A rule that was asked: whether it fires, or the error of its condition; and the values its condition saw."""

    rule: Rule
    stage: Stage
    fires: bool
    error: ExpressionError | None
    values: Mapping[str, Any]

    def as_noted(self) -> dict[str, Any]:
        """Return what a decision keeps of it: never a value, which may be what was hidden."""
        error = {"error": self.error.code} if self.error else {}
        told = {"id": self.rule.id, "code": self.rule.code, "name": self.rule.name, "action": self.rule.action.value}
        return {**told, "applies_to": self.stage.value, "fired": self.fires, **error}


@dataclass(frozen=True)
class Verdict:
    """What came of asking: the text with what masks hid, the rule that stops it (if any), and every rule asked."""

    text: str
    stopped_by: Rule | None
    judged: tuple[Judged, ...]

    @property
    def noted(self) -> list[dict[str, Any]]:
        """What a decision keeps: the rules that fired or failed."""
        return [one.as_noted() for one in self.judged if one.fires or one.error]


class Values(dict[str, Any]):
    """The values of the names, each made when a condition first asks for it.

    ``given`` makes those that cannot be told from others: ``message``, ``reply``, ``slots``, ``price``, …
    """

    def __init__(self, given: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__()
        self.given = given

    def __missing__(self, name: str) -> Any:
        """Make a value and keep it."""
        make = self.given.get(name)
        value = self[name] = _bounded(make()) if make else self._derived(name)
        return value

    def _derived(self, name: str) -> Any:
        root, _dot, field = name.partition(".")
        whole = self[root]
        if field in ("text", "amount"):
            return whole
        if field == "folded":
            return fold_letters(whole)
        if field == "length":
            return len(whole)
        return [whole[start:end] for start, end in FINDERS[field](whole)]


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {str(key): str(value[key])[:LONGEST_SLOT] for key in sorted(value)[:MOST_SLOTS]}
    return value


def stage_of(condition: str) -> Stage:
    """Return what a condition looks at: the reply when it names ``reply`` or ``price``, else the message."""
    try:
        names = read(condition).names
    except ExpressionError:
        return Stage.MESSAGE
    return Stage.REPLY if any(name.partition(".")[0] in ("reply", "price") for name in names) else Stage.MESSAGE


@lru_cache(maxsize=1024)
def rules_from(text: str) -> tuple[Rule, ...]:
    """Return the rules of a bot from the JSON that a turn reads: lists in the order of ``Rule``, first asked first.

    Kept by the text itself, so that a changed rule counts at once and an unchanged one is not read again.
    """
    return tuple(
        Rule(rule_id, code, name, Action(action), condition, fallback, fallbacks)
        for rule_id, code, name, action, condition, fallback, fallbacks in json.loads(text)
    )


def judge(rules: Iterable[Rule], stage: Stage, text: str, given: Mapping[str, Callable[[], Any]]) -> Verdict:
    """Ask the rules that look at ``stage`` about ``text``, in order, each about what the masks before it left."""
    judged: list[Judged] = []
    values = Values({**given, stage.value: lambda: text})
    for rule in rules:
        if rule.stage != stage:
            continue
        judged.append(one := _ask(rule, stage, values))
        if one.fires and rule.action in (Action.BLOCK, Action.HANDOFF):
            return Verdict(text, rule, tuple(judged))
        if one.fires and rule.action == Action.MASK:
            text = hide(read(rule.condition), stage, text)
            values = Values({**given, stage.value: lambda text=text: text})  # type: ignore[misc]
    return Verdict(text, None, tuple(judged))


def _ask(rule: Rule, stage: Stage, values: Values) -> Judged:
    try:
        expression = read(rule.condition)
        fires = expression.holds(values)
    except ExpressionError as error:
        return Judged(rule, stage, fires=False, error=error, values=values)
    return Judged(rule, stage, fires=fires, error=None, values=values)


def what_it_hides(expression: Expression) -> bool:
    """Whether a mask with this condition has something to hide."""
    stage = stage_of(expression.source)
    return bool(list(_hidden_fields(expression, stage)) or list(_sought(expression, stage)))


def hide(expression: Expression, stage: Stage, text: str) -> str:
    """Return ``text`` without what the condition looks for in it."""
    spans = [span for find in _hidden_fields(expression, stage) for span in find(text)]
    for one in _sought(expression, stage):
        spans += _places(one, fold_letters(text) if one.name.endswith(".folded") else text)
    return masked(text, spans)


def _hidden_fields(expression: Expression, stage: Stage) -> Iterable[Callable[[str], list[Span]]]:
    return (FINDERS[field] for field in FINDERS if f"{stage.value}.{field}" in expression.names)


def _sought(expression: Expression, stage: Stage) -> Iterable[LooksFor]:
    names = (stage.value, f"{stage.value}.text", f"{stage.value}.folded")
    return (one for one in expression.looks_for if one.name in names and one.text)


def _places(sought: LooksFor, text: str) -> list[Span]:
    if sought.is_pattern:
        return [found.span() for found in pattern(sought.text).finditer(text) if found.end() > found.start()]
    places, start = [], text.find(sought.text)
    while start >= 0:
        places.append((start, start + len(sought.text)))
        start = text.find(sought.text, start + len(sought.text))
    return places
