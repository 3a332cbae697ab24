"""Errors that no code expected are counted by where they happen, without a word or a value of anybody."""

import logging
import queue
import sys
import threading
from typing import Any

import pytest
from django.test import Client

from reports import error_log
from reports.error_log import ErrorLogHandler, cleaned, read, write
from reports.models import ErrorLog
from tests.conftest import Business
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db

SECRET = "sk-live-9f8e7d6c5b4a39281706"


def fail_for(person: str, order: int = 4711) -> None:
    secret = SECRET  # a local that no trace may show
    raise LookupError(f"no order {order} of {person!r} <{person[:3]}@x.example>, key {secret}")


def met(person: str = "Mai Nguyen", logger: str = "django.request", **extra: Any) -> error_log.Met:
    try:
        fail_for(person)
    except LookupError as error:
        record = logging.LogRecord(logger, logging.ERROR, __file__, 1, "x", (), sys.exc_info())
        vars(record).update(extra)
        return read(record, error)
    raise AssertionError


def test_one_way_through_the_code_is_one_entry_whoever_it_fails_for():
    write([met(), met("An Tran"), met()])
    write([met()])
    row = ErrorLog.objects.get()
    assert (row.count, row.exception, row.kind) == (4, "builtins.LookupError", "other")
    assert "fail_for" in row.trace
    assert row.first_seen < row.last_seen


def test_no_secret_and_no_name_is_kept():
    write([met()])
    row = ErrorLog.objects.values().get()
    said = " ".join(str(value) for value in row.values())
    for word in (SECRET, "Mai", "4711"):
        assert word not in said
    assert row["message"] == "no order … of … … key …"
    assert cleaned("first\nDETAIL: Key (phone)=(0909123456)") == "first"


def test_a_task_and_a_route_are_named_and_an_address_is_not(rf):
    write([met(logger="celery.app.trace", data={"name": "runtime.end_idle"})])
    assert ErrorLog.objects.get().place == "runtime.end_idle"
    request = rf.get("/admin/login-link/token-of-a-person/")
    request.resolver_match = type("Match", (), {"route": "admin/login-link/<str:token>/"})
    write([met(request=request)])
    assert ErrorLog.objects.get().place == "admin/login-link/<str:token>/"


def test_a_broken_view_is_caught_by_the_handler(monkeypatch, client: Client):
    handler = ErrorLogHandler()
    monkeypatch.setattr(handler, "_start", lambda: None)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr("config.health.CHECKS", {"database": lambda: fail_for("Mai")})
    client.raise_request_exception = False
    try:
        assert client.get("/readyz").status_code == 500
    finally:
        logging.getLogger().removeHandler(handler)
    one = handler.waiting.get_nowait()
    assert handler.waiting.empty()
    assert (one.kind, one.place, one.exception) == ("web", "readyz", "builtins.LookupError")
    assert len(one.request_id) == 36


def test_a_storm_costs_no_more_than_its_share_and_nothing_goes_wrong_in_here(monkeypatch):
    handler = ErrorLogHandler()
    monkeypatch.setattr(handler, "_start", lambda: None)
    for _ in range(1000):
        try:
            fail_for("Mai")
        except LookupError:
            handler.handle(logging.LogRecord("x", logging.ERROR, __file__, 1, "x", (), sys.exc_info()))
    assert handler.waiting.qsize() == error_log.HELD
    others = [error_log.Met(**{**vars(met()), "fingerprint": str(number)}) for number in range(50)]
    assert write(others, most=7) == 7
    assert ErrorLog.objects.count() == 7
    monkeypatch.setattr(error_log, "read", lambda *_given: 1 / 0)
    handler.handle(logging.LogRecord("x", logging.ERROR, __file__, 1, "x", (), (ValueError, ValueError(), None)))


def test_the_thread_writes_and_outlives_a_database_that_is_gone(monkeypatch):
    written, done = [], threading.Event()

    def failing_once(found: list[Any], *, most: int) -> int:
        written.append(len(found))
        if len(written) == 1:
            raise OSError("gone")
        done.set()
        return 1

    monkeypatch.setattr(error_log, "write", failing_once)
    monkeypatch.setattr(error_log, "EVERY", 0.01)
    waiting: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=error_log.write_for_ever, args=(waiting,), daemon=True).start()
    one = met()
    waiting.put(one)
    while len(written) < 1:
        pass
    waiting.put(one)
    assert done.wait(10)


def test_staff_resolve_an_error_and_it_opens_again_when_it_comes_back(root, saigon: Business):
    write([met()])
    row = ErrorLog.objects.get()
    person = browser(root)
    form = {"action": "resolve", "_selected_action": [str(row.pk)]}
    assert "1 error is resolved." in text_of(person.post(page("reports_errorlog_changelist"), form, follow=True))
    row.refresh_from_db()
    assert (row.resolved_at is not None, row.resolved_by) == (True, root)
    assert "fail_for" in text_of(person.get(page("reports_errorlog_change", row.pk)))
    write([met()])
    row.refresh_from_db()
    assert (row.resolved_at, row.count) == (None, 2)
    assert browser(saigon.owner).get(page("reports_errorlog_changelist")).status_code == 403
