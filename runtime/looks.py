"""What a message is looked up by: the words, and the statements that find the candidates of each kind."""

from typing import TYPE_CHECKING

from catalog.search import Only, Statement, listed, on_sale, priced_between, statement
from runtime.cache import look_up
from runtime.found import CHUNKS_IN_SCOPE
from tenants.scope import current_tenant_id

if TYPE_CHECKING:
    from runtime.context import TurnContext

HITS = 20
"""Offerings a turn looks at: enough to sort and to narrow by the price that holds now."""

Looks = dict[str, tuple[str, Statement | None]]


def looks_of(context: "TurnContext") -> Looks:
    """Return what is looked for, by name: the words to rank by, and the statement that finds the candidates."""
    message = context.message
    looks: Looks = {}
    if context.knows_intents:
        looks["intent"] = (message, _texts(context, "intent", message))
    if context.may_use_cache:
        version, language = context.bot_version_id, context.question.language
        kept = look_up(message, embedded=context.embedded(message), version_id=version, language=language)
        looks["answer"] = (message, kept)
    looks["faq"] = (message, _texts(context, "faq", message))
    looks["document"] = (message, _documents(context) if context.has_documents else None)
    return {**looks, **_offerings(context)}


def _offerings(context: "TurnContext") -> Looks:
    asked, subject = context.question, context.question.subject or context.message
    if not context.has_budget:
        anything = (
            listed(on_sale(), bot_id=context.bot_id, limit=HITS) if context.wants_anything or context.asks_for_kind else None
        )
        if context.asks_for_kind:
            return {"offering": (subject, _texts(context, "offering", subject)), "anything": (subject, anything)}
        return {"offering": (subject, anything or _texts(context, "offering", subject))}
    only = priced_between(asked.min_price, asked.max_price, currency=asked.currency, channel=context.channel)
    if context.wants_anything:
        return {"offering": (subject, listed(only, bot_id=context.bot_id, limit=HITS))}
    return {
        "offering": (subject, _texts(context, "offering", subject, only)),
        "dearer": (subject, _texts(context, "offering", subject)),
    }


def _texts(context: "TurnContext", kind: str, asked: str, only: Only | None = None) -> Statement | None:
    return statement(asked, kinds=(kind,), bot_id=context.bot_id, only=only, embedded=context.embedded(asked))


def _documents(context: "TurnContext") -> Statement | None:
    only = None
    if context.limits_collections:
        only = Only.named(CHUNKS_IN_SCOPE, {"tenant": current_tenant_id(), "session": context.session_id})
    return _texts(context, "document", context.message, only)
