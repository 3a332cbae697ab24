"""Which offerings a message means that names several, or one by its place in the list that was shown."""

import itertools
import re
from collections import Counter
from uuid import UUID

from catalog.search import Hit
from catalog.search.naming import lists_sku
from runtime.context import TurnContext
from runtime.found import names_in
from runtime.understanding import understand
from runtime.understanding.coverage import Coverage
from runtime.understanding.lexicon import stems_of, telling
from runtime.understanding.tokens import Message
from runtime.understanding.topics import asked_units, units_of

SHOWN = "shown"
"""Slot with the ids of the offerings in the list shown last, in its order: “the second one”."""

NAMED_APART = 0.5
"""Share of a part of the message that an offering must hold to be named by it."""

BY_SKU = 0.95
"""Confidence that who says a SKU means what has it."""

BETWEEN = re.compile(r"\s(?:or|and|vs|versus|than|hay|hoac|va|voi|so voi)\s|[,;?]\s?")
"""What stands between two things that are named apart, folded."""
_POINTED = re.compile(
    r"\b(?:the (?:(?P<en>first|second|third|fourth|fifth)|(?P<nth>[1-5])(?:st|nd|rd|th)|last)(?: one| item| product)?\b"
    r"|(?:cai|con|mon|loai|mau|san pham|chiec) (?:thu |so )?(?P<vi>dau tien|nhat|hai|nhi|ba|bon|tu|nam|cuoi|[1-5])\b)"
)
_IN_ORDER = re.compile(r"^the | thu | so | dau tien$| cuoi$")
_PLACES = {
    **{word: place for place, word in enumerate(("first", "second", "third", "fourth", "fifth"))},
    **{word: place for place, word in enumerate(("nhat", "hai", "ba", "bon", "nam"))},
    **{str(place + 1): place for place in range(5)},
    "dau tien": 0,
    "nhi": 1,
    "tu": 3,
}


def pointed_at(context: TurnContext) -> UUID | None:
    """Return the offering that is meant by its place in the list shown last."""
    shown = context.slots.get(SHOWN, "").split()
    found = _POINTED.search(Message(context.message).folded) if shown else None
    if found is None:
        return None
    place = _PLACES.get(found["en"] or found["nth"] or found["vi"] or "", -1)
    try:
        return UUID(shown[place])
    except (IndexError, ValueError):  # no such place, or a slot that a front end wrote
        return None


def points_in_vain(context: TurnContext) -> bool:
    """Whether the message asks a price or stock of one by its place in a list, and no list was shown: “cái thứ hai bao nhiêu”."""
    if context.question.kind not in ("price", "stock", "browse", "other") or pointed_at(context):
        return False
    message = Message(context.message)
    found = _POINTED.search(message.folded)
    if found is None or not _IN_ORDER.search(found[0]):
        return False
    rest = asked_units(f"{message.text[: found.start()]} {message.text[found.end() :]}").single
    return not rest and any(map(str.isalpha, message.text))


def several_named(context: TurnContext) -> list[Hit]:
    """Return the offerings that a message names apart: “the helmet or the lock”; none where it names fewer than two."""
    question = context.question
    message = Message(context.message)
    is_asked = question.kind in ("price", "stock") or question.sort is not None
    if not is_asked or context.has_budget or not BETWEEN.search(message.folded):
        return []
    cuts = [(0, 0), *(match.span() for match in BETWEEN.finditer(message.folded)), (len(message.text),) * 2]
    parts = [message.text[before[1] : after[0]] for before, after in itertools.pairwise(cuts)]
    named = [hit for part in parts if len(parts) > 1 and (hit := named_by(context, part))]
    apart = list({hit.id: hit for hit in named}.values())
    return apart if len(apart) > 1 else []


def named_by(context: TurnContext, part: str) -> Hit | None:
    """Return the offering that one part of the message names, none where another is named as well."""
    subject = understand(part, currency=context.currency).subject
    coverage = Coverage(subject, context.coverage.texts)
    rated = sorted(
        (
            (coverage.share(f"{hit.title} {hit.body}"), coverage.share(hit.title), hit.id, hit)
            for hit in context.hits["offering"]
        ),
        reverse=True,
    )
    if not rated or rated[0][0] < NAMED_APART:
        return None
    return rated[0][3]


def with_sku(context: TurnContext, found: list[Hit]) -> list[Hit]:
    """Return the offerings of which the message says a SKU: a word with a digit in it."""
    typed = [word.strip(".,;:!?()") for word in context.message.split() if any(map(str.isdigit, word))]
    said = (hit for hit in found if any(lists_sku(hit.body, word) for word in typed))
    return [hit._replace(score=max(hit.score, BY_SKU)) for hit in said]


def named_in(context: TurnContext, kind: str = "offering") -> list[Hit]:
    """Return the offerings of which the message says the whole name, or a SKU; not “rose” where it says “rose vase”."""
    said = stems_of(context.message)
    found = context.hits.get(kind, [])
    by_sku = with_sku(context, found)
    lines = Counter(line for hit in found for line in names_in(hit))
    names = {hit.id: _name_said(hit, said, lines) for hit in found}
    whole = [hit for hit in found if names[hit.id]]
    longest = [hit for hit in whole if not any(names[hit.id] < names[other.id] for other in whole)]
    return by_sku or longest


def _name_said(hit: Hit, said: frozenset[str], lines: Counter[str]) -> frozenset[str]:
    """Return the stems of the longest of its names that the message says as a whole, in any language; empty where it says none. What
    stands at several offerings is their category.
    """
    names = (name for name in names_in(hit) if name == hit.title or lines[name] == 1)
    whole = (stems for name in names if (stems := telling(name)) and stems <= said)
    return max(whole, key=len, default=frozenset())


def only_one_named(context: TurnContext, part: str) -> Hit | None:
    """Return the offering of whose name a part of the message says something that no other name holds as much of."""
    asked, weights = asked_units(part).single, context.coverage.weights
    held = [
        (sum(weights.get(unit, 0.0) for unit in asked & units_of("\n".join(names_in(hit))).single), hit)
        for hit in context.hits["offering"]
    ]
    most = max((weight for weight, _hit in held), default=0.0)
    leading = [hit for weight, hit in held if weight == most]
    return leading[0] if most and len(leading) == 1 else None
