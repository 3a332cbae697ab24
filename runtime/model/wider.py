"""What else a model should read: a source for each thing that a message asks about, in either language.

A message may ask for two things (“opening hours and parking?”), of which the look-up of the whole message finds one, and an English
question shares no word with a text in Vietnamese but its topics do (``runtime/understanding/topics.py``).
"""

import re
from collections.abc import Sequence

from catalog.search import Hit, search
from runtime.context import TurnContext
from runtime.understanding.topics import TOPICS, asked_units, units_of

MOST_PARTS = 4
"""Things asked about in one message that are looked for each by itself."""
MOST_OF_PART = 2
"""Sources that are added for one of them."""
HELD = 0.5
"""Share of what a part asks about that a text must hold to be a source for it."""
LONGEST_QUERY, MOST_LOOKED_AT = 400, 30
_PART = re.compile(r"[?!.;,\n]+|\b(?:and|also|plus|together|với|và|cùng|cũng như)\b", re.IGNORECASE)


def wider(context: TurnContext, hits: Sequence[Hit]) -> list[Hit]:
    """Return, for each thing asked about, what holds more of it than any of ``hits``: of the turn's look-up, and where nothing holds
    enough, of one more, which is one message to the database. FAQs and offerings only.
    """
    known = [hit for kind in ("faq", "document", "offering") for hit in context.hits.get(kind, [])]
    parts = [part for part in _PART.split(context.message) if part.strip() and asked_units(part).single][:MOST_PARTS]
    missing = [part for part in parts if max((_share(part, hit) for hit in (*hits, *known)), default=0) < HELD]
    if missing or _topics(parts) - _held(hits):
        known += search(_query(missing or parts), kinds=("faq", "offering"), limit=MOST_LOOKED_AT, bot_id=context.bot_id)
    found = [hit for part in parts for hit in _holding_more(part, known, than=hits)]
    found += [hit for topic in sorted(_topics(parts)) for hit in _naming(topic, known)]
    shown = {hit.id for hit in hits}
    return list({hit.id: hit for hit in found if hit.id not in shown}.values())


def _topics(parts: Sequence[str]) -> set[str]:
    return {unit for part in parts for unit in asked_units(part).single if unit.startswith("@")}


def _held(hits: Sequence[Hit]) -> frozenset[str]:
    """Return the topics that titles name: a text that names one in passing is not about it."""
    return frozenset[str]().union(*(units_of(hit.title).single for hit in hits))


def _naming(topic: str, known: Sequence[Hit]) -> list[Hit]:
    """Return the hits that are about a topic by their titles, first those of texts."""
    naming = [hit for hit in known if topic in units_of(hit.title).single]
    return sorted(naming, key=lambda hit: hit.kind == "offering")[:MOST_OF_PART]


def _holding_more(part: str, known: Sequence[Hit], *, than: Sequence[Hit]) -> list[Hit]:
    """Return the hits that hold the most of what a part asks about, if that is enough, and more than others do."""
    shares = [_share(part, hit) for hit in known]
    most, before = max(shares, default=0), max((_share(part, hit) for hit in than), default=0)
    is_more = most >= HELD and most > before
    return [hit for hit, share in zip(known, shares, strict=True) if share == most][:MOST_OF_PART] if is_more else []


def _share(part: str, hit: Hit) -> float:
    asked = asked_units(part).single
    return len(asked & units_of(f"{hit.title} {hit.body}").single) / len(asked)


def _query(parts: Sequence[str]) -> str:
    """Return the parts, and in front of them the names of their topics in both languages."""
    topics = [unit.removeprefix("@") for part in parts for unit in units_of(part).single if unit.startswith("@")]
    names = [name.strip() for topic in topics for name in TOPICS[topic].split("|")]
    marked = [name for name in names if not name.isascii()]
    return " ".join([*marked, *parts])[:LONGEST_QUERY]
