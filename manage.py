#!/usr/bin/env python
"""Django's command line. Commands that need the database get the embedded servers for their own time."""

import os
import sys
from pathlib import Path

import django
import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from config import embedded

WITHOUT_SERVERS = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "makemigrations",
        "sendtestemail",
        "spectacular",
        "startapp",
        "up",
        "version",
    }
)


BEFORE_KEYS = frozenset({"migrate", "prepare_database", "rotate_vault_keys"})
"""Commands that may run before the vault's keys are known, or look at them themselves."""


def check_keys() -> None:
    """End the command when ``VAULT_KEYS`` is not what the database was encrypted with."""
    django.setup()
    from vault.startup import WrongMasterKey, check_master_keys

    try:
        check_master_keys()
    except WrongMasterKey as error:
        sys.exit(f"backroom: {error}")


def prepare_first_time() -> None:
    """Make the tables when nobody has yet: a command may be the first that runs. A restore brings its own."""
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if sys.argv[1] == "restore" or "django_migrations" in connection.introspection.table_names():
        return
    if os.environ.get("DATABASE_URL"):
        raise embedded.StartError("the database is empty: start `manage.py up`, or run `manage.py migrate`, first")
    call_command("migrate", "--no-input", "--skip-checks", verbosity=0)


def run() -> None:
    """Run the command; the audit says that it was one."""
    from tenants.actor import Actor, ActorKind, acting

    with acting(Actor(ActorKind.COMMAND)):
        execute_from_command_line(sys.argv)


def needs_servers(arguments: list[str]) -> bool:
    """Whether the command may talk to the database or Redis. (`up` has its own way.)"""
    command = arguments[1] if len(arguments) > 1 else "help"
    return not (command.startswith("-") or command in WITHOUT_SERVERS or {"-h", "--help"} & set(arguments))


def main() -> None:
    """Run one command; what the user can mend is one line, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    environ.Env.read_env(Path(__file__).resolve().parent / ".env")
    try:
        if not needs_servers(sys.argv):
            execute_from_command_line(sys.argv)
            return
        with embedded.servers():
            if sys.argv[1] not in BEFORE_KEYS:
                prepare_first_time()
                check_keys()
            run()
    except (embedded.StartError, ImproperlyConfigured) as error:
        sys.exit(f"backroom: {error}")
    except OperationalError as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        sys.exit(f"backroom: the database does not answer: {reason}")


if __name__ == "__main__":
    main()
