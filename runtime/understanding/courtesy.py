"""Greetings, thanks, goodbyes and a bare yes or no: what is said for politeness and asks nothing."""

import unicodedata

from runtime.understanding.lexicon import (
    AGREEING,
    AROUND,
    ASKING_IF,
    GREETING,
    NEGATING,
    NOT_ALONE,
    PHRASES,
    POLITE,
    POLITE_ENGLISH,
    POLITE_VIETNAMESE,
    PRAISE,
    REFUSING,
    Courtesy,
)
from tenants.text import Language, nfc, words

_KNOWN = AGREEING | REFUSING | POLITE | GREETING | AROUND
_KNOWN |= {word for kind, phrases in PHRASES.items() if kind != "call" for phrase in phrases for word in phrase.split()}

_NEGATING = (NEGATING | REFUSING) - GREETING


def courtesy(message: str) -> Courtesy | None:
    """Return what the message is said for when it is said for politeness only; None when it says anything else."""
    said = words(message)
    if not said:
        return "agreement" if _is_sign(message) else None
    if _calls(f" {' '.join(said)} "):
        return "call"
    if not set(said) <= _KNOWN | PRAISE or (
        not PRAISE.isdisjoint(said) and (said[0] in ASKING_IF or not _NEGATING.isdisjoint(said))
    ):
        return None
    text = f" {' '.join(said)} "
    return next((kind for kind, phrases in PHRASES.items() if any(f" {one} " in text for one in phrases)), None)


def _calls(text: str) -> bool:
    """Whether somebody is called, and nothing else is said: “shop ơi”, “anyone there?”."""
    called = (text.replace(f" {phrase} ", " ") for phrase in PHRASES["call"] if f" {phrase} " in text)
    return any(_KNOWN.issuperset(rest.split()) for rest in called)


def asks_nothing(message: str) -> bool:
    """Whether no answer is missing to the message: it is polite only, or has no word."""
    said = set(words(message))
    return courtesy(message) is not None or (said <= _KNOWN and not said & NOT_ALONE)


OF_NO_LANGUAGE = frozenset(("ok", "oke", "okie", "okay", "co", "u", "um", "uhm"))
"""Folded words that are said in both languages, or are a mere sound."""


def language_of(message: str, before: str, business: str = "") -> Language:
    """Return the language of a polite word: “ok” and “bye” belong to every one, so that of the conversation ``before``; of “ok” alone
    that of the business, where nothing was said before.
    """
    said = set(words(message))
    if said & (POLITE_VIETNAMESE | POLITE_ENGLISH):
        return "vi" if said & POLITE_VIETNAMESE else "en"
    spoken = before or (business if said and said <= OF_NO_LANGUAGE else "")
    return "vi" if spoken[:2] == "vi" else "en"


def _is_sign(message: str) -> bool:
    """Whether the message is a sign that was drawn, such as a thumb, and no punctuation."""
    return any(unicodedata.category(letter) == "So" for letter in nfc(message))
