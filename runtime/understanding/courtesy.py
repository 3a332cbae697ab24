"""Greetings, thanks, goodbyes and a bare yes or no: what is said for politeness and asks nothing."""

import unicodedata
from typing import Literal

from runtime.understanding.lexicon import AGREEING, AROUND, GREETING, POLITE, REFUSING
from tenants.text import Language, nfc, words

Courtesy = Literal["greeting", "thanks", "goodbye", "refusal", "agreement"]

PHRASES: dict[Courtesy, tuple[str, ...]] = {
    "goodbye": ("bye", "goodbye", "see you", "good night", "tam biet", "hen gap lai"),
    "refusal": ("no", "nope", "nah", "not now", "khong", "ko", "khoi", "thoi"),
    "thanks": ("thank", "thanks", "thx", "tks", "ty", "cheers", "cam on", "camon", "appreciate it"),
    "greeting": (
        *("hello", "hi", "hey", "heya", "hiya", "alo", "chao", "xin chao", "greetings"),
        *("good morning", "good afternoon", "good evening", "good day", "how are you"),
    ),
    "agreement": (
        *("yes", "yeah", "yep", "yup", "ok", "okay", "oke", "okie", "sure", "fine", "alright", "right", "co", "vang", "da"),
        *("uh", "um", "uhm", "duoc", "dong y", "great", "nice", "perfect", "cool", "wow", "haha", "hihi", "lol"),
        *("good", "tuyet", "tot", "tuyet voi", "hay qua", "got it", "i see", "understood", "hieu roi"),
    ),
}
"""Folded phrases of which one must be there; of several meanings the first counts: “no, thanks” declines."""

_VIETNAMESE = frozenset(
    words("chao xin cam on camon tam biet khong ko khoi thoi vang da duoc dong y tuyet tot anh chi em ban oi nhe nha roi")
)
_ENGLISH = frozenset(
    words("thank good morning afternoon evening day night see you much so very how are great perfect sure alright")
)
_KNOWN = AGREEING | REFUSING | POLITE | GREETING | AROUND
_KNOWN |= {word for phrases in PHRASES.values() for phrase in phrases for word in phrase.split()}
_NOT_ALONE = frozenset({"help", "time", "day", "now", "later", "today", "soon", "sau", "sang", "chieu", "lai"})


def courtesy(message: str) -> Courtesy | None:
    """Return what the message is said for when it is said for politeness only; None when it says anything else."""
    said = words(message)
    if not said:
        return "agreement" if _is_sign(message) else None
    if not set(said) <= _KNOWN:
        return None
    text = f" {' '.join(said)} "
    return next((kind for kind, phrases in PHRASES.items() if any(f" {one} " in text for one in phrases)), None)


def asks_nothing(message: str) -> bool:
    """Whether no answer is missing to the message: it is polite only, or has no word."""
    said = set(words(message))
    return courtesy(message) is not None or (said <= _KNOWN and not said & _NOT_ALONE)


def language_of(message: str, before: str) -> Language:
    """Return the language of a polite word: “ok” and “bye” belong to every one, so that of the conversation ``before``."""
    said = set(words(message))
    if said & (_VIETNAMESE | _ENGLISH):
        return "vi" if said & _VIETNAMESE else "en"
    return "vi" if before == "vi" else "en"


def _is_sign(message: str) -> bool:
    """Whether the message is a sign that was drawn, such as a thumb, and no punctuation."""
    return any(unicodedata.category(letter) == "So" for letter in nfc(message))
