"""Chat and embeddings at any server that speaks OpenAI's protocol, through the official SDK and our own outbound client.

Each call is reserved before and settled after it (``vault/providers/metering.py``), tried again by us and never by the
SDK, and over in time. No transaction may be open. Answers are read by ``vault/providers/reading.py``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import openai
from django.utils.translation import gettext as _

from vault.models import UsageEntry
from vault.outbound import DestinationForbidden, OutboundError, transport
from vault.providers.endpoints import OPENAI, Endpoint, chat_endpoint
from vault.providers.errors import ProviderError, garbage, status_error
from vault.providers.metering import Load, Meter, Purpose, try_to
from vault.providers.reading import ChatAnswer, ChatStream, Embeddings, read_chat, read_embeddings, read_json, usage_of

CHAT_SECONDS = 30.0
EMBEDDING_SECONDS = 20.0
MOST_BYTES = 20_000_000
"""Of an answer: 64 vectors of 1,536 numbers as text take 2 MB."""
OVERHEAD_TOKENS = 16
"""A message costs a few tokens beside its text: role and separators."""
SHORTENED_TO = 1536
"""OpenAI's third generation of embeddings is asked for so many numbers; other servers do not know the parameter."""


@dataclass(frozen=True)
class ChatRequest:
    """What is asked: ``messages``, ``tools`` and ``response_format`` as the protocol has them. ``model`` empty: the configured one.

    Messages are text. Pictures named by an address cost what their length does not show: send none under a budget.
    """

    messages: Sequence[Mapping[str, Any]]
    max_output_tokens: int
    model: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    response_format: Mapping[str, Any] | None = None
    temperature: float | None = None


def chat(
    request: ChatRequest,
    *,
    purpose: Purpose | None = None,
    within: float = CHAT_SECONDS,
    endpoint: Endpoint | None = None,
) -> ChatAnswer:
    """Return the model's answer, within so many seconds for all tries together. ``endpoint``: where it is known already.

    Raises ``ProviderError``, and before anything is sent ``BudgetExceeded``, ``ModelUnpriced``, ``TenantSuspended`` and
    ``Conflict`` (``in_progress``, ``already_settled``).
    """
    purpose = purpose or Purpose()
    endpoint = endpoint or chat_endpoint(bot_id=purpose.bot_id, run=purpose.run)
    asked = _asked(request, endpoint)
    load = _load(asked, request, endpoint)
    return try_to(partial(_chat_once, endpoint, asked), load=load, purpose=purpose, within=within)


def _chat_once(endpoint: Endpoint, asked: Mapping[str, Any], meter: Meter, seconds: float) -> ChatAnswer:
    with _errors_by_kind(endpoint):
        raw = _client(endpoint, seconds).chat.completions.with_raw_response.create(**asked)
        body = read_json(raw.text)
        with _billed(body):
            answer = read_chat(body)
    meter.settle(answer.tokens)
    return answer


def stream_chat(
    request: ChatRequest,
    *,
    purpose: Purpose | None = None,
    within: float = CHAT_SECONDS,
    endpoint: Endpoint | None = None,
) -> Iterator[str | ChatAnswer]:
    """Yield the answer's pieces of text as they come, and last the whole ``ChatAnswer``.

    Opening the stream is tried again; once it flows, an error ends it: ``ProviderError`` may come after any piece.
    Who stops reading is charged the worst case, for nobody knows what was written meanwhile. Raises as ``chat``.
    """
    purpose = purpose or Purpose()
    endpoint = endpoint or chat_endpoint(bot_id=purpose.bot_id, run=purpose.run)
    asked = _asked(request, endpoint)
    load = _load(asked, request, endpoint)
    flowing = {**asked, "stream": True, "stream_options": {"include_usage": True}}
    meter, chunks = try_to(partial(_open, endpoint, flowing), load=load, purpose=purpose, within=within)
    yield from _pieces(endpoint, meter, chunks)


def _open(endpoint: Endpoint, asked: Mapping[str, Any], meter: Meter, seconds: float) -> tuple[Meter, Any]:
    with _errors_by_kind(endpoint):
        return meter, _client(endpoint, seconds).chat.completions.create(**asked)


def _pieces(endpoint: Endpoint, meter: Meter, chunks: Any) -> Iterator[str | ChatAnswer]:
    whole = ChatStream()
    try:
        with _errors_by_kind(endpoint):
            for chunk in chunks:
                if piece := whole.add(chunk.to_dict()):
                    yield piece
            answer = whole.answer()
        meter.settle(answer.tokens)
    except ProviderError as error:
        error.kind, error.is_billed = error.kind_at_last, True
        error.tokens = error.tokens or whole.last_count()
        meter.fail(error)
        raise
    except BaseException:
        meter.give_up()
        raise
    finally:
        chunks.close()
    yield answer


def embed(
    texts: Sequence[str],
    *,
    endpoint: Endpoint,
    purpose: Purpose | None = None,
    within: float = EMBEDDING_SECONDS,
    tries: int = 2,
) -> Embeddings:
    """Return a unit vector of 1,536 numbers for each of the texts (at least one, none empty). Raises as ``chat``."""
    asked: dict[str, Any] = {"model": endpoint.model, "input": list(texts), "encoding_format": "float"}
    if endpoint.model.startswith("text-embedding-3-"):
        asked["dimensions"] = SHORTENED_TO
    load = Load(UsageEntry.Kind.EMBEDDING, endpoint.model, _most_tokens(texts), 0, endpoint.credential_id)
    send = partial(_embed_once, endpoint, asked, len(texts))
    return try_to(send, load=load, purpose=purpose or Purpose(), within=within, tries=tries)


def _embed_once(endpoint: Endpoint, asked: Mapping[str, Any], count: int, meter: Meter, seconds: float) -> Embeddings:
    with _errors_by_kind(endpoint):
        raw = _client(endpoint, seconds).embeddings.with_raw_response.create(**asked)
        body = read_json(raw.text)
        with _billed(body):
            vectors = read_embeddings(body, count)
    meter.settle(usage_of(body))
    return vectors


def _asked(request: ChatRequest, endpoint: Endpoint) -> dict[str, Any]:
    """Return the body. OpenAI's reasoning models know only the newer name of the limit, many servers only the older."""
    limit = "max_completion_tokens" if endpoint.base_url.startswith(OPENAI) else "max_tokens"
    asked = {
        "model": request.model or endpoint.model,
        "messages": list(request.messages),
        limit: request.max_output_tokens,
        "tools": list(request.tools),
        "response_format": request.response_format,
        "temperature": request.temperature,
    }
    return {name: value for name, value in asked.items() if value not in (None, [])}


def _load(asked: Mapping[str, Any], request: ChatRequest, endpoint: Endpoint) -> Load:
    if not asked["model"]:
        raise ProviderError("permanent", _("No language model is configured."))
    read = [json.dumps(asked.get(name), ensure_ascii=False) for name in ("messages", "tools", "response_format")]
    most = _most_tokens(read) + OVERHEAD_TOKENS * len(request.messages)
    return Load(UsageEntry.Kind.CHAT, asked["model"], most, request.max_output_tokens, endpoint.credential_id)


def _most_tokens(texts: Sequence[str]) -> int:
    """Return the most tokens the texts can be: tokens of bytes are never more than the bytes."""
    return sum(len(text.encode()) + OVERHEAD_TOKENS for text in texts)


def _client(endpoint: Endpoint, seconds: float) -> openai.OpenAI:
    """Return the SDK for one call: its connection is checked and over in ``seconds``, its retries are off."""
    way = transport(timeout=seconds, max_bytes=MOST_BYTES, trusted=endpoint.is_trusted)
    client = openai.OpenAI(
        api_key=endpoint.api_key or "none",  # the SDK would look for one in the environment, as for the next two
        admin_api_key="",
        webhook_secret="",
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=seconds,
        http_client=openai.DefaultHttpxClient(transport=way, follow_redirects=False, trust_env=False),
    )
    client.organization, client.project = endpoint.organization, endpoint.project
    client._custom_headers = {}  # OPENAI_CUSTOM_HEADERS, which no argument keeps out, is not for a tenant's own server
    return client


@contextmanager
def _billed(body: Mapping[str, Any]) -> Iterator[None]:
    """Note with an answer that is of no use what it says it used."""
    try:
        yield
    except ProviderError as error:
        error.tokens = usage_of(body)
        raise


@contextmanager
def _errors_by_kind(endpoint: Endpoint) -> Iterator[None]:
    """Tell whatever goes wrong as a ``ProviderError``, without its cause: that may show the key."""
    try:
        yield
    except openai.APIStatusError as error:
        found = status_error(error.status_code, error.response.headers, error.body, secret=endpoint.api_key)
        found.tokens = usage_of(error.body) or usage_of(_json(error.response))
        raise found from None
    except openai.APITimeoutError as error:
        raise ProviderError("timeout", _("The provider took too long."), is_billed=not _is_unsent(error)) from None
    except openai.APIConnectionError as error:
        raise _connection_error(error) from None
    except (UnicodeEncodeError, DestinationForbidden) as error:
        raise _never_sent(error) from None
    except openai.APIError as error:  # told in the middle of a stream
        found = status_error(500, {}, error.body or error.message, secret=endpoint.api_key)
        found.tokens = usage_of(error.body)
        raise found from None
    except OutboundError as error:
        raise garbage(_("The provider's answer cannot be read: %s") % error) from None
    except ValueError:
        raise garbage(_("The provider's answer is no JSON object.")) from None


def _json(response: Any) -> Any:
    """Return what an error's answer says, of which the SDK keeps only a part; None for what is no JSON."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _connection_error(error: openai.APIConnectionError) -> ProviderError:
    if _cause(error) == "LocalProtocolError":
        return _never_sent(error)
    return ProviderError("retry", _("The provider cannot be reached."), is_billed=not _is_unsent(error))


def _never_sent(error: Exception) -> ProviderError:
    """Return the error of what our own side refuses to send; it will again."""
    if isinstance(error, DestinationForbidden):
        return ProviderError("permanent", _("The provider's address may not be called."))
    return ProviderError("permanent", _("The secret has characters that cannot be sent."))


def _is_unsent(error: BaseException) -> bool:
    """Whether there was no connection yet, so that nothing can have been asked."""
    return _cause(error) in ("ConnectError", "ConnectTimeout")


def _cause(error: BaseException) -> str:
    return type(error.__cause__).__name__
