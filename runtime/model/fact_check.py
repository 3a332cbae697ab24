"""Whether a sentence says only what the facts say: every amount of money, every discount, every claim about stock.

The check stands outside the model and trusts none of its words. An amount must be a price of the offering it is said of
(the nearest one named before it), or stand in a text that was used and speaks of no offering, or be a total that we have
computed, or a budget that the customer named and that is spoken of as one. Prices in descriptions count for nothing:
those may be old, or written by a stranger.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from catalog.facts import OfferingFacts, VariantFacts
from runtime.model.claims import Amount, StockClaim, amounts_in, discounts_in, free_in, stock_claims_in
from runtime.model.clauses import clause_at, telling
from runtime.model.naming import Mention, mentions, nearest, people_in
from runtime.model.sentences import split
from runtime.model.support import is_marked
from runtime.understanding.tokens import Message
from tenants.text import Language, fold

_BUDGET = re.compile(
    r"(?:\b(?:budget|under|below|within|up to|less than|more than|over|above|at most|at least|no more than)(?: of| is| limit)?"
    r"|\b(?:ngân sách|ngan sach)(?: \w+){0,3}|\b(?:dưới|duoi|không quá|khong qua|tối đa|toi da|tối thiểu|toi thieu|trên|tren|hơn)"
    r"|\bbetween \S+(?: \w+)? and|\b(?:trong khoảng|trong khoang|trong tầm|trong tam)(?: từ)?(?: \S+ (?:đến|tới|-))?)\W*$",
    re.IGNORECASE,
)
"""Words right in front of an amount that make it a budget and not a price."""
_TOTAL = re.compile(r"\b(total|altogether|in all|tong|tong cong|thanh tien)\b")
_TOGETHER = re.compile(r"\b(than|hon|both|each|respectively|all of them|from|between|lan luot|ca hai|deu|tu|tuong ung)\b")
_OTHER = re.compile(r"\b(other|another|alternative|alternatively|cheaper|instead|khac|con lai|re hon|thay vao do)\b")
_HAVING = re.compile(
    r"\b(?:we|you|i) (?:still |do |also |can )*(?:have|get|buy|order)\b|\b(?:ben (?:em|minh|shop)|shop|em|minh) (?:van |dang )?co\b"
    r"|^(?:yes|sure|da co|co|da duoc|duoc)\b"
)
"""That a variant is to be had, folded."""
_POINTING = re.compile(
    r"^\W*(?:dạ,? )?(?:it|its|this|these|they|nó|sản phẩm này|(?:cái|máy|mẫu|loại|gói|phòng) này)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Known:
    """What may be said: facts of now, the texts that were used, the customer's own words, totals computed by us."""

    offerings: tuple[OfferingFacts, ...] = ()
    texts: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    totals: tuple[tuple[Decimal, str], ...] = ()
    cited: tuple[str, ...] = ()
    """The texts of the sources that the sentence cites, descriptions too: they may say that something is free."""


@dataclass(frozen=True)
class Doubt:
    """Something a sentence says that no fact bears out. ``kind``: ``amount``, ``discount`` or ``stock``."""

    kind: str
    said: str


class FactCheck:
    """Checks the sentences of one reply, in their order: “it” means the offering named before."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._spoken_of: frozenset[UUID] = frozenset()

    def makes_claims(self, sentence: str) -> bool:
        """Whether there is anything in the sentence to check against facts."""
        message = Message(sentence)
        return bool(
            amounts_in(message, self.language) or stock_claims_in(message) or discounts_in(message) or free_in(message)
        )

    def find_doubt(self, sentence: str, known: Known) -> Doubt | None:
        """Return the first claim of the sentence that is not borne out, None when all are."""
        message = Message(sentence)
        named = list(mentions(message, known.offerings))
        before = self._about(message, named, known)
        doubts = (
            *self._doubtful_amounts(message, named, before, known),
            *_doubtful_gifts(message, known),
            *_doubtful_discounts(message, named, before, known),
            *_doubtful_stock(message, named, before, known),
        )
        if named:
            self._spoken_of = frozenset(one.offering.id for one in named)
        return next(iter(doubts), None)

    def named_in(self, clause: str, known: Known) -> frozenset[UUID]:
        """Return the offerings that a clause names, or goes on about: “it”."""
        named = frozenset(one.offering.id for one in mentions(Message(clause), known.offerings))
        return named or (self._spoken_of if _POINTING.match(clause) else frozenset())

    def _about(self, message: Message, named: list[Mention], known: Known) -> tuple[OfferingFacts, ...]:
        """Return what a sentence that names nothing speaks of: the offering named before, else any of them."""
        if named or not self._spoken_of or _OTHER.search(message.folded):
            return known.offerings
        return tuple(one for one in known.offerings if one.id in self._spoken_of)

    def _doubtful_amounts(
        self, message: Message, named: list[Mention], before: Sequence[OfferingFacts], known: Known
    ) -> Iterator[Doubt]:
        apart = tuple(_texts_apart(known))
        for amount in amounts_in(message, self.language):
            if any(one.span[0] <= amount.span[0] < one.span[1] for one in named):
                continue  # the 4K in a name
            about = _offerings_at(amount.span[0], named, before, message)
            prices = [price for one in about for price in _prices(one, named)]
            if not (
                any(amount.equals(*price) for price in prices)
                or any(amount.equals(*total) for total in known.totals)
                or _is_multiple(amount, prices, message)
                or any(amount.is_in(text, self.language) for text in apart)
                or (_is_budget(amount, message) and any(amount.is_in(text, self.language) for text in known.said))
            ):
                yield Doubt("amount", message.text[slice(*amount.span)])


def _is_budget(amount: Amount, message: Message) -> bool:
    return bool(_BUDGET.search(message.text[: amount.span[0]]))


def _offerings_at(
    place: int, named: list[Mention], otherwise: Sequence[OfferingFacts], message: Message
) -> Sequence[OfferingFacts]:
    """Return the offerings that what stands at ``place`` is said of: those its clause names, or some words of, else the last named."""
    if named and _TOGETHER.search(message.folded):
        return [one.offering for one in named]
    start, end = clause_at(place, message.text)
    inside = [one for one in named if start <= one.span[0] < end]
    known = tuple({one.id: one for one in (*(mention.offering for mention in named), *otherwise)}.values())
    if not inside and (near := nearest(message.text[start:end], known)):
        return near
    earlier = [one for one in inside or named if one.span[0] <= place] or inside[:1] or named[:1]
    return [one.offering for one in named if one.span == earlier[-1].span] if earlier else otherwise


def _prices(offering: OfferingFacts, named: list[Mention]) -> Iterator[tuple[Decimal, str]]:
    """Yield the amounts that may be said of an offering: prices, the prices before, and what is saved."""
    for variant in _variants(offering, named):
        if price := variant.price:
            yield price.amount, price.currency
            if price.compare_at and price.compare_at > price.amount:
                yield price.compare_at, price.currency
                yield price.compare_at - price.amount, price.currency


def _variants(offering: OfferingFacts, named: list[Mention]) -> Sequence[VariantFacts]:
    """Return the variants that are meant: those named with the offering, else all of them."""
    chosen = [variant for one in named if one.offering.id == offering.id for variant in one.variants]
    return chosen or offering.variants


def _is_multiple(amount: Amount, prices: list[tuple[Decimal, str]], message: Message) -> bool:
    """Whether it is a total of so many pieces as the sentence says."""
    if not _TOTAL.search(message.folded):
        return False
    counts = [int(token.text) for token in message.tokens if token.text.isdecimal() and len(token.text) <= 3]
    return any(amount.equals(price * count, currency) for price, currency in prices for count in counts if count)


def _texts_apart(known: Known) -> Iterator[str]:
    """Yield the sentences of the texts that name no offering: what an offering costs is the catalogue's to say."""
    for text in known.texts:
        for sentence in split(text):
            if not any(mentions(Message(sentence), known.offerings)):
                yield sentence


def _doubtful_gifts(message: Message, known: Known) -> Iterator[Doubt]:
    """Yield what is said to cost nothing, unless a text that speaks of the same says so too."""
    for span in free_in(message, people_in((*known.texts, *known.cited))):
        around = message.text[: span[0]] + message.text[span[1] :]
        if not any(_is_free(around, text) for text in known.texts) and not _is_cited(around, known):
            yield Doubt("amount", message.text[slice(*span)])


def _is_cited(said: str, known: Known) -> bool:
    """Whether a sentence of a cited source states that something is free, of the same, or in another language, whose words cannot be
    compared.
    """
    sentences = [sentence for text in known.cited for sentence in split(text) if free_in(Message(sentence))]
    return any(is_marked(said) != is_marked(one) or _is_free(said, one) for one in sentences)


def _is_free(said: str, text: str) -> bool:
    """Whether a text states that something is free, and speaks of what ``said`` speaks of."""
    stated = any(free_in(Message(one)) for one in split(text) if not one.rstrip().endswith("?"))
    return stated and bool(telling(said) & telling(text))


def _doubtful_discounts(
    message: Message, named: list[Mention], before: Sequence[OfferingFacts], known: Known
) -> Iterator[Doubt]:
    for percent, span in discounts_in(message):
        about = _offerings_at(span[0], named, before, message)
        granted = {_percent_off(variant) for one in about for variant in _variants(one, named)}
        written = any(percent == there for text in _texts_apart(known) for there, _span in discounts_in(Message(text)))
        if percent not in granted and not written:
            yield Doubt("discount", message.text[slice(*span)])


def _percent_off(variant: VariantFacts) -> int:
    price = variant.price
    if price is None or not price.compare_at or price.compare_at <= price.amount:
        return 0
    return int((100 * (1 - price.amount / price.compare_at)).quantize(Decimal(1), ROUND_HALF_UP))


def _doubtful_stock(
    message: Message, named: list[Mention], before: Sequence[OfferingFacts], known: Known
) -> Iterator[Doubt]:
    claims = stock_claims_in(message)
    if not claims and (having := _HAVING.search(message.folded)):
        yield from (Doubt("stock", having[0]) for one in named if one.variants and not _is_there(one))
    for claim in claims:
        if claim.is_weak and not named and not before:
            continue
        about = _offerings_at(claim.span[0], named, before, message)
        if not _is_borne_out(claim, about, named) and not _is_written(claim, message, named, known.texts):
            yield Doubt("stock", message.text[slice(*claim.span)])


def _is_there(one: Mention) -> bool:
    return any(variant.sellable for variant in one.variants)


def _is_borne_out(claim: StockClaim, about: Iterable[OfferingFacts], named: list[Mention]) -> bool:
    """Whether any of the offerings meant (or of its variants) is as the claim says."""
    for offering in about:
        variants = _variants(offering, named)
        if claim.count is not None:
            counts = {variant.available for variant in variants}
            counts.add(offering.available if len(variants) == len(offering.variants) else None)
            if claim.count in counts:
                return True
        elif any(variant.sellable == claim.is_there for variant in variants) or (not variants and not claim.is_there):
            return True
    return False


def _is_written(claim: StockClaim, message: Message, named: list[Mention], texts: Iterable[str]) -> bool:
    """Whether a sentence that names no offering repeats a text: “gift wrapping is available”."""
    words = fold(message.text[slice(*claim.span)])
    return not named and claim.count is None and any(words in fold(text) for text in texts)
