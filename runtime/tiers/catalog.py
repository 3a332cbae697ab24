"""What something costs, whether it is there, what there is within a budget: facts of the catalogue."""

import re
import time
from dataclasses import replace
from uuid import UUID

from django.utils import translation

from catalog.facts import OfferingFacts
from catalog.search import FIT_THRESHOLD, Hit, fit
from runtime import replies
from runtime.context import Action, Reply, TurnContext, as_source
from runtime.found import names_in
from runtime.models import Tier
from runtime.tiers.compared import comparison
from runtime.tiers.described import FIRM, Described, described
from runtime.tiers.facts import LOOKED_AT, facts_of, remembered
from runtime.tiers.pointed import SHOWN, named_in, only_one_named, pointed_at, points_in_vain, several_named, with_sku
from runtime.understanding.coverage import Coverage
from runtime.understanding.facets import asks_whether
from runtime.understanding.lexicon import ANYTHING, ORDERS, POINTING, kind_asked_for, stems, stems_of, telling
from runtime.understanding.topics import DAYS, asked_units, units_of
from tenants.text import Language, words

SELLING = re.compile(r"\b(?:sell|sells|selling|bán|co ban)\b", re.IGNORECASE)
"""By which it is asked whether something is sold; “ban” alone is “you” as well."""

NEEDING = re.compile(
    r"\b(?:có (?:cần|phải|nên)|co (?:can|phai|nen)|(?:do|must|should) (?:i|we)(?: \w+)? (?:need|have)|(?:must|should) (?:i|we))\b",
    re.IGNORECASE,
)
"""By which it is asked whether something must be done."""

CARDS = 5
"""Offerings shown at once when the customer asked for a choice."""


CLEAR_LEAD = 0.15
"""An offering that fits this much better than the next one is the one that was meant."""


LIKED = 0.1
"""What the colour and size named before are worth beside the fit."""

NAMED = 0.5
"""Confidence from which a message of another kind speaks of an offering all the same."""


NEAREST = 3
"""Offerings named when nothing fits the budget."""


HOLDS_MORE = 0.15
"""Share of what is asked about that a text must hold above every offering to tell a price or what is there."""


_COUNTING = re.compile(r"\b\d+\b|\b(?:in )?total\b|\btổng(?: cộng)?\b|\bhết\b", re.IGNORECASE)

LACKING = 0.5
"""Share of what is asked for that an offering may lack to tell its price."""

ALIKE_IN_MEANING: dict[Language, float] = {"en": 0.6, "vi": 0.8}
"""Likeness of meaning from which it tells it all the same."""

TAIL = 0.7
"""In a list, what fits less than this share of the best one is left out."""


def fitting(context: TurnContext, kind: str = "offering") -> list[Hit]:
    """Return the offerings that fit what was asked, best first, with their fit as score."""
    subject = context.question.subject or context.message
    rated = [hit._replace(score=max(fit(subject, hit), hit.score)) for hit in context.hits.get(kind, [])]
    liked = set(words(context.remembered))
    # Of two that fit as well, the one in the colour and size that were named before comes first.
    hits = sorted(
        (hit for hit in rated if hit.score >= FIT_THRESHOLD), key=lambda hit: -hit.score - LIKED * _share_of(liked, hit)
    )
    return [hit for hit in hits if context.has_budget or hit.score >= TAIL * hits[0].score]


def _share_of(liked: set[str], hit: Hit) -> float:
    """Return how many of these words the offering holds, from 0 to 1."""
    return len(liked.intersection(words(f"{hit.title} {hit.body}"))) / len(liked) if liked else 0.0


def answer_from_catalog(context: TurnContext) -> Reply | None:
    """Answer what something costs, whether it is there, or what there is within a budget.

    What the message does not clearly ask of the catalogue, or of what no word of it names, is left to the language model, where
    there is one.
    """
    if context.may_ask_model and not _is_asked(context):
        return None
    if points_in_vain(context):
        return _asked_which(context)
    if context.asks_for_kind and (kinds := _list_of_kind(context)):
        return kinds
    if (compared := comparison(context)) is not None:
        return _compare(context, compared) if compared else None
    if asked := described(context):
        return answer_described(context, asked) if asked.told else None
    hits = meant(context)
    if hits and (_asks_if_more(context, hits) or (context.may_ask_model and not _is_named(context, hits))):
        return None
    before = pointed_at(context) or looked_at(context)
    with translation.override(context.question.language):
        if hits:
            return _reply_with_facts(context, [hit.id for hit in hits], hits)
        if before and (reply := _reply_with_remembered(context, before)):
            return reply
        if _only_points(context):
            return None if context.may_ask_model else _ask_which(context)
        return None if before else _nearest(context, fitting(context, "dearer"))


def _asks_if_more(context: TurnContext, hits: list[Hit]) -> bool:
    """Whether it is asked if something is so of which the offerings found say nothing, “do I have to buy a violin for the course?”, or
    if goods are sold where there are services of that name alone: a price is no answer.
    """
    if not asks_whether(context.message) or context.has_budget or context.asks_for_anything:
        return False
    asked = context.coverage.asked.single - _wished(context) - stems(ANYTHING | POINTING | ORDERS | {"ban", "sell"})
    found = facts_of(context, [hit.id for hit in hits])
    if found and SELLING.search(context.message) and all(one.offering_type == "service" for one in found):
        return True
    if NEEDING.search(context.message):
        return True
    held = (context.coverage.held_by(f"{hit.title} {hit.body}") for hit in hits)
    return context.question.confidence <= FIRM and not any(asked <= one for one in held)


def names_nothing(context: TurnContext) -> bool:
    """Whether the message asks for a price or for stock and no telling word says of what: “còn hàng không?”."""
    asked = context.question
    return asked.kind in ("price", "stock") and not telling(asked.subject) and not asked.about_fee


def _only_points(context: TurnContext) -> bool:
    """Whether no word at all says of what: “có bán ô không?” has one, small as it looks without its marks."""
    return names_nothing(context) and not context.question.subject


def _asked_which(context: TurnContext) -> Reply:
    with translation.override(context.question.language):
        return _ask_which(context)


def _list_of_kind(context: TurnContext) -> Reply | None:
    """List what there is of the kind that the message names; where nothing is called so, what there is at all."""
    asked = stems(kind_asked_for(context.message) - ANYTHING)
    named = [hit for hit in context.hits["offering"] if asked and asked <= units_of(f"{hit.title} {hit.body}").single]
    hits = named or context.hits["anything"] or context.hits["offering"]
    with translation.override(context.question.language):
        return _reply_with_facts(context, [hit.id for hit in hits], hits)


def _compare(context: TurnContext, compared: list[Described]) -> Reply:
    """Tell side by side what was asked of several."""
    facts, hits = [one.facts for one in compared], [one.hit for one in compared if one.hit]
    reply = _catalog_reply(context, facts, hits, _looked_up(context, facts))
    told = "\n".join(f"• {one.message}" for one in compared)
    return replace(reply, message=told, confidence=min(one.share for one in compared), details={"described": True})


def _ask_which(context: TurnContext) -> Reply:
    """Ask what is meant: the question is a good one, and no answer is missing to it."""
    return Reply(Tier.CATALOG, replies.which_one(), confidence=context.question.confidence)


def _is_asked(context: TurnContext) -> bool:
    """Whether the message asks for a price, for stock or for a list, and orders nothing."""
    question = context.question
    if question.kind in ("price", "stock") or context.has_budget or question.sort:
        return True
    is_order = question.quantity is not None or not ORDERS.isdisjoint(words(context.message))
    return question.kind == "browse" and question.confidence >= NAMED and not is_order


def _is_named(context: TurnContext, hits: list[Hit]) -> bool:
    """Whether one of the offerings holds every telling word of what is asked for: not “helmet rental” where helmets are sold."""
    asked = telling(context.question.subject) - stems(ANYTHING | POINTING) - _wished(context)
    held = (stems_of(f"{hit.title} {hit.body}") for hit in hits)
    return context.wants_anything or bool(with_sku(context, hits)) or any(asked <= one for one in held)


def _wished(context: TurnContext) -> frozenset[str]:
    """Return the stems of the colour and size in the message: what is there in another one is told of all the same."""
    spans = (slot.span for slot in context.wishes if slot.key in ("colour", "size"))
    return stems_of(" ".join(context.message[slice(*span)] for span in spans))


def meant(context: TurnContext) -> list[Hit]:
    """Return the offerings the message speaks of; a question of another kind must name one without doubt."""
    question = context.question
    if pointed_at(context):
        return []
    if named := _said_by_name(context):
        return named
    if question.kind == "other":
        best = context.best("offering")
        return [best] if best and best.score >= NAMED else []
    if context.wants_anything:
        return context.hits["offering"]
    if question.kind == "stock" and _asks_of_days(context):
        return []
    if _only_points(context) or (not telling(question.subject) and looked_at(context)):
        return []
    hits = fitting(context) or (named_in(context) if question.kind in ("price", "stock") else [])
    if not hits and context.said and (only := only_one_named(context, context.message)):
        hits = [only]
    elif question.kind in ("price", "stock"):
        hits = [hit for hit in hits if not _lacks_most(context, hit)]
    if question.kind != "browse" and len(hits) > 1 and hits[0].score - hits[1].score >= CLEAR_LEAD:
        return hits[:1]
    return hits


def _asks_of_days(context: TurnContext) -> bool:
    """Whether it is asked if something is there on a certain day: stock does not tell."""
    return f"@{DAYS}" in units_of(context.message).single


def _lacks_most(context: TurnContext, hit: Hit) -> bool:
    """Whether an offering lacks most of what is asked for, and is no other name of it: “tiếng Đức” where only English is taught."""
    coverage = Coverage(_COUNTING.sub(" ", context.question.subject), context.coverage.texts)
    asked, text = coverage.asked, f"{hit.title} {hit.body}"
    if not asked.single or hit.parts["vector"] >= ALIKE_IN_MEANING[context.question.language] or hit.synonyms:
        return False
    plain = asked.single - _wished(context) - stems(POINTING)
    if hit in named_in(context) or plain <= coverage.held_by(text):
        return False
    if context.question.language == "vi" and asked.pairs:
        held = units_of(text)
        return asked.pairs.isdisjoint(held.pairs) and not asked.single <= held.single
    return coverage.leaves_out(text) > LACKING


def looked_at(context: TurnContext) -> UUID | None:
    """Return the offering spoken of before, when the message may mean it: it asks a fact and wants no list."""
    question = context.question
    if question.kind not in ("price", "stock", "describe") or question.about_fee:
        return None
    return next(iter(remembered(context)), None)


def asks_of_goods(context: TurnContext, text: Hit) -> bool:
    """Whether the message asks for a price, for stock or for so many of something that is sold: no text tells that, unless it
    holds more of what is asked about.
    """
    question = context.question
    if pointed_at(context) or several_named(context):
        return True
    is_fact = question.kind in ("price", "stock") or context.has_budget or question.quantity is not None
    if not is_fact or question.about_fee or question.confidence < NAMED or _holds_more(context, text):
        return False
    return bool(named_in(context)) or bool(fitting(context))


def _holds_more(context: TurnContext, text: Hit) -> bool:
    """Whether a text holds more of what is asked about than any offering: “how much is it to rent a tandem” where tandems are sold."""
    offered = max(map(context.share_of, context.hits.get("offering", ())), default=0.0)
    return context.share_of(text) >= offered + HOLDS_MORE


def _said_by_name(context: TurnContext) -> list[Hit]:
    """Return the offerings that are meant without doubt: by SKU, several by their names, or one that no longer fits the
    budget named before.
    """
    found = context.hits.get("offering", [])
    if named := with_sku(context, found) or several_named(context):
        return named
    if context.recalls_budget:
        named = named_in(context, "dearer")
        return named if not {hit.id for hit in named} <= {hit.id for hit in found} else []
    named = named_in(context) if context.question.kind in ("price", "stock") else []
    is_whole = len(named) == 1 and telling(context.question.subject) <= stems_of("\n".join(names_in(named[0])))
    return named if len(named) > 1 or is_whole else []


def knows_better(context: TurnContext, answer: Hit) -> bool:
    """Whether an offering fits better than an answer in words, in favour of whichever kind the question sounds like."""
    question = context.question
    if points_in_vain(context) or context.asks_for_kind or comparison(context):
        return True
    if asked := described(context):
        return bool(asked.told) and asked.share >= context.share_of(answer)
    if pointed_at(context) or several_named(context):
        return True
    if question.kind == "other" or _holds_more(context, answer):
        return False
    if context.wants_anything or (not telling(question.subject) and looked_at(context)):
        return True
    if with_sku(context, context.hits.get("offering", [])) and not question.about_fee:
        return True
    offerings = fitting(context)
    return bool(offerings) and offerings[0].score + (question.confidence - 0.5) / 2 >= answer.score


def answer_described(context: TurnContext, asked: Described) -> Reply:
    """Tell the attribute of an offering that is asked for, or the sentence of its description that says so."""
    reply = _catalog_reply(context, [asked.facts], [asked.hit] if asked.hit else [], _looked_up(context, [asked.facts]))
    return replace(reply, message=asked.message, confidence=asked.share, details={"described": True})


def _reply_with_facts(context: TurnContext, offering_ids: list[UUID], hits: list[Hit]) -> Reply | None:
    question, started = context.question, time.perf_counter()
    is_named = context.recalls_budget and bool(_said_by_name(context))
    currency = question.currency if context.has_budget and not is_named else None
    found = facts_of(context, offering_ids, currency)
    facts = [one for one in found if is_named or replies.fits_budget(one, question)]
    if question.sort or context.wants_anything:
        facts.sort(key=replies.amount, reverse=question.sort == "price_desc")
    if not facts:
        return None
    shown = facts[:CARDS]
    looked_up = _looked_up(context, shown, round((time.perf_counter() - started) * 1000))
    reply = _catalog_reply(context, shown, hits, looked_up)
    is_open = context.asks_for_anything and not context.has_budget and len(facts) > CARDS
    return replace(reply, message=replies.by_category(facts) or reply.message) if is_open else reply


def _reply_with_remembered(context: TurnContext, offering_id: UUID) -> Reply | None:
    """Answer about the offering spoken of before, unless the message names anything that is not said of it."""
    started = time.perf_counter()
    found = facts_of(context, [offering_id])
    is_meant = pointed_at(context) == offering_id
    if context.question.kind == "stock" and context.question.confidence <= FIRM and asked_units(context.message).single:
        return None  # “có đau không?”
    if not found or not (is_meant or names_only(context, found[0])) or not replies.fits_budget(found[0], context.question):
        return None
    return _catalog_reply(context, found, [], _looked_up(context, found, round((time.perf_counter() - started) * 1000)))


def names_only(context: TurnContext, offering: OfferingFacts) -> bool:
    """Whether all that the message asks for is said of this offering, or is a colour, a size or a word that points."""
    question = context.question
    own = [*(f"{one.name} {one.sku} {list(one.options.values())}" for one in offering.variants), str(offering.attributes)]
    texts = [offering.name, offering.code, offering.category, *own]
    texts += [f"{hit.title} {hit.body}" for hit in context.hits.get("offering", []) if hit.id == offering.id]
    known = stems_of(" ".join(texts)) | _wished(context) | stems(ANYTHING | POINTING)
    return telling(question.subject) <= known


def answer_about(context: TurnContext, offering_ids: list[UUID]) -> Reply | None:
    """Answer with the facts of these offerings, in the place of what a model said of them. The caller activates the language."""
    shown = facts_of(context, offering_ids)
    return _catalog_reply(context, shown, context.hits.get("offering", []), _looked_up(context, shown)) if shown else None


def answer_about_hits(context: TurnContext, hits: list[Hit]) -> Reply | None:
    """Answer with the facts of offerings that were found, best first."""
    with translation.override(context.question.language):
        return _reply_with_facts(context, [hit.id for hit in hits], hits)


def _nearest(context: TurnContext, hits: list[Hit]) -> Reply | None:
    """Say that nothing fits the budget, and what comes nearest to it."""
    question = context.question
    found = facts_of(context, [hit.id for hit in hits], question.currency)
    priced = [one for one in found if one.lowest_price and one.lowest_price.currency == question.currency]
    if not priced:
        return None
    too_dear = question.max_price is not None
    shown = sorted(priced, key=replies.amount, reverse=not too_dear)[:NEAREST]
    looked_up = _looked_up(context, shown)
    reply = _catalog_reply(context, shown, hits, looked_up)
    return replace(reply, message=replies.nothing_at_that_price(shown, question.language))


def _looked_up(context: TurnContext, shown: list[OfferingFacts], milliseconds: int = 0) -> Action:
    return Action(
        "price_lookup",
        {"offerings": [str(one.id) for one in shown], "channel": context.channel},
        {"offerings": [replies.card(one, context.question.language) for one in shown]},
        milliseconds,
    )


def _catalog_reply(context: TurnContext, facts: list[OfferingFacts], hits: list[Hit], looked_up: Action) -> Reply:
    shown = {one.id for one in facts}
    sources = tuple(as_source(hit) for hit in hits if hit.id in shown)
    return Reply(
        Tier.CATALOG,
        replies.about(facts, context),
        confidence=hits[0].score if hits and not context.wants_anything else context.question.confidence,
        sources=sources
        or ({"kind": "offering", "id": str(facts[0].id), "title": facts[0].name, "score": 1.0, "parts": {}},),
        ui_metadata={"cards": looked_up.output["offerings"]},
        slots=(
            {
                "key": LOOKED_AT if len(facts) == 1 else SHOWN,
                "value": " ".join(str(one.id) for one in facts),
                "confidence": 1,
            },
        ),
        actions=(looked_up,),
        flow_step="browsing",
    )
