"""An answer of the model is given again to whoever asks the same, while the texts it rests on are as they were."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import count as count_from
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bots.models import Bot, BotVersion, Faq
from bots.services import activate_version, create_version
from catalog.models import SalesChannel, SearchText
from catalog.search import rank
from catalog.tasks import embed_texts
from runtime.cache import is_same_question, keep, look_up, stands_alone, sweep_cache
from runtime.models import DecisionEvent, SemanticCacheEntry
from runtime.services import CustomerName, start_session
from runtime.turn import Recorded, take_turn
from tenants.text import Language, fold
from tests.conftest import Business, in_tenant
from tests.runtime.model.conftest import answers, endpoint  # noqa: F401 - a fixture
from tests.vault.openai_server import OpenAIServer
from vault.providers.embeddings import embed_question

ASKED = "Can customers hand goods back in a shop downtown?"
ANSWER = "Goods go back by post [1]."
FAQ = {
    "question": "How do customers hand goods back?",
    "answer": "Goods can be returned by post within 14 days.",
    "language": "en",
}

pytestmark = pytest.mark.django_db


def open_bot(business: Business, **faq: str) -> Bot:
    """Give the business a bot that knows one FAQ."""
    with in_tenant(business.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot, system_prompt="Be kind to customers of {{ business_name }}."))
        Faq.objects.create(**{**FAQ, **faq})
        return bot


@pytest.fixture
def ask(saigon: Business, endpoint: OpenAIServer) -> Iterator[Callable[..., Recorded]]:  # noqa: F811
    """Begin a conversation at Saigon's and say something in it; the scope stays open."""
    bot = open_bot(saigon)

    def asked(*messages: str, customer: CustomerName | None = None) -> Recorded:
        web = SalesChannel.objects.get(code="web")
        session = start_session(bot=bot, channel=web, customer=customer)[0]
        return [take_turn(session_id=session.pk, message=message) for message in messages][-1]

    with in_tenant(saigon.tenant):
        yield asked


def tier(recorded: Recorded) -> str:
    return str(recorded.decision["tier"])


def test_the_same_question_costs_the_model_nothing_the_second_time(ask: Any, endpoint: OpenAIServer) -> None:  # noqa: F811
    endpoint.script = [answers(ANSWER)]
    first = ask(ASKED)
    again = ask("  can customers hand goods back in a SHOP downtown ")
    assert (tier(first), tier(again)) == ("llm", "cache")
    assert first.reply
    assert again.reply
    assert first.reply["message"] == again.reply["message"] == "Goods go back by post."
    assert [source["kind"] for source in again.decision["sources"]] == ["answer", "faq"]
    assert again.decision["estimated_cost_usd"] == "0.000000"
    assert len(endpoint.asked) == 1


def test_small_words_may_differ_when_the_vectors_are_near(ask: Any, endpoint: OpenAIServer) -> None:  # noqa: F811
    endpoint.script = [answers(ANSWER)]
    ask(ASKED)
    embed_texts()
    assert tier(ask("Can the customers hand goods back in the shop downtown?")) == "cache"


_MANY_MORE_TEXTS = """
    INSERT INTO catalog_searchtext (tenant_id, kind, owner_id, language, title, body, content_hash, tsv)
    SELECT tenant_id, kind, gen_random_uuid(), language, title, body, content_hash, ''
    FROM catalog_searchtext, generate_series(1, 3000) WHERE kind = 'faq'
"""


def test_of_all_texts_the_look_up_reads_only_those_an_answer_rests_on(ask: Any) -> None:
    bot = Bot.objects.get(code="shop")
    found = look_up(
        ASKED, embedded=embed_question(ASKED, bot_id=bot.pk), version_id=BotVersion.objects.get(bot=bot).pk, language="en"
    )
    assert found
    with connection.cursor() as cursor:
        cursor.execute(_MANY_MORE_TEXTS)
        cursor.execute(f"EXPLAIN {found.sql}", found.params)
        plan = [line for (line,) in cursor.fetchall()]
    scan = next(number for number, line in enumerate(plan) if "on catalog_searchtext" in line)
    assert re.search("Index Cond: .*owner_id", plan[scan + 1])


@pytest.mark.parametrize(
    "other", ["Can customers hand goods back in a shop uptown?", "Can customers not hand goods back in a shop downtown?"]
)
def test_one_word_of_weight_makes_another_question(ask: Any, endpoint: OpenAIServer, other: str) -> None:  # noqa: F811
    endpoint.script = [answers(ANSWER), answers("Ask there [1].")]
    ask(ASKED)
    embed_texts()
    assert tier(ask(other)) != "cache"


@pytest.mark.parametrize(
    "change",
    [
        lambda: Faq.objects.update(answer="Goods cannot be returned."),
        lambda: Faq.objects.update(is_active=False),
        lambda: Faq.objects.all().delete(),
        lambda: SemanticCacheEntry.objects.update(expires_at=timezone.now()),
        lambda: SemanticCacheEntry.objects.all().delete(),
        lambda: Faq.objects.create(question=ASKED, answer="Yes, at 1 Main Street.", language="en"),
    ],
    ids=["changed", "switched off", "deleted", "expired", "forgotten", "known better now"],
)
def test_an_answer_ends_with_what_it_rests_on(ask: Any, endpoint: OpenAIServer, change: Callable[[], Any]) -> None:  # noqa: F811
    endpoint.script = [answers(ANSWER), answers("Somewhere.")]
    ask(ASKED)
    assert tier(ask(ASKED)) == "cache"
    change()
    assert tier(ask(ASKED)) != "cache"


@pytest.mark.parametrize(
    ("messages", "answer", "customer"),
    [
        (("Hello there", ASKED), ANSWER, None),
        ((ASKED,), "That costs 20,000 VND [1].", None),
        ((ASKED,), "We have 3 in stock [1].", None),
        ((ASKED,), "Dear Mai Phương, by post [1].", CustomerName("m", name="Mai Phương")),
        (("Can customers hand my goods back in a shop downtown?",), ANSWER, None),
        (("Can customers hand it back in a shop downtown?",), ANSWER, None),
        (("Can customers hand goods in size M back in a shop?",), ANSWER, None),
        (("Can customers hand goods of 1048576 back in a shop?",), ANSWER, None),
    ],
    ids=["history", "price", "stock", "name", "mine", "it", "wish", "number"],
)
def test_what_is_only_for_one_customer_or_moment_is_not_kept(
    ask: Any,
    endpoint: OpenAIServer,  # noqa: F811
    messages: tuple[str, ...],
    answer: str,
    customer: CustomerName | None,
) -> None:
    endpoint.script = [answers(answer)] * (len(messages) + 1)
    ask(*messages, customer=customer)
    assert not SemanticCacheEntry.objects.exists()


def test_another_version_bot_or_tenant_never_gets_it(
    ask: Any,
    endpoint: OpenAIServer,  # noqa: F811
    saigon: Business,
    harbour: Business,
) -> None:
    endpoint.script = [answers(ANSWER)] * 4
    ask(ASKED)
    assert tier(ask(ASKED)) == "cache"
    activate_version(version=create_version(bot=Bot.objects.get(), system_prompt="Be brief."))
    assert tier(ask(ASKED)) == "llm"


def test_the_other_business_asks_for_itself(
    api: Any,
    endpoint: OpenAIServer,  # noqa: F811
    saigon: Business,
    harbour: Business,
) -> None:
    endpoint.script = [answers(ANSWER), answers(ANSWER)]
    for business in (saigon, harbour):
        open_bot(business)
        client = api(business)
        session = client.post("sessions/", {"bot": "shop", "channel": "web"}).json()["id"]
        assert client.post(f"sessions/{session}/turns/", {"message": ASKED}).json()["decision"]["tier"] == "llm"
    assert len(endpoint.asked) == 2


def test_the_sweep_counts_what_was_given_again_once_and_deletes_the_dead(ask: Any, endpoint: OpenAIServer) -> None:  # noqa: F811
    endpoint.script = [answers(ANSWER)]
    for _time in range(3):
        ask(ASKED)
    DecisionEvent.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    sweep_cache()
    sweep_cache()
    assert SemanticCacheEntry.objects.get().hit_count == 2
    Faq.objects.update(answer="Changed.")
    sweep_cache()
    assert not SemanticCacheEntry.objects.exists()
    assert not SearchText.objects.filter(kind="answer").exists()


def test_the_cache_is_listed_and_forgotten_through_the_api(
    ask: Any,
    endpoint: OpenAIServer,  # noqa: F811
    api: Any,
    saigon: Business,
) -> None:
    endpoint.script = [answers(ANSWER)]
    ask(ASKED)
    client = api(saigon)
    [entry] = client.get("semantic-cache/?bot=shop").json()["results"]
    assert (entry["query_text"], entry["response_text"], entry["bot_version"]) == (ASKED, "Goods go back by post.", 1)
    assert client.delete(f"semantic-cache/{entry['id']}/").status_code == 204
    assert not SemanticCacheEntry.objects.exists()


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("How long is the warranty on batteries?", True),
        ("Làm sao để đổi mật khẩu tài khoản?", True),
        ("And for children?", False),
        ("Cái này dùng được bao lâu?", False),
        ("Where is my parcel?", False),
        ("Call 0901234567", False),
        ("Write to mai@example.com", False),
        ("Hello", False),
        ("word " * 200, False),
    ],
)
def test_a_question_stands_alone_or_not(question: str, alone: bool) -> None:
    assert stands_alone(question) is alone


# --- near duplicates of one tenant's questions, asked by another


SUBJECTS = {
    "en": [
        "warranty",
        "delivery",
        "refund",
        "invoice",
        "installment",
        "gift wrapping",
        "pickup",
        "exchange",
        "repair",
        "parcel",
    ],
    "vi": [
        "bảo hành",
        "giao hàng",
        "hoàn tiền",
        "hóa đơn",
        "trả góp",
        "gói quà",
        "lấy hàng",
        "đổi hàng",
        "sửa chữa",
        "bưu kiện",
    ],
}
GOODS = {
    "en": ["batteries", "backpacks", "lamps", "phones", "shoes", "chairs", "cameras", "kettles", "bicycles", "jackets"],
    "vi": ["pin", "ba lô", "đèn bàn", "điện thoại", "giày", "ghế", "máy ảnh", "ấm đun nước", "xe đạp", "áo khoác"],
}
FORMS = {
    "en": ["How does the {} of {} work in {}?", "Who handles the {} for {} in {}?", "When is the {} of {} possible in {}?"],
    "vi": ["Chính sách {} cho {} tại {} thế nào?", "Ai phụ trách {} cho {} ở {}?", "Khi nào được {} cho {} tại {}?"],
}
TOWNS = ["Huế", "Đà Lạt", "Cần Thơ", "Hội An", "Nha Trang", "Vinh", "Hà Giang", "Mỹ Tho", "Sa Pa", "Phú Quốc"]


def questions(count: int) -> Iterator[tuple[Language, str]]:
    """Yield so many different questions, English and Vietnamese in turn."""
    chance = random.Random(5)
    numbers = (f"{word}{number}" for number in count_from(1) for word in ("district ", "branch ", "hall "))
    for number in range(count):
        language: Language = ("en", "vi")[number % 2]  # type: ignore[assignment]
        parts = chance.choice(SUBJECTS[language]), chance.choice(GOODS[language])
        yield language, chance.choice(FORMS[language]).format(*parts, f"{chance.choice(TOWNS)} {next(numbers)}")


POLITE = {"en": "Please, {}", "vi": "Dạ, {}"}


def near_duplicate(question: str, language: Language, chance: random.Random) -> str:
    """Return the question as another person types it: same words, or the same telling words."""
    ways: list[Callable[[str], str]] = [
        str,
        str.upper,
        fold,
        lambda text: text.rstrip("?") + " ??",
        lambda text: f"  {text.replace(' ', '  ')}\n",
        lambda text: unicodedata.normalize("NFD", text),
        POLITE[language].format,
        lambda text: " ".join(chance.sample(text.split(), len(text.split()))),
    ]
    return chance.choice(ways)(question)


def keep_all(bot: Bot, asked: Iterable[tuple[Language, str]]) -> None:
    """Keep an answer to each question, as the model's answers are kept, and embed the questions."""
    version = BotVersion.objects.get(bot=bot, is_active=True)
    session = start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))[0]
    assert session.bot_version_id == version.pk
    with transaction.atomic():
        for language, question in asked:
            keep(session_id=session.pk, question=question, answer="Kept.", language=language, sources=[], confidence=0.9)
    embed_texts()


def found(bot: Bot, version: BotVersion, question: str, language: Language) -> bool:
    """Whether the cache of a version has an answer to the question."""
    asked = look_up(question, embedded=embed_question(question, bot_id=bot.pk), version_id=version.pk, language=language)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.params)
        hits = rank(question, cursor.fetchall(), limit=5)
    return any(is_same_question(question, hit) for hit in hits)


@pytest.mark.parametrize("pairs", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_near_duplicates_are_found_by_their_own_business_and_by_nobody_else(
    saigon: Business, harbour: Business, pairs: int
) -> None:
    """The same question is looked for in the own cache and in every other one: tenant, bot, version and language."""
    ours, theirs = open_bot(saigon), open_bot(harbour)
    asked, chance = list(questions(pairs)), random.Random(6)
    with in_tenant(saigon.tenant):
        keep_all(ours, asked)
        version = BotVersion.objects.get(bot=ours)
        other_bot = Bot.objects.create(code="second", name="Second")
        other_version = create_version(bot=ours)
        elsewhere = create_version(bot=other_bot)
    with in_tenant(harbour.tenant):
        keep_all(theirs, [("en", "How does the repair of umbrellas work in Hanoi?")])
        their_version = BotVersion.objects.get(bot=theirs)
    own = crossed = 0
    for language, question in asked:
        typed, other = near_duplicate(question, language, chance), "vi" if language == "en" else "en"
        with in_tenant(harbour.tenant):
            crossed += found(theirs, their_version, typed, language)
            crossed += found(ours, version, typed, language)  # even by the ids of the other business
        with in_tenant(saigon.tenant):
            own += found(ours, version, typed, language)
            crossed += found(ours, other_version, typed, language)
            crossed += found(other_bot, elsewhere, typed, language)
            crossed += found(ours, version, typed, other)
    assert crossed == 0
    assert own >= 0.95 * pairs  # or the look-up finds nothing at all


@pytest.mark.parametrize(
    ("prompt", "lifetime"),
    [("Today is {{ today }}.", timedelta(days=1)), ("Speak with {{ customer_name }}.", None), ("{{ memory.hours }}", None)],
)
def test_instructions_that_tell_the_day_keep_an_answer_till_its_end_and_a_customers_own_none(
    ask: Any,
    endpoint: OpenAIServer,  # noqa: F811
    saigon: Business,
    prompt: str,
    lifetime: timedelta | None,
) -> None:
    activate_version(version=create_version(bot=Bot.objects.get(code="shop"), system_prompt=prompt))
    endpoint.script = [answers(ANSWER)] * 2
    ask(ASKED)
    entry = SemanticCacheEntry.objects.first()
    assert (entry is not None) == (tier(ask(ASKED)) == "cache") == (lifetime is not None)
    if entry and lifetime:
        ends = entry.expires_at.astimezone(ZoneInfo(saigon.tenant.time_zone))
        assert (ends.hour, ends.minute, ends.second) == (0, 0, 0)
        assert entry.expires_at - timezone.now() <= lifetime
