"""Attribute values against the definitions of their domain: type, limits, choices, and what must not be missing."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from catalog.models import AttributeDefinition, AttributeValue, KnowledgeDomain, OfferingVersion
from tenants.errors import DomainError, FieldProblem
from tenants.text import nfc

LONGEST_TEXT = 10_000
COLUMNS = {
    AttributeDefinition.ValueType.TEXT: "value_text",
    AttributeDefinition.ValueType.NUMBER: "value_number",
    AttributeDefinition.ValueType.BOOLEAN: "value_bool",
    AttributeDefinition.ValueType.JSON: "value_json",
}
Checked = dict[AttributeDefinition, Any]


def definitions_of(domain: KnowledgeDomain | None, scope: AttributeDefinition.Scope) -> dict[str, AttributeDefinition]:
    """Return the definitions of a domain by key; none without a domain."""
    if domain is None:
        return {}
    return {definition.key: definition for definition in domain.attribute_definitions.filter(scope=scope)}


def check_offering_attributes(domain: KnowledgeDomain | None, values: Mapping[str, Any]) -> Checked:
    """Return the typed value of each definition; None values are left out.

    Raises ``DomainError`` with one problem per key, ``attributes.<key>``: unknown, of the wrong type or outside its limits.
    """
    known = definitions_of(domain, AttributeDefinition.Scope.OFFERING)
    given = {key: value for key, value in values.items() if value is not None}
    checked: Checked = {}
    problems = []
    for key, value in given.items():
        if key not in known:
            problems.append(_unknown(key, domain))
            continue
        try:
            checked[known[key]] = typed_value(known[key], value)
        except ValueError as error:
            problems.append(FieldProblem(f"attributes.{key}", "invalid", str(error)))
    _raise_all(problems)
    return checked


def check_options(domain: KnowledgeDomain | None, options: Mapping[str, Mapping[str, Any]]) -> None:
    """Check variants' options, by where they stand in the body; what the domain does not know may be anything."""
    known = definitions_of(domain, AttributeDefinition.Scope.VARIANT)
    problems = []
    for path, given in options.items():
        for key in known.keys() & given.keys():
            try:
                typed_value(known[key], given[key])
            except ValueError as error:
                problems.append(FieldProblem(f"{path}.{key}", "invalid", str(error)))
    _raise_all(problems)


def check_nothing_missing(domain: KnowledgeDomain | None, version: OfferingVersion) -> None:
    """Raise ``DomainError`` naming every required attribute that the version lacks."""
    known = definitions_of(domain, AttributeDefinition.Scope.OFFERING).values()
    missing = [one for one in known if one.is_required and one.key not in version.attributes]
    _raise_all([FieldProblem(f"attributes.{one.key}", "required", _("%s is required.") % one) for one in missing])


def _unknown(key: str, domain: KnowledgeDomain | None) -> FieldProblem:
    message = _("%s has no such attribute.") % domain if domain else _("Choose a domain first: it defines the attributes.")
    return FieldProblem(f"attributes.{key}", "unknown_attribute", message)


def _raise_all(problems: list[FieldProblem]) -> None:
    if not problems:
        return
    codes = {problem.code for problem in problems}
    error = DomainError(codes.pop() if len(codes) == 1 else "invalid", " ".join(one.message for one in problems))
    error.problems = problems
    raise error


def attribute_rows(version: OfferingVersion, checked: Checked) -> Iterator[AttributeValue]:
    """Yield the unsaved rows that hold ``checked`` for ``version``."""
    for definition, value in checked.items():
        column = COLUMNS[AttributeDefinition.ValueType(definition.value_type)]
        yield AttributeValue(offering_version=version, attribute_definition=definition, **{column: value})


def typed_value(definition: AttributeDefinition, value: Any) -> Any:
    """Return ``value`` in the type of the definition; raises ``ValueError`` with what is wrong, ready to show."""
    match definition.value_type:
        case AttributeDefinition.ValueType.NUMBER:
            return _number(definition.value_constraint, value)
        case AttributeDefinition.ValueType.BOOLEAN:
            if not isinstance(value, bool):
                raise ValueError(_("Give true or false."))
            return value
        case AttributeDefinition.ValueType.JSON:
            return value
    return _text(definition.value_constraint, value)


def _number(limits: Mapping[str, Any], value: Any) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= 10**15 or round(number, 4) != number:
        raise ValueError(_("Give a number of up to 15 digits and 4 decimals."))
    if "min" in limits and number < Decimal(str(limits["min"])):
        raise ValueError(_("At least %(least)s.") % {"least": limits["min"]})
    if "max" in limits and number > Decimal(str(limits["max"])):
        raise ValueError(_("At most %(most)s.") % {"most": limits["max"]})
    if "enum" in limits and number not in {Decimal(str(choice)) for choice in limits["enum"]}:
        raise ValueError(_choose(limits["enum"]))
    return number


def _text(limits: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or "\x00" in value:
        raise ValueError(_("Give a text of up to %(most)d characters.") % {"most": LONGEST_TEXT})
    text = nfc(value).strip()
    if "enum" in limits and text not in limits["enum"]:
        raise ValueError(_choose(limits["enum"]))
    if "pattern" in limits and not re.search(limits["pattern"], text):
        raise ValueError(_("Write it like the pattern %(pattern)s.") % {"pattern": limits["pattern"]})
    return text


def _choose(choices: list[Any]) -> str:
    return _("Choose one of: %(choices)s.") % {"choices": ", ".join(str(choice) for choice in choices)}
