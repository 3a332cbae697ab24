"""Chat and embeddings against a server that speaks the real protocol, well and badly; the ledger is right after each."""

import logging
import time
import traceback
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction

from tenants.errors import Conflict
from tests.vault import openai_server as server
from tests.vault.openai_server import KEY
from vault.budgets import BudgetExceeded, save_budget
from vault.models import Budget, UsageEntry
from vault.prices import Tokens
from vault.providers.endpoints import Endpoint
from vault.providers.errors import ProviderError
from vault.providers.metering import Purpose
from vault.providers.openai_compatible import ChatRequest, chat, embed, stream_chat

pytestmark = pytest.mark.django_db

ASK = ChatRequest([{"role": "user", "content": "Do you have a lamp?"}], max_output_tokens=100)


def ledger():
    """Return state, error and what was charged, of each call in turn."""
    return list(UsageEntry.objects.order_by("id").values_list("state", "error_kind", "is_estimated"))


def at(remote, model="embed-test"):
    return Endpoint(remote.base_url, KEY, model, is_trusted=True)


def refused(call, *arguments, **options):
    with pytest.raises(ProviderError) as caught:
        call(*arguments, **options)
    assert KEY not in caught.value.message
    return caught.value


def shown(error):
    """Return what a log shows of an error and of all that led to it."""
    return "".join(traceback.format_exception(error))


# --- chat


def test_a_chat_asks_in_the_protocols_words_and_is_metered(shop, remote):
    turn = uuid4()
    remote.script = [server.says(server.chat_body("Yes, two.", told=server.usage(1000, 200, cached=600, reasoning=50)))]
    answer = chat(ASK, purpose=Purpose("turn/1", subject=("runtime.turn", turn)))
    assert (answer.text, answer.finish_reason) == ("Yes, two.", "stop")
    assert answer.tokens == Tokens(1000, 200, 600, 50)
    asked = remote.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body == {"model": "gpt-test", "messages": ASK.messages, "max_tokens": 100}
    entry = UsageEntry.objects.get()
    assert (entry.key, entry.kind, entry.provider, entry.model) == ("turn/1/1", "chat", "openai", "gpt-test")
    assert (entry.subject_kind, entry.subject_id) == ("runtime.turn", turn)
    assert (entry.input_tokens, entry.cached_input_tokens) == (1000, 600)
    assert (entry.output_tokens, entry.reasoning_tokens) == (200, 50)
    assert entry.amount == Decimal("0.0014")
    assert entry.latency_ms is not None
    assert entry.reserved_amount >= Decimal("0.0002") + Decimal(len("Do you have a lamp?")) / 1_000_000


def test_tools_formats_and_their_answers_pass_as_they_are(shop, remote):
    call = {"id": "call_1", "type": "function", "function": {"name": "price", "arguments": '{"sku": "LAMP'}}
    remote.script = [server.says(server.chat_body(None, finish_reason="tool_calls", tool_calls=[call]))]
    tools = [{"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}]
    answer = chat(ChatRequest(ASK.messages, 50, tools=tools, response_format={"type": "json_object"}, temperature=0))
    assert remote.asked[0].body["tools"] == tools
    assert remote.asked[0].body["response_format"] == {"type": "json_object"}
    assert remote.asked[0].body["temperature"] == 0
    assert [(one.id, one.name, one.arguments) for one in answer.tool_calls] == [("call_1", "price", '{"sku": "LAMP')]
    assert (answer.text, answer.finish_reason) == ("", "tool_calls")


@pytest.mark.parametrize(
    ("step", "kind", "tries"),
    [
        (server.error(400, "context_length_exceeded"), "permanent", 1),
        (server.error(401, "invalid_api_key"), "permanent", 1),
        (server.error(403), "permanent", 1),
        (server.error(404, "model_not_found"), "permanent", 1),
        (server.error(429, "insufficient_quota"), "quota", 1),
        (server.error(402), "quota", 1),
        (server.error(409), "retry", 3),
        (server.error(429, "rate_limit_exceeded"), "retry", 3),
        (server.error(500), "retry", 3),
        (server.error(503), "retry", 3),
        (server.says({"detail": "No such model"}, 404), "permanent", 1),
        (server.says({"error": "loading"}, 503), "retry", 3),
        (server.says([], 500), "retry", 3),
        (server.says({}, 302, Location="http://127.0.0.1:1/"), "permanent", 1),
    ],
)
def test_refusals_are_told_by_kind_and_cost_nothing(shop, remote, step, kind, tries):
    remote.script = [step] * tries
    assert refused(chat, ASK).kind == kind
    assert len(remote.asked) == tries
    assert ledger() == [("failed", kind, False)] * tries
    assert set(UsageEntry.objects.values_list("amount", flat=True)) == {0}


@pytest.mark.parametrize(
    "step",
    [
        server.error(408),
        server.sends(b"<html>Bad gateway</html>", 502, "text/html"),
        server.error(504),
        server.sends(b"<html>A timeout occurred</html>", 524, "text/html"),
    ],
    ids=["408", "502", "504", "524"],
)
def test_what_a_gateway_lost_may_have_been_answered_behind_it_and_is_charged_its_worst(shop, remote, step):
    remote.script = [step] * 3
    assert refused(chat, ASK).kind == "retry"
    assert ledger() == [("failed", "retry", True)] * 3
    assert all(one.amount == one.reserved_amount > 0 for one in UsageEntry.objects.all())


def test_calls_that_a_gateway_lost_never_pass_a_hard_stop(shop, remote):
    save_budget(budget=Budget(limit_amount=Decimal("0.0005")))  # one call is held at 0.00025 to 0.0004
    remote.script = [server.error(504)] * 3
    with pytest.raises(BudgetExceeded):
        chat(ASK)
    assert len(remote.asked) == UsageEntry.objects.count() == 1


@pytest.mark.parametrize(
    "step",
    [
        server.sends(b'{"choices": ['),
        server.sends(b"<html>hello</html>", content_type="text/html"),
        server.sends(b"null"),
        server.sends(b"[" * 100_000),
        server.says({"choices": []}),
        server.says({"choices": [{"message": "hello"}]}),
    ],
    ids=["half", "html", "null", "deep", "no choice", "no message"],
)
def test_garbage_is_tried_again_and_then_permanent_and_may_have_cost_its_worst(shop, remote, step):
    remote.script = [step] * 3
    assert refused(chat, ASK).kind == "permanent"
    assert ledger() == [("failed", "retry", True)] * 3
    assert all(one.amount == one.reserved_amount > 0 for one in UsageEntry.objects.all())


TOLD = server.usage(1000, 200, cached=600)
FAILED = {"message": "It went wrong.", "type": "some_error", "code": "content_filter"}


@pytest.mark.parametrize(
    ("step", "kind", "tries"),
    [
        (server.says({"error": FAILED, "usage": TOLD}, 400), "permanent", 1),
        (server.says({"error": {**FAILED, "usage": TOLD}}, 400), "permanent", 1),
        (server.says({"error": FAILED, "usage": TOLD}, 500), "retry", 3),
        (server.says({"error": FAILED, "usage": TOLD}, 504), "retry", 3),
        (server.says({"choices": [], "usage": TOLD}), "permanent", 3),
    ],
    ids=["400", "inside the error", "500", "gateway", "no choice"],
)
def test_what_an_error_says_it_used_is_counted_once_for_each_try(shop, remote, step, kind, tries):
    save_budget(budget=Budget(limit_amount=Decimal(1)))
    remote.script = [step] * tries
    assert refused(chat, ASK).kind == kind
    assert [(state, is_estimated) for state, _error, is_estimated in ledger()] == [("failed", False)] * tries
    for entry in UsageEntry.objects.all():
        assert (entry.input_tokens, entry.cached_input_tokens, entry.output_tokens) == (1000, 600, 200)
        assert entry.amount == Decimal("0.0014")
    budget = Budget.objects.with_spending().get()
    assert (budget.spent, budget.reserved) == (tries * Decimal("0.0014"), 0)


@pytest.mark.parametrize(
    ("pieces", "is_told"),
    [
        (server.events(server.chunk({"content": "Yes"}), {"error": {**FAILED, "usage": TOLD}}, done=False), True),
        (server.events(server.chunk({"content": "Yes"}), {"choices": [], "usage": TOLD}, {"error": FAILED}), True),
        (server.events(server.chunk({"content": "Yes"}), {"choices": [], "usage": TOLD}, done=False), True),
        (server.events(server.chunk({"content": "Yes"}, "stop") | {"usage": TOLD}, {"error": FAILED}), True),
        (server.events(server.chunk({"content": "Yes"}) | {"usage": TOLD}, done=False), False),
    ],
    ids=["inside the error", "before an error", "before it broke off", "with its end", "along the way"],
)
def test_what_a_stream_says_it_used_before_it_failed_is_counted_once(shop, remote, pieces, is_told):
    remote.script = [server.flows(pieces)]
    with pytest.raises(ProviderError):
        list(stream_chat(ASK))
    entry = UsageEntry.objects.get()
    assert (entry.state, entry.is_estimated) == ("failed", not is_told)
    assert (entry.input_tokens, entry.output_tokens) == ((1000, 200) if is_told else (0, 0))
    assert entry.amount == (Decimal("0.0014") if is_told else entry.reserved_amount)


def test_vectors_of_no_use_cost_what_the_answer_says(shop, remote):
    remote.script = [server.says({"data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}})]
    endpoint = Endpoint(remote.base_url, KEY, "text-embedding-test", is_trusted=True)
    refused(embed, ["lamp"], endpoint=endpoint)
    assert UsageEntry.objects.get().input_tokens == 7
    assert ledger() == [("failed", "permanent", False)]


def test_a_try_that_helps_is_a_call_of_its_own_in_the_ledger(shop, remote):
    remote.script = [server.error(500), server.hangs_up]
    assert chat(ASK, purpose=Purpose("turn/1")).text == "Hello there"
    assert list(UsageEntry.objects.order_by("id").values_list("key", "state", "is_estimated")) == [
        ("turn/1/1", "failed", False),
        ("turn/1/2", "failed", True),
        ("turn/1/3", "settled", False),
    ]
    with pytest.raises(Conflict) as caught:
        chat(ASK, purpose=Purpose("turn/1"))
    assert caught.value.code == "already_settled"
    assert len(remote.asked) == 3


def test_a_call_that_is_under_way_is_not_made_again_by_a_second_caller(shop, remote):
    first = stream_chat(ASK, purpose=Purpose("turn/1"))
    next(first)
    with pytest.raises(Conflict) as caught:
        chat(ASK, purpose=Purpose("turn/1"))
    assert caught.value.code == "in_progress"
    assert len(remote.asked) == 1
    list(first)
    assert ledger() == [("settled", "", False)]


@pytest.mark.parametrize("header", [{"retry_after": "0.3"}, {"retry_after_ms": "300"}, {"retry_after": "a while"}])
def test_the_wait_a_provider_asks_for_is_kept(shop, remote, header):
    remote.script = [server.error(429, "rate_limit_exceeded", **header)]
    began = time.monotonic()
    chat(ASK)
    assert (time.monotonic() - began > 0.3) is ("while" not in header.get("retry_after", ""))


def test_a_wait_longer_than_the_time_left_is_not_begun(shop, remote):
    remote.script = [server.error(429, "rate_limit_exceeded", retry_after="60")]
    began = time.monotonic()
    assert refused(chat, ASK, within=5).kind == "retry"
    assert time.monotonic() - began < 2
    assert len(remote.asked) == 1


def test_a_slow_provider_is_left_in_time_and_charged_its_worst(shop, remote):
    remote.script = [server.slow(2)]
    began = time.monotonic()
    assert refused(chat, ASK, within=0.4).kind == "timeout"
    assert time.monotonic() - began < 1.5
    assert ledger() == [("failed", "timeout", True)]


def test_a_provider_that_is_not_there_costs_nothing(shop, remote, settings):
    settings.LLM_BASE_URL = "http://127.0.0.1:1/v1"
    assert refused(chat, ASK).kind == "retry"
    assert ledger() == [("failed", "retry", False)] * 3


@pytest.mark.parametrize("told", [{}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}, [], "none"])
def test_an_answer_that_does_not_say_what_it_used_is_charged_its_worst(shop, remote, told):
    remote.script = [server.says(server.chat_body("Hello", told=told))]
    assert chat(ASK).tokens is None
    entry = UsageEntry.objects.get()
    assert (entry.state, entry.amount, entry.is_estimated) == ("settled", entry.reserved_amount, True)


def test_the_words_of_a_provider_never_show_the_key(shop, remote, caplog):
    caplog.set_level(logging.DEBUG)
    told = f"Incorrect API key provided: {KEY}. sk-proj-anotherone123 \x00\n" + "x" * 5000
    remote.script = [server.error(401, "invalid_api_key", told)]
    error = refused(chat, ASK)
    assert "Incorrect API key provided: [redacted]. [redacted]" in error.message
    assert KEY not in shown(error)
    assert len(error.message) < 500
    assert "\n" not in error.message
    assert KEY not in caplog.text


def test_an_exhausted_budget_asks_nobody(shop, remote):
    save_budget(budget=Budget(limit_amount=0))
    with pytest.raises(BudgetExceeded):
        chat(ASK)
    assert (remote.asked, ledger()) == ([], [])


def test_a_model_is_not_called_inside_a_transaction(shop, remote):
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic():
        chat(ASK)
    assert remote.asked == []


def test_without_any_model_configured_the_error_says_so(shop, settings):
    settings.LLM_BASE_URL = ""
    assert refused(chat, ASK).message == "No language model is configured."
