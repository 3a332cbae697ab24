"""Counting the errors that no code expected: a handler of the logs that takes whatever was logged with its exception.

What is kept says where an error happened and how often, never what with: frames and lines of code, no value of a variable,
and of its message only words, no numbers, quotations or addresses. It is written by a thread of its own, over a connection of
its own, from a short queue: an error storm costs the process nothing and the database at most ``MOST_PER_MINUTE`` statements
a minute, and what goes wrong in here goes wrong in silence.
"""

import hashlib
import logging
import os
import queue
import re
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.utils import timezone

HELD = 200
"""Kinds of errors that wait to be written; more at once are let go."""
EVERY = 2.0
"""Seconds between two writings of one process: what happens in between is counted together."""
MOST_PER_MINUTE = 60
LONGEST_TRACE = 8_000

_VALUES = re.compile(
    r"""(?x) '[^']*' | "[^"]*" | “[^”]*” | \S+@\S+ | https?://\S+ | (?<!\w)[\w/+=.-]{20,} | \d[\d.,:\s-]*\d | \d"""
)
_UPSERT = """
INSERT INTO reports_errorlog AS known
    (fingerprint, kind, exception, message, place, trace, count, first_seen, last_seen, request_id, last_tenant_id)
VALUES (%(fingerprint)s, %(kind)s, %(exception)s, %(message)s, %(place)s, %(trace)s, %(count)s, %(now)s, %(now)s,
    %(request_id)s, %(tenant)s)
ON CONFLICT (fingerprint) DO UPDATE SET count = known.count + excluded.count, last_seen = excluded.last_seen,
    request_id = excluded.request_id, last_tenant_id = excluded.last_tenant_id, message = excluded.message,
    place = excluded.place, trace = excluded.trace, resolved_at = NULL, resolved_by_id = NULL
"""


@dataclass(frozen=True)
class Met:
    """One error as it was met, without anything that belongs to anybody."""

    fingerprint: str
    kind: str
    exception: str
    message: str
    place: str
    trace: str
    request_id: str
    tenant: str | None


class ErrorLogHandler(logging.Handler):
    """Hands errors over to the thread that writes them. It never raises and never waits."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.waiting: queue.Queue[Met] = queue.Queue(HELD)
        self.starting = threading.Lock()
        self.writer_of = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Take an error that was logged with its exception, but what somebody brings about by asking for nonsense."""
        with suppress(Exception):
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            is_no_defect = record.name.startswith(TOLD_AGAIN) or isinstance(error, SuspiciousOperation)
            if error is not None and not is_no_defect and threading.current_thread().name != THREAD:
                self.waiting.put_nowait(read(record, error))
                self._start()

    def _start(self) -> None:
        """Start the thread that writes, once in each process: forked workers begin without one."""
        with self.starting:
            if self.writer_of != os.getpid():
                self.writer_of = os.getpid()
                threading.Thread(target=write_for_ever, args=(self.waiting,), daemon=True, name=THREAD).start()


THREAD = "error-log"
TOLD_AGAIN = "django_structlog"
"""Logs each failed request, as Django does by itself."""


def read(record: logging.LogRecord, error: BaseException) -> Met:
    """Return what may be kept of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_ours(frame.filename)] or list(frames)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    way = "|".join(f"{_short(frame.filename)}:{frame.name}" for frame in own)
    known = structlog.contextvars.get_contextvars()
    return Met(
        fingerprint=hashlib.sha256(f"{name}|{way}".encode()).hexdigest(),
        kind=_kind(record),
        exception=name[:200],
        message=cleaned(str(error)),
        place=_place(record)[:300],
        trace="\n".join(f"{_short(one.filename)}:{one.lineno} {one.name}\n    {one.line}" for one in frames)[
            -LONGEST_TRACE:
        ],
        request_id=str(known.get("request_id", ""))[:64],
        tenant=str(known["tenant"]) if known.get("tenant") else None,
    )


def cleaned(message: str) -> str:
    """Return the first line of a message without values: numbers, quotations, addresses, long words."""
    return _VALUES.sub("…", message.partition("\n")[0])[:300]


def _is_ours(filename: str) -> bool:
    return filename.startswith(str(settings.BASE_DIR)) and "site-packages" not in filename


def _short(filename: str) -> str:
    for root in (str(settings.BASE_DIR), "site-packages"):
        _before, found, rest = filename.partition(root)
        if found and not (root == str(settings.BASE_DIR) and "site-packages" in filename):
            return rest.lstrip("/")
    return Path(filename).name


def _kind(record: logging.LogRecord) -> str:
    if record.name.startswith("celery"):
        return "task"
    return "web" if hasattr(record, "request") or structlog.contextvars.get_contextvars().get("request_id") else "other"


def _place(record: logging.LogRecord) -> str:
    """Return the route of a request, not its address, which may hold a token; or the name of a task."""
    match: Any = getattr(getattr(record, "request", None), "resolver_match", None)
    data: Any = getattr(record, "data", None)
    task = data.get("name") if isinstance(data, dict) else None
    return str(match.route if match else task or record.name)


def write_for_ever(waiting: "queue.Queue[Met]") -> None:
    """Write what waits, kind by kind, every few seconds; runs in a thread of its own until the process ends."""
    room = float(MOST_PER_MINUTE)
    while True:
        met = [waiting.get()]
        time.sleep(EVERY)
        room = min(MOST_PER_MINUTE, room + EVERY * MOST_PER_MINUTE / 60)
        with suppress(queue.Empty):
            while True:
                met.append(waiting.get_nowait())
        with suppress(Exception):
            room -= write(met, most=int(room))
        with suppress(Exception):
            connection.close()


def write(met: list[Met], *, most: int = MOST_PER_MINUTE) -> int:
    """Write errors, those of one kind by one statement; returns how many statements that took."""
    counts = Counter(one.fingerprint for one in met)
    last = {one.fingerprint: one for one in met}
    written = [last[fingerprint] for fingerprint, _count in counts.most_common(most)]
    for one in written:
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, {**vars(one), "count": counts[one.fingerprint], "now": timezone.now()})
    return len(written)
