"""Knowledge gaps: what the bot could not answer, grouped by what was meant, until somebody writes the answer."""

from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Bot, Faq
from bots.services import create_faqs
from runtime.models import KnowledgeGap, Turn
from runtime.statements import NEAREST_GAP
from runtime.understanding.lexicon import weighty
from tenants.errors import Conflict
from tenants.scope import current_tenant_id
from tenants.text import detect_language

KEY_LENGTH = 300
ALIKE = 0.7
"""Two questions are one when of the words of both together this share stands in both: one word more in four, not another one."""


def question_key(question: str) -> str:
    """Return what questions of one meaning have in common: their folded words of weight, each once, in one order."""
    return " ".join(sorted(weighty(question)))[:KEY_LENGTH] or question[:KEY_LENGTH]


def same_question(question: str) -> dict[str, Any]:
    """Return what ``NEAREST_GAP`` compares, beside tenant and bot, and the key of a question that is new."""
    key = question_key(question)
    return {"question_key": key, "question_words": key.split(" "), "alike": ALIKE}


def _nearest_key(bot: Bot, question: str) -> str:
    """Return the key of the known gap that the question says nearly the same as, else its own."""
    same = same_question(question)
    with connection.cursor() as cursor:
        cursor.execute(NEAREST_GAP, {**same, "tenant": current_tenant_id(), "bot": bot.pk})
        found = cursor.fetchone()
    return str(found[0] if found else same["question_key"])


@transaction.atomic
def count_gap(
    *, bot: Bot, question: str, reason: KnowledgeGap.Reason, language: str = "", turn: Turn | None = None
) -> KnowledgeGap:
    """Count a question without a good answer. Of the turns that leave one open ``runtime/statements.py`` does the same."""
    asked = {
        "question": question,
        "language": language or detect_language(question),
        "reason": reason,
        "turn": turn,
        "last_asked_at": timezone.now(),
    }
    gap, made = KnowledgeGap.objects.get_or_create(bot=bot, question_key=_nearest_key(bot, question), defaults=asked)
    if not made:
        same = KnowledgeGap.objects.filter(pk=gap.pk)
        same.update(times_asked=F("times_asked") + 1, **asked)
        same.filter(state=KnowledgeGap.State.ANSWERED).update(state=KnowledgeGap.State.OPEN)
        gap.refresh_from_db()
    return gap


@transaction.atomic
def answer_gap(*, gap: KnowledgeGap, faq: Faq) -> Faq:
    """Add the FAQ that was missing and close the gap; whoever asks next gets its answer.

    Raises ``Conflict`` (``gap_answered``).
    """
    locked = KnowledgeGap.objects.select_for_update().get(pk=gap.pk)
    if locked.state == KnowledgeGap.State.ANSWERED:
        raise Conflict("gap_answered", _("This question was answered meanwhile."))
    (made,) = create_faqs(faqs=[faq])
    KnowledgeGap.objects.filter(pk=gap.pk).update(state=KnowledgeGap.State.ANSWERED, faq=made)
    gap.refresh_from_db()
    return made
