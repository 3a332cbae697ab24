"""The targets that runtime runs itself: idle conversations, imports from an address, documents read again, HTTP calls."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from bots.documents import read_all_again
from bots.functions import Caller
from bots.models import KnowledgeCollection, Tool
from bots.models.tools import LONGEST_WAIT
from bots.tools import ToolResult, call_tool, check_may_send, complete_tool
from catalog.imports.jobs import create_job
from catalog.models import ImportJob
from catalog.money import CURRENCIES
from runtime.expiry import end_idle_of_tenant
from runtime.targets import Author, Occasion, TargetKind, TryAgain, Unclear
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.notes import note
from tenants.scope import current_tenant_id
from vault.models import Credential
from vault.outbound import check_url
from vault.pages import PageError, fetch_page

FETCH_SECONDS = 60.0
MOST_FETCHED = 50_000_000
"""Bytes of a catalogue that is fetched; it is held in memory."""
MAY_PASS = frozenset({"page_timeout", "page_unreachable", "page_refused"})
MAPPINGS = ("auto", "shopify", "backroom", "saleor")
LASTING = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422})
"""Statuses that the same request would get again."""


# --- idle conversations


def _end_idle(occasion: Occasion) -> dict[str, Any]:
    ended, minutes = 0, occasion.target.get("idle_minutes")
    while some := end_idle_of_tenant(minutes=minutes, bot_id=occasion.bot_id):
        ended += some
    return {"ended": ended}


END_IDLE = TargetKind(
    "end_idle_sessions",
    label=gettext_lazy("End idle conversations"),
    properties={
        "idle_minutes": {
            "type": "integer",
            "minimum": 1,
            "maximum": 525_600,
            "title": gettext_lazy("Idle after (minutes)"),
            "description": gettext_lazy("Empty: as the bot's flow or the settings say."),
        },
    },
    run=_end_idle,
)


# --- documents


def _collection(target: Mapping[str, Any]) -> KnowledgeCollection | None:
    if not target.get("collection"):
        return None
    found: KnowledgeCollection | None = KnowledgeCollection.objects.filter(code=target["collection"]).first()
    if found is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field="target.collection")
    return found


def _reindex(occasion: Occasion) -> dict[str, Any]:
    return {"documents": read_all_again(collection=_collection(occasion.target))}


def _check_collection(target: Mapping[str, Any], author: Author) -> None:
    _collection(target)


REINDEX = TargetKind(
    "reindex",
    label=gettext_lazy("Read documents again"),
    properties={
        "collection": {
            "type": "string",
            "maxLength": 63,
            "title": gettext_lazy("Collection"),
            "reference": "bots.KnowledgeCollection",
            "by": "code",
            "description": gettext_lazy("Empty: every file and web page."),
        },
    },
    check=_check_collection,
    run=_reindex,
)


# --- imports


def _import(occasion: Occasion) -> dict[str, Any]:
    """Fetch the file and make the import, under the occurrence's own id: a second one finds it made."""
    if not ImportJob.objects.filter(pk=occasion.id).exists():
        _make_import(occasion)
    return {"import": str(occasion.id)}


def _make_import(occasion: Occasion) -> None:
    target = occasion.target
    try:
        answer, address = fetch_page(
            target["url"], accept="text/csv,application/json,*/*;q=0.5", seconds=FETCH_SECONDS, max_bytes=MOST_FETCHED
        )
    except PageError as error:
        raise (TryAgain(error.note) if error.code in MAY_PASS else DomainError(error.code, error.note)) from None
    name = unquote(urlsplit(address).path.rpartition("/")[2])[:200] or "catalogue"
    create_job(
        chunks=[answer.body],
        name=name,
        currency=target.get("currency") or Tenant.objects.get(pk=current_tenant_id()).currency,
        mapping=target.get("mapping", "auto"),
        auto_apply=target.get("apply", True),
        created_by=occasion.created_by,
        id=occasion.id,
    )


def _check_import(target: Mapping[str, Any], author: Author) -> None:
    check_url(target["url"], field="target.url")
    if target.get("currency") and target["currency"] not in CURRENCIES:
        said = _("“%(code)s” is no ISO 4217 currency.") % {"code": target["currency"]}
        raise DomainError("unknown_currency", said, field="target.currency")


IMPORT = TargetKind(
    "import_catalog",
    label=gettext_lazy("Import a catalogue"),
    properties={
        "url": {
            "type": "string",
            "maxLength": 2000,
            "title": gettext_lazy("Address of the file"),
            "description": gettext_lazy("CSV, Excel or JSON, up to 50 MB, that everybody may read."),
        },
        "mapping": {"type": "string", "enum": list(MAPPINGS), "title": gettext_lazy("Format")},
        "currency": {"type": "string", "maxLength": 3, "title": gettext_lazy("Currency")},
        "apply": {"type": "boolean", "default": True, "title": gettext_lazy("Apply without a look at the preview")},
    },
    required=("url",),
    check=_check_import,
    run=_import,
)


# --- HTTP


def _tool(target: Mapping[str, Any]) -> Tool:
    """Return the call as a tool that is kept nowhere: it is checked and sent as tools are."""
    method = target.get("method", "POST")
    usual = Tool.Effect.READS if method == "GET" else Tool.Effect.ACTS
    return Tool(
        code="schedule",
        name="schedule",
        method=method,
        url=target["url"],
        headers=target.get("headers", {}),
        body=target.get("body"),
        credential=_credential(target),
        timeout_seconds=target.get("timeout_seconds", 10),
        effect=target.get("effect", usual),
    )


def _credential(target: Mapping[str, Any]) -> Credential | None:
    if not target.get("credential"):
        return None
    found: Credential | None = Credential.objects.filter(pk=target["credential"]).first()
    if found is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field="target.credential")
    return found


def _check_http(target: Mapping[str, Any], author: Author) -> None:
    tool = _tool(target)
    stored = author.stored if author.stored and author.stored.get("kind") == HTTP.name else None
    try:
        before = _tool(stored) if stored else None
    except DomainError:  # its credential is gone
        before = None
    try:
        check_may_send(tool, before, manages_credentials=author.manages_credentials)
        complete_tool(tool)
    except DomainError as error:
        for number, problem in enumerate(error.problems):
            error.problems[number] = type(problem)(f"target.{problem.field}", problem.code, problem.message)
        raise


def _call(occasion: Occasion) -> dict[str, Any]:
    tool = _tool(occasion.target)
    result = call_tool(tool=tool, arguments={}, caller=Caller(bot_id=occasion.bot_id), run=occasion.id, key=str(occasion.id))
    if result.outcome == "unknown":
        raise Unclear(result.message)
    if result.outcome == "failed":
        raise _refusal(tool, result)
    return {"status": result.status, "answer": result.output, "milliseconds": result.milliseconds}


def _refusal(tool: Tool, result: ToolResult) -> Exception:
    """Return what to raise: a call that never left may be made again, an answered one only where it does nothing twice."""
    is_answered = result.status is not None
    lasts = result.status in LASTING or (is_answered and not tool.may_be_repeated) or result.code == "destination_forbidden"
    message = result.message
    if result.code == "http_status":  # told to people of two languages
        message = note(gettext_noop("The server answered %(status)d."), status=result.status)
    return DomainError(result.code, message) if lasts else TryAgain(message)


def _may_repeat(target: Mapping[str, Any]) -> bool:
    method = target.get("method", "POST")
    return bool(target.get("effect", "reads" if method == "GET" else "acts") != Tool.Effect.ACTS)


HTTP = TargetKind(
    "http",
    label=gettext_lazy("Call an address"),
    properties={
        "method": {"type": "string", "enum": list(Tool.Method.values), "default": "POST", "title": gettext_lazy("Method")},
        "url": {"type": "string", "maxLength": 2000, "title": gettext_lazy("Address")},
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "title": gettext_lazy("Headers"),
            "description": gettext_lazy('Of a secret say which part is sent: {"X-Api-Key": "{{ secret.api_key }}"}.'),
        },
        "body": {"type": "object", "additionalProperties": True, "title": gettext_lazy("Body (JSON)")},
        "credential": {
            "type": "string",
            "format": "uuid",
            "title": gettext_lazy("Credential"),
            "reference": "vault.Credential",
        },
        "timeout_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": LONGEST_WAIT,
            "default": 10,
            "title": gettext_lazy("Longest wait (seconds)"),
        },
        "effect": {
            "type": "string",
            "enum": list(Tool.Effect.values),
            "title": gettext_lazy("Effect"),
            "description": gettext_lazy(
                "Empty: a GET only reads, anything else acts. One that acts and gets no answer is left to you to decide on."
            ),
        },
    },
    required=("url",),
    check=_check_http,
    is_repeatable=_may_repeat,
    run=_call,
)

OWN = (END_IDLE, REINDEX, IMPORT, HTTP)
"""What ``RuntimeConfig`` registers."""
