"""A worker that runs tasks in a child process, and is killed or stopped in it right before a given step.

A step is whatever others can see: each message to the database, what is sent to or connected with the outside, before it
and after it, and what a beat writes into its file. It reads lines of a signal (``KILL``, ``STOP``), a step (0: none) and
names of tasks, and answers each with ``done``, ``killed`` or ``stopped``; ``CONT`` lets the one that was stopped go on. So a
test goes through every boundary between two steps, one after the other, always at the same place. ``POISON`` instead kills
it before each mail whose address begins so.
"""

import itertools
import os
import shelve
import signal
import socket
import sys
import threading
from typing import Any

import django


def main(database: str, mail_port: str) -> None:
    """Answer one line with one word."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    from config.celery import app
    from config.environment import networks

    connection.settings_dict["NAME"] = database
    settings.OUTBOUND_ALLOW = networks("127.0.0.0/8")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(mail_port)
    app.loader.import_default_modules()
    app.loader.import_task_module("tests.worker_tasks")
    say("ready")
    stopped = 0
    for line in sys.stdin:
        kind, *rest = line.split()
        if kind == "CONT":
            os.kill(stopped, signal.SIGCONT)
            say(ended(stopped))
            continue
        child = begin([app.tasks[name] for name in rest[1:]], kind, int(rest[0]))
        say(word := ended(child))
        stopped = child if word == "stopped" else stopped


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def begin(tasks: list[Any], kind: str, step: int) -> int:
    """Run tasks in a child that gets the signal before this step, if it comes to it; returns the child."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            if kind == "POISON":
                die_of_poison()
            else:
                interrupt_before(step, signal.Signals[f"SIG{kind}"])
            for task in tasks:
                task()
            ended = 0
        finally:
            os._exit(ended)
    return child


def ended(child: int) -> str:
    """Wait for the child; returns how it ended, or that it was stopped."""
    _pid, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return "stopped"
    if os.WIFSIGNALED(status):
        return "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


def interrupt_before(step: int, signum: int) -> None:
    """Count the steps from now on, and send this process the signal before this one."""
    from tenants.postgres.base import DatabaseWrapper, ScopedCursor
    from tenants.postgres.beside import Beside

    numbers, one_at_a_time = itertools.count(1), threading.Lock()

    def boundary() -> None:
        with one_at_a_time:
            if next(numbers) == step:
                os.kill(os.getpid(), signum)

    def counted(owner: Any, name: str, *, after: bool = False) -> None:
        original = getattr(owner, name)

        def act(*args: Any, **options: Any) -> Any:
            boundary()
            result = original(*args, **options)
            if after:
                boundary()
            return result

        setattr(owner, name, act)

    counted(shelve.Shelf, "sync", after=True)
    counted(ScopedCursor, "execute")
    counted(DatabaseWrapper, "_commit")
    counted(Beside, "send")
    counted(Beside, "first_column")
    counted(socket.socket, "connect")
    counted(socket.socket, "sendall", after=True)
    counted(socket.socket, "send", after=True)


def die_of_poison() -> None:
    """Kill this process when it is about to write the envelope of a poisonous mail."""
    from reports import outbox

    write = outbox.envelope_of

    def envelope_of(row: Any, *args: Any, **options: Any) -> Any:
        if row.address.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        return write(row, *args, **options)

    outbox.envelope_of = envelope_of


if __name__ == "__main__":
    main(*sys.argv[1:])
