"""Guardrails in the admin: the form, the page that tries them, and what the transcript tells."""

import pytest
from django.test import Client
from django.urls import reverse

from bots.models import Bot, Guardrail
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.services import start_session
from runtime.turn import take_turn
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db

FORM = {
    "name": "No cards",
    "code": "cards",
    "condition_expression": "size(message.card_numbers) > 0",
    "violation_action": "mask",
    "fallback_message": "",
    "bot": "",
    "priority": "5",
    "is_active": "on",
}
CARD = "4111 1111 1111 1111"


@pytest.fixture
def staff(saigon: Business) -> Client:
    return browser(saigon.operator)


def test_the_form_explains_the_names_and_keeps_a_rule(staff: Client, saigon: Business) -> None:
    shown = text_of(staff.get(page("bots_guardrail_add")))
    assert "message.card_numbers" in shown
    assert "To start from" in shown
    assert staff.post(page("bots_guardrail_add"), FORM).status_code == 302
    with in_tenant(saigon.tenant):
        made = Guardrail.objects.get()
    assert (made.code, made.created_by_id) == ("cards", saigon.operator.pk)
    with in_tenant(saigon.tenant):
        Guardrail.objects.update(fallback_messages={"fr": "Non."})
    typed = {**FORM, "fallback_vi": "Không.", "fallback_en": ""}
    assert staff.post(page("bots_guardrail_change", made.pk), typed).status_code == 302
    with in_tenant(saigon.tenant):
        assert Guardrail.objects.get().fallback_messages == {"fr": "Non.", "vi": "Không."}
    assert "Không." in text_of(staff.get(page("bots_guardrail_change", made.pk)))
    listed = text_of(staff.get(page("bots_guardrail_changelist")))
    assert "No cards" in listed
    assert "Mask what was found" in listed


def test_a_bad_condition_is_shown_with_its_place_and_nothing_is_kept(staff: Client, saigon: Business) -> None:
    answer = staff.post(page("bots_guardrail_add"), {**FORM, "condition_expression": "true &&\n nobody"})
    assert "Line 2, column 2: There is no name “nobody”." in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not Guardrail.objects.exists()


def test_the_page_tells_of_every_rule_whether_it_fires_and_why(staff: Client, saigon: Business) -> None:
    staff.post(page("bots_guardrail_add"), FORM)
    fails = {"code": "fails", "name": "Fails", "condition_expression": "slots.size == 'L'", "violation_action": "block"}
    staff.post(page("bots_guardrail_add"), {**FORM, **fails})
    told = text_of(staff.post(page("runtime_session_try_guardrails"), {"message": f"card {CARD}", "slots": "colour=red"}))
    assert "fires: Mask what was found" in told
    assert "card •••• •••• •••• ••••" in told
    assert "fails, so it does not fire" in told
    assert "There is no slot “size” yet." in told


def test_a_rule_opens_the_page_with_its_condition_and_a_bad_one_is_told_there(staff: Client, saigon: Business) -> None:
    staff.post(page("bots_guardrail_add"), FORM)
    with in_tenant(saigon.tenant):
        rule = Guardrail.objects.get()
    shown = staff.get(staff.get(page("bots_guardrail_try_one", rule.pk)).url)
    assert "size(message.card_numbers)" in shown.content.decode()
    told = text_of(staff.post(page("runtime_session_try_guardrails"), {"message": "x", "condition": "nobody"}))
    assert "Line 1, column 1: There is no name “nobody”." in told


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202e<img src=x onerror=alert(1)>", "{{7*7}}{% debug %}"])
def test_what_is_typed_is_never_executed(staff: Client, text: str) -> None:
    answer = staff.post(page("runtime_session_try_guardrails"), {"message": text, "reply": text, "slots": f"{text}={text}"})
    told = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>alert" not in told
    assert "<img src=x" not in told
    assert "4949" not in told


def test_the_transcript_names_the_rules_that_fired(staff: Client, saigon: Business) -> None:
    staff.post(page("bots_guardrail_add"), FORM)
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        session, _token = start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))
        take_turn(session_id=session.pk, message=f"my card is {CARD}")
    shown = staff.get(reverse("admin:runtime_session_change", args=[session.pk]))
    assert "4111" not in shown.content.decode()
    assert "No cards" in text_of(shown)
    assert "Mask what was found" in text_of(shown)
