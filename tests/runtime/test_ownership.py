"""One owner at a time: whatever comes between, a bot says nothing while a person has the conversation.

A random schedule mixes the steps of several bot turns (load, decide, record: each may be late, or its worker dead)
with claims, answers, hand-backs and lost claims. Every step is one transaction, so a schedule of steps is what
several workers could have done.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime import turn
from runtime.context import Reply
from runtime.escalations import Colleague, answer, claim, escalate, put_back, put_back_overdue, resolve
from runtime.models import Escalation, Session, Tier, Turn
from runtime.services import start_session
from tenants.errors import Conflict
from tests.conftest import Business, in_tenant

QUESTION, ANSWER = "How long does delivery take?", "Two to four working days."
PEOPLE = [Colleague(uuid4()), Colleague(uuid4())]


def open_session() -> Session:
    bot = Bot.objects.create(code=f"bot-{uuid4().hex[:8]}", name="Shop")
    activate_version(version=create_version(bot=bot))
    return start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))[0]


@dataclass
class Schedule:
    """One random interleaving; ``faults`` are the bot's words that no bot had a right to."""

    session: Session
    chance: random.Random
    faults: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def play(self) -> None:
        actors: list[Iterator[None]] = [self.bot_turn() for _turn in range(2)] + [self.people() for _person in range(2)]
        while actors:
            actor = self.chance.choice(actors)
            if next(actor, StopIteration) is StopIteration or self.chance.random() < 0.04:  # done, or dead
                actors.remove(actor)

    def bot_turn(self) -> Iterator[None]:
        """A worker that answers a message, as ``take_turn`` does, interrupted wherever it speaks to the database."""
        asked: dict[str, Any] = {"message": QUESTION, "external_id": "", "ui_event": None}
        loaded = turn.load(session_id=self.session.pk, turn_id=None, **asked)
        yield
        for _round in range(turn.ROUNDS):
            context = loaded.context
            is_person = context.owner == Session.Owner.PERSON
            reply = Reply(Tier.HUMAN, None, confidence=1) if is_person else Reply(Tier.FAQ, ANSWER, confidence=1)
            yield
            recorded = turn.record(context, reply, started=0)
            self.check(context, spoke=bool(recorded and recorded.reply))
            if recorded:
                return
            yield
            loaded = turn.load(session_id=self.session.pk, turn_id=context.turn_id, **asked)

    def check(self, context: Any, *, spoke: bool) -> None:
        """Look at the session in the same instant: nobody else has moved since."""
        if not spoke:
            self.seen.add("silent" if context.owner == Session.Owner.PERSON else "fenced off")
            return
        self.seen.add("spoke")
        owner, epoch = Session.objects.values_list("owner", "owner_epoch").get(pk=self.session.pk)
        if owner == Session.Owner.PERSON:
            self.faults.append("a bot spoke under a person")
        if epoch != context.owner_epoch:
            self.faults.append("a bot spoke in an epoch it had not read")

    def people(self) -> Iterator[None]:
        """A person, or the sweep, who does what comes to mind."""
        for _step in range(self.chance.randint(1, 4)):
            row = escalate(session=self.session, origin=Escalation.Origin.STAFF)[0]
            yield
            by, step = self.chance.choice(PEOPLE), self.chance.choice(STEPS)
            try:
                step(row, by)
                self.seen.add(step.__name__)
            except Conflict as refused:
                self.seen.add(refused.code)
            yield


def claims(row: Escalation, by: Colleague) -> None:
    claim(escalation=row, by=by)


def answers(row: Escalation, by: Colleague) -> None:
    answer(escalation=row, message="Hello", by=by)


def puts_back(row: Escalation, by: Colleague) -> None:
    put_back(escalation=row, by=by)


def resolves(row: Escalation, by: Colleague) -> None:
    resolve(escalation=row, by=by)


def forgets(row: Escalation, by: Colleague) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    Escalation.objects.filter(pk=row.pk, state="claimed").update(claimed_at=long_ago, replied_at=None)
    put_back_overdue(timedelta(minutes=15))


STEPS: list[Callable[[Escalation, Colleague], None]] = [claims, claims, claims, answers, puts_back, resolves, forgets]


def play(count: int, *, enough: int = 1000) -> tuple[list[str], set[str]]:
    """Play so many schedules, each in a conversation as if new; returns the faults (stopping at ``enough``) and what was tried."""
    faults: list[str] = []
    seen: set[str] = set()
    session = open_session()
    for number in range(count):
        if len(faults) >= enough:
            break
        with transaction.atomic():
            schedule = Schedule(session, random.Random(number))
            schedule.play()
            faults += [f"{number}: {fault}" for fault in schedule.faults]
            seen |= schedule.seen
            transaction.set_rollback(True)
    return faults, seen


EVERYTHING = {
    *("spoke", "silent", "fenced off", "claims", "answers", "puts_back", "resolves", "forgets"),
    *("claimed_by_another", "not_claimed", "escalation_resolved"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("count", [50, pytest.param(10_000, marks=pytest.mark.slow)])
def test_in_random_interleavings_no_bot_speaks_under_a_persons_epoch(saigon: Business, count: int) -> None:
    with in_tenant(saigon.tenant):
        faults, seen = play(count)
    assert faults == []
    assert seen >= EVERYTHING  # or nothing was tried


@pytest.mark.django_db
@pytest.mark.parametrize(
    "without", ["AND owner_epoch = %(owner_epoch)s", "AND owner = %(owner)s AND owner_epoch = %(owner_epoch)s"]
)
def test_without_the_fence_the_same_schedules_show_it(saigon: Business, monkeypatch: Any, without: str) -> None:
    whole = turn.record_statement

    def unfenced(**options: Any) -> str:
        statement = whole(**options)
        assert without in statement
        return statement.replace(without, "")

    monkeypatch.setattr(turn, "record_statement", unfenced)
    with in_tenant(saigon.tenant):
        faults, _seen = play(200, enough=1)
    assert faults


# --- really at once


def at_once(business: Business, jobs: list[Callable[[], Any]]) -> list[Any]:
    """Run the jobs in threads of their own, each with its own connection; returns what each returned or raised."""
    begin = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        begin.wait(60)
        try:
            with in_tenant(business.tenant):
                return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(run, job) for job in jobs]
    return [future.exception() or future.result() for future in futures]


@pytest.fixture
def committed(saigon: Business) -> Session:
    with in_tenant(saigon.tenant):
        session = open_session()
        Faq.objects.create(question=QUESTION, answer=ANSWER, language="en")
        return session


@pytest.mark.django_db(transaction=True)
def test_eight_messages_at_once_are_answered_one_after_the_other_each_once(saigon: Business, committed: Session) -> None:
    say = partial(turn.take_turn, session_id=committed.pk)
    results = at_once(saigon, [partial(say, message=f"{QUESTION} {number}") for number in range(8)])
    assert [result.decision["tier"] for result in results] == ["faq"] * 8
    with in_tenant(saigon.tenant):
        committed.refresh_from_db()
        assert committed.turn_number == 8
        replies = Turn.objects.filter(session=committed, speaker="assistant")
        assert replies.values("in_reply_to").distinct().count() == replies.count() == 8
        assert Turn.objects.filter(session=committed, speaker="user").count() == 8


@pytest.mark.django_db(transaction=True)
def test_a_message_waits_for_the_one_before_it_however_long_that_takes_to_decide(
    saigon: Business, committed: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, first_is_known = turn.decide, threading.Event()

    def slowly(context: Any) -> Any:
        if context.message.endswith("1"):
            first_is_known.set()
            time.sleep(0.4)
        return decide(context)

    def say(number: int) -> Any:
        assert number == 1 or first_is_known.wait(60)
        return turn.take_turn(session_id=committed.pk, message=f"{QUESTION} {number}")

    monkeypatch.setattr(turn, "decide", slowly)
    at_once(saigon, [partial(say, number) for number in (1, 2)])
    with in_tenant(saigon.tenant):
        replies = Turn.objects.filter(session=committed, speaker="assistant").order_by("id")
        assert [reply.in_reply_to.message[-1] for reply in replies] == ["1", "2"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_six_who_claim_at_once_one_has_it(saigon: Business, committed: Session) -> None:
    with in_tenant(saigon.tenant):
        row = escalate(session=committed, origin=Escalation.Origin.STAFF)[0]
    people = [Colleague(uuid4()) for _person in range(6)]
    results = at_once(saigon, [lambda by=by: claim(escalation=row, by=by) for by in people])
    won = [by for by, result in zip(people, results, strict=True) if isinstance(result, Escalation)]
    lost = [result.code for result in results if isinstance(result, Conflict)]
    assert (len(won), lost) == (1, ["claimed_by_another"] * 5)
    with in_tenant(saigon.tenant):
        row.refresh_from_db()
        committed.refresh_from_db()
        assert (row.claimant_id, committed.owner, committed.owner_epoch) == (won[0].id, "person", 1)
