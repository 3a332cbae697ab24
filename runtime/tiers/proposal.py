"""What was proposed to the customer (an order, a tool that acts): done when they agree, by words in the next turn or by its button."""

from typing import Any
from uuid import UUID

from django.utils import translation

from runtime import replies
from runtime.context import ORDER_PLACED, ORDER_PROPOSED, Reply, TurnContext
from runtime.model.actions import RunningAction, Status
from runtime.model.brief import read_brief
from runtime.model.catalog_tools import Desk
from runtime.model.grounds import Grounds
from runtime.model.proposals import (
    CREATE_ORDER,
    SLOT,
    PriceChanged,
    check_stock,
    find_proposal,
    has_run_out,
    note_outcome,
    outcome_of,
    place_order,
    price_order,
    take,
)
from runtime.model.tools import Proposal, call_own_tool, propose_order
from runtime.models import ActionExecution, Session, Tier
from runtime.tiers.handoff import with_offer
from runtime.understanding.person import agrees_to_proposal, declines_proposal
from tenants.errors import DomainError

AGREE, DECLINE = "agree", "decline"
"""``action`` of the buttons under a proposal, and of the ``ui_event`` that says which was pressed; ``proposal`` names it."""


def answers_by_click(context: TurnContext) -> bool:
    """Whether the customer pressed a button under a proposal."""
    return context.ui_event.get("action") in (AGREE, DECLINE)


def propose(
    context: TurnContext,
    proposal: Proposal,
    *,
    text: str = "",
    sources: tuple[dict[str, Any], ...] = (),
    tier: Tier = Tier.LLM,
) -> Reply:
    """Ask the customer to agree. The caller may have words in front: ``text`` is all of them."""
    with translation.override(_language(context)):
        yes, no = replies.yes_and_no()
    buttons = [
        {"title": title, "action": action, "proposal": str(proposal.action_id)}
        for title, action in ((yes, AGREE), (no, DECLINE))
    ]
    slot = {"key": SLOT, "value": f"{proposal.action_id}:{context.turn_number + 1}", "confidence": 1}
    return Reply(
        tier,
        text or proposal.text,
        confidence=1,
        sources=sources,
        ui_metadata={"quick_replies": buttons},
        slots=(slot,),
        happened=ORDER_PROPOSED if proposal.is_order else "",
    )


def settle_proposal(context: TurnContext) -> Reply | None:
    """Do what was proposed when the customer agrees; say that nothing was done when they decline."""
    if not (context.slots.get(SLOT) or answers_by_click(context)):
        return None
    proposal = _meant(context)
    if proposal is None and not answers_by_click(context):
        return None
    with translation.override(_language(context)):
        if proposal is None:
            return with_offer(_settled(replies.offer_run_out()))
        if _declines(context) and "order" not in proposal.output_result:  # one that was placed is told again
            return _settled(replies.declined())
        if has_run_out(proposal):
            return _offer_anew(context, proposal)
        return _order(context, proposal) if proposal.action_name == CREATE_ORDER else _call(context, proposal)


def _language(context: TurnContext) -> str:
    """Return the language to speak: a yes is none, so that of the conversation counts then."""
    said = context.message and not (agrees_to_proposal(context.message) or declines_proposal(context.message))
    return context.question.language if said else context.session_language or context.question.language


def _declines(context: TurnContext) -> bool:
    return context.ui_event.get("action") == DECLINE or declines_proposal(context.message)


def _meant(context: TurnContext) -> ActionExecution | None:
    """Return the proposal that the customer answers now, None when they speak of something else."""
    if answers_by_click(context):
        return _find(context, str(context.ui_event.get("proposal", "")))
    if not (agrees_to_proposal(context.message) or declines_proposal(context.message)):
        return None
    name, _colon, turn_number = context.slots[SLOT].partition(":")
    proposal = _find(context, name)
    if proposal is not None and has_run_out(proposal):
        return None
    if proposal is None or turn_number == str(context.turn_number):
        return proposal
    return proposal if proposal.output_result.get("agreed_in") == str(context.turn_id) else None


def _find(context: TurnContext, name: str) -> ActionExecution | None:
    try:
        return find_proposal(context.session_id, UUID(name))
    except ValueError:  # a slot or a click that a front end made up
        return None


def _settled(text: str, **more: Any) -> Reply:
    return Reply(Tier.CATALOG, text, confidence=1, slots=({"key": SLOT, "value": "", "confidence": 1},), **more)


def _order(context: TurnContext, proposal: ActionExecution) -> Reply:
    """Make the order at the prices and with the stock of now; at another price the customer is asked again."""
    action = RunningAction(context, CREATE_ORDER, {"proposal": str(proposal.pk)})
    try:
        order = place_order(proposal, turn_id=context.turn_id)
    except PriceChanged as changed:
        action.end(Status.ERROR, {"error": {"code": "price_changed"}})
        again = propose_order(_desk(context), proposal.input_params, changed.priced, first=replies.price_changed())
        return propose(context, again, tier=Tier.CATALOG)
    except DomainError as error:
        action.end(Status.ERROR, {"error": {"code": error.code, "message": str(error.message)}})
        return with_offer(_settled(replies.not_ordered(str(error.message))))
    except BaseException:
        action.end(Status.ERROR, {"error": {"code": "error"}})
        raise
    action.end(Status.SUCCESS, {"order": str(order.pk), "number": order.number})
    return _settled(replies.order_placed(order.number), happened=ORDER_PLACED)


def _offer_anew(context: TurnContext, proposal: ActionExecution) -> Reply:
    """Say that an offer has run out; an order is offered again at the prices and with the stock of now."""
    over = replies.offer_run_out()
    if proposal.action_name != CREATE_ORDER:
        return with_offer(_settled(over))
    session = Session.objects.select_related("channel", "customer").get(pk=context.session_id)
    try:
        check_stock(proposal.input_params, session=session)
        priced = price_order(proposal.input_params, session=session)
    except DomainError as error:
        return with_offer(_settled(f"{over} {error.message}"))
    return propose(context, propose_order(_desk(context), proposal.input_params, priced, first=over), tier=Tier.CATALOG)


def _call(context: TurnContext, proposal: ActionExecution) -> Reply:
    """Call the tool that was agreed to, once; after an end that nobody saw it is not called again."""
    tool = context.usable_tools().filter(code=proposal.action_name).first()
    if not take(proposal, turn_id=context.turn_id):
        outcome = outcome_of(proposal)
    elif tool is None:
        outcome = "failed"
    else:
        outcome = call_own_tool(_desk(context), tool, proposal.input_params, key=str(proposal.pk)).get("outcome", "failed")
        note_outcome(proposal, outcome)
    reply = _settled(replies.done_for_you(outcome))
    return reply if outcome == "done" else with_offer(reply)


def _desk(context: TurnContext) -> Desk:
    return Desk(read_brief(context), Grounds(context), {})
