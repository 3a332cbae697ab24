"""A person takes conversations over in the admin: the queue, the page to answer on, two people at once."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bots.models import Faq
from runtime.escalations import Colleague, claim, escalate
from runtime.models import Escalation, KnowledgeGap, Rating, Session, Turn
from runtime.turn import take_turn
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, QUESTION
from tests.runtime.test_admin import HOSTILE, converse
from tests.tenants.admin_pages import browser, page, text_of

UNKNOWN = "What is the capital of Mongolia?"


@pytest.fixture
def lan(saigon: Any) -> Client:
    return browser(saigon.operator, saigon.tenant)


@pytest.fixture
def minh(saigon: Any) -> Client:
    return browser(saigon.admin, saigon.tenant)


@pytest.fixture
def waiting(saigon: Any, shop: Any) -> Escalation:
    return ask(saigon, converse(saigon, shop, QUESTION))


def ask(business: Any, session: Session, reason: str = "Wants a discount") -> Escalation:
    with in_tenant(business.tenant):
        return escalate(session=session, reason=reason, origin=Escalation.Origin.CUSTOMER)[0]


def do(client: Client, step: str, row: Escalation, **sent: str) -> str:
    """Press a button of the page and return what the next page says."""
    answer = client.post(page(f"runtime_escalation_{step}", row.pk), {"_tenant": str(row.tenant_id), **sent}, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


def now(business: Any, row: Escalation) -> tuple[str, str]:
    with in_tenant(business.tenant):
        row = Escalation.objects.select_related("session").get(pk=row.pk)
        return row.state, row.session.owner


def test_the_queue_shows_who_waits_the_oldest_first_and_the_menu_counts(lan, saigon, shop, waiting):
    ask(saigon, converse(saigon, shop, HOSTILE, name="Emily"), reason=HOSTILE)
    shown = lan.get(page("runtime_escalation_waiting"))
    said = text_of(shown)
    assert said.index("Trần Lan") < said.index("Emily")
    assert "Wants a discount" in said
    assert "<script>alert" not in shown.content.decode()
    assert "Waiting conversations 2" in text_of(lan.get(page("runtime_session_changelist")))


def test_the_part_that_is_refreshed_is_the_list_alone_and_costs_little(
    lan, saigon, shop, waiting, django_assert_num_queries
):
    address = page("runtime_escalation_waiting") + "?part"
    lan.get(address)
    with django_assert_num_queries(4) as few:
        part = lan.get(address).content.decode()
    assert "data-live" in part
    assert "<html" not in part
    for number in range(3):
        ask(saigon, converse(saigon, shop, name=f"Customer {number}"))
    with django_assert_num_queries(len(few)):
        assert "Customer 2" in text_of(lan.get(address))


def test_nobody_waits_is_said(lan, shop):
    assert "Nobody waits." in text_of(lan.get(page("runtime_escalation_waiting")))


def test_a_person_claims_answers_and_returns_the_conversation(lan, saigon, waiting):
    assert "You have claimed this conversation." in do(lan, "claim", waiting)
    assert now(saigon, waiting) == ("claimed", "person")
    said = do(lan, "answer", waiting, message="Hello, this is Lan.", external_id="1")
    assert "Hello, this is Lan." in said
    do(lan, "answer", waiting, message="Hello, this is Lan.", external_id="1")
    with in_tenant(saigon.tenant):
        turn = Turn.objects.get(speaker="agent")
        assert (turn.message, turn.created_by) == ("Hello, this is Lan.", saigon.operator)
    assert "The bot answers again." in do(lan, "resolve", waiting)
    assert now(saigon, waiting) == ("resolved", "bot")


def test_of_two_who_claim_at_once_the_second_is_told_whose_it_is(lan, minh, saigon, waiting):
    do(lan, "claim", waiting)
    told = do(minh, "claim", waiting)
    assert f"{saigon.operator} has claimed this conversation." in told
    assert 'id="answer"' not in minh.get(page("runtime_escalation_change", waiting.pk)).content.decode()
    kept = do(minh, "answer", waiting, message="Mine is longer", external_id="2")
    assert f"{saigon.operator} has claimed this conversation." in kept
    assert "Mine is longer" in kept
    with in_tenant(saigon.tenant):
        assert not Turn.objects.filter(speaker="agent").exists()
        assert Escalation.objects.get().claimed_by == saigon.operator


def test_what_cannot_be_sent_is_told_and_stays_in_the_box(lan, saigon, waiting):
    do(lan, "claim", waiting)
    assert "This field is required." in do(lan, "answer", waiting, message="", external_id="3")
    with in_tenant(saigon.tenant):
        assert not Turn.objects.filter(speaker="agent").exists()


def test_put_back_it_waits_for_somebody_else(lan, minh, saigon, waiting):
    do(lan, "claim", waiting)
    do(lan, "put_back", waiting)
    assert now(saigon, waiting) == ("waiting", "bot")
    assert "You have claimed this conversation." in do(minh, "claim", waiting)


def test_the_page_shows_what_the_customer_writes_meanwhile(lan, saigon, waiting):
    do(lan, "claim", waiting)
    with in_tenant(saigon.tenant):
        take_turn(session_id=waiting.session_id, message="Are you there?")
    part = lan.get(page("runtime_escalation_change", waiting.pk) + "?part")
    assert "Are you there?" in text_of(part)
    assert "<textarea" not in part.content.decode()


def test_an_analyst_looks_on_and_answers_nobody(saigon, waiting):
    analyst = browser(saigon.analyst, saigon.tenant)
    assert "Claim" not in analyst.get(page("runtime_escalation_waiting")).content.decode().split("data-live")[1]
    for step in ("claim", "answer", "resolve", "put_back"):
        answer = analyst.post(page(f"runtime_escalation_{step}", waiting.pk), {"message": "Hi", "external_id": "1"})
        assert answer.status_code == 403
    assert now(saigon, waiting) == ("waiting", "bot")


def test_a_colleague_takes_over_from_the_conversation_itself(lan, saigon, shop):
    session = converse(saigon, shop, QUESTION)
    assert "Take over" in text_of(lan.get(page("runtime_session_change", session.pk)))
    asked = text_of(lan.get(page("runtime_session_take_over", session.pk)))
    assert "Conversation: Trần Lan" in asked  # whose it is, not when it began
    answer = lan.post(page("runtime_session_take_over", session.pk), {"_tenant": str(session.tenant_id)}, follow=True)
    assert "You have claimed this conversation." in text_of(answer)
    with in_tenant(saigon.tenant):
        row = Escalation.objects.get()
        assert (row.origin, row.created_by, row.claimed_by) == ("staff", saigon.operator, saigon.operator)
    assert "Person" in text_of(lan.get(page("runtime_session_changelist"), {"owner__exact": "person"}))
    again = text_of(lan.get(page("runtime_session_change", session.pk)))
    assert "A person is asked for" in again
    assert "Take over" not in again


def test_a_colleague_judges_an_answer_beside_the_customer(lan, saigon, shop):
    session = converse(saigon, shop, QUESTION)
    with in_tenant(saigon.tenant):
        said = Turn.objects.get(speaker="assistant")
        Rating.objects.create(session=session, turn=said, rater="customer", vote="down", comment=HOSTILE)
    for vote in ("down", "up", "nonsense"):
        lan.post(page("runtime_session_rate", session.pk), {"rate": f"{said.pk}:{vote}"})
    lan.post(page("runtime_session_rate", session.pk), {"rate": "nonsense"})
    with in_tenant(saigon.tenant):
        assert Rating.objects.get(rater="staff").vote == "up"
        assert KnowledgeGap.objects.get().question == QUESTION
    shown = lan.get(page("runtime_session_change", session.pk))
    assert str(saigon.operator) in text_of(shown)
    assert "<script>alert" not in shown.content.decode()
    assert ANSWER[:20] in text_of(lan.get(page("runtime_rating_changelist"), {"vote__exact": "up"}))


@pytest.mark.parametrize(
    ("name", "begins"), [("export_csv", b"\xef\xbb\xbfsession,bot"), ("export_jsonl", b'{"session": "')]
)
def test_chosen_conversations_are_taken_home_as_a_file(lan, saigon, shop, name, begins):
    session = converse(saigon, shop, QUESTION)
    converse(saigon, shop, "something else", name="Emily")
    sent = {"action": name, "_selected_action": [str(session.pk)], "_tenant": str(session.tenant_id)}
    answer = lan.post(page("runtime_session_changelist"), sent)
    content = b"".join(answer.streaming_content)
    assert content.startswith(begins)
    assert QUESTION.encode() in content
    assert b"something else" not in content


def test_pages_are_called_as_their_menu_entries_are(lan, saigon, shop):
    crumbs = lambda name: re.findall(r"tracking-tight\"?>\s*([^<]+?)\s*</", lan.get(page(name)).content.decode())  # noqa: E731
    assert crumbs("runtime_escalation_waiting")[-1] == "Waiting conversations"
    assert crumbs("runtime_turn_changelist")[-1] == "Messages"


def test_open_gaps_stand_above_the_others_however_often_those_were_asked(lan, saigon, shop):
    with in_tenant(saigon.tenant):
        for question, state, times in (
            ("How?", "answered", 9),
            ("When?", "open", 1),
            ("Who?", "ignored", 5),
            ("Why?", "open", 2),
        ):
            KnowledgeGap.objects.create(
                bot=shop,
                question=question,
                question_key=question,
                language="en",
                state=state,
                times_asked=times,
                last_asked_at=timezone.now(),
                reason="unanswered",
            )
    listed = text_of(lan.get(page("runtime_knowledgegap_changelist")))
    assert listed.index("Why?") < listed.index("When?") < listed.index("How?") < listed.index("Who?")


def test_a_gap_leads_to_what_is_found_for_its_question(lan, saigon, shop):
    converse(saigon, shop, UNKNOWN)
    with in_tenant(saigon.tenant):
        shown = lan.get(page("runtime_knowledgegap_change", KnowledgeGap.objects.get().pk)).content.decode()
    address = unescape(re.search(r'href="([^"]+)"[^>]*>What is found for it<', shown)[1])  # type: ignore[index]
    lab = lan.get(address)
    assert UNKNOWN in lab.content.decode()
    assert "Not sure" in text_of(lab) or "a person" in text_of(lab)


def test_the_missing_faq_is_a_click_away_and_closes_the_gap(lan, saigon, shop):
    session = converse(saigon, shop, UNKNOWN)
    listed = text_of(lan.get(page("runtime_knowledgegap_changelist")))
    assert listed.index("Write the FAQ") < listed.index("Not answered")  # in view on narrow screens
    assert "Some collections only" not in listed
    with in_tenant(saigon.tenant):
        Session.objects.update(limits_collections=True)
    assert "Some collections only" in text_of(lan.get(page("runtime_knowledgegap_changelist")))
    with in_tenant(saigon.tenant):
        gap = KnowledgeGap.objects.get()
    address = page("runtime_knowledgegap_write_faq", gap.pk)
    assert "Save Go back" in " ".join(text_of(lan.get(address)).split())
    sent = {"question": UNKNOWN, "language": "en", "bot": str(shop.pk), "_tenant": str(gap.tenant_id)}
    assert "This field is required." in text_of(lan.post(address, sent))
    written = lan.post(address, {**sent, "answer": "Ulaanbaatar."}, follow=True)
    assert "Whoever asks next gets this answer." in text_of(written)
    with in_tenant(saigon.tenant):
        gap.refresh_from_db()
        assert (gap.state, gap.faq, gap.faq.bot) == ("answered", Faq.objects.get(answer="Ulaanbaatar."), shop)
        assert take_turn(session_id=session.pk, message=UNKNOWN).reply["message"] == "Ulaanbaatar."  # type: ignore[index]
    again = lan.post(address, {**sent, "answer": "Paris."})
    assert "This question was answered meanwhile." in text_of(again)


def test_gaps_are_ignored_and_opened_again_in_the_list(lan, saigon, shop):
    converse(saigon, shop, UNKNOWN)
    with in_tenant(saigon.tenant):
        gap = KnowledgeGap.objects.get()
    for action, state in (("ignore", "ignored"), ("reopen", "open")):
        sent = {"action": action, "_selected_action": [str(gap.pk)], "_tenant": str(gap.tenant_id)}
        assert lan.post(page("runtime_knowledgegap_changelist"), sent).status_code == 302
        with in_tenant(saigon.tenant):
            assert KnowledgeGap.objects.get().state == state


def test_another_business_sees_and_claims_nothing(saigon, harbour, waiting):
    stranger = browser(harbour.owner, harbour.tenant)
    assert "Nobody waits." in text_of(stranger.get(page("runtime_escalation_waiting")))
    stranger.post(page("runtime_escalation_claim", waiting.pk))
    assert now(saigon, waiting) == ("waiting", "bot")
    with in_tenant(saigon.tenant):
        claim(escalation=waiting, by=Colleague(saigon.operator.pk, saigon.operator))
