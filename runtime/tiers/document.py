"""Answers out of what the bot has read: the passage of a document that fits, word for word, and where it stands."""

import re

from bots.models import PATH_SEPARATOR
from catalog.search import Hit
from runtime.context import Reply, TurnContext
from runtime.models import Tier
from runtime.tiers.catalog import NAMED, asks_of_goods, knows_better
from runtime.tiers.faq import SAME, answers, asks_of_unknown, asks_too_little, may_tell
from runtime.understanding.bounds import without_yes
from runtime.understanding.passage import fitting_passage
from runtime.understanding.table_rows import in_sentences

_FILE_ENDING = re.compile(r"(?:\.(?:md|txt|pdf|docx?|xlsx?|pptx?|html?|csv|odt|rtf))+$", re.IGNORECASE)

GROUNDED = 0.38
"""Evidence from which a passage answers: all telling words of the question, two of three and little likeness of meaning, or half
of them and some."""

AS_GOOD = 0.1
"""Evidence that a FAQ may lack to a passage and goes first all the same: somebody wrote it as the answer."""


def answer_from_document(context: TurnContext) -> Reply | None:
    """Give the passage that fits, unless an answer that somebody wrote, or the catalogue, fits as well."""
    found = context.best("document")
    if found is None or not context.is_sure_of(found) or _is_beaten(context, found):
        return None
    passage = fitting_passage(context.message, found.body)
    if not passage or not may_tell(context, found.title, passage):
        return None
    name, _separator, heading = found.title.partition(PATH_SEPARATOR)
    source = context.source(found)
    shown = {"kind": "document", "id": source["id"], "name": name, "heading": heading}
    return Reply(
        Tier.FAQ,
        in_sentences(without_yes(context.message, passage), context.question.language),
        found.score,
        sources=(source,),
        ui_metadata={"title": _title(name, heading), "source": shown},
    )


def _title(name: str, heading: str) -> str:
    """Return what a document is called to customers: by the heading that the passage stands under; a file's name without its ending."""
    return heading.rpartition(PATH_SEPARATOR)[2] or _FILE_ENDING.sub("", name)


def _is_beaten(context: TurnContext, found: Hit) -> bool:
    """Whether too little speaks for the passage, or as much for an answer that somebody wrote, or for the catalogue."""
    speaks = context.evidence_of(found)
    if (speaks < GROUNDED and found.parts["vector"] < SAME[context.question.language]) or asks_too_little(context, found):
        return True
    if asks_of_goods(context, found) or asks_of_unknown(context, found):
        return True
    faq = context.best("faq")
    if (
        faq is not None
        and answers(context, faq)
        and (faq.score >= found.score or context.evidence_of(faq) >= speaks - AS_GOOD)
    ):
        return True
    is_better = knows_better(context, found)
    if is_better or context.question.kind != "other":
        return is_better
    offering = context.best("offering")
    return offering is not None and offering.score >= max(NAMED, found.score)
