"""What a list may be narrowed and ordered by: only what its view declares, anything else is 400.

A view set declares ``filters = {"status": "status", "bot": "bot__code"}`` (parameter to ORM path, or to a function
``(queryset, value) -> queryset``), ``search_fields`` and ``ordering_fields``. A path that ends in a key (``variant``)
or in a key's code or sku (``bot__code``) is a reference: an unknown one is 422, as in a body. The key of what has a
SKU (``variant``) is an id or that SKU.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from django.utils.translation import gettext as _
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from tenants.errors import DomainError, Malformed
from tenants.text import fold

PAGING = ("cursor", "page_size")
REFERENCE_NAMES = ("code", "sku")
Filter = str | Callable[[models.QuerySet, str], models.QuerySet]


class Fold(models.Func):
    """A text column as ``tenants.text.fold`` sees it: lower case, no diacritics, đ as d."""

    function = "text_fold"
    output_field = models.TextField()


class StrictFilterBackend(BaseFilterBackend):
    """Applies the declared filters and the search of a list; ordering is applied by the pagination."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet, view: Any) -> models.QuerySet:
        """Return the narrowed rows; raises ``Malformed`` for what is not declared."""
        if view.detail:
            check_parameters(request, ())
            return queryset
        check_parameters(request, allowed_parameters(view))
        for name, declared in view.filters.items():
            if name in request.query_params:
                queryset = _narrow(queryset, name, declared, request.query_params[name])
        term = fold(request.query_params.get("search", ""))
        return _search(queryset, term, view.search_fields) if term and view.search_fields else queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters for OpenAPI."""
        model = view.queryset.model
        found = [_describe(name, _schema(model, declared)) for name, declared in view.filters.items()]
        if view.search_fields:
            found.append(_describe("search", {"type": "string"}, "Words, with or without diacritics."))
        if view.ordering_fields:
            ways = [f"{sign}{name}" for name in view.ordering_fields for sign in ("", "-")]
            found.append(_describe("ordering", {"type": "string", "enum": ways}, "A minus turns it around."))
        return found


def allowed_parameters(view: Any) -> set[str]:
    """Return the query parameters a list understands."""
    extra = {"search": view.search_fields, "ordering": view.ordering_fields}
    return {*PAGING, *view.filters, *(name for name, fields in extra.items() if fields)}


def check_parameters(request: Request, allowed: Any) -> None:
    """Raise ``Malformed`` for a parameter that is unknown, given twice or holds NUL."""
    for name, values in request.query_params.lists():
        if name not in allowed:
            raise Malformed("unknown_parameter", _("There is no such parameter here."), field=name.replace("\x00", "")[:100])
        if len(values) > 1:
            raise Malformed("repeated_parameter", _("Give this parameter once."), field=name)
        if "\x00" in values[0]:
            raise Malformed("invalid", _("This is no text."), field=name)


def requested_ordering(request: Request, view: Any) -> tuple[str, ...]:
    """Return the order of a list, always ending in the id; raises ``Malformed`` for an order that is not declared."""
    wanted = request.query_params.get("ordering", "")
    if wanted and wanted.removeprefix("-") not in view.ordering_fields:
        raise Malformed("unknown_ordering", _("The list cannot be ordered by this."), field="ordering")
    order = (wanted,) if wanted else tuple(view.ordering)
    if order[-1].removeprefix("-") == "id":
        return order
    return (*order, "-id" if order[0].startswith("-") else "id")


def resolve(model: type[models.Model], path: str) -> list[models.Field]:
    """Return the fields along an ORM path; a lookup at its end (``created_at__gte``) is left out."""
    fields: list[models.Field] = []
    step: Any = model
    for name in path.split("__"):
        try:
            found = step._meta.get_field(name)
        except FieldDoesNotExist:
            break
        fields.append(found)
        step = found.related_model
        if step is None:
            break
    return fields


def parse_bool(value: str, *, field: str) -> bool:
    """Return ``true`` or ``false``; raises ``Malformed`` for anything else."""
    if value not in ("true", "false"):
        raise Malformed("invalid", _("Write true or false."), field=field)
    return value == "true"


def _narrow(queryset: models.QuerySet, name: str, declared: Filter, value: str) -> models.QuerySet:
    if not isinstance(declared, str):
        return declared(queryset, value)
    fields = resolve(queryset.model, declared)
    if _is_reference(fields, declared):
        return queryset.filter(**{_key_path(fields): _referred(fields, name, value)})
    return queryset.filter(**{declared: _converted(fields[-1], name, value)})


def _is_reference(fields: list[models.Field], path: str) -> bool:
    """Whether the path names one row of another table: ``variant``, ``bot__code``, never ``created_at__gte``."""
    names = path.split("__")
    by_key = fields[-1].is_relation and len(names) == len(fields)
    return by_key or (len(fields) > 1 and names[-1] in REFERENCE_NAMES and fields[-2].is_relation)


def _key_path(fields: list[models.Field]) -> str:
    keys = [field.name for field in fields if field.is_relation]
    return "__".join(keys)


def _referred(fields: list[models.Field], name: str, value: str) -> Any:
    """Return the id of the row meant; raises 422 ``unknown_reference`` for an unknown or foreign one."""
    by = "pk" if fields[-1].is_relation else fields[-1].name
    related: Any = fields[-1].related_model if by == "pk" else fields[-2].related_model
    ways = (by, "sku") if by == "pk" and _has_sku(related) else (by,)
    return find_reference(related, *ways, value=value, name=name)


def _has_sku(model: Any) -> bool:
    return any(field.name == "sku" for field in model._meta.fields)


def find_reference(model: Any, *ways: str, value: str, name: str) -> Any:
    """Return the id of the row that ``value`` means, by the first of ``ways`` that finds one.

    ``name`` is the parameter. Raises 422 ``unknown_reference``.
    """
    found = next((key for by in ways if (key := _key_of(model, by, value)) is not None), None)
    if found is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field=name)
    return found


def _key_of(model: Any, by: str, value: str) -> Any:
    try:
        return model._default_manager.filter(**{by: value}).values_list("pk", flat=True).first()
    except (ValueError, DjangoValidationError):
        return None


def _converted(field: models.Field, name: str, value: str) -> Any:
    base = field.base_field if isinstance(field, ArrayField) else field
    if isinstance(base, models.BooleanField):
        return parse_bool(value, field=name)
    if base.choices and value not in {str(choice) for choice, _label in base.flatchoices}:
        choices = ", ".join(str(choice) for choice, _label in base.flatchoices)
        raise Malformed("invalid_choice", _("Choose one of: %(choices)s.") % {"choices": choices}, field=name)
    try:
        converted = base.to_python(value)
        base.run_validators(converted)
        if isinstance(converted, datetime):
            converted = converted.astimezone(UTC)  # PostgreSQL takes no zone that is 16 hours or more away
    except (DjangoValidationError, ValueError, OverflowError) as error:
        raise Malformed("invalid", _("This value is not valid."), field=name) from error
    return [converted] if isinstance(field, ArrayField) else converted


def _search(queryset: models.QuerySet, term: str, fields: tuple[str, ...]) -> models.QuerySet:
    names = {f"folded_{number}": Fold(path) for number, path in enumerate(fields)}
    found = models.Q()
    for name in names:
        found |= models.Q(**{f"{name}__contains": term})
    return queryset.alias(**names).filter(found)


def _schema(model: type[models.Model], declared: Filter) -> Mapping[str, Any]:
    if not isinstance(declared, str):
        return {"type": "string"}
    field = resolve(model, declared)[-1]
    if isinstance(field, models.BooleanField):
        return {"type": "boolean"}
    if field.choices:
        return {"type": "string", "enum": [str(choice) for choice, _label in field.flatchoices]}
    formats = {models.UUIDField: "uuid", models.DateTimeField: "date-time", models.DateField: "date"}
    wanted = next((name for kind, name in formats.items() if isinstance(field, kind) or _points_by_id(field)), None)
    return {"type": "string", "format": wanted} if wanted else {"type": "string"}


def _points_by_id(field: models.Field) -> bool:
    return bool(field.is_relation) and not _has_sku(field.related_model)


def _describe(name: str, schema: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
