"""What the customer wants to spend: "dưới 5tr", "between $50 and $100", "tầm 2-3 triệu", "20tr trở lại"."""

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from catalog.money import minor_units
from runtime.understanding.money import Amount, Candidate, Evidence, plain
from runtime.understanding.phrases import AFTER_AMOUNT, BEFORE_AMOUNT, BETWEEN_AMOUNTS, PRICE_NOUNS, SAME_WORD
from runtime.understanding.tokens import Message, Phrasebook

_BEFORE = Phrasebook(BEFORE_AMOUNT, SAME_WORD)
_AFTER = Phrasebook(AFTER_AMOUNT, SAME_WORD)
_SYMBOLS = {"<": "below", "≤": "below", ">": "above", "≥": "above", "~": "around", "≈": "around"}
_CONTINUES = re.compile(r"\s?(?:-|–|~|to\b|den\b|toi\b)\s?\d")
_NEEDS_BETWEEN = frozenset(("and", "va", "or", "hoac", "hay"))
# How far "around" reaches to both sides.
_TOLERANCE = Decimal("0.2")
_CONFIDENCE = {"below": 0.95, "above": 0.95, "between": 0.95, "budget": 0.85, "around": 0.7, "": 0.5}


@dataclass(frozen=True, slots=True)
class Budget:
    """Inclusive bounds in `currency`. `words` are the first and last+1 number of the words that say so."""

    minimum: Decimal | None
    maximum: Decimal | None
    currency: str
    confidence: float
    span: tuple[int, int]
    words: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Mention:
    """One amount, or two that make a range, with the words around: a bound to be."""

    low: Candidate
    high: Candidate | None
    cue: str
    weak: bool
    words: tuple[int, int]


def read_budgets(message: Message, candidates: list[Candidate], currency: str) -> list[Budget]:
    """Every budget of `message` in order; amounts without currency are in `currency`, the shop's."""
    budgets = []
    skip: Candidate | None = None
    for candidate, following in pairwise([*candidates, None]):
        if candidate is None or candidate is skip:
            continue
        mention = _mention(message, candidate, following)
        if _counts(message, mention, currency):
            budgets.append(_bounds(message, mention, currency))
            skip = mention.high
    return budgets


def merge(budgets: list[Budget]) -> Budget | None:
    """One budget out of all: "trên 5tr, dưới 10tr" is a range. The surest wins where they disagree."""
    merged: Budget | None = None
    for budget in sorted(budgets, key=lambda each: -each.confidence):
        if merged is None:
            merged = budget
        elif merged.currency == budget.currency and budget.confidence >= _CONFIDENCE["budget"]:
            merged = replace(
                merged,
                minimum=budget.minimum if merged.minimum is None else merged.minimum,
                maximum=budget.maximum if merged.maximum is None else merged.maximum,
            )
    if merged and merged.minimum is not None and merged.maximum is not None and merged.minimum > merged.maximum:
        return replace(merged, minimum=merged.maximum, maximum=merged.minimum)
    return merged


def _mention(message: Message, first: Candidate, following: Candidate | None) -> _Mention:
    tokens = message.tokens
    start = bisect_left(tokens, first.amount.span[0], key=lambda token: token.start)
    before = _BEFORE.match_before(message, start)
    cue = before.meaning if before else _SYMBOLS.get(message.text[: first.amount.span[0]].rstrip(" =")[-1:], "")
    high = following if following and _is_range(message, first, following, cue) else None
    end = bisect_left(tokens, (high or first).amount.span[1], key=lambda token: token.start)
    after = _AFTER.match(message, end) if end < len(tokens) else None
    start -= len(before.words) if before else 0
    end += len(after.words) if after else 0
    while start and tokens[start - 1].text in PRICE_NOUNS and (before or tokens[start - 1].text in ("gia", "price")):
        start -= 1
    weak = cue.startswith("weakly ") and not after
    return _Mention(first, high, after.meaning if after else cue.removeprefix("weakly "), weak, (start, end))


def _is_range(message: Message, first: Candidate, second: Candidate, cue: str) -> bool:
    between = message.folded[first.amount.span[1] : second.amount.span[0]].strip()
    if between not in BETWEEN_AMOUNTS:
        return False
    return between not in _NEEDS_BETWEEN or cue == "between"


def _counts(message: Message, mention: _Mention, currency: str) -> bool:
    """Whether the words around make the number a budget, given how much it looks like money itself."""
    parts = [mention.low, mention.high] if mention.high else [mention.low]
    evidence = max(part.evidence for part in parts)
    if evidence >= Evidence.LIKELY:
        return True
    if mention.high is None and _CONTINUES.match(message.folded, mention.low.amount.span[1]):
        return False
    firm = bool(mention.cue) and not mention.weak
    if evidence is Evidence.AMBIGUOUS:
        return firm or mention.high is not None
    values = [part.amount.value for part in parts]
    years = all(1950 <= value <= 2039 for value in values) and mention.high is not None
    least = 10 if minor_units(currency) else 1000
    return (firm or (mention.high is not None and mention.weak)) and min(values) >= least and not years


def _bounds(message: Message, mention: _Mention, currency: str) -> Budget:
    low, high = _values(mention)
    cue = "between" if mention.high and mention.cue in ("", "above", "around", "budget") else mention.cue
    amounts: list[Amount] = [mention.low.amount, *([mention.high.amount] if mention.high else [])]
    named = next((amount.currency for amount in reversed(amounts) if amount.currency), currency)
    minimum: Decimal | None = low
    maximum: Decimal | None = high
    if mention.high is None and cue in ("around", "", "between"):
        cue = "around" if cue == "around" and not mention.weak else ""
        minimum, maximum = plain(low * (1 - _TOLERANCE)), plain(low * (1 + _TOLERANCE))
    elif cue in ("below", "budget"):
        minimum = low if mention.high else None
    elif cue == "above":
        maximum = None
    first, last = mention.words
    span = (min(message.tokens[first].start, amounts[0].span[0]), max(message.tokens[last - 1].end, amounts[-1].span[1]))
    return Budget(minimum, maximum, named, _CONFIDENCE[cue], span, mention.words)


def _values(mention: _Mention) -> tuple[Decimal, Decimal]:
    """Low and high value; in "2-3 triệu" and "500-1tr" the number without unit borrows one."""
    low = mention.low.amount.value
    if mention.high is None:
        return low, low
    high = mention.high.amount.value
    if mention.low.scale is None and mention.high.scale and mention.low.evidence is Evidence.NUMBER:
        low *= mention.high.scale if low * mention.high.scale <= high else mention.high.scale / 1000
    elif mention.high.scale is None and mention.low.scale and mention.high.evidence is Evidence.NUMBER:
        high *= mention.low.scale
    return min(low, high), max(low, high)
