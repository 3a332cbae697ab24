"""Attribute values against the definitions of their domain: type, limits, choices, and what must not be missing."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.limits import matches
from catalog.models import AttributeDefinition, AttributeValue, KnowledgeDomain, OfferingVersion, Variant
from tenants.errors import DomainError, FieldProblem
from tenants.notes import note, told
from tenants.text import nfc

LONGEST_TEXT = 10_000
LONGEST_JSON = 100_000
_SPELLED_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
COLUMNS = {
    AttributeDefinition.ValueType.TEXT: "value_text",
    AttributeDefinition.ValueType.NUMBER: "value_number",
    AttributeDefinition.ValueType.BOOLEAN: "value_bool",
    AttributeDefinition.ValueType.JSON: "value_json",
}
Checked = dict[AttributeDefinition, Any]


class WrongValue(ValueError):
    """What is wrong with a value: told now by ``str``, and later, in the language of then, by what ``note`` keeps."""

    def __init__(self, text: str, **values: Any) -> None:
        """``text`` is marked by ``gettext_noop``; ``values`` fill its gaps."""
        self.note = note(text, **values)
        super().__init__(told(self.note))


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
    """Check variants' options, by where they stand in the body; what the domain does not know may be anything.

    Options are called as the business calls them: Shopify's “Color” is the domain's ``color``.
    """
    definitions = definitions_of(domain, AttributeDefinition.Scope.VARIANT)
    known = {key.lower(): definition for key, definition in definitions.items()}
    problems = []
    for path, given in options.items():
        for key in (key for key in given if key.lower() in known):
            try:
                typed_value(known[key.lower()], given[key])
            except ValueError as error:
                problems.append(FieldProblem(f"{path}.{key}", "invalid", str(error)))
    _raise_all(problems)


def check_nothing_missing(domain: KnowledgeDomain | None, version: OfferingVersion) -> None:
    """Raise ``DomainError`` naming every required attribute that the version, or an active variant, lacks.

    An attribute of a variant is named as the offering's answer shows it: ``variants.0.attributes.size``.
    """
    if domain is not None:
        _raise_all(missing_values(list(domain.attribute_definitions.filter(is_required=True)), version))


def missing_values(required: Sequence[AttributeDefinition], version: OfferingVersion) -> list[FieldProblem]:
    """Return what of the ``required`` a version and the active variants of its offering lack."""
    problems = [
        FieldProblem(f"attributes.{one.key}", "required", _("%s is required.") % one)
        for one in required
        if one.scope == AttributeDefinition.Scope.OFFERING and one.key not in version.attributes
    ]
    if any(one.scope == AttributeDefinition.Scope.VARIANT for one in required):
        variants = {f"variants.{number}.attributes": one for number, one in enumerate(version.offering.variants.all())}
        problems += _missing_options(required, variants)
    return problems


def check_options_complete(domain: KnowledgeDomain | None, variants: Mapping[str, Variant]) -> None:
    """Raise ``DomainError`` naming every required option that an active one of these variants, by path, lacks."""
    known = definitions_of(domain, AttributeDefinition.Scope.VARIANT).values()
    _raise_all(_missing_options([one for one in known if one.is_required], variants))


def _missing_options(required: Iterable[AttributeDefinition], variants: Mapping[str, Variant]) -> list[FieldProblem]:
    needed = [one for one in required if one.scope == AttributeDefinition.Scope.VARIANT]
    message = _("%(option)s of %(sku)s is required.")
    return [
        FieldProblem(f"{path}.{one.key}", "required", message % {"option": one, "sku": variant.sku})
        for path, variant in variants.items()
        for one in needed
        if variant.status == Variant.Status.ACTIVE and not _says(variant, one.key)
    ]


def _says(variant: Variant, option: str) -> bool:
    return any(value not in (None, "") for key, value in variant.attributes.items() if key.lower() == option.lower())


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
    """Return ``value`` in the type of the definition; raises ``WrongValue``."""
    match definition.value_type:
        case AttributeDefinition.ValueType.NUMBER:
            return _number(definition.value_constraint, value)
        case AttributeDefinition.ValueType.BOOLEAN:
            if not isinstance(value, bool):
                raise WrongValue(gettext_noop("Give true or false."))
            return value
        case AttributeDefinition.ValueType.JSON:
            return _json(value)
    return _text(definition.value_constraint, value)


def _number(limits: Mapping[str, Any], value: Any) -> Decimal:
    number = _decimal(value)
    if not number.is_finite() or abs(number) >= 10**15 or round(number, 4) != number:
        raise WrongValue(gettext_noop("Give a number of up to 15 digits and 4 decimals."))
    if "min" in limits and number < Decimal(str(limits["min"])):
        raise WrongValue(gettext_noop("At least %(least)s."), least=limits["min"])
    if "max" in limits and number > Decimal(str(limits["max"])):
        raise WrongValue(gettext_noop("At most %(most)s."), most=limits["max"])
    if "enum" in limits and number not in {Decimal(str(choice)) for choice in limits["enum"]}:
        raise _not_a_choice(limits["enum"])
    return number


def _decimal(value: Any) -> Decimal:
    """A number, or the plain text of one; everything else is NaN."""
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    is_spelled = isinstance(value, str) and _SPELLED_NUMBER.fullmatch(value.strip())
    return Decimal(str(value).strip()) if is_number or is_spelled else Decimal("NaN")


def _json(value: Any) -> Any:
    """A value the database can keep as it is: no NUL, no half of a character, no endless nesting or length."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        is_kept = len(written.encode()) <= LONGEST_JSON and "\\u0000" not in written
    except (ValueError, TypeError, RecursionError):
        is_kept = False
    if not is_kept:
        raise WrongValue(gettext_noop("Give JSON of up to %(most)d bytes, without NUL."), most=LONGEST_JSON)
    return value


def _text(limits: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or "\x00" in value:
        raise WrongValue(gettext_noop("Give a text of up to %(most)d characters."), most=LONGEST_TEXT)
    text = nfc(value).strip()
    if "enum" in limits and text not in limits["enum"]:
        raise _not_a_choice(limits["enum"])
    if "pattern" in limits and not matches(limits["pattern"], text):
        raise WrongValue(gettext_noop("Write it like the pattern %(pattern)s."), pattern=limits["pattern"])
    return text


def _not_a_choice(choices: list[Any]) -> WrongValue:
    return WrongValue(gettext_noop("Choose one of: %(choices)s."), choices=", ".join(str(choice) for choice in choices))
