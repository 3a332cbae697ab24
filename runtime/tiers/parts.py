"""A message that asks several things: each is answered for itself, and what is not known is said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.utils import translation

from runtime import replies
from runtime.context import Reply, TurnContext

Answer = Callable[[TurnContext], Reply | None]


def answer_parts(context: TurnContext, answer: Answer) -> Reply | None:
    """Answer the questions of a message one after the other; None where none of them is known."""
    context.look_up()
    found = ((part, answer(part)) for part in context.parts)
    answers = [(part, reply if reply and reply.sources else None) for part, reply in found]
    told = [reply for _part, reply in answers if reply is not None and reply.message]
    if not told:
        return None
    with translation.override(context.question.language):
        said = [reply.message if reply and reply.message else replies.not_sure_of(part.message) for part, reply in answers]
        unknown = [part.message for part, reply in answers if not (reply and reply.message)]
        more = replies.offer_of_person() if unknown else {}
    first = told[0]
    return replace(
        first,
        message="\n".join(dict.fromkeys(map(str, said))),
        confidence=min(reply.confidence for reply in told),
        sources=_once(source for reply in told for source in reply.sources),
        ui_metadata={**_shown(told), **more},
        slots=_last_of_each(told),
        actions=tuple(action for reply in told for action in reply.actions),
        is_gap=bool(unknown),
        open_question=unknown[0] if unknown else "",
    )


def _once(sources: Any) -> tuple[dict[str, Any], ...]:
    return tuple({str(source["id"]): source for source in sources}.values())


def _shown(told: list[Reply]) -> dict[str, Any]:
    """Return what front ends show beside the message: the cards of all, the title and source of the first that has them."""
    cards = [card for reply in told for card in reply.ui_metadata.get("cards", ())]
    shown: dict[str, Any] = {}
    for reply in told:
        shown = {**reply.ui_metadata, **shown}
    return {**shown, "cards": cards} if cards else shown


def _last_of_each(told: list[Reply]) -> tuple[dict[str, Any], ...]:
    return tuple({slot["key"]: slot for reply in told for slot in reply.slots}.values())
