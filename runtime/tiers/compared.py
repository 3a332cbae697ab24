"""Comparisons: “which is taller, the monstera or the lavender?”, told by the attribute or the sentence of each that says it."""

import itertools
import re

from catalog.search import Hit
from runtime.context import TurnContext
from runtime.tiers.described import Described, of_offering
from runtime.tiers.pointed import BETWEEN, named_by, only_one_named
from runtime.understanding.tokens import Message

_COMPARING = re.compile(r"\b(?:hon|nhat|\w{2,}er|\w{2,}iest|more|less|fewer|better|worse|most|least)\b(?! hand| one| item)")
_BY_PRICE = re.compile(r"\b(?:(?:re|dat|mac) (?:hon|nhat)|cheaper|cheapest|dearer|expensive|pricier|costs?)\b")
MOST_COMPARED = 3


def comparison(context: TurnContext) -> list[Described] | None:
    """Return what is told of each of several things that a message names and compares by anything but price; None where it compares
    none. Empty where one of them is silent.
    """
    known = context.looked_through
    if (key := f"compared {context.message}") not in known:
        known[key] = _comparison(context)
    found: list[Described] | None = known[key]
    return found


def _comparison(context: TurnContext) -> list[Described] | None:
    folded = Message(context.message).folded
    if not _COMPARING.search(folded) or not BETWEEN.search(folded) or _BY_PRICE.search(folded) or context.has_budget:
        return None
    named = _named(context)
    if not 1 < len(named) <= MOST_COMPARED:
        return None
    told = of_offering(context, named)
    return told if all(one.told for one in told) else []


def _named(context: TurnContext) -> list[Hit]:
    """Return the offerings that the parts of a message name, each once."""
    message = Message(context.message)
    cuts = [(0, 0), *(match.span() for match in BETWEEN.finditer(message.folded)), (len(message.text),) * 2]
    parts = [message.text[before[1] : after[0]] for before, after in itertools.pairwise(cuts)]
    hits = [hit for part in parts if (hit := named_by(context, part) or only_one_named(context, part))]
    return list({hit.id: hit for hit in hits}.values())
