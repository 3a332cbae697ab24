"""The database backend: who is logged in, and for how long a statement may take."""

from typing import Any

import pytest
from django.db import connection

APPLICATION, OWNER = ("backroom_app", "30s", "10s"), ("backroom_owner", "0", "0")


def session() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user, current_setting('statement_timeout'), current_setting('lock_timeout')")
        return tuple(cursor.fetchone())


@pytest.mark.django_db(transaction=True)
def test_a_migration_takes_its_time_and_the_application_does_not() -> None:
    assert session() == APPLICATION
    with connection.as_owner():
        assert session() == OWNER
    assert session() == APPLICATION


@pytest.mark.django_db(transaction=True)
def test_the_owner_connects_with_the_options_of_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = {**connection.settings_dict["OWNER"], "OPTIONS": {"application_name": "migration"}}
    monkeypatch.setitem(connection.settings_dict, "OWNER", owner)
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("migration",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        assert cursor.fetchone() == ("",)


def test_nothing_is_sent_at_the_start_of_a_session_that_a_pooler_refuses() -> None:
    assert "options" not in connection.get_connection_params()
