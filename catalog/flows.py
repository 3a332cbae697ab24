"""What the flow of a bot may say: one JSON schema for a version's own and for the defaults of its domain.

What is named here is checked; whatever else a business keeps beside it, for its own front ends, is kept as it is. A step is
where a conversation stands; ``ended`` is there without being named.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from tenants.errors import DomainError, FieldProblem

MOST_BYTES = 32 * 1024
ENDED = "ended"
"""The step after which nothing more is answered."""

_NAME = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,63}$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 2000}
_REPLIES = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 80}, "maxItems": 13}
_MINUTES = {"type": "integer", "minimum": 1, "maximum": 43_200}
_HAPPENING = {
    "type": "string",
    "pattern": "^(intent:[A-Za-z0-9_-]{1,63}|tier:(guardrail|cache|faq|catalog|llm|handoff)"
    "|order_proposed|order_placed|person_asked)$",
}

FLOW_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "default_state": {**_NAME, "description": "The step a conversation begins in; else “open”."},
        "steps": {
            "type": "object",
            "description": "The steps by name. With none named, any step may follow any other.",
            "maxProperties": 50,
            "propertyNames": _NAME,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "next": {"type": "array", "items": _NAME, "maxItems": 50, "description": "Steps that may follow."},
                    "on": {
                        "type": "array",
                        "items": _HAPPENING,
                        "maxItems": 50,
                        "description": "What leads here in a turn: intent:<code>, tier:<what answered>, order_proposed, "
                        "order_placed, person_asked.",
                    },
                    "timeout_minutes": {**_MINUTES, "description": "Minutes of silence after which on_timeout follows."},
                    "on_timeout": {**_NAME, "description": "The step that follows then; else “ended”."},
                },
            },
        },
        "idle_minutes": {**_MINUTES, "description": "Minutes of silence after which a conversation ends; else never."},
        "claim_minutes": {**_MINUTES, "description": "Minutes without an answer after which a person's claim ends."},
        "greeting": {
            "description": "What the bot says first: a text, or texts by language.",
            "oneOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT, "minProperties": 1, "maxProperties": 20}],
        },
        "quick_replies": {
            "description": "What is offered to tap under the greeting, each sent as a message: a list, or lists by language.",
            "if": {"type": "array"},
            "then": _REPLIES,
            "else": {"type": "object", "additionalProperties": _REPLIES, "minProperties": 1, "maxProperties": 20},
        },
        "tools": {
            "type": "array",
            "description": "Codes of the tools it may call; left out, all that the bot has.",
            "items": {"type": "string", "maxLength": 63},
            "maxItems": 100,
        },
    },
}
_VALIDATOR = Draft202012Validator(FLOW_SCHEMA)


class InvalidFlow(DomainError):
    """A flow that breaks the schema, or names steps that are not there: 422, by field (``flow_config.steps.idle.next.0``)."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("invalid_flow", problems[0].message)
        self.problems = problems


def check_flow(flow: Any, *, field: str = "flow_config") -> None:
    """Raise ``InvalidFlow`` with everything that is wrong."""
    if found := list(_problems(flow, field)):
        raise InvalidFlow(found)


def _problems(flow: Any, field: str) -> Iterator[FieldProblem]:
    if len(json.dumps(flow)) > MOST_BYTES:
        yield FieldProblem(field, "too_large", _("A flow has at most 32 KB."))
        return
    wrong = False
    for error in _VALIDATOR.iter_errors(flow):
        wrong = True
        where = ".".join([field, *map(str, error.absolute_path)])
        yield FieldProblem(where, "invalid_flow", _("%(where)s: %(what)s.") % {"where": where, "what": _said(error)})
    if not wrong:
        yield from _unknown_steps(flow, field)


def _said(error: Any) -> str:
    rule, wanted = error.validator, error.validator_value
    match rule:
        case "type":
            return _("write a value of the type %(type)s") % {"type": wanted}
        case "minimum" | "maximum" | "minLength" | "maxLength" | "maxItems" | "maxProperties" | "minProperties":
            return _("the limit is %(limit)s (%(rule)s)") % {"limit": wanted, "rule": rule}
        case "pattern" if wanted == _HAPPENING["pattern"]:
            return _("write intent:… with its code, tier:… with what answers, order_proposed, order_placed or person_asked")
        case "pattern":
            return _("write a name of letters, digits, _ and -")
        case "additionalProperties":
            return _("there is no such field here")
    return _("this is not a valid value")


def _unknown_steps(flow: dict[str, Any], field: str) -> Iterator[FieldProblem]:
    steps = flow.get("steps")
    if not steps:
        return
    named = [("default_state", flow.get("default_state"))]
    for name, step in steps.items():
        named += [(f"steps.{name}.next.{index}", after) for index, after in enumerate(step.get("next", []))]
        named.append((f"steps.{name}.on_timeout", step.get("on_timeout")))
    for where, step in named:
        if step is not None and step not in steps and step != ENDED:
            said = _("There is no step “%(step)s”.") % {"step": step}
            yield FieldProblem(f"{field}.{where}", "unknown_step", said)
