"""A bound of a figure in a body, as a number or as people write it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports.thresholds import read_bound


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string"}], "example": "4%"})
class BoundField(serializers.FloatField):
    """A number; or text as the reader's language writes it, such as ``60,5`` or ``4%``, which is 0.04."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        found = read_bound(data) if isinstance(data, str) else None
        number: float = found[0] if found else super().to_internal_value(data)
        return number
