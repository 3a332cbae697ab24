"""Column mappings: what the columns of a business's own files mean."""

from typing import Any, ClassVar

from rest_framework import serializers

from catalog.imports.limits import MAX_COLUMNS
from catalog.imports.mapping import signature
from catalog.imports.saved_mappings import check_columns
from catalog.models import ImportMapping
from tenants.api import TenantViewSet
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import TenantSerializer, TextField


@example(
    "A price list in Vietnamese",
    {
        "name": "Bảng giá",
        "columns": {"Mã SP": "sku", "Tên sản phẩm": "name", "Giá": "price", "SL": "stock_qty", "Ghi chú": ""},
        "decimals": "comma",
    },
)
class ImportMappingSerializer(TenantSerializer):
    """By the file's column one of ours, or nothing for one that is left out. Used for every file with these columns."""

    columns = serializers.DictField(child=TextField(allow_blank=True, max_length=255), allow_empty=False)

    class Meta:
        model = ImportMapping
        fields = ("id", "name", "columns", "decimals", "created_at", "updated_at")

    def validate_columns(self, columns: dict[str, str]) -> dict[str, str]:
        """Refuse columns that rows cannot be read by."""
        if len(columns) > MAX_COLUMNS:
            raise serializers.ValidationError("", code="max_length")
        check_columns(columns)
        return {name.strip(): ours for name, ours in columns.items()}


class ImportMappingViewSet(TenantViewSet):
    """Saved column mappings. One that an import was made with cannot be deleted (409 ``in_use``)."""

    queryset = ImportMapping.objects.all()
    serializer_class = ImportMappingSerializer
    filters: ClassVar[dict[str, Filter]] = {"name": "name"}
    search_fields = ("name",)
    ordering_fields = ("name",)

    def perform_create(self, serializer: serializers.BaseSerializer[ImportMapping]) -> None:
        """Save it under the names of its columns."""
        serializer.save(signature=signature(serializer.validated_data["columns"]))

    def perform_update(self, serializer: serializers.BaseSerializer[ImportMapping]) -> None:
        """Save it, under other names if its columns have changed."""
        values: dict[str, Any] = serializer.validated_data
        serializer.save(**({"signature": signature(values["columns"])} if "columns" in values else {}))
