"""JSON schemas that people write: checked when they are saved, and applied to what models and programs send.

Of draft 2020-12 those words are taken that describe a value and nothing more: no references, whose targets could lie
outside or in a circle. ``pattern`` is in RE2's syntax, so that it takes time linear in the text. An object without
``additionalProperties`` takes what it names and nothing else.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import re2
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, FormatChecker, SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from tenants.errors import DomainError, FieldProblem

MOST_BYTES = 16 * 1024
"""Of a schema, as JSON."""
DEEPEST = 10
"""Levels of a schema, one inside the other."""
MOST_VALUE_BYTES = 10 * 1024
"""Of a value that is checked, as JSON."""
LARGEST_INTEGER = 2**53 - 1
"""What every program that reads JSON can hold (RFC 7493)."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
WORDS = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "oneOf"),
        *("title", "description", "default", "examples", "format", "pattern", "minLength", "maxLength"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "$schema", "$comment"),
    }
)
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 1 << 20
_OPTIONS.log_errors = False


class InvalidSchema(DomainError):
    """A schema that no value could be held against: 422."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__("invalid_schema", message, field=field)


def check_schema(schema: Any, *, field: str) -> None:
    """Raise ``InvalidSchema`` for what is no schema of an object, or says more than is taken here."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise InvalidSchema(_("Write a JSON schema whose type is “object”."), field=field)
    if len(json.dumps(schema)) > MOST_BYTES:
        raise InvalidSchema(_("A schema has at most 16 KB."), field=field)
    _check_words(schema, field, deep=1)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = ".".join([field, *map(str, error.absolute_path)])
        raise InvalidSchema(_("This is no JSON schema: %(where)s.") % {"where": where}, field=field) from error


def _check_words(schema: Any, field: str, deep: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict) or deep > DEEPEST:
        raise InvalidSchema(_("Write a JSON schema, at most %(most)d levels deep.") % {"most": DEEPEST}, field=field)
    if unknown := sorted(schema.keys() - WORDS):
        raise InvalidSchema(_("A schema may not say “%(word)s” here.") % {"word": unknown[0][:50]}, field=field)
    if "pattern" in schema:
        _check_pattern(schema["pattern"], field)
    properties = schema.get("properties", {})
    for name in properties if isinstance(properties, dict) else ():
        if not NAME.fullmatch(name):
            said = _("“%(name)s” is no name: letters, digits, _ and - only, up to 64.") % {"name": name[:80]}
            raise InvalidSchema(said, field=field)
    for inner in _inner(schema):
        _check_words(inner, field, deep + 1)


def _inner(schema: dict[str, Any]) -> Iterator[Any]:
    properties = schema.get("properties", {})
    yield from properties.values() if isinstance(properties, dict) else ()
    yield from (schema[word] for word in ("items", "additionalProperties") if word in schema)
    for word in ("anyOf", "oneOf"):
        yield from schema[word] if isinstance(schema.get(word), list) else ()


def _check_pattern(pattern: Any, field: str) -> None:
    try:
        re2.compile(pattern if len(pattern) <= 500 else "(", _OPTIONS)
    except (re2.error, TypeError, UnicodeEncodeError) as error:
        said = _("This pattern cannot be used (RE2 syntax): %(pattern)s.") % {"pattern": str(pattern)[:100]}
        raise InvalidSchema(said, field=field) from error


def closed(schema: Any) -> Any:
    """Return the schema with every object that does not say otherwise taking only what it names."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if isinstance(found.get("properties"), dict):
        found["properties"] = {name: closed(inner) for name, inner in found["properties"].items()}
    if "items" in found:
        found["items"] = closed(found["items"])
    if found.get("type") == "object" and not {"anyOf", "oneOf"} & found.keys():
        found.setdefault("additionalProperties", False)
    return found


def _search(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str):
        text = instance.encode("utf-8", "replace").decode()
        if re2.compile(pattern, _OPTIONS).search(text) is None:
            yield ValidationError("pattern")


_Validator = extend(Draft202012Validator, {"pattern": _search})


def problems(schema: dict[str, Any], value: Any, *, field: str) -> list[FieldProblem]:
    """Return what is wrong with ``value``, by field (``arguments.size``); nothing for one that fits the schema."""
    try:
        size = len(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return [FieldProblem(field, "invalid", _("Write a JSON object."))]
    if size > MOST_VALUE_BYTES:
        return [FieldProblem(field, "too_large", _("This is too large."))]
    found = list(_unsafe_numbers(value, field))
    errors = _Validator(closed(schema), format_checker=FormatChecker(formats=("date", "email", "uuid"))).iter_errors(value)
    return found or [problem for error in errors for problem in _told(error, field)]


def _unsafe_numbers(value: Any, field: str) -> Iterator[FieldProblem]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _unsafe_numbers(inner, f"{field}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unsafe_numbers(inner, f"{field}.{index}")
    elif (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, int) and abs(value) > LARGEST_INTEGER
    ):
        yield FieldProblem(field, "out_of_range", _("A value is out of range."))


def _told(error: ValidationError, field: str) -> Iterator[FieldProblem]:
    path = ".".join([field, *map(str, error.absolute_path)])
    wanted = error.validator_value
    match error.validator:
        case "required":
            for name in (name for name in wanted if name not in error.instance):
                yield FieldProblem(f"{path}.{name}", "required", _("This field is required."))
        case "additionalProperties":
            for name in (name for name in error.instance if name not in error.schema.get("properties", {})):
                yield FieldProblem(f"{path}.{name[:64]}", "unknown_field", _("There is no such field to write."))
        case "enum":
            choices = ", ".join(map(str, wanted))[:500]
            yield FieldProblem(path, "invalid_choice", _("Choose one of: %(choices)s.") % {"choices": choices})
        case "type":
            kinds = ", ".join(wanted) if isinstance(wanted, list) else str(wanted)
            yield FieldProblem(path, "invalid_type", _("Write a value of this type: %(type)s.") % {"type": kinds})
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "minLength" | "maxLength":
            said = _("The limit is %(limit)s (%(rule)s).") % {"limit": wanted, "rule": error.validator}
            yield FieldProblem(path, "out_of_range", said)
        case _:
            yield FieldProblem(path, "invalid", _("This is not a valid value."))
