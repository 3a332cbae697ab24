"""How many a customer wants, and what is counted and not wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.understanding import understand
from runtime.understanding.counting import find_count
from runtime.understanding.tokens import Message

SAID = [
    ("three helmets", 3, "helmets"),
    ("two red helmets", 2, "red helmets"),
    ("I want two of them", 2, ""),
    ("a pair of shoes", 1, "shoes"),
    ("I'd like a dozen roses", 12, "roses"),
    ("I need 4 tyres", 4, "tyres"),
    ("2 xe", 2, "xe"),
    ("cho em 2 xe", 2, "xe"),
    ("ba cái", 3, ""),
    ("một đôi", 1, ""),
    ("hai đôi giày", 2, "giày"),
    ("một chục quả trứng", 10, "quả trứng"),
    ("lay ba cai mu", 3, "mu"),
]
NOT_WANTED = (
    *(
        "one question",
        "two days",
        "wait two minutes",
        "open at three",
        "xe 2 bánh",
        "2 người",
        "ba mẹ tôi",
        "năm nay",
        "một ngày",
    ),
    *(
        "tên em là Hương",
        "ten em la huong",
        "26 inch tyres",
        "iPhone 15 Pro Max",
        "a 5 star hotel",
        "sau này",
        "mua ba lô",
        "5tr",
    ),
)


@pytest.mark.parametrize(("message", "number", "subject"), SAID)
def test_what_is_wanted_is_counted_and_left_to_look_for(message: str, number: int, subject: str) -> None:
    question = understand(message, currency="VND")
    assert [slot.value for slot in question.slots if slot.key == "quantity"] == [number]
    assert question.subject == subject


@pytest.mark.parametrize("message", NOT_WANTED)
def test_what_is_counted_otherwise_is_no_quantity(message: str) -> None:
    assert understand(message, currency="VND").quantity is None


@given(
    st.text(max_size=100)
    | st.lists(st.sampled_from([word for text, *_rest in SAID for word in text.split()] + list(NOT_WANTED))).map(" ".join)
)
def test_any_text_is_counted_within_its_words(text: str) -> None:
    message = Message(text)
    count = find_count(message, [False] * len(message.tokens))
    if count is not None:
        assert count.number > 0
        assert 0 <= count.words[0] < count.words[1] <= len(message.tokens)
