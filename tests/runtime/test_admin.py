"""Conversations in the admin: the list, the transcript, and talking to a bot oneself."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from bots.services import activate_version, create_version
from catalog.models import Customer, SalesChannel
from runtime.models import ActionExecution, DecisionEvent, Escalation, Session, Turn
from runtime.services import CustomerName, end_session, set_slot, start_session
from runtime.turn import take_turn
from tests.conftest import in_tenant
from tests.runtime.conftest import ANSWER, PRODUCT, QUESTION, open_shop
from tests.tenants.admin_pages import browser, hidden, page, text_of

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}"


def converse(business: Any, bot: Any, *messages: str, name: str = "Trần Lan", **more: Any) -> Session:
    with in_tenant(business.tenant):
        web = SalesChannel.objects.get(code="web")
        customer = CustomerName(external_id=name, name=name)
        session, _token = start_session(bot=bot, channel=web, customer=customer, **more)
        for message in messages:
            take_turn(session_id=session.pk, message=message)
        return session


@pytest.fixture
def operator(saigon: Any) -> Any:
    return browser(saigon.operator, saigon.tenant)


def test_the_list_tells_who_said_what_last_and_what_answered(operator, saigon, shop):
    converse(saigon, shop, QUESTION, name="Emily")
    converse(saigon, shop, "What is the capital of Mongolia?", name="Lan")
    listed = text_of(operator.get(page("runtime_session_changelist")))
    for expected in ("Emily", "Lan", ANSWER, "FAQ", "Offers a person", "Shop"):
        assert expected in listed


def test_the_list_costs_the_same_however_long(operator, saigon, shop, django_assert_max_num_queries):
    for number in range(6):
        converse(saigon, shop, "hello", name=f"Customer {number}")
    address = page("runtime_session_changelist")
    operator.get(address)
    with django_assert_max_num_queries(12) as few:
        operator.get(address)
    for number in range(6):
        converse(saigon, shop, "hello", name=f"Another {number}")
    with django_assert_max_num_queries(len(few)):
        assert "Another 5" in text_of(operator.get(address))


def test_the_list_is_narrowed_and_searched(operator, saigon, shop):
    ended = converse(saigon, shop, name="Emily")
    converse(saigon, shop, name="Lan")
    with in_tenant(saigon.tenant):
        end_session(ended)
        Customer.objects.filter(name="Lan").update(phone="0912345678")
    rows = lambda **asked: text_of(operator.get(page("runtime_session_changelist"), asked))  # noqa: E731
    assert "Emily" in rows(open="no")
    assert "Lan" not in rows(open="no")
    assert "Lan" in rows(open="yes")
    assert "Emily" not in rows(open="yes")
    assert "Lan" in rows(q="0912345678")
    assert "Emily" not in rows(q="0912345678")
    assert "Emily" in rows(bot__id__exact=str(shop.pk))


def test_the_list_is_searched_for_what_was_said(operator, saigon, shop):
    converse(saigon, shop, "Mình muốn hỏi về bảo hành", name="Emily")
    converse(saigon, shop, "hello", name="Lan")
    rows = lambda **asked: text_of(operator.get(page("runtime_session_changelist"), asked))  # noqa: E731
    assert "Emily" in rows(q="hoi ve bao hanh")
    assert "Lan" not in rows(q="hoi ve bao hanh")
    assert "Emily" not in rows(q="100%")


def test_the_transcript_shows_the_decision_beside_every_answer(operator, saigon, shop):
    session = converse(saigon, shop, QUESTION, f"{PRODUCT} giá bao nhiêu?", "What is the capital of Mongolia?")
    shown = operator.get(page("runtime_session_change", session.pk))
    words = text_of(shown).replace("\xa0", " ")
    for expected in (
        QUESTION,
        ANSWER,
        PRODUCT,
        "1.490.000",
        "5 in stock",
        "FAQ",
        "Catalogue",
        "Offers a person",
        "Quote prices",
    ):
        assert expected in words
    html = shown.content.decode()
    with in_tenant(saigon.tenant):
        faq = DecisionEvent.objects.get(tier="faq")
        address = page("bots_faq_change", faq.sources[0]["id"])
    assert f'href="{address}"' in html
    assert f"width: {round(faq.confidence * 100)}%" in html
    assert html.index(QUESTION) < html.index(ANSWER) < html.index("capital of Mongolia")
    assert len(re.findall(r'class="decision"', html)) == 3
    assert f"<dt>offering</dt><dd>{PRODUCT}</dd>" in html


def test_a_long_transcript_is_read_page_by_page(operator, saigon, shop, monkeypatch):
    monkeypatch.setattr("runtime.transcript.MOST_TURNS", 4)
    session = converse(saigon, shop, "first words", "second words", "third words")
    address = page("runtime_session_change", session.pk)
    newest = operator.get(address).content.decode()
    assert "third words" in newest
    assert "first words" not in newest
    [earlier] = re.findall(r'href="(\?before=[^"]*)"', newest)
    oldest = operator.get(address + earlier).content.decode()
    assert "first words" in oldest
    assert "third words" not in oldest
    assert "?before=" not in oldest


def test_hostile_text_stays_text_and_no_foreign_image_is_loaded(operator, saigon, shop):
    session = converse(saigon, shop, HOSTILE, name=HOSTILE)
    with in_tenant(saigon.tenant):
        card = {"name": HOSTILE, "image": "https://evil.example/pixel.png", "offering": HOSTILE, "price_text": HOSTILE}
        cards = {"cards": [card, HOSTILE, None], "quick_replies": [{"title": HOSTILE}], "ui_event": HOSTILE}
        turn = Turn.objects.create(session=session, speaker="system", message=HOSTILE, ui_metadata=cards)
        set_slot(session=session, slot_key="deep", slot_value="[" * 2000)
        set_slot(session=session, slot_key="html", slot_value=HOSTILE)
        ActionExecution.objects.create(session=session, action_name=HOSTILE[:100], input_params={HOSTILE: HOSTILE})
        DecisionEvent.objects.create(
            session=session,
            input_turn=turn,
            bot_version=session.bot_version,
            tier="faq",
            sources=[{"kind": "faq", "id": HOSTILE, "title": HOSTILE, "score": HOSTILE, "parts": HOSTILE}, HOSTILE, None],
        )
        end_session(session)
    for address in (page("runtime_session_change", session.pk), page("runtime_session_changelist")):
        answer = operator.get(address)
        html = answer.content.decode()
        assert answer.status_code == 200
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(1)" in html
        assert "evil.example" not in html


def test_a_transcript_is_read_only(operator, saigon, shop):
    session = converse(saigon, shop, "hello")
    address = page("runtime_session_change", session.pk)
    assert operator.post(address, {"flow_step": "x"}).status_code == 403
    assert operator.post(page("runtime_session_delete", session.pk), {"post": "yes"}).status_code == 403
    assert operator.get(page("runtime_session_add")).status_code == 403
    with in_tenant(saigon.tenant):
        assert Session.objects.get().flow_step == "greeting"


def test_the_conversations_of_another_tenant_are_not_there(operator, harbour):
    bot = open_shop(harbour, "homes")
    session = converse(harbour, bot, "secret words", name="Secret person")
    assert "Secret person" not in text_of(operator.get(page("runtime_session_changelist")))
    for name in ("runtime_session_change", "runtime_session_say"):
        answer = operator.get(page(name, session.pk), follow=True)
        assert "secret words" not in text_of(answer)
    assert operator.post(page("runtime_session_say", session.pk), {"message": "x", "external_id": "1"}).status_code == 302
    with in_tenant(harbour.tenant):
        assert Session.objects.get().turn_number == 1


# --- talking to a bot


def test_the_page_of_a_bot_leads_to_talking_to_it(operator, saigon, shop):
    address = page("bots_bot_talk", shop.pk)
    for name, known in (("bots_bot_changelist", ()), ("bots_bot_change", (shop.pk,))):
        assert f'href="{address}"' in operator.get(page(name, *known)).content.decode()
    form = operator.get(address, follow=True).content.decode()
    assert re.search(rf'value="{shop.pk}"\s+selected', form)
    analyst = browser(saigon.analyst, saigon.tenant)
    assert address not in analyst.get(page("bots_bot_changelist")).content.decode()
    assert analyst.get(address).status_code == 403


def begin(client: Any, bot: Any) -> str:
    """Begin on the page, and return the address of the conversation."""
    address = page("runtime_session_talk")
    form = client.get(address, {"bot": str(bot.pk)})
    with in_tenant(bot.tenant_id):
        web = SalesChannel.objects.get(code="web")
    begun = client.post(address, {"_tenant": hidden(form, "_tenant"), "bot": bot.pk, "channel": web.pk})
    assert begun.status_code == 302, text_of(begun)
    location: str = begun.headers["Location"]
    return location


def test_an_operator_talks_to_a_bot_and_sees_why_it_answers_so(operator, saigon, shop):
    address = begin(operator, shop)
    form = operator.get(address)
    body = {"_tenant": hidden(form, "_tenant"), "external_id": hidden(form, "external_id"), "message": QUESTION}
    shown = operator.post(address, body, follow=True)
    words = text_of(shown)
    assert QUESTION in words
    assert ANSWER in words
    assert "FAQ" in words
    with in_tenant(saigon.tenant):
        session = Session.objects.get()
        assert (session.ext_metadata, session.turn_number) == ({"origin": "admin"}, 1)
    listed = text_of(operator.get(page("runtime_session_changelist")))
    assert "Colleague" in listed
    assert "Test" in listed


def test_a_double_click_is_one_message(operator, saigon, shop):
    address = begin(operator, shop)
    body = {"external_id": hidden(operator.get(address), "external_id"), "message": QUESTION}
    for _ in range(2):
        assert operator.post(address, body).status_code == 302
    with in_tenant(saigon.tenant):
        assert Turn.objects.count() == 2


@pytest.mark.parametrize("message", ["", "   ", "x" * 4001, "a\0b"])
def test_what_is_no_message_is_told_and_not_kept(operator, saigon, shop, message):
    address = begin(operator, shop)
    answer = operator.post(address, {"external_id": "1", "message": message})
    assert answer.status_code == 200
    assert 'id="say"' in answer.content.decode()
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()


def test_the_buttons_under_the_last_answer_can_be_pressed(operator, saigon, shop):
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=shop, flow_config={"greeting": "Hi!", "quick_replies": [QUESTION]}))
        web = SalesChannel.objects.get(code="web")
    address = operator.post(page("runtime_session_talk"), {"bot": shop.pk, "channel": web.pk}).headers["Location"]
    press = lambda: re.findall(r'name="press" value="([^"]*)"', operator.get(address).content.decode())  # noqa: E731
    (button,) = press()
    operator.post(address, {"external_id": "1", "message": "", "press": button})
    assert ANSWER in text_of(operator.get(address))
    assert press() == []  # only what was offered last
    operator.post(address, {"external_id": "2", "message": "What is the capital of Mongolia?"})
    (person,) = press()
    operator.post(address, {"external_id": "3", "message": "", "press": person})
    with in_tenant(saigon.tenant):
        assert Escalation.objects.count() == 1
    for made_up in ("", "x:0", person[:-1] + "7", person[:-1] + "٣", f"{uuid4()}:0"):
        assert "Write a message." in text_of(operator.post(address, {"external_id": "4", "message": "", "press": made_up}))


def test_a_bot_without_a_version_says_so(operator, saigon, shop):
    with in_tenant(saigon.tenant):
        shop.versions.update(is_active=False)
        web = SalesChannel.objects.get(code="web")
        answer = operator.post(page("runtime_session_talk"), {"bot": shop.pk, "channel": web.pk})
        assert "no active version" in text_of(answer)
        assert not Session.objects.exists()


def test_nobody_speaks_in_a_customers_name(operator, saigon, shop):
    session = converse(saigon, shop, "hello")
    answer = operator.post(page("runtime_session_say", session.pk), {"external_id": "1", "message": "I buy ten"})
    assert answer.headers["Location"] == page("runtime_session_talk")
    with in_tenant(saigon.tenant):
        assert Session.objects.get().turn_number == 1


@pytest.mark.django_db(transaction=True)
def test_the_page_s_script_hears_the_answer_as_events(operator, saigon, shop):
    begun = operator.post(page("runtime_session_talk"), {"bot": shop.pk, "channel": web_of(saigon), "language": "en"})
    asked = {"external_id": "1", "message": QUESTION}
    heard = b"".join(operator.post(begun.url, asked, headers={"Accept": "text/event-stream"}))
    assert b"event: sentence" in heard
    assert ANSWER in "".join(json.loads(data)["text"] for data in re.findall(r'data: ({"text.*)', heard.decode()))
    assert heard.endswith(b"event: done\ndata: {}\n\n")
    assert operator.post(begun.url, asked).status_code == 302  # the same message once more, from a page without scripts
    with in_tenant(saigon.tenant):
        assert Turn.objects.filter(speaker="user").count() == 1
        assert Session.objects.get().language == "en"


def web_of(business: Any) -> str:
    with in_tenant(business.tenant):
        return str(SalesChannel.objects.get(code="web").pk)


def test_an_analyst_reads_but_does_not_talk(saigon, shop):
    session = converse(saigon, shop, QUESTION)
    analyst = browser(saigon.analyst, saigon.tenant)
    assert ANSWER in text_of(analyst.get(page("runtime_session_change", session.pk)))
    listed = analyst.get(page("runtime_session_changelist"))
    assert page("runtime_session_talk") not in listed.content.decode()
    assert analyst.get(page("runtime_session_talk")).status_code == 403
    assert analyst.post(page("runtime_session_talk"), {}).status_code == 403
    assert analyst.get(page("runtime_session_say", session.pk)).status_code == 403


def test_the_pages_hold_no_inline_script(operator, saigon, shop):
    address = begin(operator, shop)
    html = operator.get(address).content.decode()
    content = html[html.index('id="talk"') :]
    assert "runtime/talk.js" in html
    assert not re.search(r"\son\w+=|javascript:", content[: content.index("</aside>")])
