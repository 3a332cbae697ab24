"""What a language model answered before: given again while the texts it rests on are as they were."""

import json
import logging
from typing import Any

from django.db import DatabaseError

from catalog.search import Hit
from runtime.cache import ANSWER_LENGTH, SOURCES, is_same_question, keep
from runtime.context import Reply, TurnContext, as_source
from runtime.model.fact_check import FactCheck
from runtime.models import Tier

TEXTS = ("faq", "document")
logger = logging.getLogger(__name__)


def answer_from_cache(context: TurnContext) -> Reply | None:
    """Give the kept answer to the same question, unless a text that it does not rest on answers by itself."""
    if not context.may_use_cache:
        return None
    hit = next((one for one in context.hits.get("answer", ()) if is_same_question(context.message, one)), None)
    if hit is None:
        return None
    kept: dict[str, Any] = json.loads(hit.body)
    rests_on = {_text_of(source) for source in kept["sources"]}
    if any(str(one.id) not in rests_on for one in _answering(context)):
        return None
    sources = [{name: value for name, value in source.items() if name != "content_hash"} for source in kept["sources"]]
    return Reply(Tier.CACHE, kept["text"], float(kept["confidence"]), sources=(as_source(hit), *sources))


def _text_of(source: dict[str, Any]) -> str:
    """The id of the text that was found: of a document, that of its chunk."""
    return str(source.get("chunk", source["id"]))


def _answering(context: TurnContext) -> list[Hit]:
    best = (context.best(kind) for kind in TEXTS)
    return [hit for hit in best if hit and context.is_sure_of(hit)]


def keep_answer(context: TurnContext, reply: Reply) -> None:
    """Keep what the model answered, when it could have been told anybody at any time (``runtime/cache.py`` says when)."""
    if reply.tier != Tier.LLM or reply.message is None or not _could_be_told_anybody(context, reply, reply.message):
        return
    found = {str(hit.id): hit for kind in TEXTS for hit in context.hits.get(kind, ())}
    sources = [(source, found[_text_of(source)]) for source in reply.sources if _text_of(source) in found]
    if len(sources) < len(reply.sources):
        return
    try:
        keep(
            session_id=context.session_id,
            question=context.message,
            answer=reply.message,
            language=context.question.language,
            sources=sources,
            confidence=reply.confidence,
        )
    except DatabaseError:  # the turn is recorded: the customer gets the answer, kept or not
        logger.exception("an answer could not be kept")


def _could_be_told_anybody(context: TurnContext, reply: Reply, answer: str) -> bool:
    is_first = context.turn_number == 0 and not context.slots and not context.question.slots
    said = reply.details.get("model", {})
    used_tools = bool(reply.actions or said.get("tools"))
    is_text_only = not used_tools and not reply.ui_metadata and bool(reply.sources and said.get("cited"))
    return (
        context.may_use_cache
        and is_first
        and is_text_only
        and all(source["kind"] in SOURCES for source in reply.sources)
        and len(answer) <= ANSWER_LENGTH
        and not FactCheck(context.question.language).makes_claims(answer)
    )
