"""A reply sentence by sentence: what leaves has passed, what does not is replaced, and who hangs up changes nothing."""

import json
import time

import pytest

from bots.models import Guardrail
from runtime import turn
from runtime.escalations import Colleague, claim, escalate
from runtime.models import DecisionEvent, Escalation, Session, Turn
from runtime.streaming import TurnStream
from tests.conftest import in_tenant, platform_again
from tests.runtime.conftest import ANSWER, QUESTION, open_shop
from tests.runtime.model.conftest import plain
from tests.vault import openai_server as server
from vault.models import UsageEntry

ASKED = "Tell me about the Trail Runner Backpack"


@pytest.fixture
def hear(session):
    """Return what says something and returns the events of the answer, all in this thread."""

    def heard(message, **more):
        stream = TurnStream()
        asked = {"session_id": session.pk, "message": message, "external_id": "", "ui_event": None, **more}
        stream.run(asked, "en")
        return [(one.name, one.text or one.recorded or one.error) for one in stream if one.name != "begin"]

    return heard


def texts(events, name="sentence"):
    return [text for kind, text in events if kind == name]


def test_sentences_leave_one_by_one_and_are_the_reply(hear, endpoint):
    endpoint.script = [server.streamed("It costs 1,2", "50,000 ₫. It is a trail bac", "kpack [1]. Shall I res", "erve one?")]
    events = hear(ASKED)
    assert texts(events) == ["It costs 1,250,000 ₫.", " It is a trail backpack.", " Shall I reserve one?"]
    kind, recorded = events[-1]
    assert (kind, recorded.decision["tier"]) == ("done", "llm")
    assert "".join(texts(events)) == recorded.reply["message"]
    assert UsageEntry.objects.get().state == "settled"


def test_a_wrong_price_ends_the_stream_with_a_replacement(hear, endpoint):
    endpoint.script = [server.streamed("It is a fine backpack. ", "It costs 990,000 ₫. ", "Buy it now. ")]
    events = hear(ASKED)
    assert texts(events) == ["It is a fine backpack."]
    [replacement] = texts(events, "replace")
    assert "1,250,000" in replacement
    assert events[-1][1].reply["message"] == replacement
    assert UsageEntry.objects.get().state == "settled"  # heard to its end, so its true cost is known


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (server.flows(server.events(server.chunk({"content": "It is fine. It is"}), done=False)), "permanent"),
        (
            server.flows([*server.events(server.chunk({"content": "It is fine. "}), done=False), b"data: {broken\n\n"]),
            "permanent",
        ),
        (server.streamed("It is fine. ", *["word " * 500] * 10), "too_long"),
        (server.streamed(""), "empty"),
    ],
    ids=["dropped", "broken", "endless", "empty"],
)
def test_a_stream_that_breaks_is_replaced_by_what_the_catalogue_says(hear, endpoint, step, why):
    endpoint.script = [step] * 3
    events = hear(ASKED)
    recorded = events[-1][1]
    assert recorded.decision["tier"] == "catalog"
    assert DecisionEvent.objects.get().decision_metadata["model"]["why"] == why
    said = texts(events, "replace") or ["".join(texts(events))]
    assert said == [recorded.reply["message"]]
    assert Turn.objects.filter(speaker="assistant").count() == 1
    assert {entry.state for entry in UsageEntry.objects.all()} <= {"settled", "failed"}


def test_what_no_model_answers_comes_as_sentences_too(hear):
    events = hear("How long does delivery take?")
    assert texts(events) == ["Two to four working days."]
    assert [name for name, _value in events] == ["sentence", "done"]


def test_a_sentence_that_a_guardrail_stops_never_leaves(hear, endpoint, session):
    Guardrail.objects.create(code="secret", condition_expression='reply.contains("secret")')
    endpoint.script = [server.streamed("It is a fine backpack. ", "The secret is out. ", "Bye. ")]
    events = hear(ASKED)
    assert texts(events) == ["It is a fine backpack."]
    assert "secret" not in texts(events, "replace")[0]
    assert events[-1][1].decision["tier"] == "guardrail"


def test_tools_are_called_in_a_stream_as_well(hear, endpoint):
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "price_lookup", "arguments": '{"products": ['}}
    more = {"index": 0, "function": {"arguments": '"Bàn phím cơ Gõ Êm"]}'}}
    chunks = [server.chunk({"tool_calls": [call]}), server.chunk({"tool_calls": [more]}), server.chunk({}, "tool_calls")]
    endpoint.script = [server.flows(server.events(*chunks)), server.streamed("Bàn phím cơ Gõ Êm giá 990.000đ ạ.")]
    events = hear("So sánh giúp mình hai sản phẩm bán chạy nhất nhé")
    assert texts(events) == ["Bàn phím cơ Gõ Êm giá 990.000đ ạ."]
    assert events[-1][1].decision["tier"] == "llm"


def test_a_message_sent_again_is_said_again(hear, endpoint):
    endpoint.script = [server.streamed("It is a fine backpack. Indeed.")]
    first, again = hear(ASKED, external_id="m-1"), hear(ASKED, external_id="m-1")
    assert "".join(texts(first)) == "".join(texts(again)) == plain(again[-1][1])
    assert len(endpoint.asked) == 1


@pytest.fixture
def talk(api, saigon):
    """Return what says something over HTTP in one conversation, with events."""
    platform_again()
    open_shop(saigon)
    begun = api(saigon).post("sessions/", {"bot": "shop", "channel": "web"}).json()
    path = f"sessions/{begun['id']}/turns/"
    return lambda body, **headers: api(saigon).post(path, body, **{"Accept": "text/event-stream", **headers})


def read(answer):
    """Return the events of an answer."""
    lines = b"".join(answer.streaming_content).decode().split("\n\n")
    parts = [line.split("\n") for line in lines if line and not line.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in parts]


@pytest.mark.django_db(transaction=True)
def test_over_http_the_last_event_is_the_body_of_the_plain_answer(talk):
    answer = talk({"message": QUESTION}, Idempotency_Key="k-1")
    assert (answer.status_code, answer["Content-Type"]) == (201, "text/event-stream")
    events = read(answer)
    assert events[0] == ("sentence", {"text": ANSWER})
    name, body = events[-1]
    assert (name, list(body)) == ("done", ["turn", "reply", "decision", "slots", "session"])
    assert read(talk({"message": QUESTION}, Idempotency_Key="k-1"))[-1][1]["turn"] == body["turn"]
    assert talk({"message": ""}).status_code == 422
    assert talk({"message": QUESTION}, Accept="application/json").json()["decision"]["tier"] == "faq"


@pytest.mark.django_db(transaction=True)
def test_who_hangs_up_changes_nothing(talk, endpoint, saigon):
    endpoint.script = [server.streamed("It is a fine day. ", "Indeed it is. ", "Bye. ", pause=0.2)]
    answer = talk({"message": "What is the capital of Mongolia?"})
    assert any(b"It is a fine day." in part for part in answer.streaming_content)  # and no more is read
    answer.close()
    with in_tenant(saigon.tenant):
        until = time.monotonic() + 20
        while Session.objects.get().turn_number == 0 and time.monotonic() < until:
            time.sleep(0.05)
        assert Turn.objects.get(speaker="assistant").message == "It is a fine day. Indeed it is. Bye."
        assert UsageEntry.objects.get().state == "settled"


@pytest.mark.django_db(transaction=True)
def test_what_was_heard_and_could_not_be_kept_is_taken_back_before_the_error(talk, endpoint, saigon, monkeypatch):
    endpoint.script = [server.streamed("It is a fine day. Indeed.")] * turn.ROUNDS
    monkeypatch.setattr(turn, "record", lambda *_args, **_options: None)  # others are always faster
    events = read(talk({"message": "What is the capital of Mongolia?"}))
    assert events[0] == ("sentence", {"text": "It is a fine day."})
    [replaced, (name, problem)] = events[-2:]
    assert replaced == ("replace", {"message": ""})
    assert (name, problem["status"], problem["code"]) == ("error", 409, "session_busy")
    endpoint.script = [server.streamed("It is a fine day.")] * turn.ROUNDS
    plain = talk({"message": "What is the capital of Mongolia?"}, Accept="application/json")
    assert (plain.status_code, plain.json()["code"], plain["Retry-After"]) == (409, "session_busy", "1")
    with in_tenant(saigon.tenant):
        assert not Turn.objects.filter(speaker="assistant").exists()


@pytest.mark.django_db(transaction=True)
def test_a_masked_message_is_stored_as_masked_while_the_model_still_thinks(talk, endpoint, api, saigon):
    with in_tenant(saigon.tenant):
        Guardrail.objects.create(code="mail", condition_expression="size(message.emails) > 0", violation_action="mask")
    endpoint.script = [server.streamed("It is a fine day. ", "Indeed it is.", pause=0.2)]
    answer = talk({"message": "What is the capital of Mongolia? I am mai@example.com"})
    parts = iter(answer.streaming_content)
    while b"It is a fine day." not in next(parts):
        pass
    with in_tenant(saigon.tenant):
        [asked] = Turn.objects.all()  # so nothing is recorded yet
        assert asked.message == "What is the capital of Mongolia? I am •••@•••••••.•••"
    assert b"event: done" in b"".join(parts)


@pytest.mark.django_db(transaction=True)
def test_what_fails_before_it_begins_is_answered_as_ever(talk, api, saigon):
    missing = api(saigon).post(
        "sessions/01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb/turns/", {"message": "x"}, Accept="text/event-stream"
    )
    assert (missing.status_code, missing["Content-Type"]) == (404, "application/problem+json")
    with in_tenant(saigon.tenant):
        Session.objects.update(ended_at="2026-01-01T00:00:00Z")
    assert talk({"message": "x"}).json()["code"] == "session_ended"


def test_nothing_more_is_said_once_a_person_has_taken_over(session, saigon, endpoint):
    endpoint.script = [server.streamed("It is a fine backpack. ", "It holds a lot. ", "Many people like it. ")]

    class Interrupted(TurnStream):
        def say(self, sentence):
            super().say(sentence)
            row, _is_new = escalate(session=session, origin=Escalation.Origin.STAFF)
            claim(escalation=row, by=Colleague(saigon.admin.pk, saigon.admin))

    stream = Interrupted()
    stream.run({"session_id": session.pk, "message": ASKED, "external_id": "", "ui_event": None}, "en")
    events = [(one.name, one.text) for one in stream if one.name != "begin"]
    assert events == [("sentence", "It is a fine backpack."), ("replace", ""), ("done", "")]
    assert not Turn.objects.filter(speaker="assistant").exists()
    assert DecisionEvent.objects.get().tier == "human"
