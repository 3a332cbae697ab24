"""A turn that is heard while it is being answered: taken in a thread of its own, its events read from a queue.

The thread goes on when the reader hangs up, so the turn is recorded once and its cost is, whoever listens. The reader holds
no connection of the database while it waits.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Any, Literal

from django.http import StreamingHttpResponse
from django.utils import translation

from runtime.model.sentences import split
from runtime.turn import Recorded, take_turn
from tenants.errors import problem_handler
from vault.providers.metering import leave_database

MEDIA_TYPE = "text/event-stream"
MOST_AT_ONCE = 32
"""Turns that one process answers in this way at once; more of them wait."""
HEARTBEAT_SECONDS = 3.0
"""After so long without an event the reader is told that somebody is still there."""

Name = Literal["begin", "sentence", "replace", "done", "error", "waiting"]


@dataclass(frozen=True)
class Event:
    """Something that happened: ``sentence`` and ``replace`` with a text, ``done`` with ``Recorded``, ``error`` with it."""

    name: Name
    text: str = ""
    recorded: Recorded | None = None
    error: Exception | None = None


@dataclass
class TurnStream:
    """The events of one turn, in their order."""

    _events: SimpleQueue[Event] = field(default_factory=SimpleQueue)
    _said: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Hear that the message is stored and is being answered."""
        self._events.put(Event("begin"))

    def say(self, sentence: str) -> None:
        """Hear a sentence that may be said."""
        self._said.append(sentence)
        self._events.put(Event("sentence", sentence))

    def run(self, asked: dict[str, Any], language: str) -> None:
        """Take the turn; whatever comes of it is an event."""
        try:
            with translation.override(language):
                recorded = take_turn(**asked, listener=self)
            self._end(recorded)
        except Exception as error:  # noqa: BLE001 - told to the reader, who answers it as any other view does
            if self._said:
                self._events.put(Event("replace", ""))  # it is kept nowhere, so nothing of it stands
            self._events.put(Event("error", error=error))
        finally:
            leave_database()

    def _end(self, recorded: Recorded) -> None:
        """Say what has not been said of the reply; when something else was said, tell that the reply replaces it."""
        message = (recorded.reply or {}).get("message", "")
        said = "".join(self._said).rstrip()
        if message.startswith(said):
            for sentence in split(message[len(said) :]):
                self._events.put(Event("sentence", sentence))
        else:
            self._events.put(Event("replace", message))
        self._events.put(Event("done", recorded=recorded))

    def __iter__(self) -> Iterator[Event]:
        """Yield the events as they come, ``done`` or ``error`` last, and ``waiting`` while nothing comes."""
        while True:
            try:
                event = self._events.get(timeout=HEARTBEAT_SECONDS)
            except Empty:
                event = Event("waiting")
            yield event
            if event.name in ("done", "error"):
                return


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    """Return the threads of this process; made when first needed, for a process that forks loses them."""
    return ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="turn")


def stream_turn(**asked: Any) -> Iterator[Event]:
    """Take a turn (as ``take_turn`` is asked) in the caller's scope and yield its events."""
    stream = TurnStream()
    language = translation.get_language() or "en"
    _threads().submit(copy_context().run, stream.run, asked, language)
    return iter(stream)


def streamed_turn(asked: dict[str, Any], told: Callable[[Recorded], dict[str, Any]]) -> StreamingHttpResponse:
    """Answer a turn as server-sent events; ``told`` makes the body of ``done``. Raises what the turn raises before it begins."""
    events = stream_turn(**asked)
    first = next(event for event in events if event.name != "waiting")
    if first.error:
        raise first.error
    leave_database()  # the response keeps this thread busy for as long as the model thinks
    answer = StreamingHttpResponse(_written(chain([first], events), told), status=201, content_type=MEDIA_TYPE)
    answer["Cache-Control"] = "no-cache"
    answer["X-Accel-Buffering"] = "no"
    return answer


def _written(events: Iterator[Event], told: Callable[[Recorded], dict[str, Any]]) -> Iterator[bytes]:
    for event in events:
        if event.name == "sentence":
            yield _event("sentence", {"text": event.text})
        elif event.name == "replace":
            yield _event("replace", {"message": event.text})
        elif event.recorded:
            yield _event("done", told(event.recorded))
        elif event.error:
            problem = problem_handler(event.error, {})
            yield _event("error", json.loads(problem.content))
        else:
            yield b": waiting\n\n"


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, default=str)}\n\n".encode()
