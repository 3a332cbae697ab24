"""The field classes every tenant table is made of; the schema editor reads their marks."""

from collections.abc import Sequence
from typing import Any

from django.db import models

from tenants.scope import default_tenant


class UUIDv7(models.Func):
    """PostgreSQL 18's ``uuidv7()``: ids in order of time, so that b-trees grow at the right edge."""

    function = "uuidv7"
    template = "%(function)s()"
    output_field = models.UUIDField()


class TenantIdField(models.UUIDField):
    """Primary key of ``Tenant``: row security compares the key itself with the scope."""

    is_tenant_key = True


class TenantField(models.ForeignKey):
    """Owner of the row. ``referenced=False`` drops ``UNIQUE (tenant_id, id)`` on hot tables no key points at."""

    is_tenant_key = True

    def __init__(self, to: Any = "tenants.Tenant", *, referenced: bool = True, **options: Any) -> None:
        self.referenced = referenced
        options.setdefault("on_delete", models.CASCADE)
        # Composite indexes start with the tenant, so an index of its own would only cost.
        fixed = {"default": default_tenant, "editable": False, "related_name": "+", "db_index": False}
        super().__init__(to, **{**options, **fixed})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return what a migration needs: only ``referenced`` where it differs."""
        name, path, args, options = super().deconstruct()
        for key in ("default", "editable", "related_name", "db_index"):
            options.pop(key, None)
        if not self.referenced:
            options["referenced"] = False
        return name, path, args, options


class TenantForeignKey(models.ForeignKey):
    """A key between two tenant tables: the database refuses a row of another tenant (key checks skip row security)."""

    is_tenant_foreign_key = True

    def get_joining_fields(self, reverse_join: bool = False) -> Any:
        """Join on the tenant as well, so that joins are right in a platform scope too."""
        pairs = super().get_joining_fields(reverse_join)
        mine, theirs = self.model._meta.get_field("tenant"), self.remote_field.model._meta.get_field("tenant")
        return (*pairs, (theirs, mine) if reverse_join else (mine, theirs))
