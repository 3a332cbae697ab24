"""Plain text leaves the vault by one door, and is found nowhere else: up to 50 secrets are traced through everything."""

import ast
import base64
import json
import logging
import pickle
import sys
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.views.debug import ExceptionReporter
from redis import Redis

from tenants.events import record_event
from tenants.mail import send_due_links
from tenants.queue import _send
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.outside import http_server
from tests.rows import a_bot_version
from tests.tenants.admin_pages import browser, page
from tests.test_architecture import ROOT, nodes, short, sources
from tests.vault.openai_server import Step, events, flows, hangs_up, openai_server, send_json
from vault.deliveries import deliver_due
from vault.events_out import create_destination, dispatch_events, rotate_destination_secret
from vault.models import Credential, CredentialGrant
from vault.providers import metering
from vault.providers.errors import ProviderError
from vault.providers.openai_compatible import ChatRequest, chat, stream_chat
from vault.services import reveal, store_credential
from vault.testing import try_credential

REVEALING = {
    "reports/mail_sync.py": "logs in to a mail server",
    "reports/transport.py": "logs in to a mail server",
    "vault/calls.py": "puts the secret into a call's headers, and takes it out of the answer",
    "vault/deliveries.py": "signs events out",
    "vault/oauth.py": "brings new tokens, and gives the access token",
    "vault/providers/endpoints.py": "asks a model",
    "vault/testing.py": "tries the credential at its service",
}
"""Every file that lets a secret out of the vault, and what for."""

OPENING = {
    "vault/backup.py": "encrypts to a passphrase",
    "vault/crypto.py": "is the envelope",
    "vault/data_keys.py": "encrypts a new secret",
    "vault/models/keys.py": "unwraps the data key",
    "vault/rotation.py": "encrypts anew",
    "vault/services.py": "is the door",
    "vault/startup.py": "tries the master keys",
}
"""Every file that opens an envelope or unwraps a key."""

OPENERS = {"open_envelope", "open_with_master", "unwrap", "data_key", "current_data_key"}


def callers_of(names: set[str]) -> set[str]:
    """Return the files that call a function or method of one of the names, or take it elsewhere."""
    found = set()
    for path in sources():
        for node in nodes(path):
            used = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
            if used in names:
                found.add(short(path))
    return found


def test_plain_text_leaves_by_one_door_whose_callers_are_known() -> None:
    assert callers_of({"reveal"}) == set(REVEALING)
    assert callers_of(OPENERS) == set(OPENING)


SENDERS = {
    "tenants/queue.py": "wake, which sends a task's name and nothing else",
    "tenants/tasks.py": "TenantTask, which adds the tenant's id to what is sent",
}
"""Every file that sends a task."""


def is_task(decorator: ast.expr) -> bool:
    """Whether a decorator makes a task of Celery."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(called, "id", getattr(called, "attr", "")) in {"shared_task", "task"}


def arguments_of_tasks(source: Iterable[ast.AST]) -> dict[str, list[str]]:
    """Return the arguments of each task among the nodes of a source, by the task's name."""
    tasks = (
        node
        for node in source
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(is_task, node.decorator_list))
    )
    return {task.name: [argument.arg for argument in ast.walk(task.args) if isinstance(argument, ast.arg)] for task in tasks}


def senders() -> set[str]:
    """Return the files that call one of Celery's ways to send."""
    ways = {"send_task", "apply_async", "delay"}
    return {
        short(path)
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ways
    }


def test_background_work_is_handed_nothing_at_all() -> None:
    """A message that is told no argument holds no secret: a task finds its rows, and their secrets, where they are used."""
    tasks = {f"{short(path)}:{name}": given for path in sources() for name, given in arguments_of_tasks(nodes(path)).items()}
    assert {"vault/tasks.py:deliver", "tenants/tasks.py:seal_audit"} <= set(tasks)
    assert {name: given for name, given in tasks.items() if given} == {}
    assert senders() == set(SENDERS)


def test_the_rule_would_find_a_task_that_is_handed_something() -> None:
    for given in ("secret", "*, secret", "*secret", "**secret", "bot, secret=None"):
        for decorator in ("@shared_task", "@shared_task(name='x')", "@app.task", "@app.task(bind=False)"):
            assert "secret" in arguments_of_tasks(ast.walk(ast.parse(f"{decorator}\ndef deliver({given}): ...")))["deliver"]


def test_a_worker_is_woken_by_a_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("tenants.queue.current_app.send_task", lambda *names, **options: sent.append((names, options)))
    _send("vault.deliver_events")
    ((names, options),) = sent
    assert names == ("vault.deliver_events",)
    assert set(options) == {"connection", "retry", "ignore_result"}


# --- the trace

MARK = "canary-0123456789-"
KINDS = 4
"""How many of the secrets differ in more than their number: so many go through every page."""


def canaries(count: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield provider, kind and secret of credentials; every value of theirs holds the mark."""
    for number in range(count):
        value = f"{MARK}{number:02d}-\u00e9" + "\n" * (number % 8 > 3)
        yield (
            ("openai", "api_key", {"api_key": value}),
            ("smtp", "basic", {"username": value, "password": value}),
            ("zalo_oa", "oauth2", {"client_id": value, "client_secret": value, "refresh_token": value}),
            ("custom", "custom", {"deep": {"in": [value]}}),
        )[number % 4]


def forms_of_mark() -> list[bytes]:
    """Return the mark as it would look in the writings that secrets travel in."""
    plain = MARK.encode()
    # Base64 depends on what stands before: three alignments, without the characters that mix with neighbours.
    shifted = [base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, plain.hex().encode(), plain.replace(b"-", b"%2D"), *shifted]


def assert_clean(where: str, content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    assert [form for form in forms_of_mark() if form in data] == [], where


def test_the_trace_would_find_a_secret_in_every_writing() -> None:
    for hidden in (f"x{MARK}", f"{MARK}".encode().hex(), base64.b64encode(f"ab{MARK}cd".encode()).decode()):
        with pytest.raises(AssertionError):
            assert_clean("here", hidden)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [2 * KINDS, pytest.param(50, marks=pytest.mark.slow)])
def test_many_secrets_are_found_nowhere(
    api: Any, saigon: Business, loopback_allowed: None, caplog: pytest.LogCaptureFixture, capfd: Any, count: int
) -> None:
    # It tells of every name that a template does not find, by the thousand: where few secrets are traced, not looked at.
    caplog.set_level(logging.DEBUG if count > 2 * KINDS else logging.INFO, "django.template")
    for logger in ("", "django", "django.db.backends"):
        caplog.set_level(logging.DEBUG, logger)
    connection.force_debug_cursor = True
    try:
        pks = [_store(api, saigon, *canary) for canary in canaries(count)]
        _use(api, saigon, pks)
        _open_pages(saigon, pks)
        assert len(pks) == count
        for pk in pks:
            with in_tenant(saigon.tenant):
                assert MARK in str(reveal(Credential.objects.get(pk=pk), why="test"))
    finally:
        connection.force_debug_cursor = False
    assert "vault_credentialsecret" in caplog.text  # the SQL is in the log
    assert_clean("log", caplog.text)
    assert_clean("stderr and stdout", "".join(capfd.readouterr()))
    assert_clean("captured SQL", str(connection.queries_log))
    _look_into_the_database()
    _look_into_redis()
    assert send_due_links() == 1
    assert len(mail.outbox) == 1
    assert_clean("mail", "".join(str(message.message()) for message in mail.outbox))


def _store(api: Any, business: Business, provider: str, kind: str, secret: dict[str, Any]) -> str:
    body = {"provider": provider, "kind": kind, "label": "Canary", "secret": secret}
    answer = api(business).post("credentials/", body, Idempotency_Key=json.dumps(secret)[-20:-4].replace(" ", ""))
    assert answer.status_code == 201, answer.content
    assert_clean("answer of a creation", answer.content)
    wrong = api(business).post("credentials/", {**body, "secret": {**secret, "api_key": {"no": secret}}, "expires_at": "x"})
    assert_clean("answer of a refusal", wrong.content)
    return answer.json()["id"]


def _use(api: Any, business: Business, pks: list[str]) -> None:
    client = api(business, business.owner)
    with http_server() as outside:
        for number, pk in enumerate(pks[:KINDS]):
            secret = next(secret for n, (_p, _k, secret) in enumerate(canaries(KINDS)) if n == number)
            outside.status, outside.body = 401, json.dumps({"error": {"message": str(secret)}}).encode()
            if "api_key" in secret:
                secret = {**secret, "base_url": f"http://127.0.0.1:{outside.port}"}
            assert_clean("answer of a rotation", client.post(f"credentials/{pk}/rotate/", {"secret": secret}).content)
            assert_clean("answer of a test", client.post(f"credentials/{pk}/test/").content)
    with in_tenant(business.tenant):
        bot = a_bot_version().bot
        CredentialGrant.objects.create(credential=Credential.objects.get(pk=pks[0]), bot=bot)
    assert_clean("answer of a deletion", client.delete(f"credentials/{pks[0]}/").content)
    for path in ("credentials/", "credential-uses/", "credential-grants/", "audit-entries/", "events/"):
        assert_clean(path, client.get(path, {"page_size": 200}).content)
    dispatch_events()
    assert client.post("members/invite/", {"email": "new@example.com", "role": "analyst"}).status_code == 201


def _open_pages(business: Business, pks: list[str]) -> None:
    owner = browser(business.owner)
    typed = {"provider": "openai", "kind": "api_key", "label": "", "api_key": f"{MARK}typed", "more": f'{{"{MARK}": 1}}'}
    assert_clean("a form that comes back", owner.post(page("vault_credential_add"), typed).content)
    for name in ("vault_credential", "vault_credentialuse", "tenants_auditentry"):
        assert_clean(name, owner.get(page(f"{name}_changelist")).content)
    for pk in pks[:KINDS]:
        for verb in ("change", "delete", "history", "test"):
            assert_clean(verb, owner.get(page(f"vault_credential_{verb}", pk), follow=True).content)
    chosen = {"action": "export", "_selected_action": pks}
    answer = owner.post(page("vault_credential_changelist"), chosen)
    assert_clean("export", b"".join(answer.streaming_content))  # type: ignore[attr-defined]


def _look_into_the_database() -> None:
    with platform_scope(reason="test"), connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
    for table in tables:
        assert_clean(table, _rows_of(table))


def _rows_of(table: str) -> str:
    with platform_scope(reason="test"), connection.cursor() as cursor:
        cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')
        return cursor.fetchone()[0] or ""


def _look_into_redis() -> None:
    cache.set("backroom:trace", "is looked at", 60)
    seen = b""
    broker = settings.CELERY_BROKER_URL.replace("redis+socket", "unix").replace("virtual_host", "db")
    for address in (broker, settings.CACHES["default"]["LOCATION"]):
        with Redis.from_url(address) as redis:
            for key in redis.scan_iter():
                seen += key + (redis.dump(key) or b"")
    assert b"trace" in seen
    assert_clean("Redis", seen)


@pytest.mark.django_db
@pytest.mark.parametrize("key", [f"{MARK}1", f"{MARK}2\n", f"{MARK}3\u00e9"])
def test_calls_of_models_show_no_secret_whatever_is_answered(
    key: str, saigon: Business, loopback_allowed: None, caplog: pytest.LogCaptureFixture, capfd: Any, monkeypatch: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(metering, "FIRST_WAIT", 0.01)
    with in_tenant(saigon.tenant), openai_server() as model:
        secret = {"api_key": key, "organization": f"{MARK}org", "base_url": model.base_url}
        store_credential(provider="openai", kind="api_key", label="x", secret=secret, metadata={"model": "m"})
        for step in (_repeats(401), _repeats(500), _repeats(200), hangs_up, _repeats_in_a_stream):
            for call in (chat, lambda request: list(stream_chat(request))):
                model.script = [step] * metering.TRIES
                with pytest.raises(ProviderError) as caught:
                    call(ChatRequest([{"role": "user", "content": "Hello"}], 10))
                logging.getLogger("trace").debug("it failed", exc_info=caught.value)
        assert bool(model.asked) is (key == f"{MARK}1")  # the others cannot be sent
        assert MARK in "".join(asked.headers["authorization"] for asked in model.asked) or not model.asked
    assert "ProviderError" in caplog.text
    assert_clean("log", caplog.text)
    assert_clean("stderr and stdout", "".join(capfd.readouterr()))
    _look_into_the_database()


def _repeats(status: int) -> Step:
    """Answer with all that was sent, where an error's words are read."""
    return lambda handler: send_json(handler, {"error": {"message": str(handler.headers)}}, status)


def _repeats_in_a_stream(handler: BaseHTTPRequestHandler) -> None:
    flows(events({"error": {"message": handler.headers["Authorization"]}}))(handler)


@pytest.mark.django_db
def test_deliveries_of_events_show_no_signing_secret(
    saigon: Business, loopback_allowed: None, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    with in_tenant(saigon.tenant), http_server() as receiver:
        destination, first = create_destination(name="Bookkeeping", url=receiver.url)
        second = rotate_destination_secret(destination=destination)
        for status in (200, 401, 500):
            receiver.status, receiver.body = status, f"{first} {second}".encode()
            record_event("order.created")
            dispatch_events()
            assert deliver_due() >= 1
        assert len(receiver.received) >= 3
        assert all(len(got.headers["webhook-signature"].split()) == 2 for got in receiver.received)
    seen = caplog.text + "".join(capfd.readouterr()) + _rows_of("vault_eventdelivery") + _rows_of("vault_credentialuse")
    assert [one for one in (first, second) if one.removeprefix("whsec_") in seen] == []


@pytest.mark.django_db
def test_objects_and_error_reports_hold_no_secret(saigon: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_tenant(saigon.tenant):
        credential = store_credential(provider="openai", kind="api_key", label="x", secret={"api_key": f"{MARK}1"})
        reveal(credential, why="test")
        assert_clean("repr and state", repr(credential) + str(credential.__dict__) + str(pickle.dumps(credential)))
        monkeypatch.setattr("vault.services._write_version", _fail)
        monkeypatch.setattr("vault.testing._ask", _fail)
        monkeypatch.setattr("vault.providers.openai_compatible.try_to", _fail)
        for work in (
            lambda: store_credential(provider="openai", kind="api_key", label="x", secret={"api_key": f"{MARK}2"}),
            lambda: try_credential(credential),
            lambda: chat(ChatRequest([], 10, model="m")),
        ):
            with pytest.raises(ZeroDivisionError):
                work()
            assert_clean("error report", _report(work))


def _fail(*_arguments: Any, **_options: Any) -> None:
    raise ZeroDivisionError


def _report(work: Any) -> str:
    """Return what Django would mail to the administrators, with the variables of every frame of ours."""
    try:
        work()
    except ZeroDivisionError:
        reporter = ExceptionReporter(None, *sys.exc_info())
        frames = [frame for frame in reporter.get_traceback_frames() if frame["filename"].startswith(str(ROOT / "vault"))]
        assert frames
        return str([frame["vars"] for frame in frames])
    return ""


@pytest.mark.django_db
def test_dumpdata_holds_ciphertext_only(saigon: Business, capsys: Any) -> None:
    with in_tenant(saigon.tenant):
        store_credential(provider="openai", kind="api_key", label="x", secret={"api_key": f"{MARK}1"})
        call_command("dumpdata", "vault")
    dumped = capsys.readouterr().out
    assert "vault.credentialsecret" in dumped
    assert_clean("dumpdata", dumped)
