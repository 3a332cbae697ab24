"""What an answer may rest on: the texts that were found, and the facts of the catalogue, looked up in this very turn."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from catalog.facts import OfferingFacts, offering_facts
from catalog.search import Hit
from runtime import replies
from runtime.context import TurnContext, as_source
from runtime.model.clauses import Passage
from runtime.model.wider import wider

MOST_TEXTS, MOST_OFFERINGS = 12, 8
"""Found texts and offerings that a model is shown."""
LEAST_SCORE = 0.01
"""What fits less is no ground for anything; what fits little is shown, for the model reads what words alone do not tell."""
TEXT_LENGTH = 2000
"""Characters of one text that a model is shown."""


@dataclass
class Grounds:
    """The numbered sources of one turn; tools add to them. ``facts`` are those of now, by offering."""

    context: TurnContext
    sources: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    facts: dict[UUID, OfferingFacts] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    totals: list[tuple[Decimal, str]] = field(default_factory=list)
    """Amounts that we have computed or read, such as those of orders, with their currency."""

    def add_found(self) -> None:
        """Take in what the turn's look-up found, and what is missing in it: texts as they are, offerings with their facts."""
        texts = found_texts(self.context)
        offerings = [hit for hit in self.context.hits.get("offering", []) if hit.score >= LEAST_SCORE][:MOST_OFFERINGS]
        missing = wider(self.context, [*texts, *offerings])
        texts = _with([hit for hit in missing if hit.kind != "offering"], texts, MOST_TEXTS)
        offerings = _with([hit for hit in missing if hit.kind == "offering"], offerings, MOST_OFFERINGS)
        for hit in texts:
            source = self.context.source(hit)
            self.sources.append(source)
            self.texts.append(f"{hit.title}\n{hit.body}")
            self.bodies[_text_of(source)] = hit.body[:TEXT_LENGTH]
        self.add_offerings([hit.id for hit in offerings], hits=offerings)

    def add_offerings(self, offering_ids: Collection[UUID], *, hits: Iterable[Hit] = ()) -> list[OfferingFacts]:
        """Look up the facts of offerings and return them; the one last spoken of is among them the first time."""
        before = self.spoken_of()
        wanted = dict.fromkeys([*offering_ids, *([before] if before and not self.facts else [])])
        found = self._look_up(wanted)
        by_id = {hit.id: hit for hit in hits}
        known = {source["id"] for source in self.sources}
        for one in found:
            self.facts[one.id] = one
            if str(one.id) not in known:
                hit = by_id.get(one.id)
                self.bodies[str(one.id)] = hit.body[:TEXT_LENGTH] if hit else ""
                self.sources.append(as_source(hit) if hit else _as_source(one))
        return [self.facts[one] for one in offering_ids if one in self.facts]

    def spoken_of(self) -> UUID | None:
        """Return the offering last spoken of, by the slot that remembers it."""
        try:
            return UUID(self.context.slots.get("offering", ""))
        except ValueError:
            return None

    def add_answer(self, answer: Any) -> None:
        """Take in what one of the tenant's own tools answered: its amounts may be told."""
        self.texts.append(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))

    def refresh(self) -> None:
        """Read the facts again: prices may have changed while the model was thinking."""
        if self.facts:
            self.facts = {one.id: one for one in self._look_up(list(self.facts))}

    def _look_up(self, offering_ids: Collection[UUID]) -> list[OfferingFacts]:
        if not offering_ids:
            return []
        context = self.context
        currency = context.question.currency if context.has_budget else None
        told_in = context.question.language
        return offering_facts(
            list(offering_ids), channel=context.channel, currency=currency, bot_id=context.bot_id, language=told_in
        )

    def as_data(self, language: str) -> list[dict[str, Any]]:
        """Return the sources as a model reads them; prices and stock are those of now. The caller activates the language."""
        return [self._datum(number, source, language) for number, source in enumerate(self.sources, start=1)]

    def passages(self, language: str) -> list[Passage]:
        """Return each source as a text to be held against, in their order. The caller activates the language."""
        return [_as_passage(datum) for datum in self.as_data(language)]

    def bodies_of(self, numbers: Iterable[int]) -> list[str]:
        """Return the texts of the sources with these numbers; there may be none of one."""
        known = [number for number in numbers if 1 <= number <= len(self.sources)]
        return [self.bodies.get(_text_of(self.sources[number - 1]), "") for number in known]

    def _datum(self, number: int, source: dict[str, Any], language: str) -> dict[str, Any]:
        body = self.bodies.get(_text_of(source), "")
        if source["kind"] != "offering":
            return {"n": number, "kind": source["kind"], "title": source["title"], "text": body}
        return {"n": number, "kind": "offering", **told(self.facts[UUID(source["id"])], language), "description": body}


def _as_passage(datum: dict[str, Any]) -> Passage:
    if datum["kind"] != "offering":
        return Passage(datum["title"], datum["text"])
    rows = [{key: datum[key] for key in ("price", "stock")}, *({key: value} for key, value in datum["attributes"].items())]
    rows += [{**one["options"], **{key: one[key] for key in ("sku", "name", "price", "stock")}} for one in datum["variants"]]
    return Passage(datum["name"], "\n".join([*map(as_row, rows), datum["description"]]), UUID(datum["id"]))


def as_row(values: dict[str, Any]) -> str:
    """Return values with their names as one row."""
    return "; ".join(f"{key}: {value}" for key, value in values.items() if value not in (None, ""))


def as_rows(value: Any, around: dict[str, Any] | None = None) -> Iterator[str]:
    """Yield what a tool has answered as rows, each about one thing, with what stands around it."""
    if isinstance(value, list):
        for one in value:
            yield from as_rows(one, around)
    elif isinstance(value, dict):
        flat = {
            key: ", ".join(map(str, one)) if isinstance(one, list) else one
            for key, one in value.items()
            if not _is_deep(one)
        }
        own = {**(around or {}), **flat}
        yield as_row(own)
        for one in filter(_is_deep, value.values()):
            yield from as_rows(one, own)
    else:
        yield str(value)


def _is_deep(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))


def _text_of(source: dict[str, Any]) -> str:
    """The id of the text that was found: of a document, that of its passage, for several of one document may be sources."""
    return str(source.get("chunk", source["id"]))


def told(offering: OfferingFacts, language: str) -> dict[str, Any]:
    """Return the facts of an offering as a model reads them: amounts written as they are to be repeated."""
    return {
        "id": str(offering.id),
        "name": offering.name,
        "price": replies.price_text(offering, language),
        "stock": replies.stock_text(offering),
        "attributes": offering.attributes,
        "variants": [
            {
                "sku": one.sku,
                "name": one.name,
                "options": one.options,
                "price": replies.variant_price(one, language),
                "stock": replies.variant_stock(one),
            }
            for one in offering.variants
        ],
    }


def found_texts(context: TurnContext) -> list[Hit]:
    """Return the texts that were found, FAQs and documents, best first."""
    hits = [hit for kind, found in context.hits.items() if kind in ("faq", "document") for hit in found]
    return sorted((hit for hit in hits if hit.score >= LEAST_SCORE), key=lambda hit: -hit.score)[:MOST_TEXTS]


def _with(missing: list[Hit], found: list[Hit], most: int) -> list[Hit]:
    """Return what was found, and what was missing in place of the last of it."""
    return [*found[: max(0, most - len(missing))], *missing][:most]


def _as_source(offering: OfferingFacts) -> dict[str, Any]:
    return {"kind": "offering", "id": str(offering.id), "title": offering.name, "score": 1.0, "parts": {}}
