"""Which tier answers in a small shop: a bakery that also repairs bicycles, with few texts in two languages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots.intents import save_intent
from bots.models import Bot, Faq, Intent
from bots.services import activate_version, create_version
from catalog.models import OfferingTranslation, SalesChannel, Variant
from catalog.search.embedding import embed_due_texts
from runtime.services import start_session
from runtime.turn import Recorded, load, take_turn
from tests.conftest import Business, in_tenant
from tests.runtime.conftest import messages_to_database
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

FAQS = [
    ("Do you take ZaloPay?", "Yes, you can pay with ZaloPay or cash.", "en"),
    ("Tiệm có nhận ZaloPay không?", "Dạ có, bạn trả bằng ZaloPay hoặc tiền mặt.", "vi"),
    ("How long does delivery take?", "Within one hour.", "en"),
    ("Giao hàng mất bao lâu?", "Trong vòng một giờ.", "vi"),
    ("Bao lâu thì giao hàng tới?", "Trong vòng một giờ.", "vi"),
    ("What are your opening hours?", "From 6 to 18 every day.", "en"),
]
DOCUMENT = (
    "# Bảo quản bánh mì\n\nCất bánh mì trong túi giấy. Keep bread in a paper bag and refresh it in the oven.\n\n"
    "# Hợp đồng\n\nQuán cà phê có thể trả theo tháng. Cafés may pay monthly after signing a contract.\n\n"
    "# Trang trí\n\nOur icing this month is green, lilac and cream. Màu kem tháng này."
)
OFFERINGS = [
    ("Bánh sừng bò bơ", "CRO-7", "Butter croissant", "35000", 20),
    ("Sesame loaf", "LOAF-2", "", "60000", 8),
    ("Bánh kem dâu", "CAKE-9", "Strawberry cake", "420000", 2),
]


@pytest.fixture
def bakery(api: Any, saigon: Business) -> Iterator[Bot]:
    """The bot of the bakery, with the vectors of all it knows; the scope stays open."""
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        for question, answer, language in FAQS:
            Faq.objects.create(question=question, answer=answer, language=language)
        for name, sku, english, amount, stock in OFFERINGS:
            variant = sell(name, "bakery", amount, stock)
            Variant.objects.filter(pk=variant.pk).update(sku=sku)
            if english:
                version = variant.offering.versions.get()
                OfferingTranslation.objects.create(offering_version=version, language="en", name=english, description="")
    client = api(saigon)
    client.post("collections/", {"code": "house", "name": "House"})
    made = client.post("documents/", {"collection": "house", "name": "house.md", "content": DOCUMENT})
    assert made.json()["status"] == "indexed"
    with in_tenant(saigon.tenant):
        embed_due_texts()
        yield bot


@pytest.fixture
def say(bakery: Bot) -> Callable[[str], Recorded]:
    """Say something in one conversation."""
    session = start_session(bot=bakery, channel=SalesChannel.objects.get(code="web"))[0]
    return lambda message: take_turn(session_id=session.pk, message=message)


def text(recorded: Recorded) -> str:
    assert recorded.reply is not None
    return str(recorded.reply["message"]).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    "message",
    [
        *("are your staff vaccinated?", "any green umbrellas?", "is there a bag of charcoal?", "do cafés open on Mars?"),
        *("giấy phép lái xe làm ở đâu?", "có màu áo nào đẹp?"),
    ],
)
def test_a_passage_that_holds_little_of_the_question_does_not_answer_it(say, message: str) -> None:
    assert say(message).decision["tier"] == "handoff"


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("how should I keep bread?", "Keep bread in a paper bag"),
        ("may cafés pay monthly?", "Cafés may pay monthly"),
        ("what colours is the icing?", "Our icing this month"),
        ("cất bánh mì thế nào?", "Cất bánh mì trong túi giấy"),
        ("quan ca phe tra theo thang duoc khong", "Quán cà phê có thể trả theo tháng"),
    ],
)
def test_a_passage_that_holds_the_question_answers_it_in_either_language(say, message: str, part: str) -> None:
    said = say(message)
    assert said.decision["sources"][0]["kind"] == "document"
    assert part in text(said)


@pytest.mark.parametrize(
    ("message", "answer"), [("can i pay with zalopay?", "Yes, you can"), ("trả bằng zalopay được không?", "Dạ có")]
)
def test_a_faq_that_fits_as_well_goes_before_a_passage(say, message: str, answer: str) -> None:
    said = say(message)
    assert said.decision["sources"][0]["kind"] == "faq"
    assert text(said).startswith(answer)


@pytest.mark.parametrize(
    ("message", "price"),
    [
        ("how much for two sesame loaves of bread", "60,000"),
        ("how much are three sesame loafs", "60,000"),
        ("bánh sừng bò bơ giá bao nhiêu", "35.000"),
    ],
)
def test_the_price_of_an_offering_that_is_named_is_told_by_the_catalogue(say, message: str, price: str) -> None:
    said = say(message)
    assert said.decision["tier"] == "catalog"
    assert price in text(said)


@pytest.mark.parametrize("message", ["còn hàng không?", "hết hàng chưa shop", "is it in stock?", "how much is it?"])
def test_stock_or_price_of_nothing_named_is_not_answered_by_a_text(say, message: str) -> None:
    assert say(message).decision["sources"] == []


def test_no_tier_costs_a_further_message_to_the_database(say) -> None:
    for message in ("hello", "how should I keep bread?", "can i pay with zalopay?", "sesame loaf price"):
        with messages_to_database() as sent:
            say(message)
        assert len(sent) <= 4, message


EXAMPLES = [
    "the cake came burnt",
    "my bread arrived mouldy",
    "I want to complain about an order",
    "bad service",
    "bánh bị khét",
]


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        *(("cake", ""), ("bread", ""), ("bánh", ""), ("service times", ""), ("I love the cake so much", "")),
        *(
            ("the cake came burnt again", "complaint"),
            ("bánh bị khét rồi", "complaint"),
            ("bread arrived mouldy", "complaint"),
        ),
    ],
)
def test_an_intent_of_few_examples_is_told_only_by_what_says_the_same(bakery, message: str, intent: str) -> None:
    save_intent(intent=Intent(code="complaint", name="Complaint"), values={}, examples=EXAMPLES)
    embed_due_texts()
    session = start_session(bot=bakery, channel=SalesChannel.objects.get(code="web"))[0]
    loaded = load(session_id=session.pk, message=message, external_id="", ui_event=None, turn_id=None)
    assert loaded.context.intent == intent


@pytest.mark.parametrize(
    "message", ["price of rye baguettes?", "do you have doughnuts?", "giá bánh cuốn chả?", "có trà sữa trân châu không?"]
)
def test_what_was_spoken_of_is_not_meant_when_something_else_is_named(say, message: str) -> None:
    assert "60,000" in text(say("how much is the sesame loaf?"))
    said = say(message)
    assert said.decision["tier"] == "handoff", text(said)


@pytest.mark.parametrize(
    ("message", "price"),
    [
        ("is it in stock?", "60,000"),
        ("and how much is this one?", "60,000"),
        ("cái này còn không?", "60.000"),
        ("giá bao nhiêu một ổ?", "60.000"),
    ],
)
def test_what_was_spoken_of_is_meant_when_the_message_only_points_at_it(say, message: str, price: str) -> None:
    say("how much is the sesame loaf?")
    assert price in text(say(message))


def test_a_budget_named_before_does_not_hide_what_is_asked_for_by_name(say) -> None:
    say("show me something under 50k")
    assert "60,000" in text(say("show me the sesame loaf"))
    say("có gì dưới 50k không")
    assert "420.000" in text(say("cho xem bánh kem dâu"))


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("CRO-7", ["35.000"]),  # a code is of no language, the business is Vietnamese
        ("cro-7 và LOAF-2 giá bao nhiêu", ["35.000", "60.000"]),
        ("how much are CAKE-9 and LOAF-2?", ["420,000", "60,000"]),
        ("bánh sừng bò bơ và bánh kem dâu giá bao nhiêu", ["35.000", "420.000"]),
    ],
)
def test_what_is_named_by_sku_or_whole_name_is_told_all_of_it(say, message: str, parts: list[str]) -> None:
    said = say(message)
    assert said.decision["tier"] == "catalog"
    assert all(part in text(said) for part in parts), text(said)
