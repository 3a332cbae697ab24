"""What a turn is decided from, and what comes out of it: plain frozen values between load, decide and record."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from bots.flow import Flow
from bots.guardrails import Rule, Verdict
from bots.models import Tool
from bots.thresholds import default_of
from catalog.facts import OfferingFacts
from catalog.search import Hit, Statement, rank
from runtime.cache import stands_alone
from runtime.found import Found, Hits, fetch_all, names_in
from runtime.looks import HITS, looks_of
from runtime.models import Escalation, Session, SessionScope, Tier
from runtime.ranking import rank_told
from runtime.understanding import Question, Slot, understand, within_budget
from runtime.understanding.coverage import Coverage
from runtime.understanding.evidence import evidence
from runtime.understanding.follow_up import core_of, joined, may_follow
from runtime.understanding.intents import tell_intent
from runtime.understanding.lexicon import ANYTHING, asks_for_all, asks_what_kinds
from runtime.understanding.parts import split_questions
from runtime.understanding.topics import subject_of, units_of
from tenants.text import STOP_WORDS, Language, words
from vault.providers.embeddings import Embedded, embed_question
from vault.providers.endpoints import platform_chats

TEXTS = frozenset({"faq", "document"})
"""What is looked for and is an answer as it stands."""

SPOKEN_OF = frozenset({*TEXTS, "offering", "dearer"})
"""What is looked for and belongs to the business: by these it is known what is rare in its texts."""


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
    flow: Flow = field(default_factory=Flow)
    """The steps of the version's flow."""
    last_tier: str = ""
    """What answered the turn before."""
    locale: str = ""
    """Of the business: “vi”, “en”."""
    session_language: str = ""
    """Of the customer's message before this one."""
    ui_event: dict[str, Any] = field(default_factory=dict)
    """What the customer clicked."""
    has_documents: bool = False
    """Whether the tenant has any: without, none are looked for."""
    limits_collections: bool = False
    """Whether only documents of the conversation's own collections may be used."""
    limits_tools: bool = False
    """Whether only the conversation's own tools may be called."""
    has_model: bool = False
    has_failed: bool = False
    """Whether the language model was asked in vain, so that what there is without one answers."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """From which score on a text of a kind answers, where it was calibrated; else the platform's default holds."""
    say: Callable[[str], None] | None = field(default=None, compare=False)
    """Hears each sentence of a reply that is streamed, as it is ready; None: the reply is given as a whole."""
    rules: tuple[Rule, ...] = ()
    """The guardrails of the bot, first asked first."""
    heard: Verdict | None = None
    """What the guardrails say of the message."""
    is_masked: bool = False
    """Whether they hid something in it."""
    topic: str = ""
    """What the answer before this message was about."""
    said: str = ""
    """What the customer said of ``message``, where what it is about was said before."""
    told_in: Language | None = None
    """The language of the whole message, where this is a question made of it."""
    known_facts: dict[tuple[UUID, bool], OfferingFacts | None] = field(default_factory=dict, compare=False)
    """The facts that were read in this turn, by offering and whether with the names of its attributes."""
    looked_through: dict[str, Any] = field(default_factory=dict, compare=False)
    """What a tier found out that another one asks for, too."""
    together: "list[TurnContext]" = field(default_factory=list, compare=False)
    """Those whose offerings are read at once, where one message is answered in several ways or parts."""

    @property
    def may_ask_model(self) -> bool:
        """Whether a language model is there to ask: the tenant's own account (``has_model``), the installation's or the
        platform's.
        """
        if self.has_failed:
            return False
        return self.has_model or bool(settings.LLM_BASE_URL) or platform_chats()

    @property
    def may_use_cache(self) -> bool:
        """Whether answers of the model to others may be given here, and the one to this message to others."""
        return self.may_ask_model and not self.limits_collections and stands_alone(self.message)

    @cached_property
    def question(self) -> Question:
        """The message, understood without a language model."""
        understood = understand(self.message, currency=self.currency, unsure=self.spoken)
        understood = replace(understood, language=self.told_in) if self.told_in else understood
        return within_budget(understood, self.slots.get("budget", ""))

    @property
    def spoken(self) -> Language:
        """The language of the conversation so far, at its beginning that of the business."""
        return "vi" if (self.session_language or self.locale)[:2] == "vi" else "en"

    @property
    def recalls_budget(self) -> bool:
        """Whether the budget is one that was named before, and not in this message."""
        return self.has_budget and all(slot.key != "budget" for slot in self.question.slots)

    @cached_property
    def wishes(self) -> tuple[Slot, ...]:
        """What the message says of the customer's wishes: a colour that is part of a name, “tẩy trắng”, “white orchid”, is none."""
        slots = self.question.slots
        if all(slot.key != "colour" for slot in slots):
            return slots
        names = {pair for hit in self.hits.get("offering", ()) for pair in units_of(hit.title).pairs}
        return tuple(slot for slot in slots if slot.key != "colour" or not self._is_in_name(slot, names))

    def _is_in_name(self, slot: Slot, names: set[tuple[str, str]]) -> bool:
        """Whether a colour stands in the message as it does in the name of an offering: beside the same word."""
        before, behind = self.message[: slot.span[0]].split()[-1:], self.message[slot.span[1] :].split()[:1]
        around = units_of(" ".join([*before, self.message[slice(*slot.span)], *behind])).pairs
        return not around.isdisjoint(names)

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
        found = ("hits", "_found", "parts", "joined")
        return self._hand_on(heard, found if heard.is_masked else (*found, "question"))

    def without_model(self) -> "TurnContext":
        """Return the context as it is for the other tiers when the model was asked in vain; nothing is looked up again."""
        return self._hand_on(replace(self, has_failed=True), ("hits", "_found", "question"))

    def _hand_on(self, other: "TurnContext", known: tuple[str, ...]) -> "TurnContext":
        other.__dict__.update({name: self.__dict__[name] for name in known if name in self.__dict__})
        return other

    @property
    def has_budget(self) -> bool:
        """Whether the customer named a price not to go above or below."""
        return self.question.min_price is not None or self.question.max_price is not None

    @property
    def wants_anything(self) -> bool:
        """Whether the budget is all there is to go by, “something under 200k”, or anything at all: “what do you sell?”."""
        question = self.question
        said = set(words(question.subject)) - STOP_WORDS[question.language]
        is_open = question.kind in ("browse", "stock") and question.quantity is None and asks_for_all(self.message)
        return (self.has_budget or is_open) and said <= ANYTHING

    @property
    def asks_for_anything(self) -> bool:
        """Whether it is asked what there is, of any kind or of one."""
        return self.wants_anything or self.asks_for_kind

    @property
    def asks_for_kind(self) -> bool:
        """Whether it is asked what there is of some kind, by whatever name: “what courses do you offer?”."""
        return not self.has_budget and not self.wants_anything and asks_what_kinds(self.message)

    @cached_property
    def hits(self) -> "Hits":
        """What fits, best first, by ``faq``, ``document``, ``offering`` and (whatever it costs) ``dearer``: one look-up."""
        rows = {look: [row.candidate for row in self._found if row.look == look] for look in self._looks}
        return Hits(rows, self._ranked)

    def _ranked(self, look: str, rows: list[tuple[Any, ...]]) -> list[Hit]:
        (asked, _statement), language = self._looks[look], self.question.language
        if look not in TEXTS:
            return rank(asked, rows, limit=HITS, language=language)
        return rank_told(asked, rows, coverage=self.coverage, language=language, is_written=look == "faq")

    @cached_property
    def coverage(self) -> Coverage:
        """What the message asks about, weighed by how rare it is among the texts and offerings that were found."""
        texts = {row.candidate[1]: f"{row.candidate[2]} {row.candidate[3]}" for row in self._found if row.look in SPOKEN_OF}
        return Coverage(self.message, list(texts.values()))

    def share_of(self, hit: Hit) -> float:
        """Return how much of what the message asks about a text or an offering holds, from 0 to 1."""
        return self.coverage.share(f"{hit.title} {hit.body}")

    def names_of(self, offering_id: UUID) -> list[str]:
        """Return what an offering that was found is called, and the lines that may be its name in another language."""
        hit = next((one for one in self.hits.get("offering", ()) if one.id == offering_id), None)
        return names_in(hit) if hit else []

    @cached_property
    def parts(self) -> "tuple[TurnContext, ...]":
        """The questions of a message that asks several, each for itself; empty where it asks one."""
        asked = () if self.may_ask_model or self.told_in else split_questions(self.message)
        before = ("", *(subject_of(one) for one in asked))
        return tuple(self._aside(one, topic=topic) for one, topic in zip(asked, before, strict=False))

    @cached_property
    def joined(self) -> "TurnContext | None":
        """The message with what was spoken of before, where it may mean that."""
        language = self.question.language
        if not self.topic or self.may_ask_model or not may_follow(self.message, language):
            return None
        return self._aside(joined(self.message, self.topic, language), said=core_of(self.message))

    def _aside(self, message: str, *, topic: str = "", said: str = "") -> "TurnContext":
        """Return the context of another wording of this message, or of a part of it: looked up with it, in the same message."""
        aside = replace(
            self,
            message=message,
            topic=topic,
            said=said,
            told_in=self.question.language,
            has_failed=True,
            knows_intents=False,
        )
        self.together[:] = [*(self.together or [self]), aside]
        return aside

    @cached_property
    def _found(self) -> list[Found]:
        found = fetch_all(self._statements())
        self._hand_out(found)
        return [row for row in found if "." not in row.look]

    def look_up(self) -> None:
        """Look up the message and all its parts in one message to the database, if that was not done yet."""
        _ = self._found

    def _statements(self) -> dict[str, Statement]:
        """What is looked for, and what those beside this one look for, under their numbers."""
        own = {name: found for name, (_words, found) in self._looks.items() if found}
        beside = enumerate(self._beside)
        return own | {f"{number}.{name}": one for number, aside in beside for name, one in aside._statements().items()}

    def _hand_out(self, found: list[Found]) -> None:
        for number, aside in enumerate(self._beside):
            its = [row._replace(look=row.look.partition(".")[2]) for row in found if row.look.startswith(f"{number}.")]
            aside._hand_out(its)
            aside.__dict__["_found"] = [row for row in its if "." not in row.look]

    @property
    def _beside(self) -> "tuple[TurnContext, ...]":
        return self.parts or ((self.joined,) if self.joined else ())

    @cached_property
    def _looks(self) -> dict[str, tuple[str, Statement | None]]:
        return looks_of(self)

    def embedded(self, asked: str) -> Embedded:
        """Return the vector of a question: made once, however many kinds of text it is asked of."""
        if asked not in self._vectors:
            self._vectors[asked] = embed_question(asked, bot_id=self.bot_id)
        return self._vectors[asked]

    @cached_property
    def _vectors(self) -> dict[str, Embedded]:
        return {}

    def usable_tools(self) -> QuerySet[Tool]:
        """Return the tenant's own tools that may be called here."""
        limits = SessionScope.objects
        return limits.tools(bot_id=self.bot_id, session_id=self.session_id, is_limited=self.limits_tools)

    def source(self, hit: Hit) -> dict[str, Any]:
        """Return a hit as the decision names it: a document by its own id, beside that of the chunk."""
        document_id = next((row.document_id for row in self._found if row.candidate[1] == hit.id), None)
        return {**as_source(hit), "id": str(document_id), "chunk": str(hit.id)} if document_id else as_source(hit)

    def best(self, kind: str) -> Hit | None:
        """Return the best hit of a kind."""
        return next(iter(self.hits.get(kind, ())), None)

    def threshold_of(self, kind: str) -> float:
        """Return the score from which on a text of a kind answers."""
        return self.thresholds.get(kind, default_of(kind))

    def evidence_of(self, hit: Hit) -> float:
        """Return what speaks for a text by its words and meaning alone, from 0 to 1: comparable between all kinds, and less where it
        lacks something asked about which another text holds.
        """
        text = f"{hit.title} {hit.body}"
        return evidence(self.coverage.share(text), hit, self.question.language) * (1 - self.coverage.lacks(text))

    def is_sure_of(self, hit: Hit) -> bool:
        """Whether the hit fits well enough to be answered with; of an example, to tell the intent by."""
        return hit.score >= self.threshold_of(hit.kind)

    @property
    def intent(self) -> str:
        """The code of the intent whose examples are nearest, empty when none is near enough; looks it up."""
        examples, threshold = self.hits.get("intent", []), self.threshold_of("intent")
        return tell_intent(self.message, examples, others=self.hits["faq"], threshold=threshold) if examples else ""

    @property
    def intent_found(self) -> str:
        """The intent to record. Where nothing was looked up yet (a person was asked for) this is one message to the database, for
        tenants with intents alone.
        """
        is_heard = bool(self.message) and self.owner == Session.Owner.BOT
        return self.intent if is_heard and (self.knows_intents or "hits" in self.__dict__) else ""


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


ORDER_PROPOSED, ORDER_PLACED, PERSON_ASKED = "order_proposed", "order_placed", "person_asked"
"""What may come of a turn, beside its tier and its intent, that the flow can lead to another step for."""


@dataclass(frozen=True)
class Reply:
    """What a tier answers. ``message`` None: the turn is stored and nothing is said. ``details`` go into the decision.

    ``is_gap``: the question was not answered, and is counted among the knowledge gaps. ``flow_step`` is where it leads
    when the flow has nothing against it, ``happened`` what came of it (``ORDER_PLACED``).
    """

    tier: Tier
    message: str | None
    confidence: float
    sources: tuple[dict[str, Any], ...] = ()
    ui_metadata: dict[str, Any] = field(default_factory=dict)
    slots: tuple[dict[str, Any], ...] = ()
    actions: tuple[Action, ...] = ()
    flow_step: str | None = None
    happened: str = ""
    cost_usd: Decimal = Decimal(0)
    handover: Handover | None = None
    is_gap: bool = False
    open_question: str = ""
    """Which question of several was not answered."""
    details: dict[str, Any] = field(default_factory=dict)


def as_source(hit: Hit) -> dict[str, Any]:
    """Return a hit as the decision names it."""
    parts = {name: round(value, 4) for name, value in hit.parts.items()}
    return {"kind": hit.kind, "id": str(hit.id), "title": hit.title, "score": round(hit.score, 4), "parts": parts}
