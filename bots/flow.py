"""A version's flow as the runtime reads it. What it may say is checked by ``catalog.flows`` when it is written.

A new version without a flow of its own begins with the defaults of its bot's domain, copied: what a domain changes later
changes no version there is. An old row may hold anything, so what cannot be read counts as not said.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from catalog.flows import ENDED, InvalidFlow, check_flow

__all__ = ["ENDED", "Flow", "InvalidFlow", "Step", "check_flow", "read_flow", "read_steps"]

FIRST_STEP = "open"


Said = TypeVar("Said")


@dataclass(frozen=True)
class Step:
    """Where a conversation may stand: what may follow (None: anything), what in a turn leads here (``on``), and when silence
    leads to ``on_timeout``.
    """

    next: tuple[str, ...] | None = None
    on: frozenset[str] = frozenset()
    timeout: timedelta | None = None
    on_timeout: str = ENDED

    @property
    def minutes(self) -> int | None:
        """The minutes of ``timeout``."""
        return None if self.timeout is None else round(self.timeout.total_seconds() / 60)


@dataclass(frozen=True)
class Flow:
    """How conversations go. ``idle`` and ``claim``: None where the version says nothing. ``greeting`` and ``quick_replies`` are by
    language, what is for every language stands under "".
    """

    first_step: str = FIRST_STEP
    steps: Mapping[str, Step] = field(default_factory=dict)
    idle: timedelta | None = None
    claim: timedelta | None = None
    greeting: Mapping[str, str] = field(default_factory=dict)
    quick_replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tools: frozenset[str] | None = None
    """Codes of the tools it may call; None: all that the bot has."""

    def may_follow(self, step: str, after: str) -> bool:
        """Whether ``after`` may follow ``step``. A flow that names no steps lets anything follow anything."""
        if not self.steps or after in (step, ENDED):
            return True
        here = self.steps.get(step)
        return after in self.steps and (here is None or here.next is None or after in here.next)

    def entered(self, step: str, happened: Set[str]) -> str | None:
        """Return the step that what happened in a turn leads to from here: the first of ``next``, else by name, ``ended`` last."""
        here = self.steps.get(step)
        following = sorted(self.steps) if here is None or here.next is None else here.next
        reachable = [*(name for name in following if name not in (step, ENDED)), ENDED]
        return next((name for name in reachable if name in self.steps and self.steps[name].on & happened), None)

    def hello(self, language: str) -> str:
        """Return the greeting in this language, else in any; empty without one."""
        return in_language(self.greeting, language, "")

    def offered(self, language: str) -> tuple[str, ...]:
        """Return what is offered to tap in this language, else in any."""
        return in_language(self.quick_replies, language, ())


def in_language(said: Mapping[str, Said], language: str, nothing: Said) -> Said:
    """Return what is said in this language, else for every language (""), else in any."""
    return said.get(language) or said.get("") or next(iter(said.values()), nothing)


def read_flow(flow_config: Any) -> Flow:
    """Return the flow of a version."""
    said = flow_config if isinstance(flow_config, dict) else {}
    first, tools, steps = said.get("default_state"), said.get("tools"), said.get("steps")
    return Flow(
        first_step=first[:63] if isinstance(first, str) and first else FIRST_STEP,
        steps={name: _step(step) for name, step in steps.items()} if isinstance(steps, dict) else {},
        idle=_minutes(said.get("idle_minutes")),
        claim=_minutes(said.get("claim_minutes")),
        greeting=_texts(said.get("greeting")),
        quick_replies=_lists(said.get("quick_replies")),
        tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
    )


@lru_cache(maxsize=512)
def read_steps(text: str) -> Flow:
    """Return the flow of a version's ``steps``, given as JSON: what a turn needs of it."""
    return read_flow({"steps": json.loads(text)})


def _step(step: Any) -> Step:
    said = step if isinstance(step, dict) else {}
    after, end = said.get("next"), said.get("on_timeout")
    return Step(
        next=tuple(map(str, after)) if isinstance(after, list) else None,
        on=frozenset(_strings(said.get("on"))),
        timeout=_minutes(said.get("timeout_minutes")),
        on_timeout=end if isinstance(end, str) and end else ENDED,
    )


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _texts(value: Any) -> dict[str, str]:
    texts = value if isinstance(value, dict) else {"": value}
    return {language: text for language, text in texts.items() if isinstance(text, str) and text}


def _lists(value: Any) -> dict[str, tuple[str, ...]]:
    lists = value if isinstance(value, dict) else {"": value}
    return {language: found for language, one in lists.items() if (found := _strings(one))}


def _minutes(value: Any) -> timedelta | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 43_200
    return timedelta(minutes=value) if usable else None
