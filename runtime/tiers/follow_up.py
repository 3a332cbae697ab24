"""Questions that leave out what they are about: answered of what was spoken of before, or not at all.

“Có đau không?” after a price is asked of that treatment. What the message names itself counts first; and where nothing fits
what was spoken of, the answer to the same question about another thing is none.
"""

from collections.abc import Callable
from typing import Any

from bots.models import PATH_SEPARATOR
from catalog.search import Hit
from runtime.context import Reply, TurnContext
from runtime.found import names_in
from runtime.models import Tier
from runtime.tiers.catalog import answer_about_hits, answer_described
from runtime.tiers.described import described
from runtime.understanding.coverage import Coverage
from runtime.understanding.follow_up import core_of, points_back
from runtime.understanding.topics import asked_units, subject_of, units_of

TEXTS = frozenset((Tier.FAQ.value, Tier.CACHE.value))

HELD = 0.6
"""Share of what the message itself asks about that an answer about what was spoken of must hold."""

MOSTLY, SOME = 0.5, 0.2
"""Share of what is asked about that the name of another offering holds which is named: where a word points back, and else."""

FEW = 3
"""So many offerings may share a name that is said."""

TOPIC_LENGTH = 200

Answer = Callable[[TurnContext], Reply | None]


def topic_after(reply: Reply) -> str | None:
    """Return what a reply was about, for the next message; None where it answered nothing, empty where it was about several things."""
    if reply.tier.value not in (*TEXTS, Tier.CATALOG.value, Tier.LLM.value) or not reply.sources:
        return None
    titles = {str(source["title"]).rpartition(PATH_SEPARATOR)[2] for source in reply.sources}
    if len(titles) > 1:
        return ""
    (title,) = titles
    return (title if reply.tier == Tier.CATALOG else subject_of(title))[:TOPIC_LENGTH]


def answer_follow_up(context: TurnContext, joined: TurnContext, answer: Answer) -> Reply | None:
    """Answer a message that may mean what was spoken of before (``joined``: with it). ``answer`` answers one by itself."""
    named = _names_another(context)
    if named and _goes_on_about_topic(context):
        reply = answer(joined)  # “guitar thì sao” after the warranty asks for that of guitars, and not what they cost
        return reply if reply is not None and _is_of_topic(context, reply) else None
    if named:
        return _about_another(context, named, answer)
    if (asked := described(joined)) and asked.told and asked.is_attribute:
        return answer_described(joined, asked)
    reply = answer(joined)
    if reply is not None and _is_of_topic(context, reply):
        return reply
    reply = answer(context)
    return reply if reply is not None and _stands_alone(context, reply) else None


def _goes_on_about_topic(context: TurnContext) -> bool:
    """Whether the same is asked of another thing, after a text about one of the things that every business is asked about."""
    if context.last_tier not in TEXTS or core_of(context.message) == context.message.strip(" ?!."):
        return False
    return any(unit.startswith("@") for unit in units_of(context.topic).single)


def _names_another(context: TurnContext) -> list[Hit]:
    """Return the offerings that the message names itself, and that were not spoken of."""
    asked = asked_units(core_of(context.message)).single
    topic = units_of(context.topic).single
    if not asked or asked <= topic:
        return []
    found = [*context.hits.get("offering", []), *context.hits.get("dearer", [])]
    whole = [hit for hit in found if asked <= units_of("\n".join(names_in(hit))).single]
    return whole or _mostly_named(context, asked - topic)


def _mostly_named(context: TurnContext, asked: frozenset[str]) -> list[Hit]:
    """Return the few offerings whose names hold most of what is asked about: “the IELTS course”."""
    weights = context.coverage.weights
    held = {hit.id: sum(weights.get(unit, 0.0) for unit in asked & _units_of_names(hit)) for hit in context.hits["offering"]}
    most, whole = max(held.values(), default=0.0), sum(weights.values()) or 1.0
    leading = [hit for hit in context.hits["offering"] if held[hit.id] == most]
    least = MOSTLY if points_back(context.message, context.question.language) else SOME
    return leading if most / whole >= least and len(leading) <= FEW else []


def _units_of_names(hit: Hit) -> frozenset[str]:
    return units_of("\n".join(names_in(hit))).single


def _about_another(context: TurnContext, named: list[Hit], answer: Answer) -> Reply | None:
    """Answer of another thing that is named: what the message asks; when it asks nothing, what it costs."""
    if core_of(context.message) == context.message.strip(" ?!."):
        return answer(context)
    return answer_about_hits(context, named)


def _is_of_topic(context: TurnContext, reply: Reply) -> bool:
    """Whether a reply speaks of what was spoken of before, and tells what the message asks about."""
    topic, asked = units_of(context.topic).single, asked_units(context.message).single
    title, text = _told(context, reply)
    if not topic & units_of(title).single:
        return False
    if reply.tier == Tier.CATALOG and context.question.kind in ("price", "stock") and not asked:
        return True
    coverage = Coverage(context.message, context.coverage.texts)
    is_held = not asked or coverage.share(f"{title} {text} {reply.message}") >= HELD
    return is_held and not (reply.tier == Tier.CATALOG and _tells_price(reply) and bool(asked))


def _tells_price(reply: Reply) -> bool:
    return bool(reply.ui_metadata.get("cards")) and not reply.details.get("described")


def _told(context: TurnContext, reply: Reply) -> tuple[str, str]:
    """Return title and text of what a reply rests on."""
    source: dict[str, Any] = reply.sources[0] if reply.sources else {"title": "", "id": ""}
    ids = (source["id"], source.get("chunk"))
    contexts = (context.joined or context, context)
    hits = (hit for one in contexts for kind in ("faq", "document", "offering") for hit in one.hits.get(kind, ()))
    found = next((hit for hit in hits if str(hit.id) in ids), None)
    return (f"{source['title']}\n{' '.join(names_in(found))}", found.body) if found else (str(source["title"]), "")


def _stands_alone(context: TurnContext, reply: Reply) -> bool:
    """Whether a reply answers the message as it stands: it names what it asks about, and the answer is about no other thing."""
    if reply.tier.value not in TEXTS:
        return not _tells_price(reply) or context.question.kind in ("price", "stock", "browse")
    asked = asked_units(context.message).single
    if not asked or points_back(context.message, context.question.language):
        return False
    return not speaks_of_another(context, str(reply.sources[0]["title"]), known=asked | units_of(context.topic).single)


def speaks_of_another(context: TurnContext, title: str, *, known: frozenset[str]) -> bool:
    """Whether the title of a text names something that is sold, of which neither the message nor what was spoken of says anything."""
    of_title = units_of(title)
    for hit in context.hits.get("offering", []):
        name = units_of(hit.title)
        is_named = name.single <= of_title.single or bool(name.pairs & of_title.pairs)
        if is_named and not (name.single & of_title.single) & known:
            return True
    return False
