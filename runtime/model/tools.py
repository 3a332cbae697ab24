"""The tools of a model: those of the version's capabilities, and the tenant's own. Each call is checked and logged.

Nothing the model says is believed: a tool that was not granted, arguments that do not fit, and everything that only we
decide (prices, discounts, whose data) are refused, and the refusal is logged. What acts is only proposed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from bots.functions import Caller
from bots.models import Tool
from bots.schemas import problems
from bots.tools import call_tool, harmless
from runtime.context import TurnContext
from runtime.model.actions import RunningAction, Status, refuse
from runtime.model.catalog_tools import OFFERING_SEARCH, ORDER_STATUS, PRODUCTS, Desk, look_up, offering_search, order_status
from runtime.model.grounds import as_row, as_rows
from runtime.model.proposals import CREATE_ORDER, ORDER, Priced, check_stock, price_order
from runtime.models import ActionExecution, Session
from tenants.errors import DomainError
from vault.providers.reading import ToolCall

MOST_RESULT = 8000
"""Characters of a result that the model is told."""
STATUSES = {"done": Status.SUCCESS, "failed": Status.ERROR, "unknown": Status.UNKNOWN}


@dataclass(frozen=True)
class BuiltIn:
    """A tool of ours, under the code of its capability."""

    description: str
    parameters: dict[str, Any]
    run: Callable[[Desk, dict[str, Any]], dict[str, Any]]

    def as_function(self, code: str) -> dict[str, Any]:
        """Return it as OpenAI's protocol declares it."""
        function = {
            "name": code,
            "description": self.description,
            "parameters": {**self.parameters, "additionalProperties": False},
        }
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class Proposal:
    """What the customer is asked to agree to, in words."""

    action_id: UUID
    text: str
    is_order: bool = False


BUILT_IN: dict[str, BuiltIn] = {
    "offering_search": BuiltIn("Find products by words, also within a budget.", OFFERING_SEARCH, offering_search),
    "price_lookup": BuiltIn("Read the prices of products as they are now.", PRODUCTS, look_up),
    "stock_check": BuiltIn("Read how many pieces of products are there now.", PRODUCTS, look_up),
    "order_status": BuiltIn("Read the orders of the customer who is writing.", ORDER_STATUS, order_status),
}
_PROPOSED = BuiltIn(
    "Propose an order to the customer, who is then asked to agree. The price is decided by the shop.",
    ORDER,
    lambda _d, _a: {},
)


class Toolbox:
    """The tools of one turn."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.context = desk, desk.context
        granted = desk.brief.capabilities
        self.built_in = {code: tool for code, tool in {**BUILT_IN, CREATE_ORDER: _PROPOSED}.items() if code in granted}
        self.proposal: Proposal | None = None
        self.results: list[str] = []
        """The calls that went well: what was called, with what, and what the model was told."""
        self.refused_order: DomainError | None = None
        """Why the last order that the model wanted proposed was not."""
        self._misread: list[str] = []

    @property
    def is_stuck(self) -> bool:
        """Whether the model has called a tool with arguments that do not fit once more after it was told."""
        return len(self._misread) > len(set(self._misread))

    def declared(self) -> list[dict[str, Any]]:
        """Return all tools as OpenAI's protocol declares them."""
        ours = [tool.as_function(code) for code, tool in self.built_in.items()]
        return [*ours, *(tool.as_function() for tool in self.desk.tools.values())]

    def call(self, wanted: ToolCall) -> str:
        """Do what the model wants, if it may, and return what it is told, as JSON."""
        try:
            result = self._call(wanted.name, _read(wanted.arguments))
        except DomainError as error:
            result = self._refuse(wanted, error)
        told = json.dumps(result, ensure_ascii=False, default=str)[:MOST_RESULT]
        if "error" not in result:
            asked = as_row(_shown(wanted.arguments))
            self.results.append("\n".join((f"{wanted.name} {asked}", *as_rows(result)))[:MOST_RESULT])
        return told

    def _refuse(self, wanted: ToolCall, error: DomainError) -> dict[str, Any]:
        """Note what is not done, and return why, as the model is told: it may mend its arguments once."""
        if wanted.name == CREATE_ORDER:
            self.refused_order = error
        if error.code in ("invalid_arguments", "invalid_json"):
            self._misread.append(wanted.name)
        said = {"code": error.code, "message": str(error.message)}
        details = [{"field": one.field, "code": one.code, "message": str(one.message)} for one in error.problems][:10]
        result = {"error": {**said, **({"details": details} if details else {})}}
        refuse(self.context, wanted.name, _shown(wanted.arguments), result)
        return result

    def _call(self, name: str, arguments: Any) -> dict[str, Any]:
        """Raise ``DomainError`` when nothing was begun."""
        parameters = self._parameters(name)
        if found := problems(parameters, arguments, field="arguments"):
            error = DomainError("invalid_arguments", _("The arguments do not fit the tool."))
            error.problems = found
            raise error
        if self.proposal:
            raise DomainError("one_at_a_time", "Something was proposed already.")
        if name == CREATE_ORDER:
            return self._propose_order(arguments)
        if name in self.built_in:
            return self._run(name, arguments)
        tool = self.desk.tools[name]
        return self._propose_tool(tool, arguments) if tool.needs_confirmation else self._call_tool(tool, arguments)

    def _parameters(self, name: str) -> dict[str, Any]:
        if name in self.built_in:
            return {**self.built_in[name].parameters, "additionalProperties": False}
        if name in self.desk.tools:
            return self.desk.tools[name].parameters
        raise DomainError("not_granted", _("There is no such tool for this bot."))

    def _run(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        action = RunningAction(self.context, name, arguments)
        try:
            result = self.built_in[name].run(self.desk, arguments)
        except DomainError as error:
            result = {"error": {"code": error.code, "message": str(error.message)}}
            action.end(Status.ERROR, result)
            return result
        except BaseException:
            action.end(Status.ERROR, {"error": {"code": "error"}})
            raise
        action.end(Status.SUCCESS, result)
        return result

    def _call_tool(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        key = str(uuid5(self.context.turn_id, f"{tool.code} {json.dumps(arguments, sort_keys=True)}"))
        result = came_of(self.context, tool, arguments) or call_own_tool(self.desk, tool, arguments, key=key)
        if result.get("outcome") == "done":
            self.desk.grounds.add_answer(result.get("output"))
        return result

    def _propose_order(self, arguments: dict[str, Any]) -> dict[str, Any]:
        session = Session.objects.select_related("channel").get(pk=self.context.session_id)
        arguments = {**self._told_by_customer(), **{key: value for key, value in arguments.items() if value}}
        check_stock(arguments, session=session)
        priced = price_order(arguments, session=session)
        self.proposal = propose_order(self.desk, arguments, priced)
        return {"proposed": True}

    def _told_by_customer(self) -> dict[str, str]:
        """Return the name and telephone number that the customer told in this or an earlier message, which a model may leave out."""
        now = {slot.key: str(slot.value) for slot in self.context.question.slots}
        told = {**self.context.slots, **now}
        return {key: told[key] for key in ("name", "phone") if told.get(key)}

    def _propose_tool(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        action = RunningAction(self.context, tool.code, arguments)
        action.end(Status.SUCCESS, {"proposed": {"tool": tool.code}})
        given = ", ".join(str(value) for value in arguments.values())
        said = _("Shall I do this for you: %(what)s?") % {"what": f"{tool.name} ({given})" if given else tool.name}
        self.proposal = Proposal(action.id, said)
        return {"proposed": True}


def propose_order(desk: Desk, arguments: dict[str, Any], priced: Priced, *, first: str = "") -> Proposal:
    """Write the proposal into the log and return it in words; ``first``: what is said in front of it."""
    action = RunningAction(desk.context, CREATE_ORDER, arguments)
    lines = [
        {"sku": line.variant.sku, "quantity": line.quantity, "unit_price": f"{line.price.amount:f}"} for line in priced.lines
    ]
    proposed = {"lines": lines, "total": f"{priced.total:f}", "currency": priced.currency}
    action.end(Status.SUCCESS, {"proposed": proposed})
    asked = _("Shall I place this order?")
    return Proposal(action.id, "\n".join(filter(None, (first, priced.told(desk.language), asked))), is_order=True)


def came_of(context: TurnContext, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Return what came of the same call in this turn, where the tool acts and it was made, or may have been: a turn that is
    decided again, or a model that repeats itself, does not act twice.
    """
    if tool.effect == Tool.Effect.READS:
        return None
    made = (Status.RUNNING, Status.SUCCESS, Status.UNKNOWN)
    rows = ActionExecution.objects.filter(session=context.session_id, turn=context.turn_id, status__in=made)
    row = rows.filter(action_name=tool.code, input_params=harmless(arguments)).first()
    return ({"outcome": "unknown"} | row.output_result) if row else None


def call_own_tool(desk: Desk, tool: Tool, arguments: dict[str, Any], *, key: str = "") -> dict[str, Any]:
    """Call one of the tenant's own tools and log it; ``key`` names the call for servers that know such keys."""
    action = RunningAction(desk.context, tool.code, arguments)
    caller = Caller(bot_id=desk.context.bot_id, customer_id=desk.brief.customer_id)
    try:
        done = call_tool(tool=tool, arguments=arguments, caller=caller, run=desk.context.turn_id, key=key or str(action.id))
    except DomainError as error:  # nothing was called
        result: dict[str, Any] = {"error": {"code": error.code, "message": str(error.message)}}
        action.end(Status.ERROR, result)
        return result
    except BaseException:
        action.end(Status.UNKNOWN, {"error": {"code": "error"}})
        raise
    result = {"outcome": done.outcome, "code": done.code, "output": done.output}
    action.end(STATUSES[done.outcome], {**result, "request": done.request, "status": done.status})
    return result


def _read(arguments: str) -> Any:
    """Return the arguments; models write an empty text for none. Raises ``DomainError`` for what is no JSON."""
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        raise DomainError("invalid_json", _("The arguments are no JSON.")) from None


def _shown(arguments: str) -> Any:
    try:
        return _read(arguments)
    except DomainError:
        return arguments
