"""What staff see of a language model: its calls, its cost, its tools, what was not said and why."""

from tests.runtime.model.conftest import answers, calls
from tests.runtime.test_admin import browser, page, text_of


def shown(saigon, session):
    return operator_page(saigon, session).content.decode()


def operator_page(saigon, session):
    return browser(saigon.operator, saigon.tenant).get(page("runtime_session_change", session.pk))


def test_the_transcript_tells_what_the_model_cost_and_what_it_looked_up(say, endpoint, session, saigon):
    endpoint.script = [
        calls(("price_lookup", {"products": ["Bàn phím cơ Gõ Êm"]})),
        answers("Bàn phím cơ Gõ Êm giá 990.000đ."),
    ]
    say("So sánh giúp mình hai sản phẩm bán chạy nhất nhé")
    words = text_of(operator_page(saigon, session)).replace("\xa0", " ")
    for expected in ("Language model", "2 calls", "gpt-test: 12 + 5 tokens", "price_lookup", "$0.000044", "990.000đ"):
        assert expected in words


def test_the_transcript_tells_what_was_not_said_and_why(say, endpoint, session, saigon):
    endpoint.script = [answers("It is fine <b>indeed</b>. The Trail Runner Backpack costs 990,000 ₫.")]
    say("Tell me about the Trail Runner Backpack")
    words = text_of(operator_page(saigon, session)).replace("\xa0", " ")
    for expected in ("it said what no fact bears out", "990,000 ₫", "It is fine indeed."):
        assert expected in words


def test_what_a_model_or_a_bot_wrote_is_never_markup(say, endpoint, session, saigon):
    from runtime.models import DecisionEvent

    endpoint.script = [answers("Hello.")]
    say("What is the capital of Mongolia?")
    script = "<script>alert(1)</script>"
    odd = {"calls": [{"model": script, "cost": script}, 7], "why": script, "message": script, "replaced": {"said": script}}
    for model in (odd, [script], {"calls": script, "tools": [script]}, script):
        DecisionEvent.objects.update(decision_metadata={"model": model, "answered": {}})
        assert script not in shown(saigon, session)
