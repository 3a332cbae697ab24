"""An order from a conversation: proposed by the model, made when the customer agrees, once, at the prices of that moment."""

from decimal import Decimal

import pytest

from bots.models import Bot
from catalog.models import InventoryLocation, Order, SalesChannel, StockMovement, StockReservation, VariantPrice
from runtime import turn
from runtime.model.proposals import SLOT
from runtime.models import ActionExecution, Session
from runtime.services import set_slot, start_session
from tests.runtime.model.conftest import answers, calls, plain
from tests.runtime.test_turn import sell

ASKED = "Đặt giúp mình 2 đèn bàn nhé"


@pytest.fixture
def lamp(session):
    return sell("Đèn bàn Ánh Vàng", "lamps", "250000", 5)


@pytest.fixture
def propose(say, endpoint, lamp):
    """Return what lets the model propose two lamps."""

    def proposed(quantity=2, **more):
        endpoint.script = [calls(("create_order", {"lines": [{"sku": lamp.sku, "quantity": quantity}], **more}))]
        return say(ASKED)

    return proposed


def button(recorded, place=0):
    one = recorded.reply["ui_metadata"]["quick_replies"][place]
    return {"action": one["action"], "proposal": one["proposal"]}


def test_a_proposal_tells_the_total_and_orders_nothing(propose, endpoint):
    recorded = propose()
    assert "2 × Đèn bàn Ánh Vàng: 500.000 ₫" in plain(recorded)
    assert [one["action"] for one in recorded.reply["ui_metadata"]["quick_replies"]] == ["agree", "decline"]
    assert len(endpoint.asked) == 1
    assert not Order.objects.exists()
    assert not StockReservation.objects.exists()


@pytest.mark.parametrize("word", ["đồng ý", "ok", "Vâng ạ", "dạ chốt đơn nhé", "yes please", "ok đặt hàng đi"])
def test_a_yes_in_the_next_turn_makes_the_order(propose, say, endpoint, session, word):
    propose()
    recorded = say(word)
    order = Order.objects.get()
    assert (order.total, order.customer, order.session) == (Decimal(500_000), session.customer, session)
    assert order.bot_id == session.bot_id
    assert f"#{order.number}" in plain(recorded)
    assert recorded.decision["tier"] == "catalog"
    assert ActionExecution.objects.latest("id").output_result["number"] == order.number
    assert len(endpoint.asked) == 1


def test_the_button_makes_it_once_however_often_it_is_pressed(propose, say):
    pressed = button(propose())
    for _time in range(3):
        assert say("", ui_event=pressed).reply is not None
    assert Order.objects.count() == 1


def test_a_no_orders_nothing(propose, say):
    propose()
    assert "#" not in plain(say("không, thôi"))
    assert not Order.objects.exists()
    assert say("ok").decision["tier"] != "catalog"
    assert not Order.objects.exists()


def test_a_yes_to_something_else_orders_nothing(propose, say, endpoint):
    propose()
    say("Bao lâu thì tôi nhận được hàng?")
    say("ok")
    assert not Order.objects.exists()


def test_at_another_price_the_customer_is_asked_again(propose, say):
    propose()
    VariantPrice.objects.filter(amount=250_000).update(amount=300_000)
    recorded = say("đồng ý")
    assert "600.000 ₫" in plain(recorded)
    assert not Order.objects.exists()
    say("đồng ý")
    assert Order.objects.get().total == 600_000


def test_stock_that_is_gone_meanwhile_is_told(propose, say, lamp):
    propose(5)
    main = InventoryLocation.objects.get(code="main")
    StockMovement.objects.create(variant=lamp, location=main, quantity=-4, reason="correction")
    recorded = say("đồng ý")
    assert recorded.decision["tier"] == "handoff"
    assert lamp.sku in plain(recorded)
    assert not Order.objects.exists()


def test_a_guest_is_asked_who_they_are_first(propose, say, session):
    session.customer = None
    session.save()
    propose()
    assert ActionExecution.objects.get().output_result["error"]["code"] == "who"
    propose(name="Lan", phone="0901234567")
    say("đồng ý")
    order = Order.objects.get()
    assert (order.customer.name, order.customer.phone) == ("Lan", "0901234567")
    session.refresh_from_db()
    assert session.customer == order.customer


def test_what_is_sold_out_is_told_before_a_guest_is_asked_who_they_are(propose, say, endpoint, session, lamp):
    session.customer = None
    session.save()
    main = InventoryLocation.objects.get(code="main")
    StockMovement.objects.create(variant=lamp, location=main, quantity=-4, reason="correction")
    wanted = ("create_order", {"lines": [{"sku": lamp.sku, "quantity": 2}]})
    endpoint.script = [calls(wanted), answers("Mình đã chuẩn bị đơn hàng cho bạn.")]
    said = plain(say(ASKED))
    assert said == "Đèn bàn Ánh Vàng: còn 1 sản phẩm."
    assert ActionExecution.objects.get().output_result["error"]["code"] == "out_of_stock"
    StockMovement.objects.create(variant=lamp, location=main, quantity=-1, reason="correction")
    endpoint.script = [calls(wanted), answers("Bạn cho mình xin tên và số điện thoại nhé?")]
    assert plain(say(ASKED)) == "Đèn bàn Ánh Vàng: hết hàng."
    assert not Order.objects.exists()


def test_an_order_that_was_refused_is_not_told_as_prepared(say, endpoint, lamp, session):
    session.customer = None
    session.save()
    wanted = ("create_order", {"lines": [{"sku": lamp.sku, "quantity": 2}]})
    endpoint.script = [calls(wanted), answers("Mình đã chuẩn bị đơn hàng cho bạn, bạn xác nhận nhé.")]
    said = plain(say(ASKED))
    assert "chuẩn bị" not in said
    assert "name" in said or "tên" in said
    assert not Order.objects.exists()


@pytest.mark.parametrize("told", ["Shall I order two lamps for you?", "UNKNOWN", "Bạn có muốn đặt 2 đèn bàn không?"])
def test_why_an_order_was_refused_is_said_whatever_the_model_says(say, endpoint, lamp, session, told):
    session.customer = None
    session.save()
    wanted = ("create_order", {"lines": [{"sku": lamp.sku, "quantity": 2}]})
    endpoint.script = [calls(wanted), answers(told)]
    said = plain(say(ASKED))
    assert told not in said
    assert "name" in said or "tên" in said
    assert not Order.objects.exists()


def test_an_order_in_wrong_words_is_mended_once_and_never_offered_without_a_proposal(say, endpoint, lamp):
    wrong = ("create_order", {"lines": [{"sku": lamp.sku, "quantity": "two"}]})
    for told in ("Shall I order two lamps for you?", "Bạn có muốn chốt 2 đèn bàn không?", "Your order is ready."):
        endpoint.script = [calls(wrong), answers(told)]
        recorded = say(ASKED)
        assert "How many" in plain(recorded) or "how many" in plain(recorded) or "bao nhiêu" in plain(recorded), told
    endpoint.script = [calls(wrong), calls(wrong), answers("Never asked for.")]
    say(ASKED)
    assert len(endpoint.script) == 1
    assert not ActionExecution.objects.exclude(status="error").exists()
    endpoint.script = [calls(wrong), calls(("create_order", {"lines": [{"sku": lamp.sku, "quantity": 2}]}))]
    assert "500.000 ₫" in plain(say(ASKED))
    told_back = endpoint.asked[-1].body["messages"][-1]
    assert (told_back["role"], "invalid_arguments" in told_back["content"], "quantity" in told_back["content"]) == (
        "tool",
        True,
        True,
    )


def test_the_name_and_number_that_a_guest_told_need_not_be_passed_on(propose, say, endpoint, session):
    session.customer = None
    session.save()
    endpoint.script = [answers("UNKNOWN")] * 3
    say("Tôi tên là Lan, số điện thoại 0901234567")
    assert "500.000 ₫" in plain(propose())
    say("đồng ý")
    order = Order.objects.get()
    assert (order.customer.name, order.customer.phone[-9:]) == ("Lan", "901234567")


@pytest.mark.parametrize("told", ["I have prepared your order, please confirm.", "Your order has been placed."])
def test_an_order_that_no_tool_knows_of_is_not_told(say, endpoint, told):
    endpoint.script = [answers(told)]
    assert told not in plain(say("Please order that for me, two of them"))


def test_a_turn_that_lost_the_race_after_ordering_orders_once(propose, say, session, monkeypatch):
    propose()
    decide, decided = turn.decide, []

    def decide_while_another_turn_is_recorded(context):
        reply = decide(context)
        decided.append(reply)
        if len(decided) == 1:
            Session.objects.filter(pk=session.pk).update(turn_number=context.turn_number + 1)
        return reply

    monkeypatch.setattr(turn, "decide", decide_while_another_turn_is_recorded)
    recorded = say("đồng ý")
    assert len(decided) == 2
    assert f"#{Order.objects.get().number}" in plain(recorded)


@pytest.mark.parametrize("value", ["", "nonsense", "01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb:1", "{}", ":"])
def test_a_made_up_proposal_orders_nothing(say, endpoint, session, lamp, value):
    if value:
        set_slot(session=session, slot_key=SLOT, slot_value=value)
    say("ok")
    say("", ui_event={"action": "agree", "proposal": value})
    say("", ui_event={"action": "agree", "proposal": {"x": 1}})
    assert not Order.objects.exists()


def test_a_proposal_of_another_conversation_is_none_of_ours(propose, say, session, saigon):
    pressed = button(propose())
    other, _token = start_session(bot=session.bot, channel=SalesChannel.objects.get(code="web"))
    turn.take_turn(session_id=other.pk, message="", ui_event=pressed)
    assert not Order.objects.exists()


def test_the_model_may_not_name_a_price(say, endpoint, lamp):
    wanted = {"lines": [{"sku": lamp.sku, "quantity": 1, "unit_price": 1}]}
    endpoint.script = [calls(("create_order", wanted)), answers("Vâng ạ.")]
    say(ASKED)
    assert ActionExecution.objects.get(action_name="create_order").status == "error"
    say("đồng ý")
    assert not Order.objects.exists()


def test_what_another_bot_sells_is_not_sold_here(propose, say, lamp):
    lamp.offering.bot = Bot.objects.create(code="elsewhere", name="Elsewhere")
    lamp.offering.save(update_fields=["bot"])
    propose()
    assert ActionExecution.objects.get().output_result["error"]["code"] == "unknown_sku"
    say("đồng ý")
    assert not Order.objects.exists()
