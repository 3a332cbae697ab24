"""Texts that a worker stores are read by people in their own language."""

import pytest
from django.utils.translation import override

from tenants.notes import note, told


def test_a_stored_text_is_told_in_the_language_of_the_reader() -> None:
    with override("en"):
        stored = note("The receiver answered %(status)s.", status=410)
    with override("vi"):
        assert told(stored) == "Bên nhận trả lời 410."
        assert told(note("No connection.")) == told("No connection.") != "No connection."
    assert told(stored) == "The receiver answered 410."


def test_a_detail_stands_behind_it_as_it_is() -> None:
    assert told(note("No connection.", detail="{refused} 50%")) == "No connection. ({refused} 50%)"


@pytest.mark.parametrize("old", ["", "Không có kết nối.", "100 % wrong", '{"text": "cut of', '{"text": 5}', '{"a": 1}'])
def test_what_was_stored_before_is_shown_as_it_is(old: str) -> None:
    assert told(old) == old
