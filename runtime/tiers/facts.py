"""The facts of offerings as they hold now, each read once in a turn."""

from collections.abc import Collection
from uuid import UUID

from catalog.facts import OfferingFacts, offering_facts
from runtime.context import TurnContext


def facts_of(
    context: TurnContext, offering_ids: Collection[UUID], currency: str | None = None, *, defined: bool = False
) -> list[OfferingFacts]:
    """Return what holds now, with the names in the customer's language where they are translated; ``defined``: with what
    their attributes are called.
    """
    known = context.known_facts
    missing = [one for one in offering_ids if currency or not ((one, True) in known or (one, defined) in known)]
    if missing and context.may_look_up:
        read = offering_facts(
            missing,
            channel=context.channel,
            bot_id=context.bot_id,
            currency=currency,
            language=context.question.language,
            defined=defined,
        )
        if currency:
            return read
        known.update({(one, defined): None for one in missing} | {(one.id, defined): one for one in read})
    found = (known.get((one, True)) or known.get((one, defined)) for one in dict.fromkeys(offering_ids))
    return [one for one in found if one]
