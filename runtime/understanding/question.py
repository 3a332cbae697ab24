"""What a shopper asks: price, stock, a list under a budget, a description, or nothing the catalogue knows.

`understand` only reads words; it knows no product. What it leaves as `subject` is what to search for. It must not
answer for the FAQs: questions about services ("phí ship bao nhiêu", "are you open on Sunday") come out as
`other`, or as a price asked with low confidence and `about_fee`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from catalog.money import CURRENCIES
from runtime.understanding.budget import Budget, merge, read_budgets
from runtime.understanding.counting import find_count
from runtime.understanding.money import find_amounts
from runtime.understanding.phrases import (
    HEAD_WORDS,
    LETTER_NOUNS,
    MEANINGS,
    NOT_A_PRODUCT,
    SAME_WORD,
    TAIL_WORDS,
)
from runtime.understanding.tokens import Message, Phrasebook
from runtime.understanding.wishes import find_wishes
from tenants.text import Language, detect_language

Kind = Literal["price", "stock", "browse", "describe", "other"]
Sort = Literal["price_asc", "price_desc"]

_MEANINGS = Phrasebook(MEANINGS, SAME_WORD)
_STAYS_IN_SUBJECT = frozenset(("keep", "service", "fee"))
_BREAK = re.compile(r"[,;?!\n]|[.:]\s")
# Longer names than this are sentences.
_LONGEST_NAME = 7


@dataclass(frozen=True, slots=True)
class Slot:
    """A fact the customer stated, for the session to remember; `span` is its place in the message (NFC)."""

    key: str
    value: dict[str, str | None] | int | str
    confidence: float
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A message as the catalogue sees it.

    `asks` holds every kind asked, `kind` the one to answer first. `subject` is the search text in the customer's
    spelling; empty when the message refers to what was said before ("giá bao nhiêu?"). Price bounds are
    inclusive and in `currency`. `confidence` is about the kind, from 0 to 1.
    """

    kind: Kind
    asks: frozenset[str]
    subject: str
    min_price: Decimal | None
    max_price: Decimal | None
    currency: str
    sort: Sort | None
    quantity: int | None
    language: Language
    slots: tuple[Slot, ...]
    about_fee: bool
    confidence: float


def understand(message: str, *, currency: str, unsure: Language | None = None) -> Question:
    """Read `message`; amounts that name no currency are in `currency` (ISO code), the shop's. It is in the language `unsure` when
    its words belong to none.
    """
    read = Message(message)
    language = detect_language(read.text, unsure)
    taken = [False] * len(read.tokens)
    budgets = read_budgets(read, find_amounts(read, language), currency)
    for stated in budgets:
        _take(taken, *stated.words)
    quantity = _quantity(read, taken)
    meanings, kept = _find_meanings(read, taken)
    budget = merge(budgets)
    if budget and budget.confidence <= 0.5 and "price" in meanings:
        budget = None  # "iPhone 15 giá 20tr hả, giá thật bao nhiêu": repeated, not wished for
    asks = _asks(read, meanings, budget, quantity)
    subject = _subject(read, taken, kept)
    kind, confidence = _judge(read, meanings, asks, subject, budget)
    return Question(
        kind=kind,
        asks=frozenset(asks if kind != "other" else ()) | ({kind} if kind != "other" else set()),
        subject=subject if kind != "other" else " ".join(read.text.replace("_", " ").split()),
        min_price=budget.minimum if budget else None,
        max_price=budget.maximum if budget else None,
        currency=budget.currency if budget else currency,
        sort="price_asc" if "price_asc" in meanings else "price_desc" if "price_desc" in meanings else None,
        quantity=quantity.value if quantity and isinstance(quantity.value, int) else None,
        language=language,
        slots=(*_slots(budget, quantity), *(Slot(*wish) for wish in find_wishes(read))),
        about_fee="fee" in meanings or ("price" in asks and "service" in meanings),
        confidence=confidence,
    )


def within_budget(question: Question, budget: str) -> Question:
    """Return the question with the budget the customer named before (a slot's JSON), when it asks for a choice without one."""
    if question.kind != "browse" or question.min_price is not None or question.max_price is not None:
        return question
    kept = read_budget_slot(budget)
    if kept is None:
        return question
    low, high, currency = kept
    return replace(question, min_price=low, max_price=high, currency=currency)


def read_budget_slot(value: str) -> tuple[Decimal | None, Decimal | None, str] | None:
    """Return the bounds and currency of a slot's JSON; None for what is no budget: a front end may write what it likes."""
    try:
        said = json.loads(value)
        low, high = (None if said.get(bound) is None else Decimal(said[bound]) for bound in ("min", "max"))
        currency = said["currency"]
        is_sound = currency in CURRENCIES and all(bound is None or bound.is_finite() for bound in (low, high))
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (low, high, currency) if is_sound else None


def _take(taken: list[bool], start: int, end: int) -> None:
    taken[start:end] = [True] * (end - start)


def _find_meanings(message: Message, taken: list[bool]) -> tuple[set[str], set[int]]:
    """The meanings of all phrases in the message, their words taken out of the subject; and the words to keep."""
    found: set[str] = set()
    kept: set[int] = set()
    index = 0
    while index < len(taken):
        phrase = None if taken[index] else _MEANINGS.match(message, index, taken)
        if phrase is None:
            index += 1
            continue
        end = index + len(phrase.words)
        found.add(phrase.meaning)
        if phrase.meaning not in _STAYS_IN_SUBJECT:
            _take(taken, index, end)
        elif phrase.meaning == "keep":
            kept.update(range(index, end))
        index = end
    return found, kept


def _asks(message: Message, meanings: set[str], budget: Budget | None, quantity: Slot | None) -> set[str]:
    asks = meanings & {"price", "stock", "browse", "describe"}
    if "measure" in meanings:  # "how much does it weigh"
        asks = (asks - {"price"}) | {"describe"}
    if budget or meanings & {"price_asc", "price_desc"}:
        asks.add("browse")
    if not asks and ("have" in meanings or _asks_whether_there_is(message)):
        asks.add("stock")
    if not asks and quantity:
        asks.add("browse")
    return asks


def _asks_whether_there_is(message: Message) -> bool:
    """The Vietnamese frame "có … không", "còn … không", around anything."""
    words = [SAME_WORD.get(token.text, token.text) for token in message.tokens]
    if "khong" not in words[-4:] and "chua" not in words[-3:]:
        return False
    return any(
        word in ("co", "con") and message.spells(token.start, token.end, "có" if word == "co" else "còn")
        for word, token in zip(words[:-1], message.tokens, strict=False)
    )


def _judge(message: Message, meanings: set[str], asks: set[str], subject: str, budget: Budget | None) -> tuple[Kind, float]:
    """The kind to answer first, and how sure it is that the catalogue is asked at all."""
    service = bool(meanings & {"service", "fee"})
    firm = bool(budget or meanings & {"price", "stock", "price_asc", "price_desc"})
    if not asks:
        return _judge_bare(message, service or "social" in meanings, subject)
    if service and not firm:
        return "other", 0.0
    sure = 0.9 if subject else 0.7
    if "have" in meanings and not firm:
        sure = 0.6
    elif not firm:
        sure = 0.7 if meanings & {"browse", "describe"} else 0.5
    if service:
        sure = 0.3
    if "price" in asks:
        return "price", sure
    if budget or meanings & {"price_asc", "price_desc"}:
        return "browse", sure
    if "stock" in asks:
        return "stock", sure
    return ("describe" if "describe" in asks else "browse"), sure


def _judge_bare(message: Message, no_product: bool, subject: str) -> tuple[Kind, float]:
    """A short message that asks nothing may be a product's name; a long one is a story."""
    words = {token.text for token in message.tokens}
    nameless = not any(letter.isalpha() for letter in subject)
    if no_product or nameless or words & NOT_A_PRODUCT or len(message.tokens) > _LONGEST_NAME:
        return "other", 0.0
    return "browse", 0.3


def _subject(message: Message, taken: list[bool], kept: set[int]) -> str:
    """What is left of the message, in its own spelling, without the small words at the ends of each part."""
    parts = []
    for start, end in _runs(message, taken):
        while start < end and start not in kept and _is_edge(message, start, HEAD_WORDS):
            start += 1
        while end > start and end - 1 not in kept and _is_edge(message, end - 1, TAIL_WORDS):
            end -= 1
        if start < end:
            parts.append(message.text[message.tokens[start].start : message.tokens[end - 1].end])
    return " ".join(" ".join(parts).replace("_", " ").split())


def _runs(message: Message, taken: list[bool]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of words not taken and not divided by punctuation."""
    start = 0
    for index in range(len(taken) + 1):
        if index == len(taken) or taken[index]:
            yield start, index
            start = index + 1
        elif index > start and _BREAK.search(message.text, message.tokens[index - 1].end, message.tokens[index].start):
            yield start, index
            start = index


def _is_edge(message: Message, index: int, edge_words: dict[str, str]) -> bool:
    token = message.tokens[index]
    spelling = edge_words.get(token.text)
    if spelling is None or not message.spells(token.start, token.end, spelling):
        return False
    return not (len(token.text) == 1 and index and message.tokens[index - 1].text in LETTER_NOUNS)


def _quantity(message: Message, taken: list[bool]) -> Slot | None:
    """Return how many the customer wants. The words of the number are taken out of the subject."""
    counted = find_count(message, taken)
    if counted is None:
        return None
    _take(taken, *counted.words)
    start, end = counted.words
    return Slot("quantity", counted.number, counted.confidence, (message.tokens[start].start, message.tokens[end - 1].end))


def _slots(budget: Budget | None, quantity: Slot | None) -> Iterator[Slot]:
    if budget:
        bounds = {"min": budget.minimum, "max": budget.maximum}
        value: dict[str, str | None] = {key: None if bound is None else f"{bound:f}" for key, bound in bounds.items()}
        yield Slot("budget", {**value, "currency": budget.currency}, budget.confidence, budget.span)
    if quantity:
        yield quantity
