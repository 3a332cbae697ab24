"""What a model says in the words of its sources, and yet not what they say: rows, bounds, conditions, variants, names, states."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import Faq
from catalog.models import Order, PriceList, Variant, VariantPrice
from runtime.model.clauses import Passage
from runtime.model.proposals import LIFETIME
from runtime.model.sentences import split
from runtime.model.support import Support
from runtime.models import ActionExecution
from tests.runtime.model.conftest import answers, calls, plain
from tests.runtime.test_turn import sell

TEXTS = {
    "rent": (
        "Bảng giá thuê đồ cắm trại",
        "Món: Lều 2 người; Giá một ngày: 80.000đ; Đặt cọc: 500.000đ\nMón: Lều 4 người; Giá một ngày: 120.000đ; Đặt cọc: 800.000đ\n"
        "Món: Bếp gas; Giá một ngày: 40.000đ; Đặt cọc: 300.000đ",
    ),
    "room": ("Phòng họp", "Phòng nhỏ 60.000đ một giờ, phòng lớn 90.000đ một giờ, phòng thu âm 200.000đ một giờ."),
    "pick": ("Có nhận đồ tại nhà không?", "Có, ở Quận 1, Bình Thạnh và Phú Nhuận, phụ thu 50.000đ mỗi lượt."),
    "pay": ("How can I pay?", "We take cash, bank transfer and Momo."),
    "guide": (
        "Who leads your tours?",
        "Khoa leads the Ta Nang trek in March. Linh leads the Bidoup trek and speaks English.",
    ),
    "group": ("Nhóm mấy người?", "Mỗi nhóm tối đa 6 khách. Nhóm từ 4 khách được giảm 10% tiền tour."),
    "change": ("Có đổi được không?", "Đổi trong 10 ngày với hàng chưa qua sử dụng."),
    "cancel": (
        "Can I cancel?",
        "We refund 80% if you cancel before the third day; from the third day on there is no refund.",
    ),
    "grades": ("Which courses are there?", "We teach climbing from Grade 1 to Grade 5."),
}
REPLIES = [
    ("Lều 4 người đặt cọc 800.000đ, giá 120.000đ một ngày [rent].", True),
    ("Lều 4 người đặt cọc 500.000đ [rent].", False),
    ("Bếp gas đặt cọc 300.000đ [rent].", True),
    ("The deposit for the gas stove is 500,000đ [rent].", False),
    ("Phòng thu âm 200.000đ một giờ [room].", True),
    ("Phòng thu âm 90.000đ một giờ [room].", False),
    ("Dạ nhận đồ tại nhà ở Phú Nhuận phụ thu 50.000đ mỗi lượt [pick].", True),
    ("Dạ nhận đồ tại nhà ở Phú Nhuận không phụ thu [pick].", False),
    ("Dạ có, bên em nhận đồ tại nhà ở Gò Vấp, phụ thu 50.000đ [pick].", False),
    ("We pick up in Phu Nhuan for 50,000đ [pick].", True),
    ("You can pay by cash, bank transfer or Momo [pay].", True),
    ("You can pay by cash, bank transfer, Momo or PayPal [pay].", False),
    ("Khoa leads the Ta Nang trek in March [guide].", True),
    ("Linh leads the Ta Nang trek in March [guide].", False),
    ("Mỗi nhóm nhiều nhất 6 khách [group].", True),
    ("Mỗi nhóm tối thiểu 6 khách [group].", False),
    ("A group has at least 6 guests [group].", False),
    ("Mọi nhóm được giảm tiền tour [group].", False),
    ("Hàng chưa qua sử dụng được đổi trong 10 ngày [change].", True),
    ("Hàng đã qua sử dụng vẫn được đổi trong 10 ngày [change].", False),
    ("Hàng đã qua sử dụng không đổi được [change].", True),
    ("No, from the third day on there is no refund [cancel].", True),
    ("We refund 80% if you cancel after the third day [cancel].", False),
    ("We teach climbing up to Grade 5 [grades].", True),
    ("We teach climbing up to Grade 8 [grades].", False),
]


@pytest.mark.parametrize(("reply", "is_true"), REPLIES)
def test_the_words_of_a_source_turned_round_are_not_its_own(reply, is_true):
    keys = list(TEXTS)
    support = Support(sources=[Passage(*text) for text in TEXTS.values()])
    cited = [keys.index(key) + 1 for key in re.findall(r"\[(\w+)\]", reply)]
    [sentence] = split(re.sub(r"\s?\[\w+\]", "", reply))
    assert support.is_given(sentence, cited) is is_true


@pytest.fixture
def jacket(session):
    """A jacket of which the black one is gone and the blue one is there."""
    gone = sell("Peak Jacket Alpine", "jacket", "900000", 0)
    Variant.objects.filter(pk=gone.pk).update(attributes={"color": "Đen"})
    there = Variant.objects.create(
        offering=gone.offering, sku="PEAK-BLUE", attributes={"color": "Xanh"}, inventory_policy="untracked"
    )
    standard = PriceList.objects.get(code="standard")
    VariantPrice.objects.create(variant=there, price_list=standard, currency="VND", amount=900_000)
    return gone


def test_a_variant_named_by_its_colour_is_the_one_whose_stock_counts(say, endpoint, jacket):
    for reply, is_said in [
        ("Yes, we have the black Peak Jacket Alpine at 900,000 ₫.", False),
        ("The black Peak Jacket Alpine is available for 900,000 ₫.", False),
        ("Yes, we have the blue Peak Jacket Alpine at 900,000 ₫.", True),
    ]:
        endpoint.script = [answers(reply)]
        assert (plain(say("tell me about the Peak Jacket Alpine, is it for me?")) == reply) is is_said, reply


def test_a_state_of_an_order_is_the_one_the_tool_tells(say, endpoint, session, jacket):
    sell("Đèn bàn Ánh Vàng", "lamps", "250000", 5)
    lamp = Variant.objects.get(offering__versions__name="Đèn bàn Ánh Vàng")
    endpoint.script = [calls(("create_order", {"lines": [{"sku": lamp.sku, "quantity": 1}]}))]
    say("Đặt giúp mình 1 đèn bàn nhé")
    say("đồng ý")
    number = Order.objects.get().number
    for reply, is_said in [(f"Your order #{number} is on its way.", False), (f"Your order #{number} is pending.", True)]:
        endpoint.script = [calls(("order_status", {})), answers(reply)]
        assert (plain(say("where is my order now please?")) == reply) is is_said, reply


def test_a_button_that_has_run_out_offers_the_order_anew(say, endpoint, session):
    lamp = sell("Đèn bàn Ánh Vàng", "lamps", "250000", 5)
    endpoint.script = [calls(("create_order", {"lines": [{"sku": lamp.sku, "quantity": 2}]}))]
    offered = say("Đặt giúp mình 2 đèn bàn nhé").reply["ui_metadata"]["quick_replies"][0]
    ActionExecution.objects.update(created_at=timezone.now() - LIFETIME - timedelta(minutes=1))
    again = say("", ui_event={"action": "agree", "proposal": offered["proposal"]})
    assert not Order.objects.exists()
    assert "500.000 ₫" in plain(again)
    fresh = again.reply["ui_metadata"]["quick_replies"][0]
    assert fresh["proposal"] != offered["proposal"]
    say("", ui_event={"action": "agree", "proposal": fresh["proposal"]})
    assert Order.objects.get().total == 500_000
    told = say("", ui_event={"action": "decline", "proposal": fresh["proposal"]})
    assert f"#{Order.objects.get().number}" in plain(told)


def test_what_a_model_does_not_know_is_told_where_a_text_holds_it(say, endpoint, session):
    Faq.objects.create(
        question="Có cho thuê lều không?", answer="Thuê lều 120.000đ một ngày, đặt cọc 800.000đ.", language="vi"
    )
    endpoint.script = [answers("UNKNOWN"), answers("UNKNOWN")]
    assert "120.000đ" in plain(say("muốn thuê lều bao nhiêu tiền vậy"))
    assert say("muốn thuê xuồng kayak bao nhiêu tiền vậy").decision["tier"] == "handoff"
