"""The column mappings of a business: saving one, and finding it by its name or by a header."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.utils.translation import gettext as _

from catalog.imports import backroom_csv
from catalog.imports.mapping import ColumnMapping, Decimals, signature
from catalog.models import ImportJob, ImportMapping
from tenants.errors import DomainError


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise ``DomainError`` unless every column leads to one of ours, no two to the same, and rows can be read by them."""
    for name, ours in columns.items():
        if ours and not backroom_csv.is_column(ours):
            message = _("“%(name)s” is none of our columns.") % {"name": ours}
            raise DomainError("unknown_column", message, field=f"columns.{name}")
        if ours and list(columns.values()).count(ours) > 1:
            message = _("Two columns lead to “%(name)s”.") % {"name": ours}
            raise DomainError("duplicate_column", message, field=f"columns.{name}")
    if not ColumnMapping(dict(columns)).is_complete:
        message = _("Say which columns are name and price, and which is code or sku.")
        raise DomainError("incomplete", message, field="columns")


def as_columns(mapping: ImportMapping) -> ColumnMapping:
    """Return a saved mapping as the readers take it."""
    return ColumnMapping(mapping.columns, cast(Decimals, mapping.decimals), mapping.name)


def find_for_header(header: Sequence[str]) -> ColumnMapping | None:
    """Return the mapping saved last for a header of these names."""
    found = ImportMapping.objects.filter(signature=signature(header)).order_by("-updated_at").first()
    return as_columns(found) if found else None


def chosen_mapping(name: str) -> dict[str, Any]:
    """Return the job's fields for a format, or for a saved mapping by its name or id; raises ``DomainError``."""
    if name in ImportJob.Mapping.values and name != ImportJob.Mapping.SAVED:
        return {"mapping": name}
    found = ImportMapping.objects.named(name)
    if found is None:
        message = _("There is no format and no saved mapping of the name “%(name)s”.") % {"name": name}
        raise DomainError("unknown_mapping", message, field="mapping")
    return {"mapping": ImportJob.Mapping.SAVED, "column_mapping": found}
