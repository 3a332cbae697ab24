"""The CEL library behind expressions: Google's own ``cel-expr-python`` (Apache-2.0), with our names declared.

It is typed, reads in linear time, stops at a depth of 32 and after 10,000 rounds of loops, uses RE2, and knows neither
files, clocks, randomness nor Python's objects.
"""

import re
from functools import cache
from typing import Any

from cel_expr_python import cel
from django.utils.translation import gettext as _

from bots.expressions.errors import INVALID, TOO_COSTLY, ExpressionError
from bots.expressions.names import NAMES

_FAILURES = (
    ("divide by zero", "division_by_zero"),
    ("modulus by zero", "division_by_zero"),
    ("Key not found", "no_such_key"),
    ("overflow", "out_of_range"),
    ("out of range", "out_of_range"),
    ("cannot convert", "cannot_convert"),
    ("No matching overloads", "wrong_type"),
    ("Unexpected value type", "wrong_type"),
)
_STATUS = re.compile(r"^[A-Z_]+: ")
_OPERATOR = re.compile(r"_([^\w\s]+)_\(")
_PLACE = re.compile(r"<input>:(-?\d+):(-?\d+): ([^\n]*)")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(?:_?([^_]+)_?|(\w+))' applied to '(.*)'")


@cache
def environment() -> Any:
    """Return the environment in which every name has its type."""
    types = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "number": cel.Type.DYN,
        "list": cel.Type.List(cel.Type.STRING),
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
    return cel.NewEnv(variables={name: types[one.type] for name, one in NAMES.items()})


@cache
def _bare() -> Any:
    return cel.NewEnv()


def literal(text: str) -> str:
    """Return the value of a string as it is written, quotation marks and escapes included."""
    try:
        value = _bare().compile(text).eval().value()
    except RuntimeError:  # an escape that means nothing; the compiler tells where
        return ""
    return value if isinstance(value, str) else ""


def program(source: str) -> Any:
    """Return the compiled expression, which gives a truth value; raises ``ExpressionError``."""
    try:
        compiled = environment().compile(source)
    except RuntimeError as error:
        raise _compile_error(source, str(error)) from error
    if compiled.return_type() != cel.Type.BOOL:
        message = _("This gives a %(type)s; a condition says true or false.") % {
            "type": _plain(compiled.return_type().name().lower())
        }
        raise ExpressionError(INVALID, message, source=source)
    return compiled


def run(compiled: Any, values: dict[str, Any], source: str) -> bool:
    """Return whether the condition holds; raises ``ExpressionError`` for what fails on these values."""
    try:
        result = compiled.eval(data=values)
        value = result.value()
    except RuntimeError as error:
        raise ExpressionError(TOO_COSTLY, _("This takes too long."), source=source) from error
    if isinstance(value, bool):
        return value
    reason = _STATUS.sub("", str(value))
    code = next((code for words, code in _FAILURES if words in reason), "expression_failed")
    sign = _OPERATOR.search(reason)
    raise ExpressionError(code, _failure(code, reason), source=source, offset=max(0, source.find(sign[1])) if sign else 0)


def _failure(code: str, reason: str) -> str:
    if code == "division_by_zero":
        return _("A number is divided by zero.")
    if code == "no_such_key":
        key = reason.partition(":")[2].strip(' "') or reason
        return _("There is no slot “%(name)s” yet. Ask for it first: has(slots.name).") % {"name": key}
    if code == "out_of_range":
        return _("A number is too large.")
    if code == "cannot_convert":
        return _("A text is no number, so it cannot be converted.")
    if code == "wrong_type" and "double" in reason and "int64" in reason:
        return _("Beside a price, numbers are written with a point: 2.0, not 2.")
    if code == "wrong_type":
        return _("A value is of another type than the expression needs: %(reason)s") % {"reason": _plain(reason)}
    return _("The expression failed: %(reason)s") % {"reason": _plain(reason)}


def _compile_error(source: str, told: str) -> ExpressionError:
    """Return what the library says as an error of ours, with the place it names."""
    found = _PLACE.search(told)
    if found is None or int(found[2]) < 1 or "recursion" in told:
        return ExpressionError(
            TOO_COSTLY, _("Too many parts depend on each other here. Split the condition."), source=source
        )
    line, column = int(found[1]), int(found[2])
    lines = source.split("\n")
    offset = min(sum(len(one) + 1 for one in lines[: line - 1]) + column - 1, len(source))
    return ExpressionError(INVALID, _explained(found[3]), source=source, offset=offset)


def _explained(told: str) -> str:
    if types := _NO_OVERLOAD.search(told):
        values = {"sign": types[1] or types[2], "types": _plain(types[3])}
        return _("“%(sign)s” cannot be used with %(types)s. Convert first: int(…), double(…) or string(…).") % values
    if "Syntax error" in told:
        return _("This cannot be read here: something is missing, or too much.")
    return _plain(told)


def _plain(told: str) -> str:
    """Return the library's words in ours: types as people call them."""
    named = (
        ("dyn", _("number")),
        ("int64", _("whole number")),
        ("int", _("whole number")),
        ("double", _("number")),
        ("string", _("text")),
    )
    for type_name, word in named:
        told = re.sub(rf"\b{type_name}\b", str(word), told)
    return told.removesuffix(" (in container '')")
