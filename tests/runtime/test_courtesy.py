"""Politeness in a conversation gets a short answer back, in the customer's language, and is no knowledge gap."""

from collections.abc import Callable
from typing import Any

import pytest

from bots.models import Faq
from catalog.models import Offering, OfferingTranslation
from catalog.search.embedding import embed_due_texts
from runtime.models import KnowledgeGap
from tests.conftest import Business, in_tenant
from tests.runtime.conftest import PRODUCT

pytestmark = pytest.mark.django_db


@pytest.fixture
def say(api: Any, saigon: Business, begin: Callable[..., dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Say something in one conversation and return the answer."""
    session = begin()["id"]

    def said(message: str) -> dict[str, Any]:
        answer = api(saigon).post(f"sessions/{session}/turns/", {"message": message})
        assert answer.status_code == 201, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return said


@pytest.mark.parametrize(
    ("message", "begins"),
    [
        *(("shop ơi", "Chào bạn!"), ("có ai không ạ", "Chào bạn!"), ("anyone there?", "Hello!"), ("ｈｅｌｌｏ", "Hello!")),
        *(("very good service, thank you!", "You are welcome!"), ("dịch vụ tốt lắm, cảm ơn shop", "Không có gì")),
        *(("hello", "Hello!"), ("Good morning!", "Hello!"), ("hi there", "Hello!")),
        *(("Xin chào", "Chào bạn!"), ("chao shop a", "Chào bạn!"), ("alo shop ơi", "Chào bạn!")),
        *(("thanks", "You are welcome!"), ("thank you so much", "You are welcome!"), ("cảm ơn nhiều nha", "Không có gì")),
        *(("bye", "Goodbye"), ("tạm biệt", "Tạm biệt"), ("👍", "All right."), ("no", "All right."), ("dạ vâng", "Vâng ạ.")),
    ],
)
def test_politeness_is_answered_in_the_language_and_leaves_no_gap(say, saigon, message: str, begins: str) -> None:
    said = say(message)
    assert said["reply"]["message"].startswith(begins)
    assert said["decision"]["tier"] == "none"
    assert "quick_replies" not in said["reply"]["ui_metadata"]
    with in_tenant(saigon.tenant):
        assert not KnowledgeGap.objects.exists()


def test_a_bare_no_declines_the_offer_of_a_person_in_the_language_of_the_conversation(say) -> None:
    assert say("Thời tiết ngày mai thế nào?")["decision"]["tier"] == "handoff"
    assert say("no")["reply"]["message"].startswith("Vâng ạ.")
    assert say("What is the capital of Mongolia?")["decision"]["tier"] == "handoff"
    assert say("no thanks")["reply"]["message"].startswith("All right.")
    assert say("cảm ơn")["reply"]["message"].startswith("Không có gì")
    assert say("thank you, bye")["reply"]["message"].startswith("Goodbye")


def test_a_bare_yes_still_asks_for_the_person_that_was_offered(say) -> None:
    say("What is the capital of Mongolia?")
    assert say("yes")["reply"]["message"].startswith("I have asked a colleague")


def test_a_faq_written_for_a_greeting_is_given(say, saigon) -> None:
    with in_tenant(saigon.tenant):
        Faq.objects.create(question="Hello, hi there", answer="Ahoy!", language="en")
    assert say("hello")["reply"]["message"] == "Ahoy!"


@pytest.mark.parametrize(
    "message", ["hello, do you sell umbrellas?", "cảm ơn, có bán ô không?", "the service was not good", "help", "???"]
)
def test_more_than_politeness_is_not_answered_with_it(say, message: str) -> None:
    assert say(message)["decision"]["tier"] == "handoff"


def test_names_are_told_in_the_language_of_the_customer(say, saigon) -> None:
    with in_tenant(saigon.tenant):
        version = Offering.objects.get(versions__name=PRODUCT).versions.get()
        OfferingTranslation.objects.create(
            offering_version=version, language="en", name="Blue Wave wireless headphones", description=""
        )
    embed_due_texts()
    assert say("how much are the Blue Wave headphones?")["reply"]["message"].startswith("Blue Wave wireless headphones:")
    assert say("tai nghe Sóng Xanh giá bao nhiêu?")["reply"]["message"].startswith(f"{PRODUCT}:")
