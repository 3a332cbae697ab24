"""Calling a tool: arguments are checked before, the call is made outside transactions, and what comes back is made harmless.

What others build on::

    call_tool(tool=…, arguments={…}, caller=Caller(bot_id=…, customer_id=…), run=turn_id, key="<turn>:<step>") -> ToolResult
    Tool.objects.of_bot(bot_id).usable()      # what a bot may call
    tool.as_function()                        # as OpenAI's protocol declares it
    tool.needs_confirmation, tool.may_be_repeated

An exception (``DomainError``) means that nothing was called. A ``ToolResult`` tells how a call ended: ``done``, ``failed``,
or ``unknown``: it may have been carried out, nobody knows, and it is not made again by itself. ``call_tool`` asks nobody:
whoever calls a tool that ``needs_confirmation`` has the customer's agreement.
"""

import json
import logging
import math
import re
import time
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.utils.translation import gettext as _

from bots.functions import FUNCTIONS, Caller
from bots.models import Tool
from bots.schemas import check_schema, problems
from bots.tool_requests import InvalidArguments, ToolRequest, build_request, check_request
from tenants.errors import Conflict, DomainError, NotAllowed
from tenants.text import fold
from vault import outbound
from vault.calls import call_with_credential
from vault.outbound import Answer, DestinationForbidden, OutboundError

logger = logging.getLogger(__name__)

MOST_ANSWER_BYTES = 1_000_000
"""Of an answer that is read at all; a longer one is refused on the way."""
MOST_OUTPUT = 20_000
"""Characters of an answer that are kept; the rest is cut off and said to be."""
UNCLEAR = frozenset({408, 502, 504})
"""Statuses by which something between us and the server tells that it knows no more than we."""

Outcome = Literal["done", "failed", "unknown"]


@dataclass(frozen=True)
class ToolResult:
    """How a call ended. ``code`` is for programs (``ok``, ``http_status``, ``timeout``, …), ``message`` for people.

    ``output`` is what came back, as JSON can hold it: text beyond ``MOST_OUTPUT`` characters is cut (``is_cut``), ``size``
    is that of the whole answer in bytes.
    """

    outcome: Outcome
    code: str
    message: str
    output: Any = None
    status: int | None = None
    size: int = 0
    is_cut: bool = False
    milliseconds: int = 0
    request: dict[str, Any] = field(default_factory=dict)


def complete_tool(tool: Tool) -> None:
    """Give a function's tool the function's parameters, and refuse a tool that could not be called.

    Raises ``DomainError`` (422, by field) for its schema, its templates, its function and its credential.
    """
    if tool.kind == Tool.Kind.FUNCTION:
        if tool.function not in FUNCTIONS:
            raise DomainError("unknown_function", _("There is no such function."), field="function")
        tool.parameters = FUNCTIONS[tool.function].parameters
    check_schema(tool.parameters, field="parameters")
    if tool.kind == Tool.Kind.HTTP:
        known = tool.parameters.get("properties", {})
        check_request(url=tool.url, headers=tool.headers, body=tool.body, known=known)
        if tool.credential and not tool.credential.allows(tool.url.partition("{{")[0]):
            raise DomainError("destination_not_allowed", _("This credential may not be sent there."), field="url")


SENT_WITH = ("kind", "method", "url", "headers", "body", "credential_id")
"""What decides where a secret goes, and how."""


def check_may_send(tool: Tool, stored: Tool | None, *, manages_credentials: bool) -> None:
    """Raise ``NotAllowed`` where somebody who does not manage credentials says where one of them is sent."""
    secret = tool.credential_id or (stored.credential_id if stored else None)
    is_changed = stored is None or any(getattr(tool, name) != getattr(stored, name) for name in SENT_WITH)
    if secret and is_changed and not manages_credentials:
        said = _("Only who manages credentials decides where one of them is sent.")
        raise NotAllowed("credential_not_yours", said, field="credential")


def code_from(name: str) -> str:
    """Return a code made from a name: "Theo dõi đơn" becomes ``theo_doi_don``; a letter is put before a digit."""
    code = "_".join(re.findall(r"[a-z0-9]+", fold(name)))[:60].strip("_")
    return code if code[:1].isalpha() else f"tool_{code}".rstrip("_")


def check_arguments(tool: Tool, arguments: Any) -> dict[str, Any]:
    """Return the arguments if they fit the tool's schema; raises ``InvalidArguments``."""
    if found := problems(tool.parameters, arguments, field="arguments"):
        raise InvalidArguments(found)
    checked: dict[str, Any] = arguments
    return checked


def prepare(tool: Tool, arguments: Any, *, key: str = "") -> ToolRequest:
    """Return the request that ``call_tool`` would send, without sending it and without the secret."""
    checked = check_arguments(tool, arguments)
    sent_key = key if tool.effect == Tool.Effect.REPEATABLE else ""
    return build_request(
        method=tool.method, url=tool.url, headers=tool.headers, body=tool.body, arguments=checked, key=sent_key
    )


def call_tool(
    *, tool: Tool, arguments: Any, caller: Caller | None = None, run: UUID | None = None, key: str = ""
) -> ToolResult:
    """Carry the tool out, once. Call it outside ``atomic``.

    ``run`` names what it is done for in the use of the credential; ``key`` names this very call, for a server that does not
    act twice on one key. Raises ``InvalidArguments``, ``Conflict`` (``tool_off``), and what ``reveal`` raises where the
    credential is not for the caller (``NotGranted``, ``NotAllowed``, ``TooMany``): nothing was called then.
    """
    if not tool.is_active or tool.kind == Tool.Kind.SCRIPT:
        raise Conflict("tool_off", _("This tool cannot be called."))
    caller, began = caller or Caller(), time.monotonic()
    if tool.kind == Tool.Kind.FUNCTION:
        result = _run(tool, check_arguments(tool, arguments), caller)
    else:
        result = _call(tool, prepare(tool, arguments, key=key), caller, run)
    return ToolResult(**{**vars(result), "milliseconds": round((time.monotonic() - began) * 1000)})


def _run(tool: Tool, arguments: dict[str, Any], caller: Caller) -> ToolResult:
    function = FUNCTIONS.get(tool.function)
    if function is None:
        raise Conflict("tool_off", _("This tool cannot be called."))
    try:
        returned = function.run(arguments, caller)
    except DomainError as error:
        return ToolResult("failed", error.code, error.message)
    except Exception:
        logger.exception("the function %s of a tool ended with an error", tool.function)
        return ToolResult("failed", "error", _("Something went wrong here. It has been logged."))
    return ToolResult("done", "ok", _("It worked."), output=_kept(returned)[0])


def _call(tool: Tool, request: ToolRequest, caller: Caller, run: UUID | None) -> ToolResult:
    shown: dict[str, Any] = {"request": request.shown()}
    try:
        answer = _send(tool, request, caller, run)
    except DestinationForbidden as error:
        return ToolResult("failed", error.code, error.message, **shown)
    except OutboundError as error:
        is_unclear = error.is_sent and not tool.may_be_repeated and (error.status or 0) < 400
        return ToolResult("unknown" if is_unclear else "failed", error.kind, error.in_words(), status=error.status, **shown)
    return _read(tool, answer, shown)


def _send(tool: Tool, request: ToolRequest, caller: Caller, run: UUID | None) -> Answer:
    options: dict[str, Any] = {"headers": request.headers, "content": request.content}
    options |= {"timeout": float(tool.timeout_seconds), "max_bytes": MOST_ANSWER_BYTES}
    if tool.credential is None:
        return outbound.request(request.method, request.url, **options)
    return call_with_credential(
        request.method,
        request.url,
        credential=tool.credential,
        why=f"tool {tool.code}",
        run=run,
        bot_id=caller.bot_id,
        **options,
    )


def _read(tool: Tool, answer: Answer, shown: dict[str, Any]) -> ToolResult:
    try:
        output, is_cut = _kept(_content(answer))
    except (OutboundError, RecursionError):
        said = _("The server said that it answers with JSON, and did not.")
        return ToolResult("failed", "not_json", said, status=answer.status, size=len(answer.body), **shown)
    common = {"output": output, "status": answer.status, "size": len(answer.body), "is_cut": is_cut, **shown}
    if 200 <= answer.status < 300:
        return ToolResult("done", "ok", _("It worked."), **common)
    outcome: Outcome = "unknown" if answer.status in UNCLEAR and not tool.may_be_repeated else "failed"
    return ToolResult(outcome, "http_status", _("The server answered %(status)d.") % {"status": answer.status}, **common)


def _content(answer: Answer) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not answer.body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return answer.json()
    return answer.body.decode(errors="replace")


def _kept(value: Any) -> tuple[Any, bool]:
    """Return what a column of JSON can hold of a value, and whether something was cut off."""
    kept = harmless(value)
    text = kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False)
    if len(text) <= MOST_OUTPUT:
        return kept, False
    return text[:MOST_OUTPUT] + _(" … [cut off here; %(size)d characters in all]") % {"size": len(text)}, True


def harmless(value: Any) -> Any:
    """Return the value without what PostgreSQL's JSON has no place for: NUL, half surrogates, numbers without end."""
    if isinstance(value, dict):
        return {harmless(str(name)): harmless(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(inner) for inner in value]
    if isinstance(value, str):
        return value.replace("\x00", "�").encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | bool) or value is None else str(value)
