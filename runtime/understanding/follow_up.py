"""Questions that mean what was spoken of before: “and the warranty?”, “có đau không?”, “how long does it take?”."""

import re

from runtime.understanding.courtesy import courtesy
from runtime.understanding.lexicon import POINTING_BACK
from runtime.understanding.topics import DAYS, PLACE, asked_units
from tenants.text import Language, words

LONGEST: dict[Language, int] = {"en": 9, "vi": 9}
"""Words of a message that may leave out what it is about."""

MOST_ASKED: dict[Language, int] = {"en": 3, "vi": 5}
"""Things that such a message asks about at most: words in English, syllables in Vietnamese."""
MOST_BARE: dict[Language, int] = {"en": 1, "vi": 3}
"""The same, where no word goes on from before or points back: “warranty?”. Who names more says what is meant."""
FRAGMENT = 3
"""Words of a message that is no sentence, such as “battery life?”, which may ask about two things."""

OF_BUSINESS = frozenset(
    f"@{topic}"
    for topic in ("open", PLACE, "card", "pay", "transfer", "cash", "deliver", "parking", "phone number", "discount", "days")
)
"""Topics that are of the business and of no thing it sells."""

_LEADING = re.compile(
    r"\A\s*(?:(?:and|so|but|then|ok|okay|also|what about|how about|còn|con|vậy|vay|thế|the|rồi|à|ờ)(?![\w’'])[\s,]*)+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"[\s,]*(?:thì sao|thi sao|thì thế nào|thi the nao|then|nữa|too)?(?:\s+(?:ạ|a|vậy|vay|nhỉ|shop|ad|bạn|em))*[\s?!.]*$"
)
_SAME_OF = re.compile(r"\b(?:thì sao|thi sao|thì thế nào|thi the nao|nữa|too)\b", re.IGNORECASE)
_POINTING = re.compile(
    r"\b(?:it|they|them|this one|that one|this|that|these|those|the one|cái này|cái đó|loại này|loại đó|nó|này|đó)\b",
    re.IGNORECASE,
)


def core_of(message: str) -> str:
    """Return a message without the words that only go on from what was said: “còn tiếng Hàn thì sao?” to “tiếng Hàn”."""
    core = _TRAILING.sub("", message.strip())
    return _LEADING.sub("", core, count=1).strip() or core


def may_follow(message: str, language: Language) -> bool:
    """Whether a message may mean what was spoken of before: it is short, asks about little and about nothing of the business."""
    said = words(message)
    if not said or len(said) > LONGEST[language] or courtesy(message) is not None:
        return False
    asked = asked_units(message).single
    if asked == {f"@{DAYS}"}:  # “còn chủ nhật thì sao” goes on about the hours
        return core_of(message) != message.strip(" ?!.")
    most = MOST_ASKED[language] if _goes_on(message) else max(MOST_BARE[language], 2 * (len(said) <= FRAGMENT))
    return len(asked) <= most and asked.isdisjoint(OF_BUSINESS)


def _goes_on(message: str) -> bool:
    """Whether words of the message say that it goes on from before; “vậy shop” at its end is only polite."""
    return any(pattern.search(message) for pattern in (_LEADING, _POINTING, _SAME_OF))


def points_back(message: str, language: Language) -> bool:
    """Whether a word of the message means something said before."""
    return not POINTING_BACK[language].isdisjoint(words(message))


def joined(message: str, topic: str, language: Language) -> str:
    """Return the message with what it is about in the place of the word that points at it, else where its language puts it."""
    core = core_of(message)
    pointed = _POINTING.search(core)
    if pointed and language == "en":
        return f"{core[: pointed.start()]}{topic}{core[pointed.end() :]}"
    rest = f"{core[: pointed.start()]}{core[pointed.end() :]}".strip() if pointed else core
    return f"{topic} {rest}" if language == "vi" else f"{rest} {topic}"
