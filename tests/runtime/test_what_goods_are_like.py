"""What is asked of goods beside price and stock: what they are like, which is cheaper, what there is, and the second one."""

from typing import Any

import pytest

from bots.documents import create_document
from bots.models import Bot, Faq, KnowledgeCollection
from bots.services import activate_version, create_version
from catalog.models import OfferingVersion
from catalog.search.embedding import embed_due_texts
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

GOODS = {
    "Tent Aurora": ("For three people, weighs 2.4 kg, packed in 40 x 15 cm. Water resistant.", "2900000", 4),
    "Camping stove Ember": ("Boils a litre in 4 minutes, 3 kW, steel.", "650000", 9),
    "Đèn pin Sao Mai": ("Sáng 300 lumen, pin dùng 12 giờ, nặng 180 g, vỏ nhôm màu đen.", "320000", 20),
}
TERMS = (
    "# Renting\n\nTo rent a tent costs 90,000 VND a night. Bring an identity card.\n\n# Cleaning\n\nWe wash tents by hand."
)


@pytest.fixture
def talk(api: Any, saigon: Business) -> Any:
    """Return what holds a conversation: the last of these messages' answer."""
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=Bot.objects.create(code="camp", name="Camp")))
        for name, (description, price, stock) in GOODS.items():
            offering = sell(name, "camping", price, stock).offering
            OfferingVersion.objects.filter(offering=offering).update(description=description)
        Faq.objects.create(question="Where is your shop?", answer="12 Pine Street.", language="en")
        Faq.objects.create(question="Do you deliver?", answer="Có, miễn phí. Yes, free of charge.", language="en")
        create_document(
            collection=KnowledgeCollection.objects.create(code="terms", name="Terms"), name="terms.md", content=TERMS
        )
        embed_due_texts()

    def talked(*messages: str) -> dict[str, Any]:
        session = api(saigon).post("sessions/", {"bot": "camp", "channel": "web"}).json()["id"]
        answers = [api(saigon).post(f"sessions/{session}/turns/", {"message": one}).json() for one in messages]
        last: dict[str, Any] = answers[-1]
        return last

    return talked


TOLD = {
    ("how heavy is the tent?",): "2.4 kg",
    ("is the tent aurora water resistant?",): "Water resistant",
    ("how many people fit the tent?",): "three people",
    ("how much is the stove?", "how many watts does it have?"): "3 kW",
    ("đèn pin nặng bao nhiêu",): "180 g",
    ("pin đèn sao mai dùng được bao lâu",): "12 giờ",
    ("den pin mau gi",): "màu đen",
    ("how much does it cost to rent a tent",): "90,000 VND",
    ("how much is the tent",): "2,900,000",
    ("address?",): "12 Pine Street",
    ("shop có ship không",): "miễn phí",
    ("show me something under 5 million", "how much is the second one"): "650,000",
}
UNTOLD = (
    "what colour is the tent?",
    "does the stove have bluetooth?",
    "đèn pin bảo hành bao lâu",
    "do you wash cars?",
    "-1",
    "true",
    "'; DROP TABLE users; --",
)


def test_the_sentence_of_the_description_that_tells_it_is_the_answer_or_there_is_none(talk) -> None:
    answers = {said: talk(*said) for said in (*TOLD, *((one,) for one in UNTOLD))}
    replies = {said: answer["reply"]["message"].replace("\xa0", " ") for said, answer in answers.items()}
    assert {said: replies[said] for said, part in TOLD.items() if part not in replies[said]} == {}
    assert {said: replies[(said,)] for said in UNTOLD if answers[(said,)]["decision"]["tier"] != "handoff"} == {}


def test_a_faq_asked_word_for_word_goes_before_any_description_but_not_before_prices(talk, saigon) -> None:
    asked = "Is the camping stove of steel?"
    assert "kW, steel" in talk(asked)["reply"]["message"]
    with in_tenant(saigon.tenant):
        Faq.objects.create(question=asked, answer="Only its stand.", language="en")
        Faq.objects.create(question="How much is the camping stove?", answer="Ask us.", language="en")
        embed_due_texts()
    assert talk("is the CAMPING stove of steel")["reply"]["message"] == "Only its stand."
    assert "650,000" in talk("How much is the camping stove?")["reply"]["message"]


@pytest.mark.parametrize(
    "message", ["is the stove cheaper than the tent?", "which is cheaper, the tent or the stove", "giá stove và giá tent"]
)
def test_what_is_named_apart_is_told_side_by_side(talk, message: str) -> None:
    cards = talk(message)["reply"]["ui_metadata"]["cards"]
    assert [card["name"] for card in sorted(cards, key=lambda one: one["name"])] == ["Camping stove Ember", "Tent Aurora"]


@pytest.mark.parametrize("message", ["list your products", "what do you sell?", "shop bán gì vậy"])
def test_who_asks_what_there_is_gets_a_list(talk, message: str) -> None:
    assert len(talk(message)["reply"]["ui_metadata"]["cards"]) == len(GOODS)
