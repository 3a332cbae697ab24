"""The flush between transactional tests needs TRUNCATE, which the application role must not have."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import operations


class DatabaseOperations(operations.DatabaseOperations):
    """Django's operations, with the flush done by the owner."""

    connection: Any  # our DatabaseWrapper, which imports this module

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empty the tables as ``backroom_owner``."""
        with self.connection.as_owner():
            super().execute_sql_flush(sql_list)
