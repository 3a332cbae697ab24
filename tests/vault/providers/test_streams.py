"""Answers that come piece by piece: put together, metered at their end, charged the worst when they break off."""

import time

import pytest

from tests.vault import openai_server as server
from tests.vault.providers.test_openai_compatible import ASK, ledger, refused
from vault.models import UsageEntry
from vault.prices import Tokens
from vault.providers.openai_compatible import stream_chat

pytestmark = pytest.mark.django_db


def test_a_stream_yields_its_pieces_as_they_come_and_is_metered_at_its_end(shop, remote):
    remote.script = [server.streamed("We have", " two lamps.", told=server.usage(40, 8), pause=0.05)]
    stream = stream_chat(ASK)
    assert next(stream) == "We have"
    assert UsageEntry.objects.get().state == "reserved"
    *pieces, answer = stream
    assert (pieces, answer.text, answer.tokens) == ([" two lamps."], "We have two lamps.", Tokens(40, 8))
    assert remote.asked[0].body["stream_options"] == {"include_usage": True}
    entry = UsageEntry.objects.get()
    assert (entry.state, entry.input_tokens, entry.output_tokens, entry.is_estimated) == ("settled", 40, 8, False)


def test_a_streamed_tool_call_is_put_together(shop, remote):
    parts = [
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "price", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"sku":'}}]},
        {"tool_calls": [{"index": 1, "id": "call_2", "function": {"name": "stock", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"LAMP"}'}}]},
    ]
    remote.script = [server.flows(server.events(*map(server.chunk, parts), server.chunk({}, "tool_calls")))]
    (answer,) = stream_chat(ASK)
    assert [(one.name, one.arguments) for one in answer.tool_calls] == [("price", '{"sku":"LAMP"}'), ("stock", "{}")]
    assert ledger() == [("settled", "", True)]  # no usage was told


HALF = server.events(server.chunk({"content": "We have"}), done=False)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        (HALF, "permanent"),
        ([*HALF, b'data: {"choices": [\n\n'], "permanent"),
        ([*HALF, b'data: {"error": {"message": "overloaded", "code": "server_error"}}\n\n'], "retry"),
        ([*HALF, b'data: {"error": {"message": "no money", "code": "insufficient_quota"}}\n\n'], "quota"),
    ],
    ids=["drop", "broken JSON", "error", "quota"],
)
def test_a_stream_that_breaks_off_is_an_error_after_its_pieces_and_charged_its_worst(shop, remote, pieces, kind):
    remote.script = [server.flows(pieces)]
    stream = stream_chat(ASK)
    assert next(stream) == "We have"
    assert refused(next, stream).kind == kind
    assert len(remote.asked) == 1
    assert ledger() == [("failed", kind, True)]


def test_a_stream_that_cannot_be_opened_is_tried_again(shop, remote):
    remote.script = [server.error(503)]
    *_pieces, answer = stream_chat(ASK)
    assert answer.text == "Hello there"
    assert ledger() == [("failed", "retry", False), ("settled", "", False)]


def test_a_slow_stream_ends_in_time(shop, remote):
    remote.script = [server.streamed(*"abcdefghij", pause=0.2)]
    began = time.monotonic()
    assert refused(list, stream_chat(ASK, within=0.6)).kind == "timeout"
    assert time.monotonic() - began < 1.5
    assert ledger() == [("failed", "timeout", True)]


def test_who_stops_reading_a_stream_is_charged_its_worst(shop, remote):
    remote.script = [server.streamed("We", " have", " two")]
    stream = stream_chat(ASK)
    next(stream)
    stream.close()
    assert ledger() == [("failed", "abandoned", True)]
