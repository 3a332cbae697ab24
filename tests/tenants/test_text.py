"""Folding, words, and the language of a short message."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.text import STOP_WORDS, detect_language, fold, nfc, words


def test_folding_drops_diacritics_case_and_spare_space():
    assert fold("  Đổi  TRẢ\thàng ở\nĐà Nẵng ") == "doi tra hang o da nang"


def test_composed_and_decomposed_text_fold_alike():
    text = "Nguyễn Trãi, Quận 5 – đường Lê Lợi"
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_every_word_is_letters_and_digits_of_the_folded_text(text):
    for word in words(text):
        assert word
        assert word in fold(text)
        assert not any(character.isspace() for character in word)


def test_words_leave_punctuation_out():
    assert words("Áo-thun (size M), giá 199.000đ?") == ["ao", "thun", "size", "m", "gia", "199", "000d"]


def test_stored_text_is_composed_and_otherwise_untouched():
    assert nfc("e\u0323\u0302 Đ") == "\u1ec7 Đ"


def test_stop_words_are_folded():
    for language in STOP_WORDS:
        assert all(fold(word) == word for word in STOP_WORDS[language])


@pytest.mark.parametrize(
    "message",
    ["shop ơi còn hàng không", "con hang k shop", "gia bao nhieu vay", "ship khong", "dt nay con bao hanh ko", "iphone 15 gia sao",
     "phí ship đi Hà Nội", "can ho 2 phong ngu", "lai suat vay mua nha", "cam on", "tra gop"],
)  # fmt: skip
def test_vietnamese_is_recognised_with_and_without_diacritics(message):
    assert detect_language(message) == "vi"
    assert detect_language(unicodedata.normalize("NFD", message)) == "vi"


@pytest.mark.parametrize(
    "message",
    ["how much is it", "hi", "hello shop", "do you ship to Hanoi", "is it in stock", "thanks", "red dress size M", "can I change my PIN",
     "where is my order", "free shipping?", "", "12345", "👍"],
)  # fmt: skip
def test_english_is_recognised_and_is_the_answer_without_evidence(message):
    assert detect_language(message) == "en"
