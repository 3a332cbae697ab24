"""Reads what servers of OpenAI's protocol answer (PROTOCOLS 2.6) without trusting a word of it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from vault.budgets import MOST_TOKENS
from vault.prices import Tokens
from vault.providers.errors import ProviderError, garbage

DIMENSIONS = 1536
"""Width of the vector column: shorter vectors are filled up with zeros, longer ones refused."""


@dataclass(frozen=True)
class ToolCall:
    """A tool the model wants called. ``arguments`` is the model's JSON as it wrote it, which may be none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ChatAnswer:
    """What a model said. ``tokens`` None: the provider did not tell. ``finish_reason``: stop, length, tool_calls, content_filter."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    refusal: str
    model: str
    tokens: Tokens | None


def read_json(text: str) -> Mapping[str, Any]:
    """Return the object an answer consists of; raises ``ProviderError`` for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise garbage(_("The provider's answer is no JSON object."))
    return found


def read_chat(body: Mapping[str, Any]) -> ChatAnswer:
    """Return the first choice of an answer; raises ``ProviderError`` when it has none."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    if not isinstance(first, Mapping) or not isinstance(message, Mapping):
        raise garbage(_("The provider's answer holds no message."))
    return ChatAnswer(
        text=text_of(message.get("content")),
        tool_calls=_tool_calls(message.get("tool_calls")),
        finish_reason=text_of(first.get("finish_reason")),
        refusal=text_of(message.get("refusal")),
        model=text_of(body.get("model")),
        tokens=read_usage(body.get("usage")),
    )


def _tool_calls(found: Any) -> tuple[ToolCall, ...]:
    calls = found if isinstance(found, list) else []
    functions = [(call, call.get("function")) for call in calls if isinstance(call, Mapping)]
    return tuple(
        ToolCall(text_of(call.get("id")), text_of(function.get("name")), text_of(function.get("arguments")))
        for call, function in functions
        if isinstance(function, Mapping)
    )


class ChatStream:
    """Puts the pieces of a streamed answer together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refusals: list[str] = []
        self.calls: dict[int, dict[str, str]] = {}
        self.finish_reason = self.model = ""
        self.tokens: Tokens | None = None
        self.is_counted_out = False

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take in one chunk; returns the text it adds. The chunk that tells the usage has no choices."""
        self.model = text_of(chunk.get("model")) or self.model
        self.tokens = read_usage(chunk.get("usage")) or self.tokens
        choices = chunk.get("choices")
        self.is_counted_out = self.is_counted_out or (not choices and self.tokens is not None)
        first = choices[0] if isinstance(choices, list) and choices else {}
        if not isinstance(first, Mapping) or first.get("index", 0) != 0:
            return ""
        self.finish_reason = text_of(first.get("finish_reason")) or self.finish_reason
        delta = first.get("delta")
        return self._add_delta(delta) if isinstance(delta, Mapping) else ""

    def _add_delta(self, delta: Mapping[str, Any]) -> str:
        for call in delta.get("tool_calls") or []:
            self._add_call(call)
        self.refusals.append(text_of(delta.get("refusal")))
        piece = text_of(delta.get("content"))
        self.texts.append(piece)
        return piece

    def _add_call(self, call: Any) -> None:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            return
        index = call.get("index")
        known = self.calls.setdefault(index if isinstance(index, int) else 0, {"id": "", "name": "", "arguments": ""})
        known["id"] = text_of(call.get("id")) or known["id"]
        known["name"] = text_of(function.get("name")) or known["name"]
        known["arguments"] += text_of(function.get("arguments"))

    def last_count(self) -> Tokens | None:
        """Return what a stream that went wrong has used; None when it was told along the way only, before the end."""
        return self.tokens if self.is_counted_out or self.finish_reason else None

    def answer(self) -> ChatAnswer:
        """Return the whole answer; raises ``ProviderError`` when the stream stopped before its end."""
        if not self.finish_reason:
            raise garbage(_("The provider's answer broke off."))
        calls = tuple(ToolCall(**self.calls[index]) for index in sorted(self.calls))
        return ChatAnswer("".join(self.texts), calls, self.finish_reason, "".join(self.refusals), self.model, self.tokens)


def text_of(value: Any) -> str:
    """Return a text, and the texts of a list of parts; nothing for whatever else stands there."""
    if isinstance(value, list):
        return "".join(text_of(part.get("text")) for part in value if isinstance(part, Mapping))
    return value if isinstance(value, str) else ""


def read_usage(usage: Any) -> Tokens | None:
    """Return the tokens an answer says it used; None when it says nothing usable.

    Cached tokens are counted inside the prompt and reasoning inside the completion. A server that counts its reasoning
    beside the completion shows it by its total.
    """
    if not isinstance(usage, Mapping) or _count(usage.get("prompt_tokens")) is None:
        return None
    prompt, output = _count(usage.get("prompt_tokens")) or 0, _count(usage.get("completion_tokens")) or 0
    cached = _part(usage.get("prompt_tokens_details"), "cached_tokens")
    reasoning = _part(usage.get("completion_tokens_details"), "reasoning_tokens")
    if reasoning and _count(usage.get("total_tokens")) == prompt + output + reasoning:
        output += reasoning
    return Tokens(prompt, output, cached, reasoning)


def usage_of(body: Any) -> Tokens | None:
    """Return the tokens that an answer, or what it says of its error, says it used; None when it does not say."""
    if not isinstance(body, Mapping):
        return None
    error = body.get("error")
    return read_usage(body.get("usage")) or (read_usage(error.get("usage")) if isinstance(error, Mapping) else None)


def _part(details: Any, name: str) -> int:
    return (_count(details.get(name)) or 0) if isinstance(details, Mapping) else 0


def _count(value: Any) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if usable else None


@dataclass(frozen=True)
class Embeddings:
    """A unit vector of ``DIMENSIONS`` numbers per text, of which the first ``width`` are the model's."""

    vectors: npt.NDArray[np.float32]
    width: int


def read_embeddings(body: Mapping[str, Any], count: int) -> Embeddings:
    """Return a vector for each text, in the order asked for.

    Raises ``ProviderError`` (``permanent``) for a number of vectors, a width, or numbers that cannot be right.
    """
    data = body.get("data")
    listed = [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []
    rows = {one["index"]: one.get("embedding") for one in listed if isinstance(one.get("index"), int)}
    if len(listed) != count or set(rows) != set(range(count)):
        raise _unusable(_("The provider did not answer one vector for each text."))
    vectors = [rows[index] for index in range(count)]
    widths = {len(vector) if isinstance(vector, list) else 0 for vector in vectors}
    if len(widths) != 1 or not 0 < (width := widths.pop()) <= DIMENSIONS:
        raise _unusable(_("The provider's vectors must all have the same 1 to %(most)d numbers.") % {"most": DIMENSIONS})
    return Embeddings(_unit_rows(vectors, width), width)


def _unit_rows(vectors: Sequence[Any], width: int) -> npt.NDArray[np.float32]:
    if not all(type(number) in (int, float) and math.isfinite(number) for vector in vectors for number in vector):
        raise _unusable(_("The provider's vectors hold something that is no number."), is_about_input=True)
    numbers = np.asarray(vectors, dtype=np.float64)
    # The largest number first: the square of a very large one would be infinite.
    largest = np.abs(numbers).max(axis=1, keepdims=True)
    if not largest.all():
        raise _unusable(_("The provider answered a vector without a direction."), is_about_input=True)
    numbers /= largest
    padded = np.zeros((len(vectors), DIMENSIONS), dtype=np.float32)
    padded[:, :width] = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    return padded


def _unusable(said: str, *, is_about_input: bool = False) -> ProviderError:
    return ProviderError("permanent", said, is_billed=True, is_about_input=is_about_input)
