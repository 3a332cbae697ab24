"""What a turn is decided from, and what comes out of it: plain frozen values between load, decide and record."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection

from bots.guardrails import Rule, Verdict
from catalog.search import ANSWER_THRESHOLD, Hit, Statement, listed, priced_between, rank, statement
from runtime.cache import look_up, stands_alone
from runtime.models import Escalation, Tier
from runtime.understanding import Question, understand, within_budget
from tenants.text import STOP_WORDS, words

HITS = 20
"""Offerings a turn looks at: enough to sort and to narrow by the price that holds now."""

ANYTHING = frozenset(
    words(
        "any anything something some stuff thing things item items product products gift gifts present presents "
        "đồ quà món sản phẩm hàng gì nào tặng vật"
    )
)
"""Folded words that name no kind of offering."""


class Listener(Protocol):
    """Who hears a turn while it is being answered."""

    def begin(self) -> None:
        """Hear that the message is stored and is being answered."""

    def say(self, sentence: str) -> None:
        """Hear a sentence that may be said. The sentences joined are the beginning of the reply, unless it is replaced."""


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
    knows_intents: bool
    message: str
    slots: dict[str, str]
    owner_epoch: int = 0
    last_tier: str = ""
    """What answered the turn before."""
    session_language: str = ""
    """Of the customer's message before this one."""
    ui_event: dict[str, Any] = field(default_factory=dict)
    """What the customer clicked."""
    has_model: bool = False
    say: Callable[[str], None] | None = field(default=None, compare=False)
    """Hears each sentence of a reply that is streamed, as it is ready; None: the reply is given as a whole."""
    rules: tuple[Rule, ...] = ()
    """The guardrails of the bot, first asked first."""
    heard: Verdict | None = None
    """What the guardrails say of the message."""
    is_masked: bool = False
    """Whether they hid something in it."""

    @property
    def may_ask_model(self) -> bool:
        """Whether a language model is there to ask: the tenant's own account (``has_model``) or the installation's."""
        return self.has_model or bool(settings.LLM_BASE_URL)

    @property
    def may_use_cache(self) -> bool:
        """Whether answers of the model to others may be given here, and the one to this message to others."""
        return self.may_ask_model and stands_alone(self.message)

    @cached_property
    def question(self) -> Question:
        """The message, understood without a language model."""
        return within_budget(understand(self.message, currency=self.currency), self.slots.get("budget", ""))

    @property
    def remembered(self) -> str:
        """The colour and size the customer named before, or now, as words."""
        said = {slot.key: str(slot.value) for slot in self.question.slots}
        return " ".join(filter(None, (said.get(key) or self.slots.get(key, "") for key in ("colour", "size"))))

    def after_hearing(self, verdict: Verdict) -> "TurnContext":
        """Return the context with the verdict on its message, and the message as it leaves it. What a rule had looked up
        is not looked up again.
        """
        heard = replace(self, message=verdict.text, heard=verdict, is_masked=verdict.text != self.message)
        known = ("hits",) if heard.is_masked else ("hits", "question")
        heard.__dict__.update({name: self.__dict__[name] for name in known if name in self.__dict__})
        return heard

    @property
    def has_budget(self) -> bool:
        """Whether the customer named a price not to go above or below."""
        return self.question.min_price is not None or self.question.max_price is not None

    @property
    def wants_anything(self) -> bool:
        """Whether the budget is all there is to go by: “something under 200k”."""
        said = set(words(self.question.subject)) - STOP_WORDS[self.question.language]
        return self.has_budget and said <= ANYTHING

    @cached_property
    def hits(self) -> dict[str, list[Hit]]:
        """What fits, best first, by ``faq``, ``offering`` and (whatever it costs) ``dearer``; one look-up, when first asked for."""
        looks = self._looks()
        rows = _fetch_all({name: found for name, (_words, found) in looks.items() if found})
        language = self.question.language
        return {
            name: rank(asked, [row[1:] for row in rows if row[0] == name], limit=HITS, language=language)
            for name, (asked, _found) in looks.items()
        }

    def _looks(self) -> dict[str, tuple[str, Statement | None]]:
        """Return what is looked for, by name: the words to rank by, and the statement that finds the candidates."""
        subject = self.question.subject or self.message
        looks: dict[str, tuple[str, Statement | None]] = {}
        if self.knows_intents:
            looks["intent"] = (self.message, statement(self.message, kinds=("intent",), bot_id=self.bot_id))
        if self.may_use_cache:
            version, language = self.bot_version_id, self.question.language
            kept = look_up(self.message, bot_id=self.bot_id, version_id=version, language=language)
            looks["answer"] = (self.message, kept)
        looks |= {"faq": (self.message, statement(self.message, kinds=("faq",), bot_id=self.bot_id))}
        if not self.has_budget:
            return {**looks, "offering": (subject, statement(subject, kinds=("offering",), bot_id=self.bot_id))}
        asked = self.question
        only = priced_between(asked.min_price, asked.max_price, currency=asked.currency, channel=self.channel)
        if self.wants_anything:
            return {**looks, "offering": (subject, listed(only, bot_id=self.bot_id, limit=HITS))}
        return {
            **looks,
            "offering": (subject, statement(subject, kinds=("offering",), bot_id=self.bot_id, only=only)),
            "dearer": (subject, statement(subject, kinds=("offering",), bot_id=self.bot_id)),
        }

    def best(self, kind: str) -> Hit | None:
        """Return the best hit of a kind."""
        return next(iter(self.hits.get(kind, ())), None)

    @property
    def intent(self) -> str:
        """The code of the intent whose examples are nearest, empty when none is near enough; looks it up."""
        nearest = self.best("intent")
        return nearest.body if nearest and nearest.score >= ANSWER_THRESHOLD else ""

    @property
    def intent_found(self) -> str:
        """The intent, as far as anything was looked up: telling it must not cost a message to the database."""
        return self.intent if "hits" in self.__dict__ else ""


def _fetch_all(statements: dict[str, Statement]) -> list[tuple[Any, ...]]:
    """Run the statements as one and return their rows, each behind the name of its statement."""
    if not statements:
        return []
    named = [f"SELECT %s, found.* FROM ({one.sql}) AS found" for one in statements.values()]  # noqa: S608 - our own SQL
    sql = " UNION ALL ".join(named)
    with connection.cursor() as cursor:
        cursor.execute(sql, [param for name, one in statements.items() for param in (name, *one.params)])
        return cursor.fetchall()


@dataclass(frozen=True)
class Action:
    """Something the bot looked up on the way, for the log."""

    name: str
    input: dict[str, Any]
    output: dict[str, Any]
    milliseconds: int = 0


@dataclass(frozen=True)
class Handover:
    """That a person is asked for, by whom and why. Recorded with the reply, unless one is waited for already."""

    reason: str
    origin: Escalation.Origin = Escalation.Origin.CUSTOMER


@dataclass(frozen=True)
class Reply:
    """What a tier answers. ``message`` None: the turn is stored and nothing is said. ``details`` go into the decision.

    ``is_gap``: the question was not answered, and is counted among the knowledge gaps.
    """

    tier: Tier
    message: str | None
    confidence: float
    sources: tuple[dict[str, Any], ...] = ()
    ui_metadata: dict[str, Any] = field(default_factory=dict)
    slots: tuple[dict[str, Any], ...] = ()
    actions: tuple[Action, ...] = ()
    flow_step: str | None = None
    cost_usd: Decimal = Decimal(0)
    handover: Handover | None = None
    is_gap: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def as_source(hit: Hit) -> dict[str, Any]:
    """Return a hit as the decision names it."""
    parts = {name: round(value, 4) for name, value in hit.parts.items()}
    return {"kind": hit.kind, "id": str(hit.id), "title": hit.title, "score": round(hit.score, 4), "parts": parts}
