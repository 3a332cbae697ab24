"""The tiers of a turn: plain functions that read a ``TurnContext`` and reply, or leave it to the next one.

A tier never writes. Price and stock come from ``catalog.facts`` at the moment of the answer, never from text.
"""

import time
from uuid import UUID

from django.utils import translation

from catalog.facts import OfferingFacts, offering_facts
from catalog.search import ANSWER_THRESHOLD, Hit
from runtime import replies
from runtime.context import Action, Reply, TurnContext, as_source
from runtime.models import Tier

CARDS = 5
"""Offerings shown at once when the customer asked for a choice."""

LOOKED_AT = "offering"
"""Slot with the id of the offering last spoken of: “how much is it?” means that one."""

CLEAR_LEAD = 0.15
"""An offering this much better than the next one is the one that was meant."""


def answer_from_faq(context: TurnContext) -> Reply | None:
    """Give the answer of the FAQ that fits, unless the customer asks the catalogue and it fits better."""
    faq = context.best("faq")
    if faq is None or faq.score < ANSWER_THRESHOLD or _catalog_is_meant(context, faq):
        return None
    return Reply(Tier.FAQ, faq.body, faq.score, sources=(as_source(faq),), ui_metadata={"title": faq.title})


def _catalog_is_meant(context: TurnContext, faq: Hit) -> bool:
    question = context.question
    if question.kind == "other" or question.about_fee:
        return False
    offering = context.best("offering")
    score = offering.score if offering else ANSWER_THRESHOLD if _looked_at(context) else 0.0
    return score >= ANSWER_THRESHOLD and score * question.confidence >= faq.score * (1 - question.confidence)


def answer_from_catalog(context: TurnContext) -> Reply | None:
    """Answer what something costs, whether it is there, or what there is within a budget."""
    question = context.question
    if question.kind == "other":
        return None
    offering_ids, hits = _meant(context)
    if not offering_ids:
        return None
    with translation.override(question.language):
        return _reply_with_facts(context, offering_ids, hits)


def _reply_with_facts(context: TurnContext, offering_ids: list[UUID], hits: list[Hit]) -> Reply | None:
    question, started = context.question, time.perf_counter()
    facts = offering_facts(offering_ids, channel=context.channel, currency=_currency(context))
    facts = [one for one in facts if replies.fits_budget(one, question)]
    if not facts:
        return None
    looked_up = Action(
        "price_lookup",
        {"offerings": [str(offering_id) for offering_id in offering_ids], "channel": context.channel},
        {"offerings": [replies.card(one, question.language) for one in facts]},
        round((time.perf_counter() - started) * 1000),
    )
    return _catalog_reply(context, facts, hits, looked_up)


def _catalog_reply(context: TurnContext, facts: list[OfferingFacts], hits: list[Hit], looked_up: Action) -> Reply:
    question = context.question
    if question.sort:
        facts = sorted(facts, key=replies.amount, reverse=question.sort == "price_desc")
    facts = facts[:CARDS]
    return Reply(
        Tier.CATALOG,
        replies.about(facts, context),
        confidence=hits[0].score if hits else question.confidence,
        sources=tuple(as_source(hit) for hit in hits) or ({"kind": "offering", "id": str(facts[0].id), "score": 1.0},),
        ui_metadata={"cards": [replies.card(one, question.language) for one in facts]},
        slots=({"key": LOOKED_AT, "value": str(facts[0].id), "confidence": 1},) if len(facts) == 1 else (),
        actions=(looked_up,),
        flow_step="browsing",
    )


def _meant(context: TurnContext) -> tuple[list[UUID], list[Hit]]:
    """Return the offerings the message speaks of: those found by its words, else the one spoken of before."""
    question = context.question
    if before := _looked_at(context):
        return [before], []
    hits = [hit for hit in context.hits["offering"] if hit.score >= ANSWER_THRESHOLD]
    if question.kind != "browse" and hits and (len(hits) == 1 or hits[0].score - hits[1].score >= CLEAR_LEAD):
        hits = hits[:1]
    return [hit.id for hit in hits], hits


def _looked_at(context: TurnContext) -> UUID | None:
    value = context.slots.get(LOOKED_AT)
    return UUID(value) if value and not context.question.subject else None


def _currency(context: TurnContext) -> str | None:
    question = context.question
    return question.currency if question.min_price is not None or question.max_price is not None else None


def offer_a_person(context: TurnContext) -> Reply:
    """Not knowing is an answer: say so and offer a person. The session stays the bot's until somebody claims it."""
    with translation.override(context.question.language):
        message, button = replies.not_known()
    best = max(filter(None, (context.best("faq"), context.best("offering"))), key=lambda hit: hit.score, default=None)
    return Reply(
        Tier.HANDOFF,
        message,
        confidence=best.score if best else 0,
        sources=(as_source(best),) if best else (),
        ui_metadata={"quick_replies": [{"title": button, "action": "escalate"}]},
    )
