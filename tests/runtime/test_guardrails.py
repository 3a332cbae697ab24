"""Guardrails on a turn: what they stop, hide, note and leave to a person, before any tier answers and after."""

from collections.abc import Iterator
from typing import Any

import pytest

from bots.models import Bot, Faq, Guardrail, Intent, IntentExample
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.models import DecisionEvent, Escalation, Session, Turn
from runtime.services import start_session
from runtime.turn import Recorded, take_turn
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

CARD = "4111 1111 1111 1111"


@pytest.fixture
def session(saigon: Business) -> Iterator[Session]:
    """A conversation at Saigon's, whose bot knows a little; the scope stays open."""
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        activate_version(version=create_version(bot=bot))
        Faq.objects.create(question="How much is shipping?", answer="Shipping costs 20,000 VND.", language="en")
        Faq.objects.create(question="How can I reach you?", answer="Call 0912 345 678 or 028 1234 5678.", language="en")
        sell("Trail Runner Backpack 30L", "bags", "1250000", 7)
        yield start_session(bot=bot, channel=SalesChannel.objects.get(code="web"))[0]


def rule(condition: str, action: str = "block", **more: Any) -> Guardrail:
    made = Guardrail(condition_expression=condition, violation_action=action, **{"code": f"rule-{action}", **more})
    made.full_clean(exclude=["id"])
    made.save()
    return made


def say(session: Session, message: str, **more: Any) -> Recorded:
    return take_turn(session_id=session.pk, message=message, **more)


def said(recorded: Recorded) -> str:
    assert recorded.reply is not None
    return recorded.reply["message"]


def noted(session: Session) -> list[dict[str, Any]]:
    return DecisionEvent.objects.filter(session=session).latest("id").decision_metadata.get("guardrails", [])


def test_a_rule_speaks_the_customers_language_where_it_has_words_of_it(session: Session) -> None:
    texts = {"vi": "Không nói chuyện đó.", "en": "We do not speak of that."}
    made = rule("message.folded.contains('secret') || message.folded.contains('bi mat')", fallback_messages=texts)
    assert said(say(session, "tell me the secret please")) == "We do not speak of that."
    assert said(say(session, "nói cho tôi bí mật của shop đi")) == "Không nói chuyện đó."
    Guardrail.objects.filter(pk=made.pk).update(fallback_messages={"vi": "Không."}, fallback_message="Ask a person.")
    assert said(say(session, "tell me the secret please")) == "Ask a person."
    assert said(say(session, "nói cho tôi bí mật của shop đi")) == "Không."


def test_a_rule_that_blocks_answers_with_its_own_words_and_no_tier_is_asked(session: Session) -> None:
    made = rule("message.folded.contains('shipping')", fallback_message="We do not speak of that.", name="No shipping")
    recorded = say(session, "How much is SHIPPING?")
    assert (recorded.decision["tier"], said(recorded)) == ("guardrail", "We do not speak of that.")
    assert recorded.decision["sources"] == [
        {"kind": "guardrail", "id": str(made.pk), "title": "No shipping", "score": 1.0, "parts": {}}
    ]
    told = {"id": str(made.pk), "code": "rule-block", "name": "No shipping", "action": "block", "applies_to": "message"}
    assert noted(session) == [{**told, "fired": True}]
    assert said(say(session, "how can i reach you")) == "Call 0912 345 678 or 028 1234 5678."
    assert noted(session) == []


def test_without_own_words_a_block_is_polite(session: Session) -> None:
    rule("message.contains('shipping')")
    assert said(say(session, "shipping?")).startswith("I cannot help with that here.")


def test_a_rule_that_hands_over_asks_a_person_in(session: Session) -> None:
    rule("message.contains('lawyer')", "handoff", name="Legal matters")
    recorded = say(session, "I will call my lawyer")
    assert recorded.decision["tier"] == "guardrail"
    assert said(recorded).startswith("I have asked a colleague")
    assert recorded.session["owner"] == "bot"
    asked = Escalation.objects.get(session=session)
    assert (asked.reason, asked.origin) == ("Legal matters", "bot")


def test_a_reply_may_be_left_to_a_person_as_well(session: Session) -> None:
    rule("reply.contains('20,000')", "handoff", fallback_message="Somebody will tell you.")
    assert said(say(session, "how much is shipping")) == "Somebody will tell you."
    assert Escalation.objects.filter(session=session).count() == 1


def test_who_asks_for_a_person_is_heard_though_the_words_are_blocked(session: Session) -> None:
    rule("reply.length > 0", fallback_message="No.")
    assert said(say(session, "I want to talk to a person")) == "No."
    assert Escalation.objects.filter(session=session).count() == 1


def test_a_rule_that_warns_is_only_noted(session: Session) -> None:
    rule("message.contains('shipping')", "warn")
    recorded = say(session, "how much is shipping")
    assert (recorded.decision["tier"], said(recorded)) == ("faq", "Shipping costs 20,000 VND.")
    assert [(one["action"], one["fired"]) for one in noted(session)] == [("warn", True)]


def test_what_a_mask_hides_of_a_message_is_kept_nowhere(session: Session) -> None:
    rule("size(message.card_numbers) > 0", "mask")
    recorded = say(session, f"how much is shipping, my card is {CARD}", external_id="m1")
    hidden = "how much is shipping, my card is •••• •••• •••• ••••"
    assert recorded.turn["message"] == hidden
    assert Turn.objects.get(pk=recorded.turn["id"]).message == hidden
    assert said(recorded) == "Shipping costs 20,000 VND."
    decision = DecisionEvent.objects.get(session=session)
    assert "4111" not in str(decision.decision_metadata) + str(decision.sources)
    assert say(session, "anything", external_id="m1").turn["message"] == hidden


def test_a_mask_hides_what_its_condition_looks_for(session: Session) -> None:
    rule("message.folded.contains('hoan tien') || message.matches(r'[A-Z]{2}\\d{6}')", "mask")
    assert say(session, "Mã AB123456, Hoàn Tiền!").turn["message"] == "Mã ••••••••, •••• ••••!"


def test_a_mask_hides_in_the_reply_as_well(session: Session) -> None:
    rule("size(reply.phone_numbers) > 0", "mask")
    recorded = say(session, "how can i reach you")
    assert (recorded.decision["tier"], said(recorded)) == ("faq", "Call •••• ••• ••• or ••• •••• ••••.")
    assert [one["applies_to"] for one in noted(session)] == ["reply"]


def test_a_reply_that_is_blocked_is_never_said_and_its_cards_are_not_shown(session: Session) -> None:
    rule("price > 1000000 && reply.tier == 'catalog'", fallback_message="Ask us for the price.")
    recorded = say(session, "how much is the trail runner backpack?")
    assert (recorded.decision["tier"], said(recorded)) == ("guardrail", "Ask us for the price.")
    assert recorded.reply["ui_metadata"] == {}  # type: ignore[index]
    assert not Turn.objects.filter(session=session, message__contains="1,250,000").exists()


def test_the_price_is_the_highest_of_text_and_cards(session: Session) -> None:
    rule("price.amount >= 20000.0 && price.currency == 'VND'", "warn")
    say(session, "how much is shipping")
    assert len(noted(session)) == 1
    say(session, "how can i reach you")
    assert noted(session) == []


def test_the_rule_with_the_highest_priority_is_asked_first(session: Session) -> None:
    rule("true", code="low", priority=1, fallback_message="Low.")
    rule("true", code="high", priority=2, fallback_message="High.")
    assert said(say(session, "hello")) == "High."
    assert [one["code"] for one in noted(session)] == ["high"]


def test_later_rules_see_what_masks_left(session: Session) -> None:
    rule("size(message.card_numbers) > 0", "mask", priority=2)
    rule("message.contains('4111')", priority=1)
    assert say(session, f"card {CARD}").decision["tier"] != "guardrail"


def test_a_rule_of_another_bot_or_switched_off_is_not_asked(session: Session) -> None:
    rule("true", code="off", is_active=False)
    rule("true", code="other", bot=Bot.objects.create(code="other", name="Other"))
    assert say(session, "how much is shipping").decision["tier"] == "faq"
    rule("true", code="mine", bot=session.bot)
    assert say(session, "how much is shipping").decision["tier"] == "guardrail"


def test_a_changed_rule_counts_on_the_next_turn(session: Session) -> None:
    made = rule("message.contains('shipping')")
    assert say(session, "how much is shipping").decision["tier"] == "guardrail"
    Guardrail.objects.filter(pk=made.pk).update(condition_expression="message.contains('parcel')")
    assert say(session, "how much is shipping").decision["tier"] == "faq"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("slots.colour == 'red'", "no_such_key"),
        ("session.turn_number / session.turn_number == 1", "division_by_zero"),
        ("int(message) == 1", "cannot_convert"),
        ("int(slots.quantity) * 9223372036854775807 > 0", "out_of_range"),
    ],
)
def test_a_rule_that_fails_does_not_fire_and_is_noted(session: Session, condition: str, code: str) -> None:
    rule(condition)
    recorded = say(session, "2 pieces, how much is shipping")
    assert recorded.decision["tier"] != "guardrail"
    assert [(one["fired"], one["error"]) for one in noted(session)] == [(False, code)]


def test_a_condition_that_can_no_longer_be_read_breaks_no_turn(session: Session) -> None:
    made = rule("true")
    Guardrail.objects.filter(pk=made.pk).update(condition_expression="nonsense((")
    assert say(session, "how much is shipping").decision["tier"] == "faq"
    assert noted(session)[0]["error"] == "expression_invalid"


def test_while_a_person_answers_rules_still_mask_and_never_speak(session: Session) -> None:
    rule("size(message.card_numbers) > 0", "mask", priority=1)
    rule("true", code="block")
    Session.objects.filter(pk=session.pk).update(owner="person")
    recorded = say(session, f"my card is {CARD}")
    assert (recorded.decision["tier"], recorded.reply) == ("human", None)
    assert recorded.turn["message"] == "my card is •••• •••• •••• ••••"


def test_a_condition_sees_what_the_message_itself_says_of_the_wishes(session: Session) -> None:
    rule("has(slots.quantity) && int(slots.quantity) > 50", "handoff")
    assert say(session, "I want 60 pieces of the trail runner backpack").decision["tier"] == "guardrail"


def test_a_condition_asks_for_the_intent_without_another_look_up(
    session: Session, django_assert_max_num_queries: Any
) -> None:
    learn = Intent.objects.create(code="refund", name="Refund")
    for phrase in ("I want my money back", "give me a refund", "refund my order please"):
        IntentExample.objects.create(intent=learn, text=phrase, language="en")
    rule("intent == 'refund'", "warn")
    with django_assert_max_num_queries(4):
        say(session, "give me a refund")
    assert [one["code"] for one in noted(session)] == ["rule-warn"]
