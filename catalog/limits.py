"""What an attribute may be: the limits of a definition, checked when they are written and kept cheap to apply.

By value type: a number may have ``min``, ``max`` or ``enum``; a text ``enum`` or ``pattern``; the others nothing. A pattern
is in RE2's syntax (https://github.com/google/re2/wiki/Syntax): no look-around and no back references, and therefore time
linear in the text, whatever the pattern. It must match the whole value, as an HTML form's ``pattern`` does.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import re2
from django.utils.translation import gettext as _

LONGEST_PATTERN = 500
MOST_CHOICES = 500
LONGEST_CHOICE = 200
LARGEST_NUMBER = 10**15
KEYS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"enum", "pattern"}),
    "number": frozenset({"min", "max", "enum"}),
    "boolean": frozenset(),
    "json": frozenset(),
}
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 1 << 20
_OPTIONS.log_errors = False


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` is like ``pattern``; raises ``ValueError`` for a pattern that cannot be used."""
    try:
        return re2.compile(pattern, _OPTIONS).fullmatch(text) is not None
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_("The pattern of this attribute cannot be used.")) from error


def check_limits(value_type: str, limits: Any) -> None:
    """Raise ``ValueError``, with what is wrong and ready to show, for limits that no value could be held against."""
    if not isinstance(limits, dict):
        raise ValueError(_("Write a JSON object."))
    if unknown := sorted(limits.keys() - KEYS.get(value_type, frozenset())):
        raise ValueError(_("A value of this type has no %(limit)s.") % {"limit": ", ".join(unknown)[:100]})
    for name, value in limits.items():
        _CHECKS[name](value_type, value)
    if "min" in limits and "max" in limits and limits["min"] > limits["max"]:
        raise ValueError(_("The least must not be above the most."))


def _check_number(_value_type: str, value: Any) -> None:
    if not _is_number(value):
        raise ValueError(_("Write min and max as numbers of up to 15 digits and 4 decimals."))


def _check_choices(value_type: str, choices: Any) -> None:
    if not isinstance(choices, list) or not 0 < len(choices) <= MOST_CHOICES:
        raise ValueError(_("Write enum as a list of 1 to %(most)d choices.") % {"most": MOST_CHOICES})
    is_choice: Callable[[Any], bool] = _is_number if value_type == "number" else _is_text
    if not all(is_choice(choice) for choice in choices):
        raise ValueError(_("Every choice of enum must be of the attribute's type, and short."))
    if len({str(choice) for choice in choices}) < len(choices):
        raise ValueError(_("A choice of enum stands there twice."))


def _check_pattern(_value_type: str, pattern: Any) -> None:
    if not isinstance(pattern, str) or not 0 < len(pattern) <= LONGEST_PATTERN or "\x00" in pattern:
        raise ValueError(_("Write pattern as a text of 1 to %(most)d characters.") % {"most": LONGEST_PATTERN})
    try:
        re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(_("This pattern cannot be used: %(reason)s.") % {"reason": reason}) from error


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    number = Decimal(str(value))
    return number.is_finite() and abs(number) < LARGEST_NUMBER and round(number, 4) == number


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value == value.strip() and 0 < len(value) <= LONGEST_CHOICE and "\x00" not in value


_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "min": _check_number,
    "max": _check_number,
    "enum": _check_choices,
    "pattern": _check_pattern,
}
