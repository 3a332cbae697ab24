"""Thumbs on answers."""

from django.db import transaction
from django.utils.translation import gettext as _

from runtime.gaps import count_gap
from runtime.models import DecisionEvent, KnowledgeGap, Rating, Tier, Turn
from tenants.errors import DomainError
from tenants.models import User

ANSWERS = (Turn.Speaker.ASSISTANT, Turn.Speaker.AGENT)


@transaction.atomic
def rate_turn(*, turn: Turn, vote: str, comment: str = "", person: User | None = None) -> tuple[Rating, bool]:
    """Rate an answer, or change what one thought of it; returns the rating and whether it is new. A comment stays until there is
    another.

    Without a ``person`` the customer rates. The question behind a bot's bad answer is counted among the knowledge gaps.
    Raises ``DomainError`` (``not_an_answer``).
    """
    if turn.speaker not in ANSWERS:
        raise DomainError("not_an_answer", _("Only answers can be rated."))
    list(Turn.objects.select_for_update(no_key=True).filter(pk=turn.pk).values_list("pk"))  # one rating at a time
    rater = Rating.Rater.STAFF if person else Rating.Rater.CUSTOMER
    rating = Rating.objects.filter(turn=turn, rater=rater, created_by=person).first()
    before = rating.vote if rating else ""
    rating = rating or Rating(turn=turn, session_id=turn.session_id, rater=rater, created_by=person)
    rating.vote, rating.comment = vote, comment or rating.comment
    rating.save()
    if vote == Rating.Vote.DOWN != before:
        _count_question_of(turn)
    return rating, not before


def _count_question_of(turn: Turn) -> None:
    """Count the question once, however often the thumb is turned, unless it was counted as unanswered already."""
    question = turn.in_reply_to
    if question is None or not question.message:
        return
    is_unanswered = DecisionEvent.objects.filter(input_turn=question, tier=Tier.HANDOFF).exists()
    if not is_unanswered and not KnowledgeGap.objects.filter(turn=question).exists():
        bad = KnowledgeGap.Reason.BADLY_RATED
        count_gap(bot=turn.session.bot, question=question.message, reason=bad, language=question.language, turn=question)
