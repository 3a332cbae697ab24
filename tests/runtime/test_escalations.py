"""A person takes over: asking for one, claiming, answering, giving back; and the bot's silence meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import DurationField, ExpressionWrapper, F, Value

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.escalations import Colleague, answer, claim, escalate, put_back, put_back_overdue, resolve
from runtime.models import Escalation, Session, Turn
from runtime.services import end_session, start_session
from runtime.turn import Recorded, take_turn
from tenants.errors import Conflict
from tenants.models import Event
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

QUESTION, ANSWER = "How long does delivery take?", "Two to four working days."
UNKNOWN = "What is the capital of Mongolia?"
LONG = timedelta(minutes=15)


@pytest.fixture
def session(saigon: Business) -> Iterator[Session]:
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        Faq.objects.create(question=QUESTION, answer=ANSWER, language="en")
        yield start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))[0]


@pytest.fixture
def lan(saigon: Business) -> Colleague:
    return Colleague(saigon.operator.pk, saigon.operator)


@pytest.fixture
def minh(saigon: Business) -> Colleague:
    return Colleague(saigon.admin.pk, saigon.admin)


def say(session: Session, message: str, **more: Any) -> Recorded:
    return take_turn(session_id=session.pk, message=message, **more)


def asked(session: Session) -> Escalation:
    return escalate(session=session, reason="Wants a discount", origin=Escalation.Origin.STAFF)[0]


def kinds() -> list[str]:
    return list(Event.objects.filter(kind__startswith="escalation").order_by("id").values_list("kind", flat=True))


def owner_of(session: Session) -> tuple[str, int]:
    session.refresh_from_db()
    return session.owner, session.owner_epoch


# --- asking for a person


@pytest.mark.parametrize(
    "message",
    [
        "I want to talk to a person",
        "can I speak to a human please?",
        "get me a real person now",
        "cho mình gặp nhân viên tư vấn được không ạ?",
        "gặp người thật",
        "cho em noi chuyen voi nhan vien",
    ],
)
def test_asking_for_a_person_in_words_opens_an_escalation_and_is_acknowledged(session: Session, message: str) -> None:
    recorded = say(session, message)
    assert (recorded.decision["tier"], recorded.session["owner"]) == ("handoff", "bot")
    assert recorded.reply is not None
    row = Escalation.objects.get()
    assert (row.state, row.origin, row.reason, row.turn_id) == ("waiting", "customer", message, recorded.turn["id"])
    assert kinds() == ["escalation.opened"]


@pytest.mark.parametrize(
    "message",
    [
        "where is your staff from?",
        "is the human body spray in stock",
        "không muốn gặp nhân viên",
        "nhân viên cửa hàng làm mấy giờ",
        "yes",
        "",
    ],
)
def test_other_words_ask_for_nobody(session: Session, message: str) -> None:
    say(session, message, ui_event={"type": "card_clicked"})
    assert not Escalation.objects.exists()


@pytest.mark.parametrize("message", ["yes, a person please", "ok", "Yes please", "vâng ạ", "được", "đồng ý"])
def test_agreeing_to_the_offer_asks_for_a_person(session: Session, message: str) -> None:
    assert say(session, UNKNOWN).decision["tier"] == "handoff"
    assert not Escalation.objects.exists()
    say(session, message)
    assert Escalation.objects.get().reason == message


@pytest.mark.parametrize("message", ["no thanks", "không", "không, cảm ơn", "không được", "yes how long does delivery take"])
def test_declining_the_offer_or_asking_on_asks_for_nobody(session: Session, message: str) -> None:
    say(session, UNKNOWN)
    say(session, message)
    assert not Escalation.objects.exists()


def test_an_offer_answered_later_is_no_offer_any_more(session: Session) -> None:
    say(session, UNKNOWN)
    say(session, QUESTION)
    say(session, "ok")
    assert not Escalation.objects.exists()


def test_the_button_is_acknowledged_in_the_language_of_the_conversation(session: Session) -> None:
    say(session, "Thời tiết ngày mai thế nào?")
    recorded = say(session, "", ui_event={"action": "escalate"})
    assert recorded.decision["tier"] == "handoff"
    session.refresh_from_db()
    assert session.language == "vi"
    assert Escalation.objects.get().state == "waiting"


def test_pressed_twice_it_waits_once(session: Session) -> None:
    for _press in range(2):
        assert say(session, "", ui_event={"action": "escalate"}).reply is not None
    assert (Escalation.objects.count(), kinds()) == (1, ["escalation.opened"])


def test_while_it_waits_the_bot_answers_on(session: Session) -> None:
    asked(session)
    assert say(session, QUESTION).reply["message"] == ANSWER  # type: ignore[index]


# --- taking over and giving back


def test_a_claim_silences_the_bot_and_resolving_brings_it_back(session: Session, lan: Colleague) -> None:
    row = claim(escalation=asked(session), by=lan)
    assert (row.state, row.claimed_by, owner_of(session)) == ("claimed", lan.person, ("person", 1))
    recorded = say(session, QUESTION)
    assert (recorded.reply, recorded.decision["tier"]) == (None, "human")
    said = answer(escalation=row, message="Hello, this is Lan.", by=lan)
    assert (said.speaker, said.created_by, said.message) == ("agent", lan.person, "Hello, this is Lan.")
    resolved = resolve(escalation=row, by=lan, resolution="Told her.")
    assert (resolved.state, resolved.resolution, owner_of(session)) == ("resolved", "Told her.", ("bot", 2))
    assert say(session, QUESTION).reply["message"] == ANSWER  # type: ignore[index]
    assert kinds() == ["escalation.opened", "escalation.claimed", "escalation.resolved"]


def test_lines_of_an_answer_end_as_lines_of_text_do(session: Session, lan: Colleague) -> None:
    row = escalate(session=session, origin=Escalation.Origin.STAFF)[0]
    claim(escalation=row, by=lan)
    assert answer(escalation=row, by=lan, message="Dạ,\r\ncòn ạ.\r\n").message == "Dạ,\ncòn ạ."


def test_what_one_has_claimed_nobody_else_claims_answers_or_resolves(
    session: Session, lan: Colleague, minh: Colleague
) -> None:
    row = claim(escalation=asked(session), by=lan)
    for attempt in (
        lambda: claim(escalation=row, by=minh),
        lambda: answer(escalation=row, message="Hi", by=minh),
        lambda: resolve(escalation=row, by=minh),
        lambda: put_back(escalation=row, by=minh),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "claimed_by_another"
    assert claim(escalation=row, by=lan).claimed_at == row.claimed_at
    assert owner_of(session) == ("person", 1)
    assert not Turn.objects.exists()


def test_who_has_not_claimed_does_not_answer(session: Session, lan: Colleague) -> None:
    row = asked(session)
    with pytest.raises(Conflict) as refused:
        answer(escalation=row, message="Hi", by=lan)
    assert (refused.value.code, Turn.objects.count()) == ("not_claimed", 0)


def test_put_back_somebody_else_claims_it(session: Session, lan: Colleague, minh: Colleague) -> None:
    row = put_back(escalation=claim(escalation=asked(session), by=lan), by=lan)
    assert (row.state, row.claimed_by, owner_of(session)) == ("waiting", None, ("bot", 2))
    assert claim(escalation=row, by=minh).claimed_by == minh.person


def test_a_program_claims_by_its_key(session: Session, minh: Colleague) -> None:
    desk = Colleague(uuid4())
    row = claim(escalation=asked(session), by=desk)
    assert (row.claimed_by, row.claimant_id) == (None, desk.id)
    with pytest.raises(Conflict, match="another program"):
        claim(escalation=row, by=minh)


def test_what_is_resolved_is_over_and_the_next_one_is_new(session: Session, lan: Colleague) -> None:
    row = resolve(escalation=asked(session), by=lan)
    for attempt in (lambda: claim(escalation=row, by=lan), lambda: resolve(escalation=row, by=lan)):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "escalation_resolved"
    assert asked(session).pk != row.pk


def test_ending_the_conversation_resolves_what_waits(session: Session, lan: Colleague) -> None:
    row = claim(escalation=asked(session), by=lan)
    end_session(session)
    row.refresh_from_db()
    assert (row.state, kinds()[-1]) == ("resolved", "escalation.resolved")
    with pytest.raises(Conflict) as refused:
        answer(escalation=row, message="Hi", by=lan)
    assert refused.value.code == "session_ended"


# --- claims that nobody keeps


def minutes_pass(row: Escalation, minutes: int) -> None:
    """Move claim, answers and messages into the past."""
    ago = ExpressionWrapper(Value(timedelta(minutes=minutes)), output_field=DurationField())
    Escalation.objects.filter(pk=row.pk).update(claimed_at=F("claimed_at") - ago, replied_at=F("replied_at") - ago)
    Turn.objects.update(created_at=F("created_at") - ago)


def test_a_claim_without_an_answer_goes_back_to_the_queue_and_the_bot_answers(session: Session, lan: Colleague) -> None:
    row = claim(escalation=asked(session), by=lan)
    minutes_pass(row, 14)
    assert put_back_overdue(LONG) == 0
    minutes_pass(row, 2)
    assert put_back_overdue(LONG) == 1
    row.refresh_from_db()
    assert (row.state, row.claimed_by, owner_of(session)) == ("waiting", None, ("bot", 2))
    assert kinds()[-1] == "escalation.opened"
    assert say(session, QUESTION).reply["message"] == ANSWER  # type: ignore[index]


def test_who_has_answered_keeps_the_claim_until_the_customer_waits_again(session: Session, lan: Colleague) -> None:
    row = claim(escalation=asked(session), by=lan)
    answer(escalation=row, message="Hello", by=lan)
    minutes_pass(row, 60)
    assert put_back_overdue(LONG) == 0
    say(session, "And the colour?")
    say(session, "Are you there?")
    assert put_back_overdue(LONG) == 0
    minutes_pass(row, 16)
    assert put_back_overdue(LONG) == 1
