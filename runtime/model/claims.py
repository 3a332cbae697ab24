"""What a sentence claims: amounts of money, discounts, and that something is there or not. Vietnamese and English."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from decimal import Decimal

from runtime.understanding.money import Evidence, find_amounts
from runtime.understanding.numerals import worded_amounts
from runtime.understanding.tokens import Message
from tenants.text import Language

_PRICE_BEFORE = re.compile(r"\b(?:price|prices|cost|costs|priced|pay|gia|gia la|tien)\b[ :]*(?:[^\W\d]+[ :]+){0,2}$")
"""Folded words in front of a number without unit that make it a price."""

_DISCOUNT = re.compile(
    r"(?:(?:giam|sale|discount|off|save|khuyen mai|uu dai)\D{0,20})(?P<after>\d{1,3})\s?(?:%|percent|phan tram)"
    r"|(?P<before>\d{1,3})\s?(?:%|percent|phan tram)\D{0,12}(?:off|discount|giam|cheaper|re hon)"
)

_PIECES = (
    r"(?:chiec|cai|san pham|bo|doi|ao|quan|may|can|hop|thung|chai|goi|cuon|mon|suat|pieces?|units?|pcs|items?|pairs?|sets?)"
)
_COUNTED = re.compile(
    rf"\b(?:(?P<left>\d{{1,6}})(?:\s{_PIECES})?\s(?:left|in stock|available|remaining|trong kho|san hang)\b"
    rf"|(?:con|con lai|con dung|chi con|trong kho con|only|have|has|there (?:are|is))\s(?:hang\s)?(?:only\s|just\s)?"
    rf"(?P<pieces>\d{{1,6}})\s{_PIECES}(?:\s(?:left|in stock|available))?\b|\bcon\s(?P<bare>\d{{1,6}})(?=\s*(?:[.,;!)](?!\d)|$)))"
)
_GONE = re.compile(
    r"\b(out of stock|sold out|not in stock|isn t in stock|aren t in stock|no longer in stock|not available|unavailable"
    r"|no longer available|none left|run out|tam het(?: hang)?|het hang|chay hang|khong con hang|ko con hang|khong con"
    r"|khong co san|khong san hang|da het|chua co hang|hang da ban het|ban het)\b"
)
_THERE = re.compile(r"\b(in stock|con hang|san hang|co san|hang san|con san|van con|ready to ship|available|co hang)\b")
_WEAK = frozenset(("available", "not available", "unavailable", "khong con", "da het", "van con", "co san", "khong co san"))
"""Words that are said of many things besides goods."""
_FREE = re.compile(
    r"(?<!not )(?<!isn t )(?<!never )(?<!feel )(?<!-)\bfree\b(?! (?:to|size|of (?!charge|cost)))"
    r"(?! (?:times?|slots?|appointments?|dates?|seats?|hours?)\b)"
    r"|\bfreeship|\b(?:at )?no (?:extra )?(?:cost|charge)\b"
    r"|\b(?:no|without) (?:extra|surcharge|deposit|additional charge)\b(?! (?:is|are) (?:refunded|returned))"
    r"|(?<!khong )(?<!khong duoc )\bmien phi\b|\bkhong (?:mat|tinh|thu) (?:them )?(?:phi|tien)\b"
    r"|\bkhong (?:(?:can|phai|bi|co|thu|mat) )?(?:phu thu|phu phi|dat coc|tien coc)\b"
)
"""That something costs nothing. Folded; not “feel free”, “free to”, “sugar-free”."""
_WHO_IS = re.compile(r"(?P<who>\d{1,2}:\d\d|[^\W\d]\w*) (?:is|are|will be) (?:still |also )?$")
_AT_CLOCK = re.compile(r" at \d")
_WHEN = re.compile(
    r"(?: \w+)? (?!\w+ \d[\d.,]*(?:\d{3}|k\b))(?:on|from|between|until|after|before|today|tomorrow|this|next|in the)\b"
)
_PEOPLE = frozenset(("he", "she", "they", "we", "i", "you", "doctor", "dentist", "staff", "room", "table", "slot", "slots"))
_SPELLED = {"con": "còn", "het": "hết", "giam": "giảm", "gia": "giá", "tien": "tiền"}


@dataclass(frozen=True)
class Amount:
    """An amount in a reply; ``currency`` None where it is not written. ``span``: place in the sentence, end exclusive."""

    value: Decimal
    currency: str | None
    span: tuple[int, int]

    def equals(self, value: Decimal, currency: str) -> bool:
        """Whether it is that much money."""
        return self.value == value and self.currency in (None, currency)

    def is_in(self, text: str, language: Language) -> bool:
        """Whether a text names the same amount."""
        theirs = amounts_in(Message(text), language, is_loose=True)
        return any(
            one.value == self.value and (None in (one.currency, self.currency) or one.currency == self.currency)
            for one in theirs
        )


@dataclass(frozen=True)
class StockClaim:
    """That something is there (``is_there``), or how many are. ``is_weak``: the words are said of other things, too."""

    is_there: bool
    count: int | None
    span: tuple[int, int]
    is_weak: bool = False


def amounts_in(message: Message, language: Language, *, is_loose: bool = False) -> list[Amount]:
    """Return the amounts of money that a text names; ``is_loose``: bare numbers as well."""
    worded = [Amount(value, currency, span) for value, currency, span in worded_amounts(message)]
    found = [one for one in find_amounts(message, language) if _has_digit(message, one.amount.span)]
    in_digits = [
        Amount(one.amount.value, one.amount.currency, one.amount.span)
        for one in found
        if is_loose or one.evidence > Evidence.NUMBER or _is_priced(message, one.amount.span)
    ]
    return sorted([*worded, *in_digits], key=lambda amount: amount.span)


def free_in(message: Message, people: Container[str] = ()) -> list[tuple[int, int]]:
    """Return where a text says that something costs nothing: an amount of 0. A person, a place or an hour is free in another sense;
    ``people``: folded names.
    """
    return [match.span() for match in _FREE.finditer(message.folded) if not _is_at_leisure(message, match.span(), people)]


def _is_at_leisure(message: Message, span: tuple[int, int], people: Container[str]) -> bool:
    """Whether “free” is said of an hour, or of somebody, with a time after it."""
    before, after = _WHO_IS.search(message.folded, 0, span[0]), message.folded[span[1] :]
    if _AT_CLOCK.match(after):
        return True
    if before is None or not before["who"]:
        return False
    who = before["who"]
    is_name = who in people or (before.start("who") > 0 and message.text[before.start("who")].isupper())
    return ":" in who or ((is_name or who in _PEOPLE) and bool(_WHEN.match(after)))


def _has_digit(message: Message, span: tuple[int, int]) -> bool:
    return any(letter.isdigit() for letter in message.text[slice(*span)])


def _is_priced(message: Message, span: tuple[int, int]) -> bool:
    """Whether words in front of a bare number say that it is a price."""
    return bool(_PRICE_BEFORE.search(message.folded, 0, span[0]))


def discounts_in(message: Message) -> list[tuple[int, tuple[int, int]]]:
    """Return the discounts in percent that a text names."""
    found = _DISCOUNT.finditer(message.folded)
    return [(int(match["after"] or match["before"]), match.span()) for match in found if _is_spelled(message, match)]


def stock_claims_in(message: Message) -> list[StockClaim]:
    """Return what a text says about what is there."""
    return sorted(_stock_claims(message), key=lambda claim: claim.span)


def _stock_claims(message: Message) -> Iterator[StockClaim]:
    taken: list[tuple[int, int]] = []
    for match in _COUNTED.finditer(message.folded):
        if _is_spelled(message, match):
            taken.append(match.span())
            yield StockClaim(True, int(match["left"] or match["pieces"] or match["bare"]), match.span())
    for pattern, is_there in ((_GONE, False), (_THERE, True)):
        for match in pattern.finditer(message.folded):
            start, end = match.span()
            if _is_spelled(message, match) and not any(start < other[1] and other[0] < end for other in taken):
                taken.append((start, end))
                yield StockClaim(is_there, None, (start, end), is_weak=match[0] in _WEAK)


def _is_spelled(message: Message, match: re.Match[str]) -> bool:
    """Whether the words are written as those that are meant: “con” may be a child, “còn” is left."""
    inside = [token for token in message.tokens if match.start() <= token.start and token.end <= match.end()]
    return all(
        message.spells(token.start, token.end, _SPELLED.get(token.text, message.text[token.start : token.end]))
        for token in inside
    )
