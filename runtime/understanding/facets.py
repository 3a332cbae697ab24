"""Which kind of fact a question asks for (an amount, a time, a weight), and whether a text tells one of that kind.

Texts are found by what they are about: “how much is delivery?” finds how long it takes. About the same thing another fact is
no answer. What is not plainly asked is left open, and a text is silent only when no word of it can be of such a fact. All
that is known of a kind stands in ``facet_words.py``: one row says what asks for it and what tells it, in both languages.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from runtime.understanding.facet_words import FACETS, LEADING, NAMING, OF_ANYTHING, SAID_BEHIND
from runtime.understanding.lexicon import ASKING_IF, ASKING_IF_AT_END, OPENING
from runtime.understanding.phrases import SAME_WORD
from runtime.understanding.tokens import Message, Phrase, Phrasebook
from tenants.text import fold_letters, words

Facet = Literal["amount", "time", "span", "place", "weight", "length", "range", "colour", "heat", "power", "number"]

MOST_WORDS = 60
"""Of a question that are read: nobody asks in more."""

_NUMBER = r"(?:\d[\d.,/-]*\s?-?|(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|half)[\s-])"
_COUNTED = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|mot|hai|ba|bon|nam|sau|bay|tam|chin|muoi)"

_ASKED = Phrasebook({facet: row.asked for facet, row in FACETS.items()}, SAME_WORD)


def _told_by(units: str, said: str) -> re.Pattern[str]:
    """Return what tells a fact, in folded text: a number with one of the units, or one of the words."""
    measured = rf"{_NUMBER}(?:{'|'.join(units.split())})" if units else ""
    listed = "|".join(re.escape(phrase.strip()) for phrase in said.split("|") if phrase.strip())
    return re.compile(rf"(?<!\w)(?:{'|'.join(filter(None, (measured, listed)))})(?!\w)")


_TOLD: dict[str, re.Pattern[str]] = {facet: _told_by(row.units, row.said) for facet, row in FACETS.items()}
_TOLD["number"] = re.compile(rf"\b{_COUNTED}\b")
_MONEY = re.compile(r"[$€£₫%]|\d\s?đ|\d[.,]\d{3}")
_CLOCK = re.compile(r"\b\d{1,2}(?::\d\d|h\d{0,2}\b)")


@lru_cache(maxsize=4096)
def asked_of(question: str) -> frozenset[Facet]:
    """Return what a question plainly asks for, empty when it asks for something else. Kept: of titles it is asked again."""
    message = Message(question)
    found = {_counts_what(message, phrase, at + len(phrase.words)) for at, phrase in _asking(message)}
    return frozenset(_strongest(found))  # type: ignore[arg-type]


def asking_words(message: Message) -> list[tuple[int, int]]:
    """Return from where to where words ask for a kind of fact: “how heavy”, and say nothing of what is asked about."""
    said = ((at, phrase) for at, phrase in _asking(message) if phrase.meaning and " ".join(phrase.words) not in NAMING)
    return [(at - _takes(message, at), at + len(phrase.words)) for at, phrase in said]


def _takes(message: Message, at: int) -> bool:
    """Whether the word in front only leads to the phrase: “mất bao lâu”, “hết bao nhiêu”."""
    before = message.tokens[at - 1] if at else None
    return before is not None and before.text in LEADING and message.spells(before.start, before.end, LEADING[before.text])


def _asking(message: Message) -> Iterator[tuple[int, Phrase]]:
    index, last = 0, min(len(message.tokens), MOST_WORDS)
    while index < last:
        phrase = _ASKED.match(message, index)
        if phrase:
            yield index, phrase
        index += len(phrase.words) if phrase else 1


def _counts_what(message: Message, phrase: Phrase, behind: int) -> str:
    """Return what a phrase asks for: “how much” and “bao nhiêu” in front of a noun ask how many of it, else an amount."""
    following = message.tokens[behind].text if behind < len(message.tokens) else ""
    if " ".join(phrase.words) in OF_ANYTHING and following and following not in SAID_BEHIND and not following.isdigit():
        return "number"
    return phrase.meaning


def _strongest(found: set[str]) -> set[str]:
    """Of “how much does it weigh” the weight counts, of “how long does it take” the time, of “may I” nothing."""
    measures = found - {"amount", "number", ""}
    return (found - {"amount", "number"} if measures else found) - {""}


@lru_cache(maxsize=4096)
def tells(facet: Facet, text: str) -> bool:
    """Whether a text tells a fact of a kind: an amount of money, a time of day."""
    folded = fold_letters(text.lower())
    if facet == "amount" and _MONEY.search(text.lower()):
        return True
    if facet == "time" and _CLOCK.search(folded):
        return True
    return _TOLD[facet].search(folded) is not None


@lru_cache(maxsize=1024)
def _counted(question: str) -> str:
    """Return the folded word of which a Vietnamese question asks how many, empty where it asks for no such thing: “bao nhiêu tuổi”."""
    said = words(question)
    at = next((place for place in range(len(said) - 2) if said[place : place + 2] == ["bao", "nhieu"]), None)
    return said[at + 2] if at is not None else ""


def is_silent(question: str, *, title: str, body: str) -> bool:
    """Whether a text tells nothing of what the question asks for: its own title asks for no such fact, and no word is of one.

    A title that asks for another fact says itself what the text is for; its words count for nothing then.
    """
    wanted, offered = asked_of(question), asked_of(title)
    if not wanted or wanted & offered:
        return False
    if "number" in wanted and (counted := _counted(question)) and counted not in words(f"{title} {body}"):
        return True
    return not any(tells(facet, body if offered else f"{title}\n{body}") for facet in wanted)


def asks_whether(question: str) -> bool:
    """Whether a question is answered by yes or no, whatever else it asks for."""
    said = [word for word in words(question) if word not in OPENING]
    return not ASKING_IF.isdisjoint(said[:1]) or not ASKING_IF_AT_END.isdisjoint(said[-3:])


def is_yes_or_no(question: str) -> bool:
    """Whether a question asks if something is so: “do you repair laptops?”, “có sửa laptop không?”."""
    return asks_whether(question) and not asked_of(question)
