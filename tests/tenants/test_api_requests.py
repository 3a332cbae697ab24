"""What a request may look like, how often it may come, and what happens when it comes twice."""

import base64
import contextlib
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from catalog.models import Customer, SalesChannel
from tenants import throttling
from tenants.models import IdempotencyKey
from tenants.parsers import parse_json
from tests.conftest import in_tenant
from tests.tenants.api_urls import CustomerViewSet, EchoView, UploadView

pytestmark = pytest.mark.urls("tests.tenants.api_urls")
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
TEST_DATA = os.environ.get("BACKROOM_TEST_DATA")


@pytest.fixture
def owner(api, saigon):
    EchoView.calls.clear()
    return api(saigon, saigon.owner)


# --- JSON

MALFORMED = {
    "empty": b"",
    "half": b'{"text": "x"',
    "trailing": b'{"text": "x"} {}',
    "duplicate keys": b'{"text": "x", "text": "y"}',
    "duplicate keys inside": b'{"text": "x", "anything": [{"a": 1, "a": 2}]}',
    "NaN": b'{"text": "x", "number": NaN}',
    "Infinity": b'{"text": "x", "anything": -Infinity}',
    "1e400": b'{"text": "x", "number": 1e400}',
    "integer of 5000 digits": b'{"text": "x", "number": ' + b"9" * 5000 + b"}",
    "byte order mark": b'\xef\xbb\xbf{"text": "x"}',
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "invalid UTF-8": b'{"text": "\xff\xfe"}',
    "NUL": b'{"text": "a\x00b"}',
    "escaped NUL": b'{"text": "a\\u0000b"}',
    "escaped NUL in a key": b'{"text": "x", "anything": {"\\u0000": 1}}',
    "lone surrogate": b'{"text": "\\ud800"}',
    "lone surrogate deep inside": b'{"text": "x", "anything": [[["\\udfff"]]]}',
    "65 deep": b'{"text": "x", "anything": ' + b"[" * 64 + b"]" * 64 + b"}",
    "100,000 deep": b"[" * 100_000,
    "100,000 deep objects": b'{"a":' * 100_000,
    "a million parts": b'{"text": "x", "anything": [' + b"[]," * 600_000 + b"[]]}",
    "single quotes": b"{'text': 'x'}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_json_that_two_readers_could_understand_differently_is_refused(owner, body):
    answer = owner.client.post(
        "/api/v1/echo/", body, content_type="application/json", headers={**owner.headers, "Content-Length": str(len(body))}
    )
    assert answer.status_code == (422 if body == b"" else 400), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert EchoView.calls == []


def test_odd_and_valid_json_is_taken_as_it_is(owner):
    body = {"text": "a \U0001f600 \\u0000 đ", "number": 1e300, "anything": {"": [], "a": {"b": [None, True, -0.0]}}}
    assert owner.post("echo/", body).json() == body
    assert owner.post("echo/", b'{"text": "\\ud83d\\ude00"}').json()["text"] == "\U0001f600"


def test_a_body_too_large_is_413_and_costs_little(owner):
    started = time.perf_counter()
    answer = owner.post("echo/", b'{"text": "' + b"x" * 3_000_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert owner.post("echo/", b"[" + b"1," * 1_500_000, Idempotency_Key="k").status_code == 413
    assert time.perf_counter() - started < 1
    assert EchoView.calls == []


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencoded"],
)
def test_another_media_type_is_415(owner, content_type):
    answer = owner.post("echo/", b'{"text": "x"}', Content_Type=content_type)
    assert answer.status_code == 415
    assert EchoView.calls == []


@pytest.mark.sample_data
def test_the_json_test_suite_breaks_nothing(owner):
    for line in (Path(str(TEST_DATA)) / "hostile" / "jsontestsuite_even.jsonl").read_text().splitlines():
        case = json.loads(line)
        answer = owner.post("customers/", base64.b64decode(case["b64"]))
        assert answer.status_code in (400, 413, 422), case["name"]
        inside = b'{"name": "x", "metadata": ' + base64.b64decode(case["b64"]) + b"}"
        answer = owner.post("customers/", inside)
        allowed = {"n": (400,), "y": (201, 400, 422), "i": (201, 400, 422)}[case["name"][0]]
        assert answer.status_code in allowed, case["name"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=30,
    )
)
@settings(max_examples=2 * settings.default.max_examples)
def test_what_json_can_say_is_read_back(value):
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8e+-.1 ntf', max_size=60).map(str.encode))
@settings(max_examples=5 * settings.default.max_examples)
def test_any_bytes_are_read_or_refused_in_one_way(data):
    with contextlib.suppress(ParseError):
        json.dumps(parse_json(data), ensure_ascii=False).encode()


# --- how often


def test_every_answer_tells_the_rate_and_too_many_are_429(api, owner, saigon, harbour, settings):
    settings.API_RATE = "3/min"
    answers = [owner.get("channels/") for _ in range(4)]
    if {answer.status_code for answer in answers} == {200}:  # a minute ended in between
        answers = [owner.get("channels/") for _ in range(4)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "throttled"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert (answers[-1]["RateLimit-Limit"], answers[-1]["RateLimit-Remaining"]) == ("3", "0")
    assert api(saigon.key).get("channels/").status_code == 200
    assert api(harbour.key).get("channels/")["RateLimit-Remaining"] == "2"


def test_without_redis_nobody_is_stopped(owner, settings, monkeypatch):
    settings.API_RATE = "1/min"

    def refuse(*args, **options):
        raise ConnectionError("frozen")

    monkeypatch.setattr(throttling, "_paused_until", 0.0)
    monkeypatch.setattr(throttling, "_add_one", refuse)
    assert {owner.get("channels/").status_code for _ in range(3)} == {200}
    monkeypatch.setattr(throttling, "_paused_until", 0.0)


def test_an_address_that_goes_on_sending_bad_tokens_is_throttled(api, owner, settings):
    settings.API_RATE, settings.TRUSTED_PROXIES = "3/min", 1
    guesses = [api(token) for token in ("brk_guess", "brs_guess", "guess", "brk_other")]

    def guess(address):
        return [one.get("channels/", X_Forwarded_For=address) for one in guesses]

    answers = guess("6.6.6.6")
    if {answer.status_code for answer in answers} == {401}:  # a minute ended in between
        answers = guess("6.6.6.6")
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert guess("7.7.7.7")[0].status_code == 401
    assert owner.get("channels/", X_Forwarded_For="6.6.6.6").status_code == 200


def test_without_redis_bad_tokens_stay_401(api, saigon, settings, monkeypatch):
    settings.API_RATE = "1/min"

    def refuse(*args, **options):
        raise ConnectionError("frozen")

    monkeypatch.setattr(throttling, "_paused_until", 0.0)
    monkeypatch.setattr(throttling, "_add_one", refuse)
    assert {api("brk_guess").get("channels/").status_code for _ in range(3)} == {401}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 10.0.0.1", "10.0.0.1"),
        (2, "6.6.6.6, 10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (2, "6.6.6.6", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(rf, settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    assert throttling.client_address(rf.get("/", headers={"X-Forwarded-For": forwarded})) == address


# --- twice


def test_the_same_request_acts_once_and_answers_twice_the_same(owner, saigon):
    first = owner.post("channels/", {"code": "zalo", "name": "Đây"}, Idempotency_Key="abc")
    again = owner.post("channels/", {"code": "zalo", "name": "Đây"}, Idempotency_Key="abc")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (again["ETag"], again["Content-Type"]) == (first["ETag"], first["Content-Type"])
    assert again["Idempotency-Replayed"] == "true"
    with in_tenant(saigon.tenant):
        assert SalesChannel.objects.filter(code="zalo", name="Đây").count() == 1


def test_an_upload_is_known_by_its_content(owner):
    def send(content, note="a"):
        file = SimpleUploadedFile("x.csv", content)
        return owner.upload("upload/", {"file": file, "note": note}, Idempotency_Key="abc")

    UploadView.calls.clear()
    assert [send(b"one").status_code, send(b"one").status_code] == [201, 201]
    assert send(b"two").json()["code"] == send(b"one", note="b").json()["code"] == "key_reused"
    assert UploadView.calls == [b"one"]


def test_a_broken_form_and_json_where_a_form_belongs_are_refused(owner):
    assert owner.post("upload/", b"x", Content_Type="multipart/form-data").status_code == 400
    assert owner.post("upload/", b"--x\r\n", Content_Type="multipart/form-data; boundary=x").status_code in (400, 422)
    assert owner.post("upload/", {"file": {"path": "/etc/passwd"}}).status_code == 415


def test_a_refusal_is_repeated_too(owner):
    first = owner.post("echo/", {}, Idempotency_Key="abc")
    again = owner.post("echo/", {}, Idempotency_Key="abc")
    assert first.status_code == again.status_code == 422
    assert again.content == first.content
    assert again["Content-Type"] == "application/problem+json"


def test_another_body_under_the_same_key_is_refused(owner):
    owner.post("echo/", {"text": "one"}, Idempotency_Key="abc")
    answer = owner.post("echo/", {"text": "two"}, Idempotency_Key="abc")
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert EchoView.calls == ["one"]


def test_keys_of_others_and_other_addresses_are_independent(api, owner, saigon, harbour):
    for client in (owner, api(saigon, saigon.admin), api(saigon.key), api(harbour.key)):
        assert client.post("echo/", {"text": "x"}, Idempotency_Key="abc").status_code == 201
    assert owner.post("channels/", {"code": "new"}, Idempotency_Key="abc").status_code == 201
    assert len(EchoView.calls) == 4


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "a\x7fb", "khoá"])
def test_a_key_that_is_none_is_refused(owner, key):
    answer = owner.post("echo/", {"text": "x"}, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_key")
    assert EchoView.calls == []


def test_what_broke_may_be_tried_again(owner):
    assert owner.post("echo/", {"text": "break"}, Idempotency_Key="abc").status_code == 500
    assert owner.post("echo/", {"text": "break"}, Idempotency_Key="abc").status_code == 500
    assert EchoView.calls == ["break", "break"]


def hold(saigon, **values):
    """Make the claim look like one whose request has not ended."""
    with in_tenant(saigon.tenant):
        assert IdempotencyKey.objects.update(status_code=None, answer=None, **values) == 1


def test_while_the_first_is_running_the_second_waits_until_its_lease_is_over(owner, saigon):
    owner.post("echo/", {"text": "x"}, Idempotency_Key="abc")
    hold(saigon, lease_until=timezone.now() + timedelta(seconds=30))
    waiting = owner.post("echo/", {"text": "x"}, Idempotency_Key="abc")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_progress")
    assert owner.post("echo/", {"text": "y"}, Idempotency_Key="abc").json()["code"] == "key_reused"
    hold(saigon, lease_until=timezone.now() - timedelta(seconds=1))
    assert owner.post("echo/", {"text": "x"}, Idempotency_Key="abc").status_code == 201
    assert EchoView.calls == ["x", "x"]


def test_who_is_overtaken_after_the_lease_leaves_nothing(api, saigon, transactional_db, monkeypatch):
    begun, go_on, answers = Event(), Event(), []
    save = CustomerViewSet.perform_create

    def slowly(view, serializer):
        save(view, serializer)
        if not begun.is_set():
            begun.set()
            go_on.wait(20)

    def send():
        answers.append(api(saigon.key).post("customers/", {"name": "Lan"}, Idempotency_Key="abc"))
        connection.close()

    monkeypatch.setattr(CustomerViewSet, "perform_create", slowly)
    first = Thread(target=send)
    first.start()
    begun.wait(20)
    hold(saigon, lease_until=timezone.now() - timedelta(seconds=1))
    send()
    go_on.set()
    first.join()
    assert [answer.status_code for answer in answers] == [201, 409]
    with in_tenant(saigon.tenant):
        assert str(Customer.objects.get().pk) == answers[0].json()["id"]
    cache.clear()


def test_a_key_is_free_again_after_a_day(owner, saigon):
    owner.post("echo/", {"text": "x"}, Idempotency_Key="abc")
    with in_tenant(saigon.tenant):
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert owner.post("echo/", {"text": "y"}, Idempotency_Key="abc").status_code == 201


def test_a_key_costs_one_statement_before_and_one_after_and_a_transaction(owner, django_assert_num_queries):
    with django_assert_num_queries(1):  # the membership
        owner.post("echo/", {"text": "x"})
    with django_assert_num_queries(5):  # the transaction is a savepoint here: two statements more
        owner.post("echo/", {"text": "x"}, Idempotency_Key="abc")


def test_the_table_tells_neither_body_nor_how_to_guess_it(owner, saigon):
    owner.post("echo/", {"text": "secret"}, Idempotency_Key="abc")
    with in_tenant(saigon.tenant):
        row = IdempotencyKey.objects.get()
    assert b"secret" not in bytes(row.body_hash)
    assert len(row.body_hash) == 32


@pytest.mark.django_db(transaction=True)
def test_many_at_once_act_once(api, saigon, transactional_db):
    barrier, answers = Barrier(8), []

    def send():
        barrier.wait()
        answers.append(api(saigon.key).post("customers/", {"name": "Lan"}, Idempotency_Key="abc"))
        connection.close()

    threads = [Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    with in_tenant(saigon.tenant):
        assert Customer.objects.count() == 1
    cache.clear()
