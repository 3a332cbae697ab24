"""Turns as server-sent events: sentences as they are ready, a replacement where one was needed, and the whole answer last."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from runtime.streaming import Event, stream_turn
from runtime.turn import Recorded
from tenants.errors import problem_handler
from tenants.idempotency import HEADER
from vault.providers.metering import leave_database

MEDIA_TYPE = "text/event-stream"


class EventStreamRenderer(JSONRenderer):
    """Lets a client ask for events; what is answered before any of them is JSON all the same."""

    media_type = MEDIA_TYPE
    format = "events"


def wants_events(request: Request) -> bool:
    """Whether the client asked for events."""
    return bool(request.accepted_renderer.media_type == MEDIA_TYPE)


def streamed_turn(
    request: Request, asked: dict[str, Any], told: Callable[[Recorded], dict[str, Any]]
) -> StreamingHttpResponse:
    """Answer a turn as events; ``told`` makes the body of ``done``. Raises what the turn raises before it begins.

    An answer in events cannot be kept for an ``Idempotency-Key``: the key becomes the message's ``external_id``, by which a
    message is answered once.
    """
    if not asked["external_id"] and (key := request.headers.get(HEADER)):
        asked = {**asked, "external_id": f"idempotency-key:{sha256(key.encode()).hexdigest()[:40]}"}
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
