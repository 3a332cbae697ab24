"""Turns as server-sent events: sentences as they are ready, a replacement where one was needed, and the whole answer last."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from runtime import streaming
from runtime.streaming import MEDIA_TYPE
from runtime.turn import Recorded
from tenants.idempotency import HEADER


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
    return streaming.streamed_turn(asked, told)
