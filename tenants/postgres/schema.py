"""Writes row-level security and composite keys, triggered by the field classes of ``tenants/fields.py``.

They cannot be forgotten this way: a model that has a ``TenantField`` gets its policies in the statement batch that
creates its table, and a ``TenantForeignKey`` becomes ``FOREIGN KEY (tenant_id, x_id) REFERENCES x (tenant_id, id)``.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.ddl_references import Columns, Statement
from django.db.backends.postgresql import schema

SAME_TENANT = "{column} = nullif(current_setting('backroom.tenant', true), '')::uuid"
"""No sub-select: Citus refuses one, and it measured no better."""

POLICIES = (
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY tenant ON {{table}} USING ({SAME_TENANT}) WITH CHECK ({SAME_TENANT})",
    "CREATE POLICY platform ON {table} TO backroom_platform USING (true) WITH CHECK (true)",
)

PAIR = "ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({column}, id)"
"""What composite foreign keys point at."""


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Django's schema editor plus the tenant boundary."""

    # PostgreSQL's AddField would write the key inline and never ask _create_fk_sql.
    sql_create_column_inline_fk: Any = None

    def create_model(self, model: type[models.Model]) -> None:
        """Create the table and, when it belongs to tenants, its policies."""
        super().create_model(model)
        for field in model._meta.local_fields:
            if getattr(field, "is_tenant_key", False):
                self._protect(model, field)

    def add_field(self, model: type[models.Model], field: Any) -> None:
        """Add the column; the autodetector often adds the tenant after the table."""
        super().add_field(model, field)
        if getattr(field, "is_tenant_key", False):
            self._protect(model, field)

    def _protect(self, model: type[models.Model], field: Any) -> None:
        table = model._meta.db_table
        names = {"table": self.quote_name(table), "column": self.quote_name(field.column)}
        if not field.primary_key and field.referenced:
            self.execute(PAIR.format(name=self.quote_name(f"{table}_tenant_id_id"), **names), None)
        for statement in POLICIES:
            self.execute(statement.format(**names), None)

    def _create_fk_sql(self, model: type[models.Model], field: Any, suffix: str) -> Statement:
        statement: Statement = super()._create_fk_sql(model, field, suffix)  # type: ignore[misc] # not in the stubs
        if getattr(field, "is_tenant_foreign_key", False):
            target = field.target_field
            statement.parts["column"] = self._pair(model._meta.db_table, field.column)
            statement.parts["to_column"] = self._pair(target.model._meta.db_table, target.column)
        return statement

    def _pair(self, table: str, column: str) -> Columns:
        # Columns objects, not text: a later rename in the same migration must reach them.
        return Columns(table, ["tenant_id", column], self.quote_name)

    def _constraint_names(self, model: Any, column_names: Sequence[str] | None = None, **kinds: Any) -> list[str]:
        names: list[str] = super()._constraint_names(model, column_names, **kinds)  # type: ignore[misc] # not in the stubs
        if not names and kinds.get("foreign_key") and column_names is not None and len(column_names) == 1:
            names = super()._constraint_names(model, ["tenant_id", *column_names], **kinds)  # type: ignore[misc]
        return names
