"""What the cheap tiers are not sure of: a language model answers it, from what was found and the facts of now."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils import translation

from runtime import replies
from runtime.context import Reply, TurnContext
from runtime.guarding import refusal
from runtime.model.answering import Outcome, ask_model
from runtime.models import Tier, Turn
from runtime.tiers.catalog import CARDS, LOOKED_AT, answer_about, fitting, looked_at
from runtime.tiers.courtesy import answer_politely
from runtime.tiers.handoff import offer_a_person
from runtime.tiers.proposal import propose
from runtime.tiers.sure import answer_by_itself, answer_surely

CHECKED = ("unknown", "content_filter", "unproven")
"""Why nothing of a model is said although it has read the question and what was found: only a sure answer is one then."""


def answer_from_model(context: TurnContext) -> Reply | None:
    """Ask the language model, where there is one.

    What it says that no fact bears out is replaced by the catalogue's own answer. Else, and when it fails, what answers without a
    model does so after all; the offer of a person is what remains.
    """
    if not context.may_ask_model:
        return None
    if context.is_masked:
        Turn.objects.filter(pk=context.turn_id).update(message=context.message)  # the model takes seconds
    outcome = ask_model(context)
    reply = _reply(context, outcome)
    return replace(reply, details={**reply.details, "model": _details(outcome)}, cost_usd=outcome.cost_usd)


def _reply(context: TurnContext, outcome: Outcome) -> Reply:
    if outcome.refused:
        return refusal(context, outcome.refused, instead_of=Reply(Tier.LLM, None, confidence=0))
    if outcome.proposal and not outcome.why:
        return propose(context, outcome.proposal, text=outcome.text, sources=tuple(outcome.cited))
    if not outcome.why:
        return _said(context, outcome)
    if outcome.why == "order_refused":
        return Reply(Tier.LLM, outcome.message, confidence=0.5)
    return (outcome.why == "unproven" and _from_catalog(context, outcome)) or _without_model(context, outcome.why)


def _without_model(context: TurnContext, why: str) -> Reply:
    """Return what is said in the place of a model that brought nothing: a polite word for a polite word, then what the other
    tiers have without one; where it has read that and brought no answer, only what is sure.
    """
    alone = context.without_model()
    if polite := answer_politely(alone):
        return polite
    if why in CHECKED:
        return answer_surely(alone) or offer_a_person(context, why="" if why == "unknown" else why)
    return answer_by_itself(alone) or offer_a_person(context, why=why)


def _said(context: TurnContext, outcome: Outcome) -> Reply:
    facts = outcome.grounds.facts if outcome.grounds else {}
    shown = [facts[UUID(one["id"])] for one in outcome.cited if one["kind"] == "offering" and UUID(one["id"]) in facts]
    cards = [replies.card(one, context.question.language) for one in shown[:CARDS]]
    return Reply(
        Tier.LLM,
        outcome.text,
        confidence=min(1.0, max((one["score"] for one in outcome.cited), default=0.5)),
        sources=tuple(outcome.cited),
        ui_metadata={"cards": cards} if cards else {},
        slots=({"key": LOOKED_AT, "value": str(shown[0].id), "confidence": 1},) if len(shown) == 1 else (),
    )


def _from_catalog(context: TurnContext, outcome: Outcome) -> Reply | None:
    """Answer from the facts that the model was given, when it spoke of offerings that the customer spoke of."""
    if outcome.grounds is None or not outcome.grounds.facts:
        return None
    asked = {looked_at(context), *(hit.id for hit in fitting(context))}
    cited = [UUID(one["id"]) for one in outcome.cited if one["kind"] == "offering" and UUID(one["id"]) in asked]
    with translation.override(context.question.language):
        return answer_about(context, cited[:CARDS])


def _details(outcome: Outcome) -> dict[str, Any]:
    """Return what the decision keeps of the calls: what each cost, and why the answer was not given."""
    calls = [
        {
            "model": one.model,
            "cost": f"{one.amount:f}",
            "currency": one.currency,
            "input_tokens": one.tokens.input,
            "output_tokens": one.tokens.output,
            "milliseconds": one.milliseconds,
            "error": one.error,
        }
        for one in outcome.spent
    ]
    details: dict[str, Any] = {"calls": calls, "costs": {code: f"{cost:f}" for code, cost in outcome.costs.items()}}
    if outcome.numbers:
        details["cited"] = outcome.numbers
    if outcome.tools:
        details["tools"] = outcome.tools
    if outcome.why:
        details |= {"why": outcome.why, "message": outcome.message}
    if outcome.doubt:
        details["replaced"] = {"kind": outcome.doubt.kind, "said": outcome.doubt.said, "text": outcome.text}
    return details
