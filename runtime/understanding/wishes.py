"""What a customer says about themselves and what they want: colour, size, place, phone number, name.

Only what is said in so many words is taken, in Vietnamese and English, with and without diacritics. Where a word means
something else as well (“do” is red and because, “be” is beige and to be) it must follow “màu”, “colour” or the like.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from runtime.understanding.phrases import SAME_WORD
from runtime.understanding.tokens import Message, Phrasebook
from tenants.text import words

COLOURS: dict[str, str] = {
    "đỏ": "đỏ | đỏ tươi",
    "đỏ đô": "đỏ đô | đỏ mận",
    "xanh dương": "xanh dương | xanh da trời | xanh nước biển | xanh biển",
    "xanh lá": "xanh lá | xanh lá cây | xanh lục",
    "xanh rêu": "xanh rêu",
    "xanh navy": "xanh navy | xanh than | xanh đen | xanh tím than",
    "xanh": "xanh",
    "vàng": "vàng",
    "cam": "cam",
    "hồng": "hồng | hồng phấn",
    "tím": "tím",
    "nâu": "nâu",
    "xám": "xám | ghi",
    "đen": "đen",
    "trắng": "trắng",
    "be": "be",
    "kem": "kem",
    "bạc": "bạc",
    **{
        english: english
        for english in (
            *("red", "blue", "green", "yellow", "orange", "pink", "purple", "brown", "grey", "gray", "black", "white"),
            *("beige", "navy", "silver", "gold", "khaki", "turquoise", "maroon", "light blue", "dark blue", "navy blue"),
        )
    },
}
"""The colour as it is kept, and the wordings of it separated by "|"."""

_COLOURS = Phrasebook(COLOURS, SAME_WORD)
_COLOUR_WORDS = frozenset(("mau", "color", "colour", "colored", "coloured"))
# Other words as often as colours, even with their diacritics: they count behind a word for colour only.
_DOUBTFUL = frozenset(("cam", "be", "kem", "bạc", "vàng", "orange", "gold", "silver", "navy"))

_SIZE = re.compile(
    r"\b(sizes?\b|sz|co|kich co|kich thuoc)\s?[:=]?\s?((?:us|uk|eu)\s?)?"
    r"(x{1,3}s|x{0,3}l|[2-6]xl|[sm]|\d{1,2}(?:[.,]5)?)(?![\w.,]?\w)(?!\s?(?:cm|mm|m|inch|in|x|lit|gb|tb|kg|cai|chiec|doi)\b)"
)
_LETTERS = re.compile(r"\b(x{1,3}s|x{1,3}l|[2-6]xl)\b")
_SPELLED = {"co": "cỡ", "kich co": "kích cỡ", "kich thuoc": "kích thước"}

# Mobile and fixed numbers of Vietnam, and international ones that begin with a plus.
_PHONE = re.compile(r"(?<![\w+.,])(?:(?:\+|00)84|0)[ .-]?[235789](?:[ .-]?\d){8}(?![\d]|[.,]\d)")
_ABROAD = re.compile(r"(?<![\w+])\+(?:\d[ .()-]{0,2}){7,14}\d(?!\d)")

_BREAK = re.compile(r"[,.;:!?\n()]|\s[-–]\s")
_NEGATING = frozenset(words("not no don doesn isn aren t without except never khong ko k dung tru chang cha ngoai"))
_ALL = frozenset(words("any anything anyone every everything all"))
_TURNING = frozenset(words("but instead rather ma nhung chi"))
"""Folded words that rule out what follows; those behind which “but” does so, too; and those that turn to what is wanted."""
_RULED_OUT_WITHIN = 4

_NAME = re.compile(
    r"(?:\b(?:toi|minh|em|anh|chi|con|chau|co|chu|bac)\s(?:ten la|ten)|\bten (?:la|toi la|minh la|em la|cua toi la)"
    r"|\bmy name(?: is|'s|s)|\bname\s?:|\bten\s?:)\s+"
)
_IS_CALLED = re.compile(r"\b(?:em|minh|toi|anh|chi) la\s+|\b(?:this is|i am|i'm|call me)\s+|(?:^|[,.;!?])\s*ten\s+")
_NO_NAME = frozenset(
    words(
        "gi nao ai what who not a an the and va o tai so dia please nhe nha day speaking here i at on by if when from of in"
    )
)
_MOST_NAME_WORDS = 5
SURE_NAME = 0.9
"""Confidence in what follows “my name is”."""

_PLACE = re.compile(
    r"\b(?:giao (?:hang )?(?:den|toi|ve|ra|qua|tai|o)|ship (?:hang )?(?:den|toi|ve|ra|qua|o|to)"
    r"|(?:toi|minh|em|anh|chi|nha) o|dia chi(?: la| cua toi la)?\s?:?|sinh song (?:o|tai)|song (?:o|tai)"
    r"|deliver(?:ed|y)?(?: it)? to|ship(?:ped|ping)?(?: it)? to|send(?: it)? to|i live in|i am in|i'm in|my address is|address\s?:)\s+"
)
_NO_PLACE = frozenset(
    words("dau nao day do nha chua khong me you us my your which where what here there the ngay luc khi nhu")
)
_STOPS_PLACE = re.compile(
    r"[\s,.-]+(?:call|phone|tel|telephone|mobile|contact|number|my|i|we|name|hotline|zalo|sdt|so dien thoai|dien thoai|dt|goi|lien he|ten|"
    r"toi|minh|em)\b"
    r"|\s(?:bao|mat|gia|phi|het|co|thi|duoc|nhe|nha|a|khong|ko|cho|how|what|please|by|before|for|and|is|can)(?=\s|$)"
)
_MOST_PLACE_WORDS = 12
_DISTRICT = re.compile(r"\b(?:quan|phuong|district|ward)\s\d{1,2}(?!\w)")
CITIES = Phrasebook(
    {
        "Hà Nội": "hà nội | tp hà nội",
        "TP. Hồ Chí Minh": "hồ chí minh | tp hcm | tphcm | hcm | sài gòn | sg | tp hồ chí minh | thành phố hồ chí minh",
        **{
            name: name.lower()
            for name in (
                *(
                    "Đà Nẵng",
                    "Hải Phòng",
                    "Cần Thơ",
                    "Huế",
                    "An Giang",
                    "Bà Rịa",
                    "Vũng Tàu",
                    "Bắc Giang",
                    "Bắc Kạn",
                    "Bạc Liêu",
                ),
                *("Bắc Ninh", "Bến Tre", "Bình Định", "Bình Dương", "Bình Phước", "Bình Thuận", "Cà Mau", "Cao Bằng"),
                *("Đắk Lắk", "Đắk Nông", "Điện Biên", "Đồng Nai", "Đồng Tháp", "Gia Lai", "Hà Giang", "Hà Nam", "Hà Tĩnh"),
                *(
                    "Hải Dương",
                    "Hậu Giang",
                    "Hòa Bình",
                    "Hưng Yên",
                    "Khánh Hòa",
                    "Nha Trang",
                    "Kiên Giang",
                    "Phú Quốc",
                    "Kon Tum",
                ),
                *("Lai Châu", "Lâm Đồng", "Đà Lạt", "Lạng Sơn", "Lào Cai", "Long An", "Nam Định", "Nghệ An", "Ninh Bình"),
                *("Ninh Thuận", "Phú Thọ", "Phú Yên", "Quảng Bình", "Quảng Nam", "Quảng Ngãi", "Quảng Ninh", "Hạ Long"),
                *("Quảng Trị", "Sóc Trăng", "Sơn La", "Tây Ninh", "Thái Bình", "Thái Nguyên", "Thanh Hóa", "Tiền Giang"),
                *("Trà Vinh", "Tuyên Quang", "Vĩnh Long", "Vĩnh Phúc", "Yên Bái", "Biên Hòa", "Quy Nhơn", "Thủ Đức"),
            )
        },
    },
    SAME_WORD,
)
"""Provinces and larger cities of Vietnam, and what customers call them."""


LIFETIMES = dict.fromkeys(("phone", "name", "place"), timedelta(days=30))
"""How long what was said counts: who the customer is, longer than ``FLEETING``, what they are looking for."""
FLEETING = timedelta(days=1)


class Wish(NamedTuple):
    """Something said: ``key``, the value to keep, how sure it is, and its place in the message (NFC)."""

    key: str
    value: str
    confidence: float
    span: tuple[int, int]


def find_wishes(message: Message) -> list[Wish]:
    """Return what the message says of colour, size, place, phone number and name: of each the first that is surest."""
    found = [*_colours(message), *_sizes(message), *_places(message), *_phones(message), *_names(message)]
    surest: dict[str, Wish] = {}
    for wish in found:
        if wish.key not in surest or wish.confidence > surest[wish.key].confidence:
            surest[wish.key] = wish
    return list(surest.values())


def _colours(message: Message) -> Iterator[Wish]:
    tokens, index = message.tokens, 0
    while index < len(tokens):
        phrase = _COLOURS.match(message, index)
        if phrase is None:
            index += 1
            continue
        end = index + len(phrase.words)
        start_at, end_at = tokens[index].start, tokens[end - 1].end
        named = (index and tokens[index - 1].text in _COLOUR_WORDS) or (
            end < len(tokens) and tokens[end].text in _COLOUR_WORDS
        )
        has_marks = phrase.meaning.isascii() or not message.text[start_at:end_at].isascii()
        if _is_ruled_out(message, index):
            pass
        elif named or (phrase.meaning not in _DOUBTFUL and (has_marks or len(phrase.words) > 1)):
            yield Wish("colour", phrase.meaning, 0.95 if named else 0.75, (start_at, end_at))
        index = end


def _is_ruled_out(message: Message, index: int) -> bool:
    """Whether a word just before says that this one is not wanted: “not red”, “any colour but red”, “không lấy màu đỏ”."""
    tokens = message.tokens
    for place in range(index - 1, max(index - 1 - _RULED_OUT_WITHIN, -1), -1):
        if _BREAK.search(message.text, tokens[place].end, tokens[place + 1].start):
            return False
        before = {token.text for token in tokens[max(place - 2, 0) : place]}
        if tokens[place].text in _TURNING:
            return tokens[place].text == "but" and bool(before & _ALL)
        if tokens[place].text in _NEGATING and _is_negating(message, place):
            return True
    return False


def _is_negating(message: Message, place: int) -> bool:
    """Whether a word rules out in earnest: “đúng” is right, “đừng” is do not; “t” only behind “don’”."""
    token = message.tokens[place]
    spelled = {"khong": "không", "dung": "đừng", "tru": "trừ", "chang": "chẳng", "cha": "chả", "ngoai": "ngoài"}
    if token.text == "t":
        return place > 0 and message.tokens[place - 1].text in _NEGATING
    return message.spells(token.start, token.end, spelled.get(token.text, token.text))


def _sizes(message: Message) -> Iterator[Wish]:
    for match in _SIZE.finditer(message.folded):
        if _says_size(message, match):
            value = f"{match[2] or ''}{match[3]}".upper().replace(",", ".")
            yield Wish("size", " ".join(value.split()), 0.9, match.span(3))
    for match in _LETTERS.finditer(message.folded):
        yield Wish("size", match[0].upper(), 0.8, match.span())


def _says_size(message: Message, match: re.Match[str]) -> bool:
    """Whether the word before is really one for size: “co 2” without diacritics is also “there are two”."""
    if match[1] not in _SPELLED:
        return True
    is_bare = message.text[slice(*match.span(1))].isascii()
    if is_bare and match[1] == "co":
        return match[3].isalpha() and message.text[slice(*match.span(3))].isupper()
    return message.spells(*match.span(1), _SPELLED[match[1]])


def _phones(message: Message) -> Iterator[Wish]:
    for pattern in (_PHONE, _ABROAD):
        for match in pattern.finditer(message.text):
            digits = re.sub(r"[^\d+]", "", match[0])
            yield Wish("phone", re.sub(r"^(?:\+|00)84", "0", digits), 0.95, match.span())


def _names(message: Message) -> Iterator[Wish]:
    for match in _NAME.finditer(message.folded):
        yield from _name_at(message, match.end(), confidence=SURE_NAME, capitals=False)
    for match in _IS_CALLED.finditer(message.folded):
        yield from _name_at(message, match.end(), confidence=0.6, capitals=True)


def _name_at(message: Message, start: int, *, confidence: float, capitals: bool) -> Iterator[Wish]:
    """The words from ``start`` that can be a name: up to a break, a word that is none, or one without a capital."""
    rest = message.text[start:]
    ends = _BREAK.search(rest)
    is_shouted = message.text.isupper()
    said = list(re.finditer(r"\S+", rest[: ends.start()] if ends else rest))[: _MOST_NAME_WORDS + 1]
    with_capital = bool(said) and said[0][0][0].isupper()
    kept: list[re.Match[str]] = []
    for word in said:
        folded = message.folded[start + word.start() : start + word.end()]
        # “An” is a name where it is written like one.
        is_written_so = confidence >= SURE_NAME and word[0][0].isupper() and folded != "i" and not is_shouted
        if (
            (folded in _NO_NAME and not is_written_so)
            or not folded.replace("'", "").isalpha()
            or ((capitals or with_capital) and not word[0][0].isupper())
        ):
            break
        kept.append(word)
    if 0 < len(kept) <= _MOST_NAME_WORDS:
        text = " ".join(word[0] for word in kept)
        yield Wish("name", text if with_capital else text.title(), confidence, (start, start + kept[-1].end()))


def _places(message: Message) -> Iterator[Wish]:
    for match in _PLACE.finditer(message.folded):
        rest = message.text[match.end() :]
        ends = re.search(r"[;!?\n]|\.\s", rest)
        text = rest[: ends.start()] if ends else rest
        text = re.split(r"[\s,]*(?:\+\d|\d(?:[ .-]?\d){7})", text, maxsplit=1)[0]  # a phone number is no part of it
        stop = _STOPS_PLACE.search(message.folded[match.end() : match.end() + len(text)])
        said = list(re.finditer(r"\S+", text[: stop.start()] if stop else text))[:_MOST_PLACE_WORDS]
        if said and message.folded[match.end() :].split()[0].strip(",.") not in _NO_PLACE:
            end = match.end() + said[-1].end()
            value = message.text[match.end() : end].strip(" ,.-")
            yield Wish("place", value, 0.85, (match.end(), end))
    for match in _DISTRICT.finditer(message.folded):
        yield Wish("place", message.text[slice(*match.span())], 0.75, match.span())
    for start, end in cities_in(message):
        city = CITIES.match(message, start)
        if city:
            yield Wish("place", city.meaning, 0.7, (message.tokens[start].start, message.tokens[end - 1].end))


def without_cities(text: str) -> str:
    """Return a text without the provinces and cities that it names."""
    message = Message(text)
    named = {place for start, end in cities_in(message) for place in range(start, end)}
    kept = (one for place, one in enumerate(message.tokens) if place not in named)
    return " ".join(message.text[one.start : one.end] for one in kept)


def cities_in(message: Message) -> Iterator[tuple[int, int]]:
    """Yield from which to which word a message names a province or city."""
    for index in range(len(message.tokens)):
        if city := CITIES.match(message, index):
            yield index, index + len(city.words)
