"""Rows of ``runtime``: what happens in conversations."""

import hashlib
from datetime import timedelta

from django.utils import timezone

from runtime.models import (
    DecisionEvent,
    Escalation,
    KnowledgeGap,
    Rating,
    Schedule,
    ScheduleOccurrence,
    SemanticCacheEntry,
    Session,
    Turn,
)
from tests.rows.bots import a_bot_version
from tests.rows.catalog import a_channel
from tests.rows.names import code


def a_session() -> Session:
    version = a_bot_version()
    token = hashlib.sha256(code().encode()).digest()
    return Session.objects.create(bot=version.bot, bot_version=version, channel=a_channel(), token_hash=token)


def a_turn() -> Turn:
    return Turn.objects.create(session=a_session(), speaker="user", message="Secret message")


def a_cached_answer() -> SemanticCacheEntry:
    version = a_bot_version()
    return SemanticCacheEntry.objects.create(
        bot=version.bot,
        bot_version=version,
        language="en",
        query_text="Secret question",
        query_key=b"secret",
        telling_key=b"secret",
        response_text="Secret answer",
        sources=[],
        confidence=1,
        expires_at=timezone.now() + timedelta(days=1),
    )


def a_decision() -> DecisionEvent:
    turn = a_turn()
    return DecisionEvent.objects.create(
        session=turn.session, input_turn=turn, bot_version=turn.session.bot_version, tier="faq"
    )


def an_escalation() -> Escalation:
    turn = a_turn()
    return Escalation.objects.create(session=turn.session, turn=turn, reason="Secret reason")


def a_rating() -> Rating:
    turn = a_turn()
    said = Turn.objects.create(session=turn.session, in_reply_to=turn, speaker="assistant", message="Secret answer")
    return Rating.objects.create(session=turn.session, turn=said, rater="customer", vote="down", comment="Secret comment")


def a_gap() -> KnowledgeGap:
    turn = a_turn()
    return KnowledgeGap.objects.create(
        bot=turn.session.bot,
        question_key=code("secret"),
        question="Secret question?",
        reason="unanswered",
        turn=turn,
        last_asked_at=timezone.now(),
    )


def a_schedule() -> Schedule:
    # Switched off: no worker of another test may find it due.
    return Schedule.objects.create(
        name=code("Secret schedule"),
        bot=a_bot_version().bot,
        cron="0 3 * * *",
        time_zone="Asia/Ho_Chi_Minh",
        target={"kind": "end_idle_sessions"},
        is_active=False,
    )


def an_occurrence() -> ScheduleOccurrence:
    return ScheduleOccurrence.objects.create(schedule=a_schedule(), scheduled_for=timezone.now(), state="failed")
