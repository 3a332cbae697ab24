"""The tiers of a turn: plain functions that read a ``TurnContext`` and reply, or leave it to the next one.

A tier never writes. Price and stock come from ``catalog.facts`` at the moment of the answer, never from text.
"""

from collections.abc import Callable

from runtime.context import Reply, TurnContext
from runtime.tiers.cache import answer_from_cache
from runtime.tiers.courtesy import answer_politely
from runtime.tiers.guardrail import refuse_message
from runtime.tiers.handoff import offer_a_person
from runtime.tiers.model import answer_from_model
from runtime.tiers.person import hand_over_when_asked
from runtime.tiers.proposal import settle_proposal
from runtime.tiers.sure import answer_when_sure

TIERS: tuple[Callable[[TurnContext], Reply | None], ...] = (
    refuse_message,
    settle_proposal,
    hand_over_when_asked,
    answer_politely,
    answer_from_cache,
    answer_when_sure,
    answer_from_model,
    offer_a_person,
)
"""Asked in this order; the first reply is given. The last one always has one."""
