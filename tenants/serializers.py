"""What goes in and out of the API: strict fields, references by code, money as text, and constraints told as 422."""

import re
from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from tenants.errors import constraint_problem
from tenants.text import money_text, nfc

NO_SUCH_ROW = _("There is nothing of this name.")
MOST_NAMED = 30
"""Choices that a refusal lists."""


class TextField(serializers.CharField):
    """Text, kept in Unicode NFC; NUL is refused."""

    def to_internal_value(self, data: Any) -> str:
        """Return the normalised text; numbers and booleans are not taken for text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return nfc(super().to_internal_value(data))


class ChoiceField(serializers.ChoiceField):
    """One of a few values; a refusal names them."""

    def fail(self, key: str, **values: Any) -> NoReturn:
        """Raise ``ValidationError``; of a value that is none of them, with what may be written."""
        if key == "invalid_choice" and len(self.choices) <= MOST_NAMED:
            said = gettext("Choose one of: %(choices)s.") % {"choices": ", ".join(map(str, self.choices))}
            raise serializers.ValidationError(said, key)
        super().fail(key, **values)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """A JSON object; any other JSON value is refused. Stands for every JSON column that is ``{}`` by default."""

    default_error_messages: ClassVar[dict[str, Any]] = {"not_an_object": _("Write a JSON object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object."""
        if not isinstance(data, dict):
            self.fail("not_an_object")
        return data


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,15}\.\d{2,4}$", "example": "199000.00"})
class MoneyField(serializers.DecimalField):
    """An amount: ``numeric(19,4)``, written as text of 2 to 4 decimals. Never negative unless ``allow_negative``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_amount": _("Write an amount such as 199000.00, with up to 15 digits and 4 decimals."),
        "negative": _("The amount must not be negative."),
    }

    def __init__(self, *, allow_negative: bool = False, **options: Any) -> None:
        self.allow_negative = allow_negative
        options.pop("max_digits", None), options.pop("decimal_places", None)
        super().__init__(max_digits=19, decimal_places=4, **options)

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the amount; no exponent, no sign but a minus, no grouping."""
        text = str(data).strip() if isinstance(data, (str, int, float, Decimal)) and not isinstance(data, bool) else ""
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,4})?", text):
            self.fail("invalid_amount")
        amount = Decimal(text)
        if amount < 0 and not self.allow_negative:
            self.fail("negative")
        return amount

    def to_representation(self, value: Any) -> str:
        """Return the amount with the decimals it needs, at least 2."""
        return money_text(value)


class ReferenceField(serializers.RelatedField):
    """A row of the same tenant by one attribute (``by``); ``or_id`` also takes, and then answers, its id.

    An unknown or foreign one is ``unknown_reference``.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {"unknown_reference": NO_SUCH_ROW}

    def __init__(self, *, by: str = "pk", or_id: bool = False, **options: Any) -> None:
        self.by, self.or_id = by, or_id
        self.found: dict[str, models.Model] = {}  # lives as long as its serializer: many items may name the same row
        super().__init__(**options)

    def use_pk_only_optimization(self) -> bool:
        """Whether the answer needs nothing but the id."""
        return self.by == "pk" or self.or_id

    def to_internal_value(self, data: Any) -> models.Model:
        """Return the row."""
        names = dict.fromkeys(["pk", self.by] if self.or_id else [self.by])
        usable = isinstance(data, str) and data and "\x00" not in data
        if usable and data not in self.found:
            row = next(filter(None, (self._find(name, data) for name in names)), None)
            self.found |= {data: row} if row else {}
        if not usable or data not in self.found:
            self._fail(data)
        return self.found[data]

    def _fail(self, data: Any) -> NoReturn:
        """Say that there is no such row; of several that were named together, which one."""
        if isinstance(self.parent, serializers.ManyRelatedField) and isinstance(data, str):
            raise serializers.ValidationError(
                gettext("There is nothing of this name: %(name)s.") % {"name": data[:100]}, "unknown_reference"
            )
        self.fail("unknown_reference")

    def _find(self, name: str, value: str) -> models.Model | None:
        queryset = self.get_queryset()
        assert queryset is not None
        try:
            return queryset.get(**{name: value})
        except (ObjectDoesNotExist, DjangoValidationError, ValueError):
            return None

    def to_representation(self, value: Any) -> Any:
        """Return the id or the attribute."""
        return value.pk if self.use_pk_only_optimization() else getattr(value, self.by)


@extend_schema_field({"type": "string", "format": "uuid"})
class IdRelatedField(ReferenceField):
    """A row by its id: what every foreign key is without a declaration."""


@extend_schema_field({"type": "string", "example": "web"})
class CodeRelatedField(ReferenceField):
    """A row by its code: bot, domain, channel, price list, location, capability, collection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(by="code", **options)


@extend_schema_field({"type": "string", "description": "SKU or id; answers carry the id."})
class SkuRelatedField(ReferenceField):
    """A variant by SKU or id; answered as id (declare ``sku`` beside it)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(by="sku", or_id=True, **options)


class StrictSerializer(serializers.Serializer):
    """A serializer without a model. Unknown and read-only fields in the body are refused, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values; raises ``unknown_field`` for every field that cannot be written."""
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = ErrorDetail(gettext("There is no such field to write."), code="unknown_field")
            errors = {name: [unknown] for name in data if name not in writable}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**errors, **error.detail}) from error  # type: ignore[dict-item]
        if errors:
            raise serializers.ValidationError(errors)
        return values


class TenantSerializer(StrictSerializer, serializers.ModelSerializer):
    """A model's fields, listed in ``Meta.fields``; ``clean()`` and every constraint are checked before saving.

    ``context["fixed"]`` holds values the view adds when saving (a parent row), so that constraints see them.
    """

    serializer_related_field = IdRelatedField
    serializer_choice_field = ChoiceField
    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
    }

    @classmethod
    def references(cls) -> tuple[str, ...]:
        """Return the relations that answers read from, for ``select_related``."""
        paths = ((getattr(field, "source", None) or name, field) for name, field in cls._declared_fields.items())
        inner = [path if isinstance(field, ReferenceField) else path.rpartition(".")[0] for path, field in paths]
        return tuple({path.replace(".", "__") for path in inner if path and path != "*"})

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Take an object, and nothing else, for a column that holds one."""
        field_class, options = super().build_standard_field(field_name, model_field)
        holds_object = isinstance(model_field, models.JSONField) and model_field.default is dict
        return (ObjectField if holds_object else field_class), options

    def get_uniqueness_extra_kwargs(self, field_names: Any, declared_fields: Any, extra_kwargs: Any) -> Any:
        """Add nothing: REST framework would add the tenant as a hidden field."""
        return extra_kwargs, {}

    def get_unique_together_validators(self) -> list[Any]:
        """Add nothing: ``validate`` asks the constraints themselves."""
        return []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the row as it would be saved; unique clashes become errors here, not in the database."""
        model: type[models.Model] = self.Meta.model
        row = copy(self.instance) if self.instance is not None else model()
        assert isinstance(row, models.Model)
        names = {field.name for field in model._meta.concrete_fields}
        for name, value in {**self.context.get("fixed", {}), **attrs}.items():
            if name in names:
                setattr(row, name, value)
        row.clean()
        check_constraints(row)
        return attrs


def check_constraints(row: models.Model) -> None:
    """Raise a serializer's error for every constraint of the model that ``row`` would break."""
    errors: dict[str, list[ErrorDetail]] = {}
    for constraint in row._meta.constraints:
        try:
            constraint.validate(type(row), row)
        except DjangoValidationError:
            found = constraint_problem(constraint)
            errors.setdefault(found.field or "non_field_errors", []).append(ErrorDetail(found.message, code=found.code))
    if errors:
        raise serializers.ValidationError(errors)
