"""Text as this product compares it: normalised, without diacritics, in words, and in which language.

Vietnamese customers type with and without diacritics, often in one message, so everything that is
searched or compared goes through `fold` on both sides. Stored text is never folded, only `nfc`.
"""

import re
import unicodedata
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import available_timezones

Language = Literal["vi", "en"]

# A cell that begins so is a formula to some spreadsheet; full-width signs are to those of East Asia.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")

_WORD = re.compile(r"[^\W_]+")
# The marks of Latin, Greek and Cyrillic letters; other scripts keep theirs, which are letters to them.
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")

# Full-width letters, an ideographic space, and bold, script and the like of letters and digits.
_DRAWN = re.compile("[\u3000\uff01-\uff5e\U0001d400-\U0001d7ff]+")
# Categories of Unicode: separators, control and format characters.
_UNSEEN = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))

# Characters of a text whose language is remembered.
_SHORT = 300

# Words of which the shapes alone do not tell the language.
_FEW = 3

# The shape of a Vietnamese syllable without diacritics: onset, vowels, coda.
_VIETNAMESE_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnprstvx])?"
    r"(?:ieu|yeu|uou|uoi|oai|oay|oeo|uye|uya|uay|uyu|[iuo]a|[iyuo]e|uo|uu|[aou]i|[au]y|[ae]o|[aei]u|[aeiouy])"
    r"(?:ng|nh|ch|[cmnpt])?"
)
# Letters that English does not use and Vietnamese does.
_VIETNAMESE_LETTER = re.compile(r"[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")


def _set(spaced: str) -> frozenset[str]:
    return frozenset(spaced.split())


# Folded words that carry no topic. Words that are content in the other reading of the same letters
# ("ban" is you and sell, "hang" is goods and row) are kept out of the lists.
STOP_WORDS: dict[Language, frozenset[str]] = {
    "en": _set(
        "a about all am an and any are as at be been but by can could did do does for from get got had has have "
        "he her his how i if in into is it its just like m may me my no not of on or our out please s she should so "
        "some t than that the their them then there these they this to up us ve was we were what when where which "
        "who whom whose why will with would you your"
    ),
    "vi": _set(
        "a ah ai anh bang bi boi cac cai can chi cho chua co con cua cung da dang day de den di do duoc em gi ha hay "
        "hoac hoi ho het hon it k ko kha khi khong la lai lam len luc luon ma minh moi mot muon nao nay nen neu "
        "ng nguoi nhe nhi nhieu nhu nhung o oi phai qua ra rang rat roi sao se sau tai tat te the thi thoi toi "
        "trong truoc tu tung u va van vao vay ve vi viec voi vui xin"
    ),
}

# Folded words that tell the language; words common in both are left out.
_VIETNAMESE_CUES = STOP_WORDS["vi"] | _set(
    "ban hang gia tien mua doi giao ship thanh toan nhieu bao sp dt cam on chao dung duoc nua "
    "thoi gian nam ngay gio nha may vay dc r nha ad"
)
_ENGLISH_CUES = STOP_WORDS["en"] | _set(
    "hello hi thanks thank ok yes much many price buy order card money account pay find tell know want need help "
    "name first day time year new good long open close closed hours address where card cards accept make use return refund "
    "delivery size color shipping discount warranty repair parking booking cancel"
)
_BOTH = _set("a can do so no to me my s t m u it he them his her may sale ship shop an in on the ban long")


def nfc(text: str) -> str:
    """The stored form of `text`: Unicode NFC."""
    return unicodedata.normalize("NFC", text)


def narrowed(text: str) -> str:
    """Return `text` with letters as they are usually written where they are full-width or drawn as mathematical signs."""
    return _DRAWN.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def is_blank(text: str) -> bool:
    """Whether nothing of `text` can be seen: spaces, and signs that take no room."""
    return all(unicodedata.category(letter) in _UNSEEN for letter in text)


def fold(text: str) -> str:
    """`text` for comparing: lower case, no diacritics, đ as d, single spaces, trimmed. Idempotent."""
    lowered = text.lower()
    if not lowered.isascii():
        marked = unicodedata.normalize("NFD", lowered.replace("đ", "d"))
        lowered = unicodedata.normalize("NFC", _MARKS.sub("", marked))
    return " ".join(lowered.split())


class _Letters(dict[int, str]):
    """One letter to its folded form of the same length, filled as letters are met; for ``str.translate``."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = " " if letter.isspace() or letter == "_" else fold(letter)
        self[code] = folded if len(folded) == 1 else letter
        return self[code]


_LETTERS = _Letters()


def fold_letters(text: str) -> str:
    """`text` folded letter by letter, as long as before, so that a place in it is a place in `text`. Spaces stay."""
    return text.translate(_LETTERS)


def words(text: str) -> list[str]:
    """The folded words of `text` in order: letters and digits, no punctuation."""
    return _WORD.findall(fold(text))


def detect_language(text: str, unsure: Language | None = None) -> Language:
    """Vietnamese or English for a short message, typed with diacritics or without.

    Letters decide when there are any only Vietnamese has; else each word votes by itself: a
    word of one language's commonest words counts whole, the mere shape of a syllable a little.
    Without evidence the answer is English; `unsure` instead, where it is given and a word or two that belong to no
    language, such as the name of a brand, are all there is.
    """
    language, is_sure = _language_of(text) if len(text) <= _SHORT else _language_of.__wrapped__(text)
    return language if is_sure or unsure is None else unsure


@lru_cache(maxsize=1024)
def _language_of(text: str) -> tuple[Language, bool]:
    """Return the language, and whether more than shapes speaks for it. Kept for short texts: a turn asks many times
    about the same message and the same titles.
    """
    if _VIETNAMESE_LETTER.search(nfc(text.lower())):
        return "vi", True
    said = words(text)
    is_sure = len(said) > _FEW or not (_VIETNAMESE_CUES ^ _ENGLISH_CUES).isdisjoint(set(said) - _BOTH)
    return "vi" if sum(map(_vietnamese_vote, said)) > 0 else "en", is_sure


def _vietnamese_vote(word: str) -> float:
    """How far `word`, folded, speaks for Vietnamese (above 0) or English (below 0)."""
    if word.isdigit():
        return 0.0
    vote = 0.25 if _VIETNAMESE_SYLLABLE.fullmatch(word) else -0.5
    if word not in _BOTH:
        vote += (word in _VIETNAMESE_CUES) - (word in _ENGLISH_CUES)
    return vote


@cache
def time_zones() -> frozenset[str]:
    """Return every time zone there is; read once, since the system keeps them in hundreds of files."""
    return frozenset(available_timezones())


def time_zone_choices() -> list[tuple[str, str]]:
    """Return every time zone that is a place, as people read it, and UTC."""
    return [(name, name.replace("_", " ")) for name in sorted(time_zones()) if "/" in name or name == "UTC"]


def money_text(amount: Decimal) -> str:
    """Return an amount as programs read it everywhere: with the decimals it needs, 2 to 4."""
    text = f"{Decimal(amount):.4f}"
    return text.removesuffix("00") if text.endswith("00") else text.removesuffix("0")


def inert(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula: with one ' in front, where it could."""
    return f"'{text}" if _FORMULA.match(text) else text


def from_inert(text: str) -> str:
    """Return what ``inert`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
