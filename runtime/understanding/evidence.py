"""What speaks for a text answering a question: by the words and the meaning alone, so that texts of any kind compare.

The score of ``catalog.search`` is calibrated for each kind of text and rises with the lead over what else was found; among a
few texts the best one leads although it has next to nothing of the question. What is found here says whether it has.
"""

from collections.abc import Iterable
from functools import lru_cache

from catalog.search import Hit
from tenants.text import STOP_WORDS, detect_language, words

ENDINGS = ("ments", "ment", "ings", "ing", "ers", "ies", "ed", "er", "es", "s")
"""By which English words of one stem differ; no syllable of Vietnamese that is longer than one of them ends so."""

LATE_ENDINGS = ("e", "y")
"""Taken from long words only: syllables of Vietnamese end so, too."""

SHORTEST, LONG = 3, 6
"""Letters of a stem, and of a word that loses one of ``LATE_ENDINGS``."""

USUAL = (0.2, 0.5)
"""The likeness of meaning that texts of some share of common words usually have, as long as one has no vector."""

UNTELLING = frozenset(
    words(
        "much many often long soon far also still really ever very any there please tell know want need help like make "
        "take get give go shop store you guys hi hello hey thanks thank okay yes one ones thing things kind kinds sort "
        "per each more most less only too ve ll re "
        "dạ vâng ạ nhé bạn tôi mình giúp biết muốn cần thông tin thì có được không bao nhiêu lâu thế nào khi đâu ơi"
    )
)
"""Folded words that carry no topic although they are no small words of the language."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a folded word without the ending that words of one stem may differ by."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            return word.removesuffix(ending)
    return word[:-1] if len(word) >= LONG and word.endswith(LATE_ENDINGS) else word


@lru_cache(maxsize=4096)
def telling(text: str) -> frozenset[str]:
    """Return the stems of the words that say what a text is about; empty when there are none."""
    return stems(set(words(text)) - STOP_WORDS[detect_language(text)] - UNTELLING)


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """Return the stems of all words of a text. Kept: the same texts are found again and again."""
    return stems(words(text))


def stems(said: Iterable[str]) -> frozenset[str]:
    """Return the stems of folded words."""
    return frozenset(stem(word) for word in said)


def share_held(question: str, text: str) -> float:
    """Return the share of the telling words of a question that a text holds, in [0, 1]."""
    asked = telling(question)
    return len(asked & stems_of(text)) / len(asked) if asked else 0.0


def likeness(one: str, other: str) -> float:
    """Return how many telling words two messages have in common, in [0, 1] (Dice 1945); of all words where none is telling."""
    left, right = (telling(text) or stems_of(text) for text in (one, other))
    return 2 * len(left & right) / max(len(left) + len(right), 1)


def evidence(question: str, hit: Hit) -> float:
    """Return in [0, 1] what speaks for a text that was found: half the share of the words, half the likeness of meaning."""
    share = share_held(question, f"{hit.title} {hit.body}")
    likeness = hit.parts["vector"] if hit.has_vector else USUAL[0] + USUAL[1] * share
    return (share + min(max(likeness, 0.0), 1.0)) / 2
