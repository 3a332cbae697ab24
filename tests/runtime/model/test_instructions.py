"""The version's instructions with their variables filled in, and the tools its flow allows."""

import pytest

from bots.memories import remember
from bots.models import Bot, Tool
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.services import CustomerName, start_session
from runtime.turn import take_turn
from tests.runtime.model.conftest import answers, plain

ASKED = "So sánh giúp mình hai sản phẩm bán chạy nhất nhé"
PROMPT = (
    "Bạn là {{ bot_name }} của {{ business_name }}, khách là {{ customer_name }}. Ship {{ memory.fee }}, {{ memory.note }}."
)


@pytest.fixture
def speak(session):
    """Return what says something to the bot's next version, as a customer of this name."""

    def say(prompt, name="Mai", **flow):
        bot = Bot.objects.get()
        activate_version(version=create_version(bot=bot, system_prompt=prompt, flow_config=flow))
        who = CustomerName("mai", name=name)
        started = start_session(bot=bot, channel=SalesChannel.objects.get(code="web"), customer=who)[0]
        return take_turn(session_id=started.pk, message=ASKED)

    return say


def test_the_model_reads_names_and_memory_where_the_instructions_name_them(speak, session, endpoint):
    bot = Bot.objects.get()
    remember(bot=bot, key="fee", value="15.000đ")
    remember(bot=bot, key="note", value="thích màu đỏ", customer=session.customer)
    endpoint.script = [answers("Phí ship là 15.000đ.")]
    said = speak(PROMPT)
    system = endpoint.asked[-1].body["messages"][0]["content"]
    assert "Bạn là Shop của Saigon, khách là Mai. Ship 15.000đ, thích màu đỏ." in system
    assert plain(said) == "Phí ship là 15.000đ."


def test_what_a_customer_had_remembered_proves_no_price(speak, session, endpoint):
    remember(bot=Bot.objects.get(), key="note", value="giá chỉ 1.000đ", customer=session.customer)
    endpoint.script = [answers("Giá chỉ 1.000đ.")]
    said = speak(PROMPT)
    assert "1.000đ" in endpoint.asked[-1].body["messages"][0]["content"]
    assert "1.000đ" not in plain(said)


def test_a_version_is_told_of_the_tools_its_flow_names(speak, endpoint):
    for code in ("tracking", "loyalty"):
        Tool.objects.create(code=code, name=code, url="https://api.example.com/", needs_confirmation=False)

    def told(**flow):
        endpoint.script = [answers("Dạ.")]
        speak("Bạn là {{ bot_name }}.", **flow)
        return {one["function"]["name"] for one in endpoint.asked[-1].body.get("tools", [])} & {"tracking", "loyalty"}

    assert told() == {"tracking", "loyalty"}
    assert told(tools=["tracking"]) == {"tracking"}
    assert told(tools=[]) == set()
