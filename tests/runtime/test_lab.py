"""The retrieval lab in the admin: what a bot finds, which tier would answer, and what people mark."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bots.documents import create_document
from bots.models import AnswerThreshold, Bot, Faq, KnowledgeChunk, RetrievalMark
from bots.services import create_version
from catalog.models import SearchText
from runtime.models import DecisionEvent, SemanticCacheEntry, Session, Turn
from tenants.models import AuditEntry
from tests.conftest import Business, in_tenant
from tests.rows import a_collection
from tests.runtime.conftest import ANSWER, PRODUCT, QUESTION, open_shop, shop  # noqa: F401 - fixtures
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db

LAB = "bots_retrievalmark_lab"


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


@pytest.fixture
def look(staff: Client, shop: Bot) -> Callable[..., str]:  # noqa: F811
    """Return what asks the lab a question, and tells what it shows."""

    def looked(question: str, **more: str) -> str:
        answer = staff.get(page(LAB), {"bot": str(shop.pk), "q": question, **more})
        assert answer.status_code == 200
        return text_of(answer)

    return looked


@pytest.fixture
def mark(staff: Client, shop: Bot) -> Callable[..., str]:  # noqa: F811
    """Return what presses a button of the lab, and tells what is shown then."""

    def marked(question: str, verdict: str, source: Any = "", kind: str = "faq", bot: Any = None) -> str:
        form = {"bot": str(bot or shop.pk), "q": question, "verdict": verdict, "kind": kind, "source": str(source)}
        return text_of(staff.post(page(LAB), form, follow=True))

    return marked


def marks(business: Business) -> list[tuple[str, str, bool]]:
    with in_tenant(business.tenant):
        return list(RetrievalMark.objects.order_by("created_at").values_list("question", "kind", "is_right"))


def faq_of(business: Business) -> Faq:
    with in_tenant(business.tenant):
        return Faq.objects.get()


def a_passage(business: Business) -> KnowledgeChunk:
    """Write a document of one passage."""
    with in_tenant(business.tenant):
        create_document(
            collection=a_collection(), name="Returns", content="# Returns\n\nUnused goods come back within 30 days."
        )
        return KnowledgeChunk.objects.get()


def test_it_shows_hits_of_every_kind_with_their_parts_and_what_would_be_answered(
    look: Callable[..., str],
    saigon: Business,
) -> None:
    a_passage(saigon)
    told = look("How long does delivery take?")
    assert "It would answer from: FAQ" in told
    assert ANSWER in told
    assert "it would answer with this" in told
    told = look("unused goods come back within how many days? delivery, tai nghe")
    for found in (QUESTION, "Returns", PRODUCT, "Document", "Offering", "meaning", "words", "Place 3"):
        assert found in told, found


def test_it_tells_when_nothing_would_be_answered(look: Callable[..., str]) -> None:
    told = look("Who painted the Mona Lisa?")
    assert "It would say that it does not know, and offer a person." in told
    assert "it would answer with this" not in told


def test_what_the_lab_says_is_what_a_turn_does(
    look: Callable[..., str],
    api: Any,
    saigon: Business,
) -> None:
    session = api(saigon).post("sessions/", {"bot": "shop", "channel": "web"}).json()["id"]
    for question in (QUESTION, "delivery?", "how much is the Sóng Xanh?", "is it raining"):
        decided = api(saigon).post(f"sessions/{session}/turns/", {"message": question}).json()
        told = look(question)
        assert (decided["decision"]["tier"] == "handoff") == ("It would say that it does not know" in told), question
        if decided["decision"]["tier"] == "faq":
            assert "It would answer from: FAQ" in told


def test_looking_stores_nothing(look: Callable[..., str], saigon: Business) -> None:
    look(QUESTION)
    look("nobody knows this")
    with in_tenant(saigon.tenant):
        for model in (Session, Turn, DecisionEvent, SemanticCacheEntry, RetrievalMark):
            assert not model.objects.exists(), model


def test_a_mark_is_kept_once_however_often_it_is_made(
    mark: Callable[..., str], look: Callable[..., str], saigon: Business
) -> None:
    faq = faq_of(saigon)
    assert "Marked." in mark(QUESTION, "right", faq.pk)
    mark(QUESTION.upper(), "wrong", faq.pk)
    assert marks(saigon) == [(QUESTION.upper(), "faq", False)]
    assert 'is-wrong" name="verdict"' in str(
        browser(saigon.owner).get(page(LAB), {"bot": str(_bot_of(saigon)), "q": QUESTION}).content
    )
    mark("Do you sell bread?", "none")
    assert marks(saigon)[1] == ("Do you sell bread?", "", False)


def _bot_of(business: Business) -> uuid.UUID:
    with in_tenant(business.tenant):
        return Bot.objects.get().pk


def test_a_mark_is_audited_without_what_was_asked(mark: Callable[..., str], saigon: Business) -> None:
    mark("My name is Nguyen, where is it?", "none")
    with in_tenant(saigon.tenant):
        entry = AuditEntry.objects.get(subject_kind="bots.retrievalmark")
    assert entry.actor_id == saigon.operator.pk
    assert "Nguyen" not in str(entry.after)
    assert "nguyen" not in str(entry.after)


def test_sources_and_bots_of_another_tenant_cannot_be_marked(
    mark: Callable[..., str], saigon: Business, harbour: Business
) -> None:
    theirs = open_shop(harbour)
    for told in (
        mark(QUESTION, "right", faq_of(harbour).pk),
        mark(QUESTION, "right", uuid.uuid4()),
        mark(QUESTION, "right", faq_of(saigon).pk, kind="document"),
        mark(QUESTION, "right", "nonsense"),
        mark(QUESTION, "nonsense", faq_of(saigon).pk),
        mark("?!", "none"),
        mark(QUESTION, "right", faq_of(saigon).pk, bot=theirs.pk),
    ):
        assert "Marked." not in told
    assert marks(saigon) == []
    assert marks(harbour) == []


def test_who_only_reads_may_look_and_not_mark(saigon: Business, shop: Bot) -> None:  # noqa: F811
    analyst = browser(saigon.analyst)
    seen = analyst.get(page(LAB), {"bot": str(shop.pk), "q": QUESTION})
    assert ANSWER in text_of(seen)
    assert b'name="verdict"' not in seen.content
    assert analyst.post(page(LAB), {"bot": str(shop.pk), "q": QUESTION, "verdict": "none"}).status_code == 403
    assert marks(saigon) == []


def test_all_marked_questions_are_asked_again(mark: Callable[..., str], look: Callable[..., str], saigon: Business) -> None:
    faq = faq_of(saigon)
    mark(QUESTION, "right", faq.pk)
    mark("Who painted the Mona Lisa?", "none")
    mark("how long does it take until delivery", "none")
    told = look("", again="1")
    assert "3 marked questions" in told
    assert "right hit first 1 / 1" in told
    assert "answered with what is right 1 / 1" in told
    assert "refused, where nothing answers 1 / 2" in told
    assert "how long does it take until delivery is answered with what is not right" in told


def test_a_mark_outlives_its_source_and_can_be_deleted(mark: Callable[..., str], staff: Client, saigon: Business) -> None:
    mark(QUESTION, "right", faq_of(saigon).pk)
    with in_tenant(saigon.tenant):
        Faq.objects.all().delete()
        kept = RetrievalMark.objects.get()
        assert not SearchText.objects.filter(owner_id=kept.source_id).exists()
    assert QUESTION in text_of(staff.get(page("bots_retrievalmark_changelist")))
    assert staff.post(page("bots_retrievalmark_delete", kept.pk), {"post": "yes"}).status_code == 302
    assert marks(saigon) == []


def test_a_threshold_is_set_by_hand_and_taken_back(
    staff: Client,
    look: Callable[..., str],
    saigon: Business,
    shop: Bot,  # noqa: F811
) -> None:
    def save(percent: str) -> str:
        form = {"bot": str(shop.pk), "q": "", "do": "by_hand", "by_hand": percent}
        return text_of(staff.post(page(LAB), form, follow=True))

    assert "FAQs 28 % the default, for there are too few questions: 0 with an answer, 0 without" in look("")
    assert "FAQs 99.5 % set by hand" in save("99.5")
    assert "It would say that it does not know" in look("delivery how long")
    assert "A threshold lies between 0 and 100 %." in save("101")
    with in_tenant(saigon.tenant):
        assert AnswerThreshold.objects.get().by_hand == 0.995
        assert AuditEntry.objects.filter(subject_kind="bots.answerthreshold").count() == 1
    assert "FAQs 28 % the default" in save("")


def test_the_page_takes_as_many_queries_however_much_is_found(
    staff: Client,
    look: Callable[..., str],
    saigon: Business,
    shop: Bot,  # noqa: F811
) -> None:
    look(QUESTION)
    with CaptureQueriesContext(connection) as few:
        look(QUESTION)
    with in_tenant(saigon.tenant):
        Faq.objects.bulk_create(Faq(question=f"Delivery number {n}", answer=f"{n}", language="en") for n in range(20))
    with CaptureQueriesContext(connection) as many:
        look(QUESTION)
    assert len(many) == len(few) <= 35, [one["sql"][:80] for one in few]


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script> delivery", "\u202e\x07 delivery", "x" * 501, "'; DROP TABLE --"]
)
def test_hostile_questions_are_text(staff: Client, shop: Bot, question: str) -> None:  # noqa: F811
    answer = staff.get(page(LAB), {"bot": str(shop.pk), "q": question})
    assert answer.status_code == 200
    assert b"<script>alert(1)" not in answer.content


def test_a_draft_is_asked_and_a_question_without_a_bot_goes_to_the_first(staff, saigon, shop, look):  # noqa: F811
    with in_tenant(saigon.tenant):
        draft = create_version(bot=shop, flow_config={"default_state": "draft"})
    assert "It would answer from" in text_of(staff.get(page(LAB), {"q": QUESTION}))
    assert f"Version: v{draft.version}" in look(QUESTION, version=str(draft.version), language="vi")
    assert "Version: v" not in look(QUESTION, version="77")
    assert look("ok", language="vi") != look("ok", language="en")
    asked = {"bot": str(shop.pk), "q": QUESTION, "verdict": "none", "version": str(draft.version), "language": "vi"}
    assert staff.post(page(LAB), asked).url.endswith(f"version={draft.version}&language=vi")
