"""Judgements of the retrieval lab: which source answers a question, and which does not."""

from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from bots.models import Bot, RetrievalMark
from bots.models.retrieval import QUESTION_LENGTH
from catalog.models import SearchText
from tenants.errors import DomainError
from tenants.models import User
from tenants.text import nfc, words


def mark_key(question: str) -> str:
    """Return what ways to type one question have in common: its folded words."""
    return " ".join(words(question))[:QUESTION_LENGTH]


@transaction.atomic
def mark_source(
    *, bot: Bot, question: str, kind: str, source_id: UUID, is_right: bool, created_by: User | None = None
) -> RetrievalMark:
    """Keep that a source answers the question, or does not; marked again, it is the one row that changes.

    What has a right answer is no question that nothing answers: that mark goes. Raises ``DomainError`` for a source that
    the bot cannot find (``unknown_source``) and a question without words.
    """
    source = SearchText.objects.filter(Q(bot_id=None) | Q(bot_id=bot.pk), owner_id=source_id, kind=kind).first()
    if source is None or kind not in RetrievalMark.Kind.values:
        raise DomainError("unknown_source", _("The bot does not find this any more."), field="source")
    if is_right:
        _same(bot, question).filter(source_id=None).delete()
    return _keep(bot, question, created_by, kind=kind, source_id=source_id, title=source.title[:200], is_right=is_right)


@transaction.atomic
def mark_unanswered(*, bot: Bot, question: str, created_by: User | None = None) -> RetrievalMark:
    """Keep that nothing there answers the question: what was marked right for it before goes. Raises ``DomainError``."""
    _same(bot, question).filter(is_right=True).delete()
    return _keep(bot, question, created_by, kind="", source_id=None, title="", is_right=False)


def _same(bot: Bot, question: str) -> models.QuerySet[RetrievalMark]:
    return RetrievalMark.objects.filter(bot=bot, question_key=mark_key(question))


def _keep(
    bot: Bot, question: str, created_by: User | None, *, kind: str, source_id: UUID | None, title: str, is_right: bool
) -> RetrievalMark:
    if not mark_key(question):
        raise DomainError("no_words", _("There is no word in this question."), field="question")
    values = {"question": nfc(question).strip()[:QUESTION_LENGTH], "kind": kind, "title": title, "is_right": is_right}
    mark, _is_new = RetrievalMark.objects.update_or_create(
        bot=bot, question_key=mark_key(question), source_id=source_id, defaults={**values, "created_by": created_by}
    )
    return mark
