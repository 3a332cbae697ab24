"""A worker that runs tasks in a child process, and dies in it by SIGKILL right before a given step.

A step is whatever others can see: each message to the database, and what is sent to or connected with the outside, before
it and after it. It reads lines of a step (0: none) and names of tasks, and answers each with ``done`` or ``killed``; so a
test goes through every boundary between two steps, one after the other, always at the same place.
"""

import itertools
import os
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
    say("ready")
    for line in sys.stdin:
        step, *tasks = line.split()
        say(run([app.tasks[name] for name in tasks], int(step)))


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def run(tasks: list[Any], step: int) -> str:
    """Run tasks in a child that dies before this step, if it comes to it; returns how the child ended."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            die_before(step)
            for task in tasks:
                task()
            ended = 0
        finally:
            os._exit(ended)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


def die_before(step: int) -> None:
    """Count the steps from now on, and die before this one."""
    from tenants.postgres.base import DatabaseWrapper, ScopedCursor
    from tenants.postgres.beside import Beside

    numbers, one_at_a_time = itertools.count(1), threading.Lock()

    def boundary() -> None:
        with one_at_a_time:
            if next(numbers) == step:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(owner: Any, name: str, *, after: bool = False) -> None:
        original = getattr(owner, name)

        def act(*args: Any, **options: Any) -> Any:
            boundary()
            result = original(*args, **options)
            if after:
                boundary()
            return result

        setattr(owner, name, act)

    counted(ScopedCursor, "execute")
    counted(DatabaseWrapper, "_commit")
    counted(Beside, "send")
    counted(Beside, "first_column")
    counted(socket.socket, "connect")
    counted(socket.socket, "sendall", after=True)
    counted(socket.socket, "send", after=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
