"""Amounts of money in a customer's words: "1tr5", "2 củ", "1,5 triệu", "$50", "USD 1,299.00".

A number alone is not money: it is a model, a size, a telephone number. `find_amounts` returns every number
that may be money with how sure that is (`Evidence`); who reads a budget decides what is enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from catalog.money import minor_units
from runtime.understanding.phrases import COUNT_WORDS, IDENTIFIERS, MEASURES
from runtime.understanding.tokens import Message

_THOUSAND, _MILLION, _BILLION = Decimal(10**3), Decimal(10**6), Decimal(10**9)
_SCALES: dict[str, Decimal] = {
    **dict.fromkeys(("k", "ka", "nghin", "ngan", "thousand", "grand"), _THOUSAND),
    **dict.fromkeys(("tr", "trieu", "cu", "m", "mil", "million"), _MILLION),
    **dict.fromkeys(("ty", "ti", "b", "billion"), _BILLION),
}
# Words that mean dong unless another currency follows; those after which "5" reads as a fraction ("1tr5").
_DONG_SCALES = frozenset(("ka", "nghin", "ngan", "tr", "trieu", "cu", "ty", "ti"))
_FRACTION_SCALES = frozenset(("tr", "trieu", "cu", "ty", "ti"))
# Folded words that other Vietnamese words fold to as well, with their diacritics.
_SPELLINGS = {
    "nghin": "nghìn", "ngan": "ngàn", "trieu": "triệu", "cu": "củ", "ty": "tỷ", "ti": "tỉ",
    "dong": "đồng", "d": "đ", "vnd": "vnđ", "do": "đô", "do la": "đô la",
}  # fmt: skip
_CURRENCIES: dict[str, str] = {
    **dict.fromkeys(("vnd", "₫", "d", "dong"), "VND"),
    **dict.fromkeys(("$", "us$", "usd", "dollar", "dollars", "buck", "bucks", "do", "do la", "dola"), "USD"),
    **dict.fromkeys(("€", "eur", "euro", "euros"), "EUR"),
    **dict.fromkeys(("£", "gbp"), "GBP"),
}
# Codes accepted in capitals only: in small letters some of them are words.
_CODES = ("AUD", "SGD", "CAD", "CHF", "CNY", "HKD", "JPY", "KRW", "THB", "INR", "NZD", "MYR", "IDR", "PHP", "TWD", "KWD")
_CURRENCIES.update({code.lower(): code for code in _CODES})
_CODE = "|".join(code.lower() for code in _CODES)

_AMOUNT = re.compile(
    rf"""
    (?<!\w) (?<!\d[.,])                                             # not inside a word or a number
    (?: (?P<before> us\$ | [$€£₫] | (?: usd | vnd | eur | gbp | {_CODE} ) (?![a-z]) ) \s? )?
    (?P<number> \d{{1,15}} (?: [.,]\d{{1,9}} ){{0,6}} )
    (?: \s? (?P<scale> trieu | tr | ty | ti(?!\ vi\b) | cu | nghin | ngan | ka | k | thousand | grand
              | million | mil | m | billion | b ) (?![a-z])
        (?P<rest> (?P<fraction> \d{{1,3}} ) (?: \s? (?P<fraction_scale> k | nghin | ngan | trieu | tr ) )? (?![a-z\d])
          | \s (?P<lower> \d{{1,3}} ) \s? (?P<lower_scale> k | nghin | ngan | trieu | tr ) (?![a-z\d])
          | \s (?P<spaced> \d (?:00)? ) (?= \s? (?: $ | [?!;)] | [.,](?!\d) | (?: den | toi | tro | thoi | a | nha | nhe
                  | ko | khong | duoc | dc | la | thi | vnd | dong | hay ) (?![a-z\d]) ) )
          | \s? (?P<half> ruoi ) (?![a-z]) )?
    )?
    (?!\d) (?![.,]\d)
    (?: \s? (?P<after> vnd | ₫ | dong(?!\ (?:ho|phuc)\b) | do\ la | dola | do | d | us\$ | [$€£] | usd
              | dollars? | bucks? | euros? | eur | gbp | {_CODE} ) (?![a-z\d]) )?
    (?![a-z\d])
    """,
    re.VERBOSE,
)
_COUNTS = {**{word: Decimal(count) for word, count in COUNT_WORDS.items()}, "nua": Decimal("0.5")}
_WORDED = re.compile(
    rf"\b(?:(?P<count>{'|'.join(_COUNTS)}) (?P<hundred>tram |hundred )?"
    r"(?P<scale>nghin|ngan|trieu|ty|cu|thousand|million|billion)(?P<half> ruoi)?|(?P<unit>trieu|ty) ruoi)\b"
)

# Around a number without unit: shares, dates, dimensions, telephone numbers, inches.
_NAMES_BEFORE = frozenset("#/+*×")
_NAMES_AFTER = re.compile(r"\s?%|/\d|\s?[x×]\s?\d|[\"″°'+*]")


class Evidence(IntEnum):
    """How sure it is that a number is money."""

    NUMBER = 1  # "15": only after words that ask for an amount
    AMBIGUOUS = 2  # "4k", "12 cu": a unit that means something else too
    LIKELY = 3  # "1.500.000", "950000": written as prices are
    SURE = 4  # "$50", "5 triệu"


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as the customer wrote it; `currency` is None where the words do not tell.

    `span` is the place in the message (NFC), end exclusive.
    """

    value: Decimal
    currency: str | None
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that may be money: how sure, the factor its unit stands for, None without unit."""

    amount: Amount
    evidence: Evidence
    scale: Decimal | None


def parse_amount(text: str, language: str) -> Amount | None:
    """The first amount of money in `text`, by the number conventions of `language` ("vi" or "en").

    A number without unit counts when it is all there is, the answer to a question, or looks like a price.
    """
    message = Message(text)
    for candidate in find_amounts(message, language):
        start, end = candidate.amount.span
        alone = not message.text[:start].strip() and not message.text[end:].strip(" .?!")
        if alone or candidate.evidence >= Evidence.LIKELY:
            return candidate.amount
    return None


def find_amounts(message: Message, language: str) -> list[Candidate]:
    """Every number of `message` that may be money, in order. Telephone numbers, dates and measures are left out."""
    found = list(_in_digits(message, language))
    spans = [candidate.amount.span for candidate in found]
    found += [
        worded
        for worded in _in_words(message, language)
        if not any(start < worded.amount.span[1] and worded.amount.span[0] < end for start, end in spans)
    ]
    return sorted(found, key=lambda candidate: candidate.amount.span)


def parse_number(text: str, language: str, *, prices: bool = True) -> Decimal | None:
    """Digits with separators as a number; None if the separators make no sense.

    `prices` says that it cannot have three decimals, so that "1.500" and "1,500" are both 1500. With
    a unit behind it ("1,250 triệu") it can, and the convention of `language` decides.
    """
    separators = [letter for letter in text if letter in ".,"]
    if not separators:
        return Decimal(text)
    last = separators[-1]
    whole, _, decimals = text.rpartition(last)
    own_decimal = "," if language == "vi" else "."
    grouped = len(decimals) == 3 and whole[:1] != "0" and (prices or last != own_decimal)
    if separators.count(last) > 1 or (len(set(separators)) == 1 and grouped):
        whole, decimals = text, ""
    groups = re.split("[.,]", whole)
    regular = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if (len(groups) > 1 and not regular) or (decimals and last in whole):
        return None
    return Decimal(f"{''.join(groups)}.{decimals}" if decimals else "".join(groups))


def _in_digits(message: Message, language: str) -> Iterator[Candidate]:
    position = 0
    while match := _AMOUNT.search(message.folded, position):
        candidate = _read(message, match, language)
        if candidate and _is_free_standing(message, candidate):
            yield candidate
        position = max(candidate.amount.span[1] if candidate else match.end("number"), match.end("number"))


def _read(message: Message, match: re.Match[str], language: str) -> Candidate | None:
    """The candidate that `match` spells, or None when its letters mean something else."""
    before, after = _currency(message, match, "before"), _currency(message, match, "after")
    scale = match["scale"]
    if scale and not message.spells(*match.span("scale"), _SPELLINGS.get(scale, scale)):
        scale, after = None, None
    currency = before or after
    value = _value(match, scale, currency, language)
    if value is None or (scale in ("m", "b") and not currency):
        return None
    evidence = _evidence(message, match, scale, currency)
    if not currency and (scale in _DONG_SCALES or (scale == "k" and language == "vi")):
        currency = "VND"
    start = match.start("before" if before else "number")
    span = (start, _end(match, scale, after))
    return Candidate(Amount(value, currency, span), evidence, _SCALES[scale] if scale else None)


def _currency(message: Message, match: re.Match[str], group: str) -> str | None:
    """The currency that `group` names, if it is written as that currency is."""
    word = match[group]
    if not word:
        return None
    start, end = match.span(group)
    code = _CURRENCIES[word]
    if code in _CODES:
        return code if message.text[start:end].isupper() else None
    if word == "d" and message.text[start:end] in ("d", "D") and not _looks_like_a_price(match["number"]):
        return None  # "500d" is a camera
    return code if message.spells(start, end, _SPELLINGS.get(word, word)) else None


def _value(match: re.Match[str], scale: str | None, currency: str | None, language: str) -> Decimal | None:
    # Billions of dong and currencies with three decimals are the only prices with three decimals.
    three_decimals = scale in _FRACTION_SCALES or scale in ("m", "mil", "million", "billion", "b")
    if currency and minor_units(currency) == 3:
        three_decimals = True
    dotted = "en" if scale in ("ty", "ti") and match["number"].count(".") == 1 else language
    number = parse_number(match["number"], dotted, prices=not three_decimals)
    if number is None or not scale:
        return number
    factor = _SCALES[scale]
    part = _lower_part(match, scale)
    return plain(number * factor + (part or 0))


def plain(value: Decimal) -> Decimal:
    """`value` without decimals that are zero."""
    whole = value.to_integral_value()
    return whole if whole == value else value


def _lower_part(match: re.Match[str], scale: str) -> Decimal | None:
    """What stands behind the unit: the 500,000 of "1tr5", "1tr500k", "1 triệu rưỡi". None if nothing does."""
    factor = _SCALES[scale]
    digits = match["fraction"] or match["lower"] or match["spaced"]
    unit = match["fraction_scale"] or match["lower_scale"]
    if match["half"]:
        return factor / 2
    if not digits or scale not in _FRACTION_SCALES:
        return None
    if unit:
        return Decimal(digits) * _SCALES[unit] if _SCALES[unit] < factor else None
    return Decimal(f"0.{digits}") * factor


def _end(match: re.Match[str], scale: str | None, after: str | None) -> int:
    if after:
        return match.end("after")
    if scale and match["rest"] and _lower_part(match, scale) is not None:
        return match.end("rest")
    return match.end("scale" if scale else "number")


def _evidence(message: Message, match: re.Match[str], scale: str | None, currency: str | None) -> Evidence:
    number, plain = match["number"], message.text[match.start() : match.end()].isascii()
    if currency and match["after"] in ("d", "dong", "do") and plain and not scale:
        return Evidence.SURE if _looks_like_a_price(number) and match["after"] != "do" else Evidence.AMBIGUOUS
    if currency:
        return Evidence.SURE
    if scale is None:
        return Evidence.LIKELY if _looks_like_a_price(number) else Evidence.NUMBER
    return Evidence.AMBIGUOUS if plain and _is_ambiguous(number, scale, match) else Evidence.SURE


def _is_ambiguous(number: str, scale: str, match: re.Match[str]) -> bool:
    """Screens are "4k", gold is "18k", "cu" is also old, "ngan" also a compartment, "k" also no."""
    small = len(number) < 2 or (len(number) == 2 and number < "30")
    if scale == "k":
        return small or (len(number) < 3 and match.start("scale") > match.end("number"))
    return scale == "cu" or (scale == "ngan" and len(number) < 2)


def _looks_like_a_price(number: str) -> bool:
    """1.500.000, 150,000 or 950000, as prices are written; not 12345 or 0901234000."""
    groups = re.split("[.,]", number)
    if number[0] == "0" or len(groups[0]) > 10:
        return False
    if len(groups) == 1:
        return len(number) >= 5 and number.endswith("000")
    return len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:-1]) and len(groups[-1]) in (2, 3)


def _is_free_standing(message: Message, candidate: Candidate) -> bool:
    """Whether a number without unit is none of: date, share, order or telephone number, measure, decades."""
    if candidate.evidence not in (Evidence.NUMBER, Evidence.LIKELY):
        return True
    start, end = candidate.amount.span
    text = message.folded
    if text[max(0, start - 1) : start] in _NAMES_BEFORE or _NAMES_AFTER.match(text, end):
        return False
    if text[start] == "0" and text[start:end].isdigit():
        return False
    index = message.token_at.get(start, 0)
    if index and message.tokens[index - 1].text in IDENTIFIERS:
        return False
    following = next((token for token in message.tokens[index + 1 : index + 6] if token.start >= end), None)
    if following is None or following.text not in MEASURES:
        return True
    # A price can be followed by a word that only folds to a measure: "3500000 tặng sạc" is not "tầng".
    return candidate.evidence is Evidence.LIKELY and not message.text[following.start : following.end].isascii()


def _in_words(message: Message, language: str) -> Iterator[Candidate]:
    """Amounts written without digits: "hai triệu rưỡi", "năm trăm nghìn", "two million"."""
    for match in _WORDED.finditer(message.folded):
        scale = match["scale"] or match["unit"]
        if not message.spells(*match.span("scale" if match["scale"] else "unit"), _SPELLINGS.get(scale, scale)):
            continue
        count = _COUNTS[match["count"]] if match["count"] else Decimal(1)
        value = count * (100 if match["hundred"] else 1) * _SCALES[scale]
        if match["half"] or match["unit"]:
            value += _SCALES[scale] / 2
        currency = "VND" if scale in _DONG_SCALES else None
        yield Candidate(Amount(value, currency, match.span()), Evidence.SURE, _SCALES[scale])
