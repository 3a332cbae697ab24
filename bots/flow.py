"""A version's flow as the runtime reads it. What it may say is checked by ``catalog.flows`` when it is written.

A new version without a flow of its own begins with the defaults of its bot's domain, copied: what a domain changes later
changes no version there is. An old row may hold anything, so what cannot be read counts as not said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from catalog.flows import ENDED, InvalidFlow, check_flow

__all__ = ["ENDED", "Flow", "InvalidFlow", "Step", "check_flow", "read_flow"]

FIRST_STEP = "open"


@dataclass(frozen=True)
class Step:
    """Where a conversation may stand: what may follow (None: anything), and when silence leads to ``on_timeout``."""

    next: frozenset[str] | None = None
    timeout: timedelta | None = None
    on_timeout: str = ENDED


@dataclass(frozen=True)
class Flow:
    """How conversations go. ``idle`` and ``claim``: None where the version says nothing."""

    first_step: str = FIRST_STEP
    steps: Mapping[str, Step] = field(default_factory=dict)
    idle: timedelta | None = None
    claim: timedelta | None = None
    tools: frozenset[str] | None = None
    """Codes of the tools it may call; None: all that the bot has."""

    def may_follow(self, step: str, after: str) -> bool:
        """Whether ``after`` may follow ``step``. A flow that names no steps lets anything follow anything."""
        if not self.steps or after in (step, ENDED):
            return True
        here = self.steps.get(step)
        return after in self.steps and (here is None or here.next is None or after in here.next)


def read_flow(flow_config: Any) -> Flow:
    """Return the flow of a version."""
    said = flow_config if isinstance(flow_config, dict) else {}
    first, tools, steps = said.get("default_state"), said.get("tools"), said.get("steps")
    return Flow(
        first_step=first[:63] if isinstance(first, str) and first else FIRST_STEP,
        steps={name: _step(step) for name, step in steps.items()} if isinstance(steps, dict) else {},
        idle=_minutes(said.get("idle_minutes")),
        claim=_minutes(said.get("claim_minutes")),
        tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
    )


def _step(step: Any) -> Step:
    said = step if isinstance(step, dict) else {}
    after, end = said.get("next"), said.get("on_timeout")
    return Step(
        next=frozenset(map(str, after)) if isinstance(after, list) else None,
        timeout=_minutes(said.get("timeout_minutes")),
        on_timeout=end if isinstance(end, str) and end else ENDED,
    )


def _minutes(value: Any) -> timedelta | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 43_200
    return timedelta(minutes=value) if usable else None
