"""What a turn is decided from, and what comes out of it: plain frozen values between load, decide and record."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection

from catalog.search import Hit, Only, Statement, priced_between, rank, statement
from runtime.models import Tier
from runtime.understanding import Question, understand

HITS = 20
"""Offerings a turn looks at: enough to sort and to narrow by the price that holds now."""


@dataclass(frozen=True)
class TurnContext:
    """The customer's message and the state of the session it was said in."""

    session_id: UUID
    turn_id: UUID
    bot_id: UUID
    bot_version_id: UUID
    channel: str
    owner: str
    flow_step: str
    turn_number: int
    currency: str
    message: str
    slots: dict[str, str]

    @cached_property
    def question(self) -> Question:
        """The message, understood without a language model."""
        return understand(self.message, currency=self.currency)

    @cached_property
    def hits(self) -> dict[str, list[Hit]]:
        """FAQs that fit the message and offerings that fit its subject, best first: one look-up, when first asked for."""
        asked = {"faq": self.message, "offering": self.question.subject or self.message}
        statements = {kind: found for kind, words in asked.items() if (found := self._statement(kind, words))}
        rows = _fetch_all(list(statements.values()))
        language = self.question.language
        return {
            kind: rank(words, [row for row in rows if row[0] == kind], limit=HITS, language=language)
            for kind, words in asked.items()
        }

    def _statement(self, kind: str, words: str) -> Statement | None:
        only = self._affordable() if kind == "offering" else None
        return statement(words, kinds=(kind,), bot_id=self.bot_id, only=only)

    def _affordable(self) -> Only | None:
        asked = self.question
        if asked.min_price is None and asked.max_price is None:
            return None
        return priced_between(asked.min_price, asked.max_price, currency=asked.currency, channel=self.channel)

    def best(self, kind: str) -> Hit | None:
        """Return the best hit of a kind."""
        return next(iter(self.hits[kind]), None)


def _fetch_all(statements: list[Statement]) -> list[tuple[Any, ...]]:
    if not statements:
        return []
    sql = " UNION ALL ".join(f"({one.sql})" for one in statements)
    with connection.cursor() as cursor:
        cursor.execute(sql, [param for one in statements for param in one.params])
        return cursor.fetchall()


@dataclass(frozen=True)
class Action:
    """Something the bot looked up on the way, for the log."""

    name: str
    input: dict[str, Any]
    output: dict[str, Any]
    milliseconds: int = 0


@dataclass(frozen=True)
class Reply:
    """What a tier answers. ``message`` None: the turn is stored and nothing is said."""

    tier: Tier
    message: str | None
    confidence: float
    sources: tuple[dict[str, Any], ...] = ()
    ui_metadata: dict[str, Any] = field(default_factory=dict)
    slots: tuple[dict[str, Any], ...] = ()
    actions: tuple[Action, ...] = ()
    flow_step: str | None = None
    cost_usd: Decimal = Decimal(0)


def as_source(hit: Hit) -> dict[str, Any]:
    """Return a hit as the decision names it."""
    parts = {name: round(value, 4) for name, value in hit.parts.items()}
    return {"kind": hit.kind, "id": str(hit.id), "title": hit.title, "score": round(hit.score, 4), "parts": parts}
