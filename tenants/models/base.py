"""``TenantModel`` and its querysets: may be built anywhere, run only inside a scope (DESIGN section 3, lock 1)."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models import sql
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantField, UUIDv7
from tenants.scope import NoScope, Scope, ScopeConflict, active_scope
from tenants.text import nfc

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def new_ids(count: int) -> list[UUID]:
    """Return ids made by the database, in order of time, for rows that must be named before they are inserted."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7() FROM generate_series(1, %s)", [count])
        return [new_id for (new_id,) in cursor.fetchall()]


class TenantQuery(sql.Query):
    """A query that remembers the scope it was built in and runs in no other. Clones and subqueries inherit it."""

    built_in: Scope | None = None

    def get_compiler(self, *args: Any, **options: Any) -> Any:
        """Return the compiler; raises ``NoScope`` or ``ScopeConflict``."""
        self.check_scope()
        return super().get_compiler(*args, **options)

    def check_scope(self) -> None:
        """Refuse to run without a scope, or in another one than the query was built in."""
        scope = active_scope()
        if scope is None or self.built_in is None:
            raise NoScope("A tenant's rows were asked for outside any scope.")
        if scope.tenant_id != self.built_in.tenant_id:
            raise ScopeConflict("A queryset of one scope was run in another.")


class TenantQuerySet(models.QuerySet):
    """Adds ``tenant_id = …`` when built in a scope, or at the first clone inside one (forms and views built at import)."""

    query: TenantQuery

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model, query or TenantQuery(model), using, hints)
        self._bind()

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._bind()
        return clone

    def _bind(self) -> None:
        scope = active_scope()
        if self.model is None or self.query.built_in is not None or scope is None:
            return
        self.query.built_in = scope
        if scope.tenant_id is not None:
            self.query.add_q(models.Q(tenant_id=scope.tenant_id))

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        """Insert many rows. Django would not bring back ids that the database makes, so they are fetched before."""
        rows = list(objs)
        new = [row for row in rows if isinstance(row.pk, DatabaseDefault)]
        for row, new_id in zip(new, new_ids(len(new)), strict=True):
            row.pk = new_id
        return super().bulk_create(rows, *args, **options)

    # These change the class of the query, and with it get_compiler.
    def update(self, **values: Any) -> int:
        """Update the rows of the scope; returns how many."""
        self.query.check_scope()
        return super().update(**values)

    def _update(self, values: Any) -> int:
        self.query.check_scope()
        return super()._update(values)  # type: ignore[misc]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows of the scope; returns how many, by model."""
        self.query.check_scope()
        return super().delete()

    def _raw_delete(self, using: str | None) -> int:
        self.query.check_scope()
        return super()._raw_delete(using)


class TenantModel(models.Model):
    """Base of every tenant-owned row: UUIDv7 id, tenant, time of creation. A child's Meta inherits this Meta."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    tenant = TenantField()
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Keep text in Unicode NFC, whatever form it was typed into."""
        for field in self._meta.concrete_fields:
            value = self.__dict__.get(field.attname)
            if isinstance(field, (models.CharField, models.TextField)) and isinstance(value, str):
                setattr(self, field.attname, nfc(value))
        super().clean_fields(exclude)

    # A field that is not in the form is excluded, and Django then skips every constraint that contains it:
    # all ours contain the tenant, which no form shows.
    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Check unique fields with the tenant counted in."""
        super().validate_unique(_with_tenant(exclude))

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check ``Meta.constraints`` with the tenant counted in."""
        super().validate_constraints(_with_tenant(exclude))


def _with_tenant(exclude: Collection[str] | None) -> set[str]:
    return set(exclude or ()) - {"tenant"}


class _UpdatedAtField(models.DateTimeField):
    """Is set by every save; of a new row by the database, whose clock tells ``created_at``, so that it is never before it."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the time of a change, or what lets the database say it."""
        if not add:
            return super().pre_save(model_instance, add)
        setattr(model_instance, self.attname, DatabaseDefault(Now(), output_field=self))  # read back after the INSERT
        return getattr(model_instance, self.attname)

    def deconstruct(self) -> Any:
        """Return the plain column, which is what it is in the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


def updated_at_field() -> models.DateTimeField:
    """Return the column of rows that people change: set by every save, and by the database for bulk SQL."""
    return _UpdatedAtField(_("updated"), auto_now=True, db_default=Now())


def created_by_field(label: "StrOrPromise | None" = None) -> models.ForeignKey:
    """Return the column that names the person who made a row; empty for programs, and when the person is gone."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=label or _("created by"),
    )
