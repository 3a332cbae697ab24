"""The facts of offerings as they hold now, each read once in a turn."""

from collections.abc import Collection
from uuid import UUID

from catalog.facts import OfferingFacts, offering_facts
from runtime.context import TurnContext

LOOKED_AT = "offering"
"""Slot with the id of the offering last spoken of: “how much is it?” means that one."""

LOOKS = ("offering", "dearer", "anything")
"""Names of what is looked for that finds offerings."""

TOGETHER_READ = (UUID(int=0), True)
"""Among what is known: that something was read."""

TOGETHER = 6
"""Offerings found for each part of a message of which the facts are read."""


def facts_of(
    context: TurnContext, offering_ids: Collection[UUID], currency: str | None = None, *, defined: bool = False
) -> list[OfferingFacts]:
    """Return what holds now, with the names in the customer's language where they are translated; ``defined``: with what
    their attributes are called.
    """
    known = context.known_facts
    missing = [one for one in offering_ids if currency or not ((one, True) in known or (one, defined) in known)]
    if missing and context.together:
        missing = [] if TOGETHER_READ in known else _asked_together(context)
        currency, defined = None, True
    if missing:
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
        known[TOGETHER_READ] = None
        known.update({(one, defined): None for one in missing} | {(one.id, defined): one for one in read})
    found = (known.get((one, True)) or known.get((one, defined)) for one in dict.fromkeys(offering_ids))
    return [one for one in found if one]


def _asked_together(context: TurnContext) -> list[UUID]:
    """Return the offerings that may be told of in any part of the message: they are read at once."""
    ids = [hit.id for one in context.together for look in LOOKS for hit in one.hits.get(look, [])[:TOGETHER]]
    return list(dict.fromkeys([*ids, *remembered(context)]))


def remembered(context: TurnContext) -> list[UUID]:
    """Return the offering spoken of before, if any."""
    try:
        return [UUID(context.slots.get(LOOKED_AT, ""))]
    except ValueError:  # none yet, or a slot that a front end wrote
        return []
