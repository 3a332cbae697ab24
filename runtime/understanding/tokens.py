"""A message as aligned words: folded for matching, with the place of each in the original.

Folding here never changes the length, so that a match in the folded text is a span of the message.
Phrases are written with their diacritics. A customer may leave diacritics out, never put others: "gia"
and "giá" both match the phrase "giá", "già" (old) does not.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tenants.text import fold, fold_letters, nfc

_WORD = re.compile(r"[^\W_]+")


class Token(NamedTuple):
    """One word: its folded text and its span in the message."""

    text: str
    start: int
    end: int


class Message:
    """A message in NFC, the same text folded letter by letter, and its words in order."""

    def __init__(self, text: str) -> None:
        self.text = nfc(text)
        self.folded = fold_letters(self.text)
        self.tokens = [Token(match[0], *match.span()) for match in _WORD.finditer(self.folded)]
        self.token_at = {token.start: index for index, token in enumerate(self.tokens)}

    def spells(self, start: int, end: int, expected: str) -> bool:
        """Whether the message at this span can be a spelling of `expected`, which has all its diacritics."""
        written = self.text[start:end]
        return written.isascii() or marks(written) == marks(expected)


def marks(text: str) -> frozenset[str]:
    """The diacritics of `text`, the bar of đ included."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return frozenset(letter for letter in decomposed if letter == "đ" or unicodedata.combining(letter))


def spelled_alike(one: str, other: str) -> bool:
    """Whether two messages are the same words, with the same diacritics where both have any: “dạy” is not “dây”."""
    left, right = Message(one), Message(other)
    if [token.text for token in left.tokens] != [token.text for token in right.tokens]:
        return False
    if left.text.isascii() or right.text.isascii():
        return True
    spelled = ([marks(said.text[token.start : token.end]) for token in said.tokens] for said in (left, right))
    return all(not said or said == written for said, written in zip(*spelled, strict=True))


class Phrase(NamedTuple):
    """A phrase to find: what it means, its folded words, and the same words with diacritics."""

    meaning: str
    words: tuple[str, ...]
    spelling: tuple[str, ...]


class Phrasebook:
    """Finds the longest known phrase at each word, in one dictionary look-up per word."""

    def __init__(self, table: dict[str, str], same: dict[str, str]) -> None:
        """`table`: meaning -> phrases separated by "|". `same`: folded chat spelling -> folded word."""
        self._same = same
        self._by_first: dict[str, list[Phrase]] = {}
        for meaning, phrases in table.items():
            for phrase in filter(None, map(str.strip, phrases.split("|"))):
                spelling = tuple(_WORD.findall(nfc(phrase)))
                words = tuple(map(fold, spelling))
                self._by_first.setdefault(words[0], []).append(Phrase(meaning, words, spelling))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda phrase: -len(phrase.words))

    def match(self, message: Message, at: int, taken: Sequence[bool] | None = None) -> Phrase | None:
        """The longest phrase that begins with word number `at` and uses no word already taken."""
        tokens = message.tokens
        first = tokens[at].text
        for phrase in self._by_first.get(self._same.get(first, first), ()):
            end = at + len(phrase.words)
            if end <= len(tokens) and not (taken and any(taken[at:end])) and self._matches(message, phrase, tokens[at:end]):
                return phrase
        return None

    def match_before(self, message: Message, at: int) -> Phrase | None:
        """The longest phrase of at most four words that ends just before word number `at`."""
        for start in range(max(0, at - 4), at):
            phrase = self.match(message, start)
            if phrase and start + len(phrase.words) == at:
                return phrase
        return None

    def _matches(self, message: Message, phrase: Phrase, tokens: Iterable[Token]) -> bool:
        for token, word, spelling in zip(tokens, phrase.words, phrase.spelling, strict=True):
            if token.text == word:
                if not message.spells(token.start, token.end, spelling):
                    return False
            elif self._same.get(token.text) != word:
                return False
        return True
