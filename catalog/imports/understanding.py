"""A read row as it is staged: checked against the domains, and without what the file does not say.

A column that the file does not have must not empty what the catalogue knows: its key is left out here, and the
database keeps the value it has. Attributes travel as text in one spelling per type; the database casts them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from catalog.attributes import WrongValue, typed_value
from catalog.imports.problems import ROW_MESSAGES, Problem, shown
from catalog.imports.rows import ImportedRow
from catalog.models import AttributeDefinition, KnowledgeDomain

ValueType = AttributeDefinition.ValueType
Definitions = dict[str, AttributeDefinition]

_SHOPIFY_SAYS = {
    "status": ("Status",),
    "description": ("Body (HTML)",),
    "category": ("Type", "Product Category"),
    "tags": ("Tags",),
    "compare_at": ("Variant Compare At Price",),
    "policy": ("Variant Inventory Policy",),
    "attributes": (),
    "offering_type": (),
    "safety_stock": (),
}
_BACKROOM_SAYS = {
    "status": ("status",),
    "description": ("description",),
    "category": ("category",),
    "tags": ("tags",),
    "compare_at": ("compare_at",),
    "policy": ("policy",),
    "offering_type": ("offering_type",),
    "safety_stock": ("safety_stock",),
}


def unsaid(mapping: str, columns: Iterable[str]) -> frozenset[str]:
    """Return the keys of the parts that a file with these columns says nothing about."""
    says = _SHOPIFY_SAYS if mapping == "shopify" else _BACKROOM_SAYS
    present = set(columns)
    missing = {key for key, names in says.items() if not present.intersection(names)}
    if mapping != "shopify" and not any(name.startswith("option.") for name in present):
        missing |= {"options"} if "variant_name" in present else {"options", "name of variant"}
    return frozenset(missing)


class RowChecker:
    """Turns the rows of one file into what is staged. Reads the domains once, before the first row."""

    def __init__(self, *, mapping: str, columns: Iterable[str], domain: KnowledgeDomain | None) -> None:
        columns = list(columns)
        self._unsaid = unsaid(mapping, columns)
        self._attribute_columns = [name.removeprefix("attr.") for name in columns if name.startswith("attr.")]
        self._option_prefix = "" if mapping == "shopify" else "option."
        # Another shop's attributes are what they are: those the domain does not know are only kept.
        self._is_foreign = mapping in ("saleor", "web")
        self._default_domain = domain.code if domain else ""
        self._definitions = _all_definitions()
        self._domain_of: dict[str, str] = {}

    def staged(self, row: ImportedRow) -> tuple[dict[str, Any], list[Problem]]:
        """Return the data and the problems of the row. A part that has an error is not in the data."""
        problems = list(row.problems)
        offering = self._offering(row, problems) if row.offering else None
        if row.variant and self._domain_of:
            self._check_options(row, problems)
        data: dict[str, Any] = {}
        if offering:
            data["offering"] = offering
        if row.variant and len(problems) == len(row.problems):
            data["variant"] = self._variant(row.variant.as_json())
        if row.image:
            data["image"] = vars(row.image)
        if row.cells:
            data["cells"] = {_text(name): _text(value) for name, value in row.cells.items()}
        return data, [_storable(one) for one in problems]

    def _offering(self, row: ImportedRow, problems: list[Problem]) -> dict[str, Any]:
        assert row.offering is not None
        code = row.offering.domain or self._default_domain
        known = self._definitions.get(code)
        before = len(problems)
        if code and known is None:
            problems.append(_problem(row, "domain", code, "unknown_domain"))
        elif code:
            self._domain_of[row.handle] = code
        part = {**vars(row.offering), "domain": code if known is not None else ""}
        part["metadata"] = {**row.offering.metadata, **(self._unknown(row, known or {}) if self._is_foreign else {})}
        part["attributes"] = self._attributes(row, known or {}, problems) if known is not None or not code else {}
        if not part["domain"]:
            del part["domain"]
        if len(problems) > before:
            part["is_broken"] = True  # of an offering that exists nothing is changed; a new one is made as a draft
        if part["translations"] is None:
            del part["translations"]
        return {key: value for key, value in part.items() if key not in self._unsaid}

    def _attributes(self, row: ImportedRow, known: Definitions, problems: list[Problem]) -> dict[str, str | None]:
        """The given attributes as text, None where the cell is empty: that takes the attribute away."""
        assert row.offering is not None
        attributes: dict[str, str | None] = {}
        for key in self._attribute_columns:
            written = row.offering.attributes.get(key)
            definition = known.get(key)
            if self._is_foreign and not _is_of_offering(definition):
                continue
            if written is None:
                attributes[key] = None
                continue
            try:
                if definition is None or not _is_of_offering(definition):
                    raise WrongValue(gettext_noop("The offering's domain has no such attribute."))
                attributes[key] = spelled(definition, written)
            except WrongValue as error:
                problems.append(_problem(row, f"attr.{key}", written, "invalid_attribute", error))
        return attributes

    def _unknown(self, row: ImportedRow, known: Definitions) -> dict[str, dict[str, str]]:
        assert row.offering is not None
        given = row.offering.attributes.items()
        unknown = {_text(key): _text(value) for key, value in given if not _is_of_offering(known.get(key))}
        return {"attributes": unknown} if unknown else {}

    def _check_options(self, row: ImportedRow, problems: list[Problem]) -> None:
        """Check the options that the domain knows, in whatever case they are written; the others may be anything."""
        assert row.variant is not None
        known = self._definitions.get(self._domain_of.get(row.handle, ""), {})
        for key, written in row.variant.options.items():
            definition = known.get(key.lower())
            if definition is None or definition.scope != AttributeDefinition.Scope.VARIANT:
                continue
            try:
                spelled(definition, written)
            except WrongValue as error:
                problems.append(_problem(row, f"{self._option_prefix}{key}", written, "invalid_attribute", error))

    def _variant(self, part: dict[str, Any]) -> dict[str, Any]:
        del part["sku"]  # a column of its own
        if "name of variant" in self._unsaid:
            del part["name"]
        return {key: value for key, value in part.items() if key not in self._unsaid}


def _is_of_offering(definition: AttributeDefinition | None) -> bool:
    return definition is not None and definition.scope == AttributeDefinition.Scope.OFFERING


def spelled(definition: AttributeDefinition, written: str) -> str:
    """Return the cell in the one spelling of its type; raises ``WrongValue``."""
    value: Any = written
    if definition.value_type == ValueType.BOOLEAN:
        value = {"true": True, "false": False}.get(written.strip().lower(), written)
    elif definition.value_type == ValueType.JSON:
        value = _json(written)
    checked = typed_value(definition, value)
    if isinstance(checked, bool) or definition.value_type == ValueType.JSON:
        return json.dumps(checked, ensure_ascii=False, allow_nan=False)
    return f"{checked:f}" if isinstance(checked, Decimal) else str(checked)


NO_JSON = gettext_noop('Write JSON, such as ["one", "two"].')


def _json(written: str) -> Any:
    try:
        value = json.loads(written, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WrongValue(NO_JSON) from error
    if value is None or "\\u0000" in written or "\\ud" in written.lower():
        raise WrongValue(NO_JSON)
    return value


def _refuse(name: str) -> None:
    raise ValueError(name)


def _all_definitions() -> dict[str, Definitions]:
    domains: dict[str, Definitions] = {code: {} for code in KnowledgeDomain.objects.values_list("code", flat=True)}
    for definition in AttributeDefinition.objects.select_related("domain"):
        domains[definition.domain.code][definition.key] = definition
    return domains


def _problem(row: ImportedRow, column: str, value: str, code: str, reason: WrongValue | None = None) -> Problem:
    message = str(reason or ROW_MESSAGES[code])
    return Problem("error", row.row, column, shown(value), code, message, {"reason": reason.note} if reason else {})


def _text(value: str) -> str:
    """The cell without NUL, which the database cannot keep."""
    return value.replace("\x00", "")


def as_json(problems: Iterable[Problem]) -> list[Mapping[str, Any]]:
    """Return the problems as they are kept in a row, which knows its number itself."""
    return [{key: value for key, value in vars(one).items() if key != "row" and value != {}} for one in problems]


def _storable(problem: Problem) -> Problem:
    params = {name: _text(value) if isinstance(value, str) else value for name, value in problem.params.items()}
    return replace(problem, value=_text(problem.value), message=_text(problem.message), params=params)
