"""Which of the known offerings a sentence names, in full, by its code or SKU, or by the words that only it has."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from catalog.facts import OfferingFacts, VariantFacts
from runtime.understanding.tokens import Message
from tenants.text import STOP_WORDS, fold, words

SIZE_WORDS = frozenset(words("size cỡ màu color colour bản version variant phiên mẫu loại dung lượng"))
"""Folded words in front of an option's value that is too short to stand for itself."""


_COLOURS = {
    "black": "den", "white": "trang", "red": "do", "yellow": "vang", "orange": "cam", "pink": "hong", "purple": "tim", "brown": "nau",
    "grey": "xam", "gray": "xam", "beige": "be", "silver": "bac", "gold": "vang", "blue": "xanh", "green": "xanh",
}  # fmt: skip
"""Colours as folded words of both languages: a variant has its own in one of them."""


@dataclass(frozen=True)
class Mention:
    """An offering that is named, the variants named with it, and where."""

    offering: OfferingFacts
    variants: tuple[VariantFacts, ...]
    span: tuple[int, int]


def mentions(message: Message, offerings: Sequence[OfferingFacts]) -> Iterator[Mention]:
    """Yield the offerings that are named, in the order of the sentence."""
    spoken = [token.text for token in message.tokens]
    shared = Counter(word for one in offerings for word in set(words(one.name)))
    found = []
    for offering in offerings:
        for start, end in _places(spoken, offering, shared):
            span = message.tokens[start].start, message.tokens[end - 1].end
            found.append(Mention(offering, tuple(_variants(spoken, offering)), span))
    longest = [one for one in found if not any(_is_inside(one.span, other.span) for other in found)]
    yield from sorted(longest, key=lambda one: one.span)


def nearest(text: str, offerings: Sequence[OfferingFacts]) -> list[OfferingFacts]:
    """Return the offerings whose names share the most words with a text, where some share more than others."""
    small = STOP_WORDS["en"] | STOP_WORDS["vi"]
    said = set(words(text)) - small
    shared = [len(said & set(words(one.name))) for one in offerings]
    most = max(shared, default=0)
    return (
        [one for one, count in zip(offerings, shared, strict=True) if count == most] if most > min(shared, default=0) else []
    )


def _is_inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _places(spoken: list[str], offering: OfferingFacts, shared: Counter[str]) -> Iterator[tuple[int, int]]:
    """Yield where the offering is named: all its names that are there, else its own words in a row."""
    names = [words(name) for name in (offering.name, offering.code, *(one.sku for one in offering.variants))]
    whole = [place for name in names if name for place in _runs_of(spoken, name)]
    if whole:
        yield from whole
        return
    name = words(offering.name)
    own = {word for word in name if shared[word] == 1 and len(word) > 1} - STOP_WORDS["en"] - STOP_WORDS["vi"]
    run = _longest_run(spoken, set(name), own)
    said = own & set(spoken[slice(*run)]) if run else set()
    if run and (len(said) >= min(2, len(own)) or any(map(_is_model, said))):
        yield run


def _is_model(word: str) -> bool:
    """Whether a word is like “f310”, which alone names its product."""
    return len(word) > 2 and word.isalnum() and not word.isalpha() and not word.isdigit() and word[0].isalpha()


def _runs_of(spoken: list[str], name: list[str]) -> Iterator[tuple[int, int]]:
    for start in range(len(spoken) - len(name) + 1):
        if spoken[start : start + len(name)] == name:
            yield start, start + len(name)


def _longest_run(spoken: list[str], name: set[str], own: set[str]) -> tuple[int, int] | None:
    """Return the longest row of words of the name in which one of its own words is."""
    best: tuple[int, int] | None = None
    start = 0
    for index in range(len(spoken) + 1):
        if index < len(spoken) and spoken[index] in name:
            continue
        if own & set(spoken[start:index]) and (best is None or index - start > best[1] - best[0]):
            best = (start, index)
        start = index + 1
    return best


def _variants(spoken: list[str], offering: OfferingFacts) -> Iterator[VariantFacts]:
    """Yield the variants whose SKU or options are said, those with the most."""
    counts = {one.id: _said_of(spoken, one) for one in offering.variants}
    most = max(counts.values(), default=0)
    if most:
        yield from (one for one in offering.variants if counts[one.id] == most)


def _said_of(spoken: list[str], variant: VariantFacts) -> int:
    values = [words(str(value)) for value in (*variant.options.values(), variant.sku)]
    return sum(_is_said(spoken, value) for value in values if value)


def _is_said(spoken: list[str], value: list[str]) -> bool:
    """Whether the value of an option is said, or the colour that it is in the other language."""
    if any(_is_clear(spoken, start, value) for start, _end in _runs_of(spoken, value)):
        return True
    english = [word for word, folded in _COLOURS.items() if folded == value[0]]
    behind = [after for before, after in pairwise(spoken) if before in SIZE_WORDS]
    return not set(spoken).isdisjoint(english) or _COLOURS.get(value[0], "") in behind


def colours_known(texts: str) -> frozenset[str]:
    """Return the English colours whose Vietnamese names stand in texts, and the reverse."""
    said = set(words(texts))
    pairs = [(one, other) for english, folded in _COLOURS.items() for one, other in ((english, folded), (folded, english))]
    return frozenset(other for one, other in pairs if one in said)


def _is_clear(spoken: list[str], start: int, value: list[str]) -> bool:
    """Whether the value can be nothing else: “s” is a size only after “size”."""
    return len("".join(value)) > 2 or (start > 0 and spoken[start - 1] in SIZE_WORDS)


_IN_THE_MIDDLE = re.compile(r"(?<=[^\W\d_] )[^\W\d_]{2,}")


def people_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the folded words that texts write with a capital in the middle of a sentence, and never without: names, mostly."""
    said = [match[0] for text in texts for match in _IN_THE_MIDDLE.finditer(text)]
    return frozenset(fold(word) for word in said if word[0].isupper()) - frozenset(map(fold, filter(str.islower, said)))
