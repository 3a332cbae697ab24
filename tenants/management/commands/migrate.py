"""``migrate`` as the owner of the tables, after the default privileges are in place."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from tenants.postgres.roles import GRANT_STATEMENTS


class Command(migrate.Command):
    """Django's migrate, run as ``backroom_owner``."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Grant first (tables of any app are covered then), and migrate."""
        connection: Any = connections[options["database"]]
        with connection.as_owner():
            with connection.cursor() as cursor:
                for statement in GRANT_STATEMENTS:
                    cursor.execute(statement)
            super().handle(*args, **options)
