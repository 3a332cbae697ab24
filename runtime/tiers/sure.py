"""What texts and catalogue answer by themselves: all they can, or, where a language model is there to ask, what they are sure of.

A model costs money and seconds, and reads what words and vectors cannot. So it is spared only what it could not say better: the
question of a reviewed FAQ asked in nearly its own words, and a price or stock of what is plainly named. For all else the
texts found are its sources. When it fails they answer after all, as they do without one.
"""

from catalog.search import Hit
from runtime.cache import is_same_question
from runtime.context import Reply, TurnContext
from runtime.model.moments import named_days
from runtime.tiers.catalog import answer_from_catalog
from runtime.tiers.document import answer_from_document
from runtime.tiers.faq import answer_from_faq, answer_word_for_word
from runtime.tiers.follow_up import answer_follow_up
from runtime.tiers.parts import answer_parts
from runtime.tiers.pointed import pointed_at
from runtime.understanding.evidence import ALIKE, likeness
from runtime.understanding.topics import asked_units, units_of

MARGIN = 0.3
"""How far above the threshold of the bot a FAQ is sure. On public question sets whose answer is hidden for a third of the
questions, what answers from the threshold on is right in half of the cases (clinc150 .49, banking77 .59); with ``MARGIN`` and
``HELD`` in .8 to .9 where an intent has many entries, in .65 where it has one.
"""
ALL = 0.8
"""Share of what is asked about that a text holds which answers although a model has brought no answer."""
HELD = 0.75
"""Evidence (``understanding/evidence.py``) that a sure FAQ has besides: all telling words and half the likeness of meaning."""


def answer_when_sure(context: TurnContext) -> Reply | None:
    """Answer out of texts and the catalogue; where a model is there to ask, only what is sure."""
    if not context.may_ask_model:
        return answer_by_itself(context)
    if reply := answer_word_for_word(context):
        return reply
    text = answer_from_document(context) or answer_from_faq(context)
    if text is None:
        return answer_from_catalog(context)
    best = context.best("faq")
    is_faq = text.sources[0]["kind"] == "faq"
    return text if is_faq and best is not None and is_plain(context, best) else None


def answer_by_itself(context: TurnContext) -> Reply | None:
    """Answer out of texts and the catalogue as well as they can: each part of the message for itself where it asks several things."""
    if context.parts:
        return answer_parts(context, answer_one)
    return answer_one(context)


def answer_one(context: TurnContext) -> Reply | None:
    """Answer one question, of what was spoken of before where it may mean that."""
    if context.joined and not pointed_at(context):
        return answer_follow_up(context, context.joined, _answer)
    return _answer(context)


def _answer(context: TurnContext) -> Reply | None:
    return (
        answer_word_for_word(context)
        or answer_from_document(context)
        or answer_from_faq(context)
        or answer_from_catalog(context)
    )


def answer_surely(context: TurnContext) -> Reply | None:
    """Answer by itself only what one text or offering tells that holds all that is asked about, and the days that are asked for."""
    reply = answer_by_itself(context)
    if reply is None or reply.message is None or not reply.sources:
        return None
    told = reply.message
    found = {str(hit.id): f"{hit.title} {hit.body}" for hits in context.hits.values() for hit in hits}
    texts = " ".join(found.get(str(one.get("chunk", one["id"])), one["title"]) for one in reply.sources)
    asked = asked_units(context.message).single
    is_held = bool(asked) and len(asked & units_of(f"{texts} {told}").single) >= ALL * len(asked)
    days = named_days(context.message.lower())
    return reply if is_held and days <= named_days(told.lower()) else None


def is_plain(context: TurnContext, faq: Hit) -> bool:
    """Whether the message asks the very question of a FAQ: in the same words, or by score and words without doubt."""
    if is_same_question(context.message, faq):
        return True
    is_far_above = faq.score >= context.threshold_of(faq.kind) + MARGIN
    return is_far_above and context.evidence_of(faq) >= HELD and likeness(context.message, faq.title) > ALIKE
