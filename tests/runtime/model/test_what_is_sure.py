"""Which answers spare a language model, and what is said in its place when it brings nothing."""

from typing import Any

import pytest

from bots.models import Faq
from catalog.search.embedding import embed_due_texts
from runtime.models import DecisionEvent, KnowledgeGap
from tests.runtime.model.conftest import answers, plain
from tests.vault import openai_server as server

WEAK = (
    ("How do I clean a leather backpack?", "Can you clean it in the machine?"),
    ("How long does delivery take?", "is delivery to Hanoi any faster"),
    ("How long does delivery take?", "How long does delivery take on public holidays?"),
    ("Đổi trả trong bao lâu?", "mua nhầm thì đổi trả qua bưu điện được không"),
)
SURE = (
    ("How long does delivery take?", "how long does delivery take"),
    ("Đổi trả trong bao lâu?", "doi tra trong bao lau"),
)


@pytest.mark.parametrize(("known", "asked"), WEAK)
def test_a_question_that_is_only_about_the_same_thing_is_the_models(say: Any, endpoint: Any, known: str, asked: str) -> None:
    Faq.objects.get_or_create(question=known, defaults={"answer": "KNOWN-ANSWER within a week.", "language": "en"})
    endpoint.script = [answers("UNKNOWN")] * 2
    say(asked)
    assert len(endpoint.asked) == 1
    assert known in endpoint.asked[0].body["messages"][0]["content"]


@pytest.mark.parametrize(("known", "asked"), SURE)
def test_a_question_in_nearly_the_words_of_a_faq_spares_the_model(say: Any, endpoint: Any, known: str, asked: str) -> None:
    Faq.objects.get_or_create(question=known, defaults={"answer": "Within a week.", "language": "vi"})
    assert say(asked).decision["tier"] == "faq"
    assert endpoint.asked == []


def test_the_price_of_what_only_sounds_like_an_offering_is_the_models(say: Any, endpoint: Any) -> None:
    endpoint.script = [answers("UNKNOWN")]
    assert say("how much is backpack rental for a week").decision["tier"] == "handoff"
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("asked", "tier", "told"),
    [
        ("How long does delivery take on public holidays?", "faq", "Two to four working days."),
        ("Tell me about the Trail Runner Backpack", "catalog", "1,250,000 ₫"),
        ("What is the capital of Mongolia?", "handoff", "I cannot look that up"),
    ],
)
@pytest.mark.parametrize("step", [server.error(500), server.sends(b'{"choices": [')], ids=["500", "broken"])
def test_when_the_model_fails_what_answers_without_one_does(
    say: Any, endpoint: Any, step: Any, asked: str, tier: str, told: str
) -> None:
    while embed_due_texts():
        pass
    endpoint.script = [step] * 3
    recorded = say(asked)
    assert recorded.decision["tier"] == tier
    assert told in plain(recorded)
    assert DecisionEvent.objects.get().decision_metadata["model"]["why"] in ("retry", "permanent")


def test_what_the_model_finds_no_answer_to_is_not_answered_by_less(say: Any, endpoint: Any) -> None:
    endpoint.script = [answers("UNKNOWN")]
    assert say("How long does delivery take on public holidays?").decision["tier"] == "handoff"
    assert KnowledgeGap.objects.count() == 1


@pytest.mark.parametrize("said", ["hello", "xin chào shop", "thanks a lot", "cảm ơn bạn nhé", "bye"])
@pytest.mark.parametrize("step", [server.error(500), answers("UNKNOWN")], ids=["500", "unknown"])
def test_politeness_is_answered_whatever_becomes_of_the_model(say: Any, endpoint: Any, step: Any, said: str) -> None:
    endpoint.script = [step] * 3
    recorded = say(said)
    assert recorded.decision["tier"] == "none"
    assert plain(recorded)
    assert "quick_replies" not in recorded.reply["ui_metadata"]
    assert not KnowledgeGap.objects.exists()
