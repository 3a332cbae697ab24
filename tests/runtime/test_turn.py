"""One turn of a conversation: what the bot answers, from what, and what is kept."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.http import Http404

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.models import InventoryLocation, PriceList, SalesChannel, StockMovement, Variant, VariantPrice
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Session, Turn
from runtime.services import end_session, start_session
from runtime.turn import Recorded, take_turn
from tenants.errors import Conflict
from tests.conftest import Business, in_tenant
from tests.rows import an_offering

pytestmark = pytest.mark.django_db

FAQS = [
    ("How long does delivery take?", "Two to four working days.", "en"),
    ("Bao lâu thì tôi nhận được hàng?", "Từ 2 đến 4 ngày làm việc.", "vi"),
    ("How much is shipping?", "Shipping costs 20,000 VND.", "en"),
    ("What is your return policy?", "You can return goods within 14 days.", "en"),
    ("Cửa hàng mở cửa lúc mấy giờ?", "Từ 9 giờ sáng đến 9 giờ tối.", "vi"),
]
OFFERINGS = [
    ("Tai nghe không dây Sóng Xanh", "headphones", "1490000", 5),
    ("Áo khoác gió Mây Trắng", "jacket", "350000", 0),
    ("Bàn phím cơ Gõ Êm", "keyboard", "990000", 12),
    ("Trail Runner Backpack 30L", "bags", "1250000", 7),
]


def sell(name: str, category: str, amount: str, stock: int) -> Variant:
    offering = an_offering(name, category=category)
    variant = Variant.objects.create(offering=offering, sku=f"SKU-{offering.code}", name="")
    VariantPrice.objects.create(
        variant=variant, price_list=PriceList.objects.get(code="standard"), currency="VND", amount=Decimal(amount)
    )
    location = InventoryLocation.objects.get(code="main")
    StockMovement.objects.create(variant=variant, location=location, quantity=stock, reason="receipt")
    return variant


@pytest.fixture
def session(saigon: Business) -> Iterator[Session]:
    """A conversation at Saigon's, whose bot knows FAQS and sells OFFERINGS; the scope stays open."""
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        for question, answer, language in FAQS:
            Faq.objects.create(question=question, answer=answer, language=language)
        for offering in OFFERINGS:
            sell(*offering)
        yield start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))[0]


def say(session: Session, message: str, **more: Any) -> Recorded:
    return take_turn(session_id=session.pk, message=message, **more)


def reply_to(session: Session, message: str) -> str:
    recorded = say(session, message)
    assert recorded.reply is not None
    return recorded.reply["message"].replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("how long will the delivery take", "Two to four working days."),
        ("mấy giờ cửa hàng mở cửa vậy", "Từ 9 giờ sáng đến 9 giờ tối."),
        ("may gio cua hang mo cua", "Từ 9 giờ sáng đến 9 giờ tối."),
        ("how much is shipping please?", "Shipping costs 20,000 VND."),
        ("what's the return policy", "You can return goods within 14 days."),
    ],
)
def test_a_known_question_gets_the_answer_of_its_faq(session: Session, message: str, answer: str) -> None:
    recorded = say(session, message)
    assert recorded.decision["tier"] == "faq"
    assert recorded.reply is not None
    assert recorded.reply["message"] == answer
    assert recorded.decision["sources"][0]["kind"] == "faq"


@pytest.mark.parametrize(
    ("message", "price", "stock"),
    [
        ("Tai nghe Sóng Xanh giá bao nhiêu?", "1.490.000 ₫", "còn 5"),
        ("tai nghe song xanh bao nhieu tien", "1.490.000 ₫", "còn 5"),
        ("How much is the Trail Runner Backpack?", "1,250,000 ₫", "7 in stock"),
        ("is the trail runner backpack in stock", "1,250,000 ₫", "7 in stock"),
        ("áo khoác gió mây trắng còn hàng không", "350.000 ₫", "hết hàng"),
    ],
)
def test_price_and_stock_are_those_of_now(session: Session, message: str, price: str, stock: str) -> None:
    recorded = say(session, message)
    assert recorded.decision["tier"] == "catalog"
    text = recorded.reply["message"].replace("\N{NO-BREAK SPACE}", " ")  # type: ignore[index]
    assert price in text
    assert stock in text.lower()
    assert len(recorded.reply["ui_metadata"]["cards"]) == 1  # type: ignore[index]


def test_a_changed_price_is_quoted_at_once(session: Session) -> None:
    assert "990.000" in reply_to(session, "bàn phím cơ gõ êm giá bao nhiêu")
    VariantPrice.objects.filter(amount=990_000).update(amount=1_090_000)
    assert "1.090.000" in reply_to(session, "bàn phím cơ gõ êm giá bao nhiêu")


def test_a_budget_shows_what_it_buys_and_nothing_dearer(session: Session) -> None:
    recorded = say(session, "show me a backpack under 1tr5")
    assert recorded.decision["tier"] == "catalog"
    assert [card["name"] for card in recorded.reply["ui_metadata"]["cards"]] == ["Trail Runner Backpack 30L"]  # type: ignore[index]


def test_nothing_that_cheap_is_said_with_what_comes_nearest(session: Session) -> None:
    recorded = say(session, "show me a backpack under 500k")
    assert recorded.decision["tier"] == "catalog"
    text = recorded.reply["message"].replace("\N{NO-BREAK SPACE}", " ")  # type: ignore[index]
    assert text.startswith("I have nothing at that price.")
    assert "Trail Runner Backpack 30L: 1,250,000 ₫" in text


@pytest.mark.parametrize("message", ["show me something under 1 million", "có gì dưới 1 triệu không", "anything below 1tr?"])
def test_a_budget_alone_lists_what_it_buys_cheapest_first(session: Session, message: str) -> None:
    recorded = say(session, message)
    assert recorded.decision["tier"] == "catalog"
    names = [card["name"] for card in recorded.reply["ui_metadata"]["cards"]]  # type: ignore[index]
    assert names == ["Áo khoác gió Mây Trắng", "Bàn phím cơ Gõ Êm"]


def test_the_size_asked_for_is_the_one_that_is_answered(session: Session) -> None:
    medium = Variant.objects.get(offering__versions__name="Áo khoác gió Mây Trắng")
    Variant.objects.filter(pk=medium.pk).update(attributes={"size": "M"}, name="M")
    large = Variant.objects.create(offering=medium.offering, sku="JACKET-L", name="L", attributes={"size": "L"})
    main = InventoryLocation.objects.get(code="main")
    StockMovement.objects.create(variant=large, location=main, quantity=9, reason="receipt")
    assert "còn 9" in reply_to(session, "áo khoác gió size L còn không")
    assert "hết hàng" in reply_to(session, "áo khoác gió size M còn không")


def test_it_means_the_offering_spoken_of_before(session: Session) -> None:
    say(session, "How much is the Trail Runner Backpack?")
    assert "Trail Runner Backpack" in reply_to(session, "is it in stock?")
    assert "Trail Runner Backpack" in reply_to(session, "còn hàng không?")


@pytest.mark.parametrize(
    "message",
    ["What is the capital of Mongolia?", "Thời tiết ngày mai thế nào?", "Can you write me a poem about rain?", "asdf qwer"],
)
def test_not_knowing_is_an_answer_that_offers_a_person_and_leaves_the_bot_in_charge(session: Session, message: str) -> None:
    recorded = say(session, message)
    assert recorded.decision["tier"] == "handoff"
    assert recorded.reply["ui_metadata"]["quick_replies"][0]["action"] == "escalate"  # type: ignore[index]
    assert recorded.session["owner"] == "bot"


def test_the_bot_is_silent_while_a_person_answers(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(owner="person")
    recorded = say(session, "How long does delivery take?")
    assert (recorded.reply, recorded.decision["tier"]) == (None, "human")
    assert Turn.objects.filter(session=session).count() == 1


def test_a_click_is_kept_and_needs_no_answer(session: Session) -> None:
    recorded = say(session, "", ui_event={"type": "card_clicked"})
    assert (recorded.reply, recorded.decision["tier"]) == (None, "none")


def test_everything_about_a_turn_is_kept(session: Session) -> None:
    recorded = say(session, "Bàn phím cơ dưới 1 triệu")
    turns = list(Turn.objects.filter(session=session))
    assert [turn.speaker for turn in turns] == ["user", "assistant"]
    assert turns[1].in_reply_to == turns[0]
    decision = DecisionEvent.objects.get()
    assert (decision.tier, decision.input_turn) == ("catalog", turns[0])
    assert decision.sources == recorded.decision["sources"]
    assert ActionExecution.objects.get().action_name == "price_lookup"
    assert ContextSlot.objects.get(slot_key="budget").extracted_from_turn == turns[0]
    session.refresh_from_db()
    assert (session.turn_number, session.flow_step) == (1, "browsing")


def test_a_message_sent_twice_is_answered_once(session: Session) -> None:
    first = say(session, "How long does delivery take?", external_id="m-1")
    again = say(session, "How long does delivery take?", external_id="m-1")
    assert again.reply == first.reply
    assert again.turn == first.turn
    assert Turn.objects.filter(session=session).count() == 2


def test_a_message_whose_worker_died_is_answered_when_its_lease_is_over(session: Session) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runtime_turn (tenant_id, session_id, speaker, message, external_id, lease_until) "
            "VALUES (%s, %s, 'user', 'How long does delivery take?', 'm-1', now() + interval '30 s')",
            [session.tenant_id, session.pk],
        )
    with pytest.raises(Conflict, match="being answered"):
        say(session, "How long does delivery take?", external_id="m-1")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runtime_turn SET lease_until = now() - interval '1 s' WHERE tenant_id = %s", [session.tenant_id]
        )
    assert say(session, "How long does delivery take?", external_id="m-1").decision["tier"] == "faq"
    assert Turn.objects.filter(session=session).count() == 2


def test_who_loses_the_race_decides_again_on_what_is_true_then(session: Session, monkeypatch: Any) -> None:
    from runtime import turn

    decided: list[int] = []
    decide = turn.decide

    def decide_while_another_turn_is_recorded(context: Any) -> Any:
        decided.append(context.turn_number)
        if len(decided) == 1:
            Session.objects.filter(pk=session.pk).update(turn_number=7)
        return decide(context)

    monkeypatch.setattr(turn, "decide", decide_while_another_turn_is_recorded)
    say(session, "How long does delivery take?")
    assert decided == [0, 7]
    assert Turn.objects.filter(session=session).count() == 2


def test_races_lost_again_and_again_are_a_conflict_and_keep_the_message(session: Session, monkeypatch: Any) -> None:
    from runtime import turn

    decide = turn.decide

    def always_too_late(context: Any) -> Any:
        Session.objects.filter(pk=session.pk).update(turn_number=context.turn_number + 1)
        return decide(context)

    monkeypatch.setattr(turn, "decide", always_too_late)
    with pytest.raises(Conflict) as refused:
        say(session, "How long does delivery take?")
    assert (refused.value.code, refused.value.seconds) == ("session_busy", 1)
    assert list(Turn.objects.filter(session=session).values_list("speaker", flat=True)) == ["user"]


def test_who_loses_the_race_lets_the_messages_that_came_before_be_answered_first(session: Session, monkeypatch: Any) -> None:
    from runtime import turn

    earlier = turn.load(session_id=session.pk, message="hello", external_id="", ui_event=None, turn_id=None).context
    decide, waited = turn.decide, []

    def decide_late(context: Any) -> Any:
        if not waited:
            Session.objects.filter(pk=session.pk).update(turn_number=context.turn_number + 1)
        return decide(context)

    def answer_the_earlier_one(seconds: float) -> None:
        waited.append(seconds)
        again = turn.load(session_id=session.pk, message="", external_id="", ui_event=None, turn_id=earlier.turn_id).context
        assert turn.record(again, decide(again), started=0)

    monkeypatch.setattr(turn, "decide", decide_late)
    monkeypatch.setattr(turn.time, "sleep", answer_the_earlier_one)
    assert say(session, "How long does delivery take?").decision["tier"] == "faq"
    assert waited == [turn.GLANCE_SECONDS]
    replies = Turn.objects.filter(session=session, speaker="assistant").order_by("id")
    assert [reply.in_reply_to.message for reply in replies] == ["hello", "How long does delivery take?"]


def test_an_ended_conversation_takes_no_message(session: Session) -> None:
    end_session(session)
    with pytest.raises(Conflict) as refused:
        say(session, "hello")
    assert refused.value.code == "session_ended"
    assert not Turn.objects.exists()


def test_a_conversation_of_another_tenant_does_not_exist(session: Session, harbour: Business, monkeypatch: Any) -> None:
    session_id: UUID = session.pk
    with in_tenant(harbour.tenant), pytest.raises(Http404):
        take_turn(session_id=session_id, message="hello")
    assert not Turn.objects.exists()


@pytest.mark.parametrize(
    "message", ["How long does delivery take?", "Tai nghe Sóng Xanh giá bao nhiêu?", "What is the capital of Mongolia?"]
)
def test_a_turn_costs_at_most_four_messages_to_the_database(
    session: Session, message: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(4):
        say(session, message)


def test_a_busy_message_may_be_sent_again_at_once(session: Session, monkeypatch: Any) -> None:
    from runtime import turn

    decide = turn.decide

    def always_too_late(context: Any) -> Any:
        Session.objects.filter(pk=session.pk).update(turn_number=context.turn_number + 1)
        return decide(context)

    with monkeypatch.context() as patched, pytest.raises(Conflict):
        patched.setattr(turn, "decide", always_too_late)
        say(session, "How long does delivery take?", external_id="m-1")
    assert say(session, "How long does delivery take?", external_id="m-1").decision["tier"] == "faq"
    assert Turn.objects.filter(session=session).count() == 2


def test_a_message_that_failed_may_be_sent_again_at_once_and_keeps_its_first_words(
    session: Session, monkeypatch: Any
) -> None:
    from runtime import turn

    def broken(context: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError):
        patched.setattr(turn, "decide", broken)
        say(session, "How long does delivery take?", external_id="m-1")
    assert say(session, "What is your return policy?", external_id="m-1").reply["message"] == "Two to four working days."  # type: ignore[index]


def test_an_answer_given_again_is_the_same_although_the_conversation_went_on(session: Session) -> None:
    first = say(session, "show me a backpack under 1tr5", external_id="m-1")
    say(session, "show me a keyboard under 2tr", external_id="m-2")
    again = say(session, "show me a backpack under 1tr5", external_id="m-1")
    assert (again.slots, again.session, again.decision) == (first.slots, first.session, first.decision)
