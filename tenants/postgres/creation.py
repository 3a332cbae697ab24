"""Test databases are made and dropped by the owner; the tests run as the application."""

from typing import Any

from django.db.backends.postgresql import creation


class DatabaseCreation(creation.DatabaseCreation):
    """Creates, migrates and destroys test databases as ``backroom_owner``."""

    connection: Any  # our DatabaseWrapper, which imports this module

    def create_test_db(self, *args: Any, **options: Any) -> str:
        """Create and migrate the test database; returns its name."""
        with self.connection.as_owner():
            return super().create_test_db(*args, **options)

    def destroy_test_db(self, *args: Any, **options: Any) -> None:
        """Drop the test database."""
        with self.connection.as_owner():
            super().destroy_test_db(*args, **options)
