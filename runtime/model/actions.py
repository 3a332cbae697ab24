"""The log of what a model had done: committed as running before it is done, and with its result after."""

import time
from typing import Any
from uuid import UUID

from bots.tools import harmless
from runtime.context import TurnContext
from runtime.models import ActionExecution

Status = ActionExecution.Status
MOST_TEXT = 4000
"""Characters of arguments that are no JSON which are kept."""


class RunningAction:
    """One action, from its beginning to its end."""

    def __init__(self, context: TurnContext, name: str, given: Any) -> None:
        self._started = time.monotonic()
        self.row: ActionExecution = ActionExecution.objects.create(
            session_id=context.session_id,
            turn_id=context.turn_id,
            action_name=name[:100],
            input_params=_as_object(given),
            status=Status.RUNNING,
        )

    @property
    def id(self) -> UUID:
        """Id of the row."""
        return self.row.pk

    def end(self, status: Status, output: dict[str, Any]) -> None:
        """Note how it ended."""
        milliseconds = round((time.monotonic() - self._started) * 1000)
        ActionExecution.objects.filter(pk=self.row.pk).update(
            status=status, output_result=harmless(output), execution_time_ms=milliseconds
        )


def refuse(context: TurnContext, name: str, given: Any, output: dict[str, Any]) -> None:
    """Note what was wanted and not done."""
    ActionExecution.objects.create(
        session_id=context.session_id,
        turn_id=context.turn_id,
        action_name=name[:100] or "?",
        input_params=_as_object(given),
        output_result=harmless(output),
        status=Status.ERROR,
    )


def _as_object(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        kept: dict[str, Any] = harmless(given)
        return kept
    return {"arguments": harmless(str(given)[:MOST_TEXT])}
