"""The threshold from which a bot answers, calibrated by the background from the tenant's own texts and marks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots.documents import create_document
from bots.intents import save_intent
from bots.marks import mark_source, mark_unanswered
from bots.models import AnswerThreshold, Bot, Faq, Intent, RetrievalMark
from bots.tasks import calibrate
from bots.thresholds import HIGHEST, LOWEST, Judged, choose_threshold, outcome_at
from catalog.search import ANSWER_THRESHOLD
from catalog.search.embedding import embed_due_texts
from tests.conftest import Business, in_tenant
from tests.rows import a_collection
from tests.runtime.conftest import begin, messages_to_database, open_shop, shop  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db

THINGS = [
    *("kettle", "lamp", "heater", "blender", "toaster", "fan", "radio", "camera"),
    *("printer", "scanner", "keyboard", "monitor", "speaker", "router", "charger", "drone"),
    *("vacuum", "iron", "oven", "freezer", "projector", "tripod", "microphone", "turntable"),
]
OFF_TOPIC = "How long is the warranty of a tractor engine?"


def teach(business: Business) -> None:
    """Write FAQs, each in two wordings, that sound alike: what is asked of anything else sounds like them, too."""
    with in_tenant(business.tenant):
        Faq.objects.bulk_create(
            Faq(question=question, answer=f"Number {number}: see the {thing} papers.", language="en")
            for number, thing in enumerate(THINGS)
            for question in (f"How long is the warranty of the {thing}?", f"What is the warranty period for a {thing}?")
        )


def threshold_of(bot: Bot, business: Business) -> AnswerThreshold:
    with in_tenant(business.tenant):
        return AnswerThreshold.objects.get(bot=bot)


def run_background() -> None:
    embed_due_texts()
    calibrate()


@pytest.fixture
def ask(api: Any, saigon: Business, begin: Callable[..., dict[str, Any]]) -> Callable[[str], dict[str, Any]]:  # noqa: F811
    """Return what asks the shop, each time in a new conversation, and returns the decision."""

    def asked(message: str) -> dict[str, Any]:
        answer = api(saigon).post(f"sessions/{begin()['id']}/turns/", {"message": message})
        assert answer.status_code == 201, answer.content
        decision: dict[str, Any] = answer.json()["decision"]
        return decision

    return asked


def test_a_question_off_topic_is_refused_once_the_bot_is_calibrated(
    ask: Callable[[str], dict[str, Any]],
    saigon: Business,
    shop: Bot,  # noqa: F811
) -> None:
    teach(saigon)
    embed_due_texts()
    assert ask(OFF_TOPIC)["tier"] == "faq"
    calibrate()
    row = threshold_of(shop, saigon)
    assert ANSWER_THRESHOLD < row.faq <= HIGHEST
    assert ask(OFF_TOPIC)["tier"] == "handoff"
    assert ask("how long is the warranty on your kettle")["tier"] == "faq"
    assert (row.made_of["faq"]["unanswerable"], row.made_of["faq"]["threshold"]) == (2 * len(THINGS) + 1, row.faq)
    assert row.calibrated_at is not None


def test_with_little_to_go_by_the_platforms_threshold_stays(
    ask: Callable[[str], dict[str, Any]],
    saigon: Business,
    shop: Bot,  # noqa: F811
) -> None:
    run_background()
    row = threshold_of(shop, saigon)
    assert (row.faq, row.document, row.intent) == (None, None, None)
    assert (row.made_of["faq"]["answerable"], row.made_of["faq"]["unanswerable"]) == (0, 1)
    assert row.state == "done"
    assert ask("How long does delivery take?")["tier"] == "faq"


def test_faqs_in_a_single_wording_tell_too_little_and_move_nothing(saigon: Business, shop: Bot) -> None:  # noqa: F811
    teach(saigon)
    with in_tenant(saigon.tenant):
        Faq.objects.filter(question__startswith="What is").delete()
    run_background()
    assert threshold_of(shop, saigon).faq is None


def test_documents_and_intents_have_thresholds_of_their_own(saigon: Business, shop: Bot) -> None:  # noqa: F811
    with in_tenant(saigon.tenant):
        collection = a_collection()
        for thing in THINGS:
            said = f"The {thing} must be cleaned with a dry cotton cloth every week, and kept away from open {thing} fires."
            create_document(collection=collection, name=f"Care of the {thing}", content=said)
        for number in range(4):
            examples = [
                f"{words} {thing}" for thing in THINGS[number * 6 : number * 6 + 6] for words in ("repair my", "broken")
            ]
            save_intent(intent=Intent(), values={"code": f"repair-{number}", "name": "Repair"}, examples=examples)
    run_background()
    row = threshold_of(shop, saigon)
    documents, intents = row.made_of["document"], row.made_of["intent"]
    assert (documents["answerable"], documents["unanswerable"], documents["threshold"]) == (24, 24, row.document)
    assert (intents["answerable"], intents["unanswerable"], intents["threshold"]) == (48, 48, row.intent)
    assert documents["answered"] > 0.9
    assert documents["refused"] > 0.9


def test_what_stays_as_it_is_is_not_calibrated_again_and_what_changes_is(saigon: Business, shop: Bot) -> None:  # noqa: F811
    run_background()
    first = threshold_of(shop, saigon).calibrated_at
    run_background()
    assert threshold_of(shop, saigon).calibrated_at == first
    teach(saigon)
    calibrate()  # the vectors are still to be made
    assert threshold_of(shop, saigon).calibrated_at == first
    run_background()
    assert threshold_of(shop, saigon).faq is not None
    with in_tenant(saigon.tenant):
        Faq.objects.filter(answer__startswith="Number").update(is_active=False)
    run_background()
    assert threshold_of(shop, saigon).faq is None


def test_marks_move_the_threshold_of_their_bot_and_of_no_other_tenant(
    saigon: Business,
    harbour: Business,
    shop: Bot,  # noqa: F811
) -> None:
    theirs = open_shop(harbour)
    for business in (saigon, harbour):
        teach(business)
    run_background()
    before = threshold_of(theirs, harbour)
    with in_tenant(saigon.tenant):
        source = Faq.objects.get(question="How long is the warranty of the kettle?")
        for number in range(10):
            mark_unanswered(bot=shop, question=f"How long is the warranty of the kettle number {number}?")
        mark_source(bot=shop, question="kettle warranty", kind="faq", source_id=source.pk, is_right=True)
    run_background()
    assert threshold_of(shop, saigon).made_of["faq"]["unanswerable"] == before.made_of["faq"]["unanswerable"] + 10
    after = threshold_of(theirs, harbour)
    assert (after.faq, after.made_of, after.calibrated_at) == (before.faq, before.made_of, before.calibrated_at)


def test_a_mark_contradicts_none_of_the_same_question(saigon: Business, shop: Bot) -> None:  # noqa: F811
    def marks() -> list[tuple[str, bool]]:
        return list(RetrievalMark.objects.order_by("id").values_list("kind", "is_right"))

    with in_tenant(saigon.tenant):
        faq = Faq.objects.get()
        mark_unanswered(bot=shop, question="Bao giờ giao?")
        mark_source(bot=shop, question="bao gio giao", kind="faq", source_id=faq.pk, is_right=True)
        assert marks() == [("faq", True)]
        mark_source(bot=shop, question="Bao giờ GIAO", kind="faq", source_id=faq.pk, is_right=False)
        assert marks() == [("faq", False)]
        mark_unanswered(bot=shop, question="bao giờ giao?")
        assert marks() == [("faq", False), ("", False)]


def test_what_is_set_by_hand_goes_before_what_was_calibrated(
    ask: Callable[[str], dict[str, Any]],
    saigon: Business,
    shop: Bot,  # noqa: F811
) -> None:
    run_background()
    with in_tenant(saigon.tenant):
        AnswerThreshold.objects.update(by_hand=0.999)
    assert ask("delivery how long")["tier"] == "handoff"


def test_a_turn_reads_its_threshold_without_a_message_more(
    api: Any,
    saigon: Business,
    begin: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    run_background()
    session = begin()["id"]
    with messages_to_database() as sent:
        api(saigon).post(f"sessions/{session}/turns/", {"message": "How long does delivery take?"})
    assert len(sent) <= 5, sent  # 4 of the turn, and who sends the key


# --- the choice itself


def questions(score: float, number: int, *, answerable: bool, weight: int = 1) -> Iterator[Judged]:
    return (Judged(score, answerable, answerable, weight) for _ in range(number))


def test_a_threshold_that_parts_them_already_is_left_alone() -> None:
    chosen = choose_threshold([*questions(0.9, 30, answerable=True), *questions(0.1, 30, answerable=False)])
    assert chosen is not None
    assert (chosen.threshold, chosen.answered, chosen.refused) == (ANSWER_THRESHOLD, 1, 1)


def test_it_rises_and_falls_just_as_far_as_the_questions_demand() -> None:
    sure, unsure = questions(0.9, 30, answerable=True), questions(0.4, 30, answerable=False)
    risen = choose_threshold([*sure, *unsure])
    fallen = choose_threshold([*questions(0.2, 30, answerable=True), *questions(0.1, 30, answerable=False)])
    assert risen is not None
    assert fallen is not None
    assert (risen.threshold, risen.refused) == (0.405, 1)
    assert (fallen.threshold, fallen.answered) == (0.2, 1)


def test_hardly_a_right_answer_is_given_up_for_it() -> None:
    alike = [*questions(0.9, 80, answerable=True), *questions(0.35, 20, answerable=True)]
    chosen = choose_threshold([*alike, *questions(0.45, 100, answerable=False)])
    assert chosen is not None
    assert chosen.answered == 1


def test_it_stays_between_its_ends() -> None:
    high = choose_threshold([*questions(0.95, 30, answerable=True), *questions(0.8, 30, answerable=False)])
    low = choose_threshold([*questions(0.05, 30, answerable=True), *questions(0.01, 30, answerable=False)])
    assert high is not None
    assert low is not None
    assert LOWEST <= low.threshold <= high.threshold <= HIGHEST


@pytest.mark.parametrize(("answerable", "unanswerable"), [(19, 100), (100, 19), (0, 0)])
def test_too_few_questions_choose_nothing(answerable: int, unanswerable: int) -> None:
    judged = [*questions(0.9, answerable, answerable=True), *questions(0.4, unanswerable, answerable=False)]
    assert choose_threshold(judged) is None


def test_what_somebody_judged_counts_more() -> None:
    made_up = [*questions(0.9, 30, answerable=True), *questions(0.1, 30, answerable=False)]
    judged = [*made_up, *questions(0.35, 12, answerable=False, weight=5)]
    chosen = choose_threshold(judged)
    assert chosen is not None
    assert chosen.threshold > 0.35
    assert outcome_at(ANSWER_THRESHOLD, judged).refused == pytest.approx(30 / 90)
