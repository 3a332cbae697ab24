"""One turn's talk with the model: ask, let it call tools, hear what it says, check it. Nothing here is stored but costs.

No transaction and no connection of the database is held while the model thinks.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

from django.utils import translation

from bots.guardrails import Verdict
from bots.models import Tool
from runtime import replies
from runtime.context import TurnContext
from runtime.guarding import check_reply
from runtime.model.brief import Brief, read_brief
from runtime.model.catalog_tools import Desk
from runtime.model.fact_check import Doubt, FactCheck, Known
from runtime.model.grounds import Grounds
from runtime.model.languages import is_foreign
from runtime.model.order_states import contradicts_state
from runtime.model.prompting import build_messages, rules_of
from runtime.model.speech import Speech, TooLong
from runtime.model.support import Support, claims_order, is_no_claim, offers_order
from runtime.model.tools import Proposal, Toolbox
from runtime.models import Session, Tier
from tenants.errors import Conflict
from tenants.models import Setting
from vault.providers.endpoints import Endpoint, chat_endpoint
from vault.providers.errors import ProviderError
from vault.providers.metering import Purpose, Spent, leave_database
from vault.providers.reading import ChatAnswer, ToolCall

MOST_OUTPUT_TOKENS = 800
MOST_CALLS, MOST_TOOLS = 8, 40
"""Calls of tools in one answer of the model, and tools of the tenant's own that it is told of."""
MOST_STEPS = 5
"""Calls of the model in one turn; a model that still wants tools then is not coming to an end."""

FOR_MODELS = ("invalid_arguments", "invalid_json", "not_granted", "duplicate_sku", "one_at_a_time")
"""Why an order is refused in words that are no customer's: the model may ask on, but neither offers nor tells an order."""


class Unanswered(Exception):
    """The model brought nothing that can be said. ``why`` names the kind, ``message`` is for staff."""

    def __init__(self, why: str, message: str = "") -> None:
        super().__init__(why)
        self.why, self.message = why, message


@dataclass
class Outcome:
    """What came of asking. ``why`` is empty when ``text`` may be said; else ``unknown``, ``unproven`` or a kind of failure."""

    text: str = ""
    why: str = ""
    message: str = ""
    doubt: Doubt | None = None
    cited: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Of the sources that the model named; without, ``cited`` holds those that bear out what it said."""
    proposal: Proposal | None = None
    refused: Verdict | None = None
    grounds: Grounds | None = None
    spent: list[Spent] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    """The tools that the model wanted called."""

    @property
    def costs(self) -> dict[str, Decimal]:
        """What the calls cost, by the currency of the models' prices: nothing converts."""
        found: dict[str, Decimal] = {}
        for one in self.spent:
            found[one.currency] = found.get(one.currency, Decimal(0)) + one.amount
        return found

    @property
    def cost_usd(self) -> Decimal:
        """What the calls cost, of those whose prices are in dollars."""
        return self.costs.get("USD", Decimal(0))


def ask_model(context: TurnContext) -> Outcome:
    """Return what the model answers; whatever goes wrong is told in the outcome, never raised."""
    outcome = Outcome()
    try:
        with translation.override(context.question.language):
            _Talk(context, outcome).hold()
    except Unanswered as error:
        outcome.why, outcome.message = error.why, error.message
    except TooLong:
        outcome.why = "too_long"
    except ProviderError as error:
        outcome.why, outcome.message = error.kind, error.message
    except Conflict as error:  # of the budget
        outcome.why, outcome.message = error.code, str(error.message)
    return outcome


class _Talk:
    """The state of one talk."""

    def __init__(self, context: TurnContext, outcome: Outcome) -> None:
        self.context, self.outcome = context, outcome
        self.deadline = time.monotonic() + Setting.effective("model_seconds")
        self.brief: Brief = read_brief(context)
        self.grounds = outcome.grounds = Grounds(context)
        self.box: Toolbox | None = None
        self.check = FactCheck(context.question.language)
        self.speech = Speech(self._passed, say=context.say, allowed=self._given)
        self.purpose = Purpose(
            key=f"turn/{context.turn_id}/{uuid4().hex[:12]}",  # a turn that is decided again asks again
            bot_id=context.bot_id,
            subject=("runtime.turn", context.turn_id),
            spent=outcome.spent,
        )

    def hold(self) -> None:
        """Ask, and fill the outcome; a customer who has asked very much today is not worth more of the tenant's money."""
        if self.brief.asked_today and self.brief.asked_today >= Setting.effective("customer_model_turns"):
            raise Unanswered("too_many")
        self.grounds.add_found()
        messages = build_messages(self.context, self.brief, self.grounds)
        endpoint = chat_endpoint(bot_id=self.context.bot_id, run=self.context.turn_id)
        box = self.box = Toolbox(Desk(self.brief, self.grounds, self._own_tools()))
        for step in range(1, MOST_STEPS + 1):
            answer = self._ask(messages, box.declared(), endpoint, step)
            if not answer.tool_calls or self.speech.is_stopped:
                return self._judge(answer)
            self.outcome.tools += [call.name for call in answer.tool_calls]
            if len(answer.tool_calls) > MOST_CALLS:
                break
            messages += [_repeated(answer), *(_told(box, call, place) for place, call in enumerate(answer.tool_calls))]
            if box.proposal:
                return self._propose(box.proposal)
            if box.is_stuck:
                break
        raise Unanswered("order_refused", self._why_no_order()) if box.refused_order else Unanswered("tool_loop")

    def _own_tools(self) -> dict[str, Tool]:
        """Return the tenant's own tools by code; asked for only where there are any."""
        if not self.brief.has_tools:
            return {}
        tools = self.context.usable_tools().select_related("credential")[:MOST_TOOLS]
        allowed = self.brief.tools
        return {tool.code: tool for tool in tools if allowed is None or tool.code in allowed}

    def _propose(self, proposal: Proposal) -> None:
        """End with our own words for what the customer is asked to agree to."""
        outcome = self.outcome
        outcome.proposal, outcome.cited = proposal, self._used([*self.speech.said, proposal.text])
        outcome.text = "\n".join(filter(None, (self.speech.text, proposal.text)))

    def _judge(self, answer: ChatAnswer) -> None:
        """Say what the outcome is of what was heard."""
        outcome, speech = self.outcome, self.speech
        outcome.text, outcome.cited = speech.text, list(self._cited())
        outcome.numbers = list(dict.fromkeys(speech.cited))
        if speech.is_stopped:
            raise self._stopped()
        if self._is_told_why():
            raise Unanswered("order_refused", self._why_no_order())
        if answer.refusal or answer.finish_reason == "content_filter":
            raise Unanswered("content_filter", answer.refusal)
        if speech.is_unknown and not speech.text:
            raise Unanswered("unknown")
        if not speech.text:
            raise Unanswered("empty")
        if self._is_foreign(speech.text):
            raise Unanswered("wrong_language")
        if not outcome.tools and self._support().agrees_blindly(speech.said):
            outcome.doubt = Doubt("source", speech.text)
            raise Unanswered("unproven")
        outcome.cited = self._used(speech.said)

    def _is_foreign(self, text: str) -> bool:
        names = [one.name for one in self.grounds.facts.values()]
        return is_foreign(text, self.context.question.language, names=names)

    def _stopped(self) -> Unanswered:
        """Return why a sentence was not said."""
        if self.outcome.refused:
            return Unanswered("guardrail")
        doubt, is_refused = self.outcome.doubt, self.box is not None and self.box.refused_order is not None
        if doubt and doubt.kind == "source" and self._is_foreign(doubt.said):
            return Unanswered("wrong_language")
        if doubt and doubt.kind == "order" and is_refused:
            return Unanswered("order_refused", self._why_no_order())
        return Unanswered("unproven")

    def _is_told_why(self) -> bool:
        """Whether an order was refused in words that help the customer: these are said, even where the model says nothing."""
        refused = self.box.refused_order if self.box else None
        return refused is not None and refused.code not in FOR_MODELS

    def _why_no_order(self) -> str:
        """Return in the customer's words why no order was proposed."""
        refused = self.box.refused_order if self.box else None
        return str(refused.message) if refused and refused.code not in FOR_MODELS else replies.no_order()

    def _used(self, said: list[str]) -> list[dict[str, Any]]:
        """Return the sources that were named, else those that hold what was said; of a bare amount, all offerings given."""
        sources = self.grounds.sources
        if self.speech.cited:
            return list(self._cited())
        holding = self._support().holding(said)
        if not holding and any(map(self.check.makes_claims, said)):
            return [one for one in sources if one["kind"] == "offering"]
        return [sources[number - 1] for number in holding]

    def _cited(self) -> Iterator[dict[str, Any]]:
        """Yield the sources that were named, else all that were given."""
        sources = self.grounds.sources
        numbers = [one for one in dict.fromkeys(self.speech.cited) if 1 <= one <= len(sources)]
        yield from (sources[number - 1] for number in numbers) if numbers else sources

    def _ask(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], endpoint: Endpoint, step: int) -> ChatAnswer:
        """Call the model once, and hear what it says as it comes, or at once."""
        # Here and not above: the SDK takes 0.6 s and 60 MB, which an installation without a model need not spend.
        from vault.providers.openai_compatible import ChatRequest, chat, stream_chat

        request = ChatRequest(messages, MOST_OUTPUT_TOKENS, tools=tools)
        purpose = replace(self.purpose, key=f"{self.purpose.key}/{step}")
        within = self.deadline - time.monotonic()
        if within <= 0:  # the tools took it all
            raise Unanswered("timeout")
        options: dict[str, Any] = {"purpose": purpose, "within": within, "endpoint": endpoint}
        if self.context.say is None:
            answer = chat(request, **options)
            self.speech.add(answer.text)
        else:
            answer = self._hear(stream_chat(request, **options))
        self.speech.end(is_cut=answer.finish_reason == "length")
        return answer

    def _hear(self, pieces: Iterator[str | ChatAnswer]) -> ChatAnswer:
        """Take in the pieces to the end, for only then it is known what they cost; past the deadline give up."""
        for piece in pieces:
            if isinstance(piece, ChatAnswer):
                return piece
            self.speech.add(piece)
            if time.monotonic() > self.deadline:
                raise Unanswered("timeout")
        raise Unanswered("empty")

    def _passed(self, sentence: str, cited: list[int]) -> str | None:
        """Return the sentence, as guardrails leave it, when it says only what sources and the facts of now say; else None."""
        is_ours = self.context.say is None or self._is_ours()
        if is_ours and self.check.makes_claims(sentence):
            self.grounds.refresh()
        if self.context.say:
            leave_database()  # the model goes on talking
        if not is_ours:
            return None
        self.outcome.doubt = self.check.find_doubt(sentence, self._known(cited))
        if self.outcome.doubt:
            return None
        verdict = check_reply(self.context, sentence, tier=Tier.LLM)
        self.outcome.refused = verdict if verdict.stopped_by else None
        if verdict.stopped_by:
            return None
        self.outcome.doubt = self._ungrounded(verdict.text, cited)
        return None if self.outcome.doubt else verdict.text

    def _ungrounded(self, sentence: str, cited: list[int]) -> Doubt | None:
        """Return what is wrong with a sentence that rests on nothing, recites the instructions, or tells of an order that
        is none.
        """
        box, support = self.box, self._support()
        results = box.results if box else []
        is_refused = box is not None and box.refused_order is not None
        if is_refused and (self._is_told_why() or not is_no_claim(sentence) or offers_order(sentence)):
            return Doubt("order", sentence)
        if contradicts_state(sentence, results):
            return Doubt("order", sentence)
        if claims_order(sentence) and not results:
            return Doubt("order", sentence)
        if support.recites(f"{self.speech.text} {sentence}"):
            return Doubt("instructions", sentence)
        numbers = cited if support.sources or not results else []  # results of tools have no numbers
        named = partial(self.check.named_in, known=self._known(cited))
        is_given = support.is_given(sentence, numbers, rests_on_tools=bool(results), named=named)
        return None if is_given else Doubt("source", sentence)

    def _support(self) -> Support:
        context, brief, grounds = self.context, self.brief, self.grounds
        earlier = [message for speaker, message in brief.history if speaker != "user"]
        return Support(
            sources=grounds.passages(context.question.language),
            others=(*(self.box.results if self.box else ()), *earlier, brief.bot, brief.business),
            said=(*brief.said_by_customer, context.message),
            prompt=brief.system_prompt,
            question=context.message,
            rules=f"{brief.instructions}\n{rules_of(context, brief)}",
        )

    def _is_ours(self) -> bool:
        """Whether the conversation is still the bot's: what is streamed is heard before ``record`` can refuse it."""
        context = self.context
        return Session.objects.filter(pk=context.session_id, owner_epoch=context.owner_epoch, ended_at=None).exists()

    def _known(self, cited: list[int]) -> Known:
        grounds = self.grounds
        return Known(
            offerings=tuple(grounds.facts.values()),
            texts=(self.brief.system_prompt, *grounds.texts),
            said=(*self.brief.said_by_customer, self.context.message),
            totals=tuple(grounds.totals),
            cited=tuple(grounds.bodies_of(cited)),
        )

    def _given(self) -> str:
        """Return the texts whose addresses may be repeated."""
        return "\n".join((self.brief.system_prompt, *self.grounds.texts, self.context.message))


def _repeated(answer: ChatAnswer) -> dict[str, Any]:
    """Return the model's own message, as it has to stand before the results of its calls."""
    calls = [
        {"id": call.id or f"call_{place}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for place, call in enumerate(answer.tool_calls)
    ]
    return {"role": "assistant", "content": answer.text or None, "tool_calls": calls}


def _told(box: Toolbox, call: ToolCall, place: int) -> dict[str, Any]:
    """Do what is wanted and return the message with its result."""
    return {"role": "tool", "tool_call_id": call.id or f"call_{place}", "content": box.call(call)}
