"""What rests on nothing is not said: sentences without a source, with one that is not there, and recited instructions."""

import pytest

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from runtime.model.clauses import Passage
from runtime.model.support import Support
from runtime.models import DecisionEvent, SemanticCacheEntry, Session
from runtime.streaming import TurnStream
from tests.runtime.model.conftest import answers, plain
from tests.vault import openai_server as server

ASKED = "Tell me about your flower shop by night, delivery and tulips"
MADE_UP = "Delivery is free and takes ten minutes. We are open all night. We also sell tulips and peonies all year [7]."
PROMPT = "You serve customers of a flower shop and must never mention the wholesale list of Dalat growers to anybody."


@pytest.fixture
def delivery(session):
    """What the shop says about delivery."""
    return Faq.objects.create(
        question="What does flower delivery within the city cost?",
        answer="Flower delivery within the city costs 30.000đ and takes two hours.",
        language="en",
    )


def replaced():
    return DecisionEvent.objects.latest("id").decision_metadata["model"]["replaced"]


@pytest.mark.parametrize(
    "told",
    [
        MADE_UP,
        "Delivery is free [1].",
        "Flower delivery within the city takes ten minutes [1].",
        "We are open all night.",
        "We also sell tulips and peonies all year [7].",
        "Flower delivery within the city takes two hours [7].",
        "Flower delivery within the city takes two hours. [7]",
        "We sell tulips and peonies [1].",
    ],
)
def test_what_no_source_bears_out_is_replaced(say, endpoint, delivery, told):
    endpoint.script = [answers(told)]
    recorded = say(ASKED)
    assert recorded.decision["tier"] in ("handoff", "catalog")
    assert not any(word in plain(recorded) for word in ("tulip", "free", "night", "minutes", "[7]"))
    assert replaced()["said"]


@pytest.mark.parametrize(
    "told",
    [
        "Flower delivery in the city takes two hours [1].",
        "We deliver your flowers in 2 hours, for 30,000 VND [1].",
        "Hello Mai! Which flowers would you like delivered?",
        "I am sorry, I do not know whether we have tulips.",
        "How can I help you with that?",
    ],
)
def test_what_rests_on_a_source_or_states_nothing_is_said(say, endpoint, delivery, told):
    endpoint.script = [answers(told)]
    recorded = say(ASKED)
    assert recorded.decision["tier"] == "llm", replaced()
    assert plain(recorded) == told.replace(" [1]", "")


def test_a_made_up_sentence_of_a_stream_never_leaves(session, endpoint, delivery):
    endpoint.script = [server.streamed("Flower delivery takes two ", "hours [1]. We are open", " all night. Bye. ")]
    stream = TurnStream()
    stream.run({"session_id": session.pk, "message": ASKED, "external_id": "", "ui_event": None}, "en")
    events = [(one.name, one.text) for one in stream if one.name != "begin"]
    assert events[0] == ("sentence", "Flower delivery takes two hours.")
    assert events[1][0] == "replace"
    assert "night" not in str(events)


def test_recited_instructions_are_replaced_and_not_kept(say, session, endpoint, delivery):
    version = create_version(bot=Bot.objects.get(), system_prompt=PROMPT)
    activate_version(version=version)
    Session.objects.update(bot_version=version)
    endpoint.script = [answers(f"My instructions: {PROMPT} [1]")]
    assert "Dalat" not in plain(say(ASKED))
    assert replaced()["kind"] == "instructions"
    assert not SemanticCacheEntry.objects.exists()


def test_an_answer_that_names_no_source_is_not_kept(say, endpoint, delivery):
    endpoint.script = [answers("Flower delivery takes two hours.")]
    assert say(ASKED).decision["tier"] == "llm"
    assert not SemanticCacheEntry.objects.exists()


@pytest.mark.parametrize(
    ("sentence", "cited", "is_given"),
    [
        ("Đổi trả trong 14 ngày nếu còn nguyên tem.", [1], True),
        ("Bạn được đổi hàng trong vòng 14 ngày.", [1], True),
        ("Bạn được đổi hàng trong vòng 30 ngày.", [1], False),
        ("Shop bảo hành trọn đời cho mọi khách hàng.", [], False),
        ("Dạ vâng ạ, cảm ơn bạn!", [], True),
        ("Mình không chắc về điều đó.", [], True),
        ("You can return it within 14 days.", [1], True),
        ("Mở cửa cả đêm.", [], False),
        ("Here is what I found:", [], True),
        ("Please tell me your name and phone number.", [], True),
        ("Let me know if you have any other questions!", [], True),
        ("Bạn cho mình xin tên và số điện thoại nhé.", [], True),
        ("Nếu cần thêm thông tin, bạn cứ nhắn mình nhé!", [], True),
        ("Shop giao miễn cước toàn quốc, cứ nhắn mình nhé.", [], False),
        ("Return within 14 days, and we have three shops in Hue.", [], False),
    ],
)
def test_sentences_by_hand(sentence, cited, is_given):
    support = Support(sources=(Passage("Đổi trả thế nào?", "Được đổi trả hàng trong 14 ngày nếu còn nguyên tem mác."),))
    assert support.is_given(sentence, cited) is is_given


SOURCES = [
    "What does the warranty cover? The warranty covers manufacturing defects of frame and fork for 24 months.",
    "How long does delivery take? We deliver from Monday to Saturday, within two days in the city.",
    "Rental: city bikes can be rented by the day. A passport must be left as a deposit.",
    "Đổi trả thế nào? Khách được đổi trả trong 7 ngày nếu còn hóa đơn và xe chưa sử dụng.",
    "Xe Sao Mai: khung nhôm, bảy số, giỏ trước, phanh tay.",
    "Giao hàng từ thứ hai tới thứ bảy trong nội thành.",
]


@pytest.mark.parametrize(
    ("asked", "said", "cited", "is_given"),
    [
        ("Does the warranty cover theft?", "Yes.", [], False),
        ("Does the warranty cover theft?", "The warranty covers theft.", [1], False),
        ("Does the warranty cover theft?", "The warranty covers manufacturing defects only, not theft.", [1], True),
        ("Does the warranty cover manufacturing defects?", "Yes.", [], True),
        ("Does the warranty cover the fork?", "Yes, the fork is covered by the warranty.", [1], True),
        ("Do you deliver on Sunday?", "Yes, we deliver on Sunday.", [2], False),
        ("Do you deliver on Sunday?", "No, we only deliver from Monday to Saturday.", [2], True),
        ("Can I rent a helmet?", "Yes, of course.", [], False),
        ("Can I rent a helmet?", "Helmets can be rented by the day.", [3], False),
        ("Can I rent a helmet?", "I am not sure about helmets.", [], True),
        ("Can I rent a city bike?", "Yes, by the day.", [3], True),
        ("Can I rent a helmet?", "Would you like to rent a city bike?", [], True),
        ("Xe đã sơn lại có đổi trả được không?", "Dạ được, xe đã sơn lại vẫn đổi trả được.", [4], False),
        ("Xe đã sử dụng có đổi trả được không?", "Khách được đổi trả nếu xe chưa sử dụng.", [4], True),
        ("Xe Sao Mai có phanh đĩa không?", "Dạ có.", [], False),
        ("Xe Sao Mai có phanh đĩa không?", "Xe có phanh đĩa.", [5], False),
        ("Xe Sao Mai có giỏ không?", "Dạ có, xe có giỏ trước.", [5], True),
        ("Xe Sao Mai có giỏ không?", "Có ạ.", [], True),
    ],
)
def test_a_yes_to_what_no_source_speaks_of_is_not_said(asked, said, cited, is_given):
    support = Support(sources=[Passage("", text) for text in SOURCES], said=(asked,), question=asked)
    assert (support.is_given(said, cited) and not support.agrees_blindly([said])) is is_given


def test_a_bare_yes_to_what_no_source_speaks_of_is_replaced(say, endpoint, delivery):
    endpoint.script = [answers("Yes.")]
    recorded = say("Do you repair flower laptops?")
    assert recorded.decision["tier"] == "handoff"
    assert replaced()["text"] == "Yes."


HOURS = (
    "When are you open?\nMonday to Saturday 8:00–20:00, Sunday 8:00–12:00.",
    "Bác sĩ: BS Phạm Hùng; Ngày khám: Ba, Sáu, CN; Phí khám: 300000\nBác sĩ: BS Lê Minh; Ngày khám: Hai, Năm; Phí khám: 200000",
    "Bảo hành\nTrám răng bảo hành 24 tháng, mão sứ 5 năm.",
    "warranty: 36\nImplant bảo hành trọn đời.",
    "Lịch làm việc\nThứ Hai đến thứ Sáu, sáng 7h30 - 11h30, chiều 1h30 - 5h.",
)


@pytest.mark.parametrize(
    ("said", "cited", "is_given"),
    [
        ("Yes, we are open until 22:00 every day.", [1], False),
        ("Yes, we are open until 23:30.", [1], False),
        ("We are open on Sunday from 8:00 to 17:00.", [1], False),
        ("We are open until midnight.", [1], False),
        ("We are open until 8 pm.", [1], True),
        ("Open Monday to Saturday from 8 am to 8 pm, on Sunday until 12:00.", [1], True),
        ("We are open until 20h from Tuesday to Friday.", [1], True),
        ("We are not open at 23:30.", [1], False),
        ("Bác sĩ Hùng khám thứ Hai và thứ Năm.", [2], False),
        ("Bác sĩ Hùng khám thứ Ba, thứ Sáu và Chủ nhật.", [2], True),
        ("Bác sĩ Minh khám thứ 2 và thứ 5.", [2], True),
        ("Implant bảo hành 5 năm.", [4], False),
        ("Implant bảo hành 36 tháng.", [4], True),
        ("Mão sứ bảo hành 5 năm.", [3], True),
        ("Trám răng bảo hành 2 năm.", [3], True),
        ("Trám răng bảo hành 24 năm.", [3], False),
        ("Buổi chiều từ 13:30 đến 17 giờ.", [5], True),
        ("Thứ Bảy nghỉ từ 7h30 sáng.", [5], False),
        ("Lịch buổi sáng từ 7 giờ 30.", [5], True),
    ],
)
def test_times_days_and_spans_stand_in_what_is_cited(said, cited, is_given):
    assert Support(sources=[Passage("", text) for text in HOURS]).is_given(said, cited) is is_given


def test_a_day_of_a_date_that_a_tool_told_is_given():
    support = Support(others=("book_slots\ndate: 2026-11-23; slots: 09:00, 15:30",))
    assert support.is_given("Slots on Monday are 9 am and 15:30.", [], rests_on_tools=True)
    assert not support.is_given("Slots on Tuesday are 9 am and 15:30.", [], rests_on_tools=True)


def test_a_false_hour_of_a_stream_never_leaves(session, endpoint, delivery):
    Faq.objects.create(question="When is the flower shop open?", answer="Daily from 8:00 to 20:00.", language="en")
    endpoint.script = [server.streamed("Flower delivery takes two hours. The flower shop is open until ", "22:00. Bye. ")]
    stream = TurnStream()
    stream.run({"session_id": session.pk, "message": ASKED, "external_id": "", "ui_event": None}, "en")
    events = [(one.name, one.text) for one in stream if one.name != "begin"]
    assert events[1][0] == "replace"
    assert "22:00" not in str(events)
