"""Which attribute of something that is sold a question means, and how its value is told.

An attribute is meant by what it is called in either language, by one of its choices (“is it automatic?”), by what it measures
(“how tall”) or by the kind of fact that its value is: of “how long does it take” the only span of time.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from catalog.facts import AttributeFacts
from runtime.understanding.facet_words import MEASURES
from runtime.understanding.facets import Facet, tells
from runtime.understanding.lexicon import stem
from runtime.understanding.phrases import SAME_WORD
from runtime.understanding.tokens import Message, Phrasebook
from runtime.understanding.topics import asked_units, units_of
from tenants.text import STOP_WORDS

_MEASURES = {measure: Phrasebook({measure: phrases}, SAME_WORD) for measure, phrases in MEASURES.items()}

_SMALL = frozenset(map(stem, STOP_WORDS["vi"] | STOP_WORDS["en"] | {"so", "number", "of", "do"}))
"""Words that say nothing of what is measured: “number of lessons”, “số buổi”."""

MEANT = 0.6
"""Share of what is asked about beside the name that an attribute must be called by."""

MEASURED = 0.25
"""What it counts that both measure the same."""

TOLD_BY: dict[str, Facet] = {
    **dict.fromkeys(("height", "length", "width", "depth", "size"), "length"),
    **dict.fromkeys(("duration", "interval"), "span"),
    "weight": "weight",
    "distance": "range",
    "power": "power",
    "temperature": "heat",
}
"""The kind of fact that tells what is measured."""

UNCOUNTED: frozenset[Facet] = frozenset(("number",))
"""Kinds of facts that any number tells."""


@lru_cache(maxsize=2048)
def measured_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a text names that can be measured, and the stems of the words that do. Kept: labels are read again and again."""
    message = Message(text)
    measures, said = set[str](), set[str]()
    for measure, book in _MEASURES.items():
        for at in range(len(message.tokens)):
            if phrase := book.match(message, at):
                measures.add(measure)
                said.update(map(stem, phrase.words))
    return frozenset(measures), frozenset(said)


def facets_measured(message: str) -> frozenset[Facet]:
    """Return the kinds of facts that tell what a message measures or compares by."""
    return frozenset(TOLD_BY[measure] for measure in measured_in(message)[0] if measure in TOLD_BY)


def meant_by(
    message: str, asked: frozenset[str], wanted: frozenset[Facet], attributes: Sequence[AttributeFacts]
) -> list[AttributeFacts]:
    """Return the attributes that a message means; ``asked`` is what it asks about beside the name of the thing, ``wanted`` the
    kinds of facts. Several are returned where nothing tells them apart.
    """
    telling = [one for one in attributes if _may_tell(one, wanted)]
    measured, said = measured_in(message)
    rest = asked - _SMALL - said
    rated = [(_nearness(one, rest, measured), one) for one in telling]
    most = max((near for near, _one in rated), default=0.0)
    if most >= MEANT:
        return [one for near, one in rated if near == most]
    by_measure = [one for one in telling if measured & _measures(one)]
    if len(rest) > (1 if len(by_measure) == 1 else 0):
        return []
    return by_measure or (telling if wanted and len(telling) == 1 else [])


def _may_tell(attribute: AttributeFacts, wanted: frozenset[Facet]) -> bool:
    """Whether the value is of a kind that is asked for."""
    if not wanted:
        return True
    if isinstance(attribute.value, bool):
        return False
    value = f"{attribute.value} {attribute.unit}"
    return any(facet in UNCOUNTED or tells(facet, value) for facet in wanted)


def _nearness(attribute: AttributeFacts, rest: frozenset[str], measured: frozenset[str]) -> float:
    """Return in [0, 1] how far what is asked about and what the attribute is called are the same (Dice 1945), or one of its choices."""
    called = _called(attribute)
    common = ((len(rest & label), len(label)) for label in called)
    near = max((2 * both / (len(rest) + length) for both, length in common), default=0.0)
    near = max([near, *(MEANT for label in _labelled(attribute) if label <= rest)])
    near += MEASURED if near and measured & _measures(attribute) else 0.0
    if not isinstance(attribute.value, str):
        return near
    chosen = frozenset[str]().union(*(units_of(one).single for one in _choices(attribute)))
    return max(near, MEANT if rest & chosen and rest <= chosen.union(*called) else 0.0)


def _called(attribute: AttributeFacts) -> list[frozenset[str]]:
    """Return the stems of what an attribute is called by, of each name of it apart, and of what it is counted in."""
    counted = units_of(attribute.unit).single - _SMALL - measured_in(attribute.unit)[1]
    return [*_labelled(attribute), *filter(None, (counted,))]


def _labelled(attribute: AttributeFacts) -> list[frozenset[str]]:
    labels = (attribute.name, attribute.name_vi, attribute.key.replace("_", " ").replace("-", " "))
    return [one for label in labels if (one := asked_units(label).single - _SMALL - measured_in(label)[1])]


def _measures(attribute: AttributeFacts) -> frozenset[str]:
    return measured_in(attribute.name)[0] | measured_in(attribute.name_vi)[0]


def _choices(attribute: AttributeFacts) -> Iterable[str]:
    return (str(attribute.value), *attribute.choices_vi.values(), *map(str, attribute.choices))


def value_text(attribute: AttributeFacts, language: str, *, yes: str, no: str) -> str:
    """Return a value as people read it: with its unit, a choice by its label, a truth as yes or no."""
    value: Any = attribute.value
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, list):
        return ", ".join(map(str, value))
    labels = attribute.choices_vi if language == "vi" else {}
    text = labels.get(value, value) if isinstance(value, str) else _number(value, language)
    return " ".join(filter(None, (text, attribute.unit)))


def _number(value: Any, language: str) -> str:
    try:
        text = f"{Decimal(str(value)).normalize():,f}"
    except InvalidOperation:
        return str(value)
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text
