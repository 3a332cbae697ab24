"""How many a customer wants: “2 cái”, “lấy 3 áo”, “three helmets”, “a dozen roses”, “two of them”."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runtime.understanding.phrases import CLASSIFIERS, COUNT_WORDS, IDENTIFIERS, MEASURES, ORDER_VERBS, PACKAGES
from runtime.understanding.tokens import Message
from tenants.text import detect_language, words

ASKING = ORDER_VERBS | frozenset(words("for have like having cho em toi minh anh chi them and va gui"))
"""Folded words behind which a number in front of a thing says how many of it."""
NO_GOODS = frozenset(
    words(
        "question questions thing things problem problems time times way ways option options reason reasons friend friends kid kids "
        "child children of more people of us stops steps colours colors sizes versions"
        " bua lan dieu viec cau van de nguoi be mua loai mau buoi tieng banh cho cach ben phia hom"
    )
)
"""Folded words of what is counted and not bought, or is a part of something."""
_NOT_COUNTED = frozenset(
    words(
        "buoi tieng gio phut ngay thang nam tuan tuoi lesson lessons hour hours day days week weeks month months year years"
    )
)
"""Folded words for a part of something, or how long: “5 buổi ukulele” are no five courses."""
_NOT_WANTED, _NUMBERED = MEASURES | NO_GOODS, IDENTIFIERS - ORDER_VERBS
DOZENS = {"dozen": 12, "dozens": 12, "chuc": 10}
PRONOUNS = frozenset(words("them these those it"))
ENGLISH = frozenset(words("one two three four five six seven eight nine ten"))
MOST_BETWEEN = 3
"""Words from an English number to the plural that it counts: “two small red helmets”."""
_MARKED = {
    "mot": "một",
    "bon": "bốn",
    "nam": "năm",
    "sau": "sáu",
    "bay": "bảy",
    "tam": "tám",
    "chin": "chín",
    "muoi": "mười",
}
_ENGLISH_CLASSIFIERS = frozenset(
    words("pcs pc piece pieces unit units item items pair pairs box boxes set sets bottle bottles copies")
)


class Count(NamedTuple):
    """A number of things: which words say it (first, last+1), and how sure it is that they are wanted."""

    number: int
    confidence: float
    words: tuple[int, int]


def find_count(message: Message, taken: Sequence[bool]) -> Count | None:
    """Return the first number of things that are wanted, None without one. ``taken`` words mean something else."""
    return next(_counts(message, taken), None)


def _counts(message: Message, taken: Sequence[bool]) -> Iterator[Count]:
    for index in range(len(message.tokens)):
        number = _number(message, index)
        if taken[index] or not number or _word(message, index - 1) in _NUMBERED:
            continue
        following = _word(message, index + 1)
        if following in DOZENS:
            yield Count((number or 1) * DOZENS[following], 0.9, (index, index + 2))
        elif _is_classified(message, index):
            yield Count(number, 0.9, (index, index + 2))
        elif message.tokens[index].text in ("a", "an"):
            continue
        elif following == "of" and _word(message, index + 2) in PRONOUNS:
            yield Count(number, 0.9, (index, index + 3))
        elif _is_ordered(message, index):
            yield Count(number, 0.7, (index, index + 1))


def _number(message: Message, index: int) -> int | None:
    """Return what a word counts: digits, or a number word that is spelled as one; “a” of “a pair” and “a dozen” is one."""
    token = message.tokens[index]
    if token.text.isascii() and token.text.isdigit():
        return int(token.text) if len(token.text) <= 3 else None
    if token.text in ("a", "an"):
        return 1 if _word(message, index + 1) in ("pair", "dozen") else None
    number = COUNT_WORDS.get(token.text)
    is_spelled = number and message.spells(token.start, token.end, _MARKED.get(token.text, token.text))
    return number if is_spelled else None


def _is_classified(message: Message, index: int) -> bool:
    said, following = message.tokens[index].text, _word(message, index + 1)
    if said in ENGLISH and following not in _ENGLISH_CLASSIFIERS and said != following:
        return False  # “ten em la”: my name is
    return following in CLASSIFIERS and _word(message, index - 1) not in PACKAGES


def _is_ordered(message: Message, index: int) -> bool:
    """Whether a number without a classifier counts things that are wanted: it opens the message or stands behind a word of asking."""
    said, following = message.tokens[index].text, _word(message, index + 1)
    if not following or not following[0].isalpha() or following in _NOT_WANTED:
        return False
    if said.isdigit() and (_word(message, index - 1) in ORDER_VERBS or _is_needed(message, index)):
        return True
    if index and (_word(message, index - 1) not in ASKING or _asks_of_parts(message, index)):
        return False
    if said in ENGLISH:
        return _has_plural(message, index + 1)
    return said.isdigit() and (_has_plural(message, index + 1) or _is_vietnamese(message))


def _is_needed(message: Message, index: int) -> bool:
    """Whether “cần” stands in front: without its marks it is “can” as well."""
    token = message.tokens[index - 1]
    return index > 0 and token.text == "can" and message.spells(token.start, token.end, "cần") and _is_vietnamese(message)


def _asks_of_parts(message: Message, index: int) -> bool:
    """Whether it is asked how many parts a thing has: “does the piano have 88 keys”."""
    is_other = _word(message, 0) in ("does", "do", "did") and _word(message, 1) not in ("i", "we")
    return is_other and _word(message, index - 1) == "have"


def _has_plural(message: Message, start: int) -> bool:
    near = [_word(message, place) for place in range(start, start + MOST_BETWEEN)]
    goods = [word for word in near if word.endswith("s") and len(word) > MOST_BETWEEN and not word.endswith("ss")]
    return bool(goods) and not _NOT_WANTED.intersection(near)


def _is_vietnamese(message: Message) -> bool:
    return detect_language(message.text) == "vi"


def _word(message: Message, index: int) -> str:
    return message.tokens[index].text if 0 <= index < len(message.tokens) else ""


def count_asked(message: str, *, names: Sequence[str]) -> int | None:
    """Return how many of the thing with these names are asked about: a number in front of its name, “nhổ 2 răng khôn”, or of a word
    that counts things. None for one, and for a number that belongs to the name.
    """
    said = Message(message)
    own = {word for name in names for word in words(name)}
    stems_of_own = {word.removesuffix("s") for word in own if len(word) > MOST_BETWEEN}
    for index in range(len(said.tokens)):
        number, near = _number(said, index), [_word(said, place) for place in range(index + 1, index + 1 + MOST_BETWEEN)]
        if not number or number < 2 or said.tokens[index].text in own or _word(said, index - 1) in _NUMBERED:
            continue
        if near[0] in _NOT_COUNTED and near[0] not in own:
            continue
        names_it = any(word in own or word.removesuffix("s") in stems_of_own for word in near[:2])
        if names_it or _is_classified(said, index) or (near[0] not in _NOT_WANTED and any(word in own for word in near)):
            return number
    return None
