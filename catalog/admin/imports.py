"""Importing a file: hand it in, watch it being read, look at what it would do, apply it."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from catalog.admin.amounts import money
from catalog.imports.jobs import create_job, request_apply
from catalog.imports.limits import MAX_FILE_BYTES
from catalog.models import ImportJob, ImportRow, KnowledgeDomain
from catalog.models.imports import ImportRowQuerySet
from catalog.money import CURRENCIES
from tenants.admin import LedgerAdmin
from tenants.errors import DomainError

SHOWN_ROWS = 20
"""Rows of each kind in the preview; the list has all of them."""
PARTS = {"offerings": _("Offerings"), "variants": _("Variants"), "prices": _("Prices"), "stock": _("Stock")}
LABELS = {
    "name": _("name"),
    "description": _("description"),
    "attributes": _("attributes"),
    "status": _("status"),
    "category": _("category"),
    "variant": _("variant"),
    "options": _("options"),
    "policy": _("beyond stock"),
    "price": _("price"),
    "compare_at": _("before the sale"),
    "stock": _("in stock"),
    "safety_stock": _("safety stock"),
}
AMOUNTS = ("price", "compare_at")


class NewImportForm(forms.ModelForm):
    """A file, and how it is to be understood."""

    file = forms.FileField(
        label=_("File"), widget=UnfoldAdminFileFieldWidget(), help_text=_("Shopify's product CSV, or our own. Up to 100 MB.")
    )
    currency = forms.CharField(
        label=_("currency"),
        max_length=3,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Of prices for which the file names none; three letters, such as VND."),
    )

    class Meta:
        model = ImportJob
        fields = ("mapping", "currency", "domain", "on_duplicate_sku")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        domain: Any = self.fields["domain"]
        domain.queryset = KnowledgeDomain.objects.filter(status=KnowledgeDomain.Status.ACTIVE)
        domain.help_text = _("Of the products of a Shopify file.")

    def clean_currency(self) -> str:
        """Take the code in small letters too."""
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code not in CURRENCIES:
            raise ValidationError(_("“%(code)s” is no ISO 4217 currency."), code="unknown_currency", params={"code": code})
        return code

    def clean_file(self) -> Any:
        """Refuse what is too large."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(_("The file is larger than 100 MB."), code="too_large")
        return file


def changes_of(row: ImportRow) -> str:
    """Return what changes in one line: ``price: $25.00 → $30.00``."""
    currency = _currency_of(row)
    lines = []
    for name, values in row.changes.items():
        before, after = (_price(one, currency) if name in AMOUNTS else _shown(one) for one in values)
        if before != after:  # a price stands beside each change of the amount before the sale
            lines.append(f"{LABELS.get(name, name)}: {before} → {after}")
    return "; ".join(lines)


def _currency_of(row: ImportRow) -> str:
    """Return the currency of the row's amounts: the one of its change, the row's own, or the import's."""
    told = (row.changes.get("price") or [""])[-1]
    return told.rpartition(" ")[2] or row.data.get("variant", {}).get("currency") or row.job.currency


def _price(value: str | None, currency: str) -> str:
    """Return an amount of a row (``25``, ``25 USD``) as people read it."""
    return money(Decimal(value.split(" ")[0]) if value else None, currency)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items()) or "–"
    if isinstance(value, (list, bool)):
        return json.dumps(value, ensure_ascii=False)
    return "–" if value in (None, "") else str(value)[:120]


@admin.register(ImportJob)
class ImportJobAdmin(LedgerAdmin):
    """Imports. One is made from a file, read in the background, looked at, and applied as a whole."""

    list_display = ("__str__", "status_label", "done", "mapping", "currency", "created_by", "created_at")
    list_filter = ("status", "mapping")
    list_select_related = ("source_file", "created_by")
    search_fields = ("source_file__name",)
    readonly_fields = ("file_name", "mapping", "currency", "domain", "on_duplicate_sku", "created_by", "created_at")
    change_form_template = "catalog/admin/import.html"
    empty_message = _("Bring your catalogue in from a file. You see what it would do before anything changes.")
    empty_links = ((_("Import a file"), "admin:catalog_importjob_add"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the imports with their files."""
        return super().get_queryset(request).select_related("source_file", "domain", "created_by")

    @display(
        description=_("status"),
        ordering="status",
        label={"completed": "success", "failed": "danger", "staged": "warning", "staging": "info", "applying": "info"},
    )
    def status_label(self, job: ImportJob) -> tuple[str, str]:
        """Show the status as a label."""
        return job.status, job.get_status_display()

    @display(description=_("progress"))
    def done(self, job: ImportJob) -> str:
        """Show how far it is, and how large it is."""
        rows = job.counts.get("total", "")
        return f"{job.progress} % · {rows}" if rows else f"{job.progress} %"

    @display(description=_("file"))
    def file_name(self, job: ImportJob) -> str:
        """Show what was handed in."""
        return str(job)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may change the catalogue may import."""
        has_tenant = request.tenant is not None  # type: ignore[attr-defined]
        return has_tenant and request.user.has_perm("catalog.add_importjob")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the form's fields, or what it was made with."""
        return self.readonly_fields if obj else ("file", ("mapping", "currency"), "domain", "on_duplicate_sku")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return all fields of an import that is made."""
        return self.readonly_fields if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the upload form for a new import."""
        return super().get_form(request, obj, change=change, **({} if obj else {"form": NewImportForm}), **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the tenant's currency."""
        return {"currency": request.tenant.currency, **super().get_changeform_initial_data(request)}  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: ImportJob, form: ModelForm, change: bool) -> None:
        """Keep the file and let a worker read it."""
        values = dict(form.cleaned_data)
        file = values.pop("file")
        obj.pk = create_job(chunks=file.chunks(), name=file.name, created_by=request.user, **values).pk  # type: ignore[arg-type]
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: ImportJob, post_url_continue: str | None = None) -> HttpResponse:
        """Show the import being read."""
        return redirect("admin:catalog_importjob_change", obj.pk)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the upload form, or an import with its preview; ``_apply`` in a POST applies it."""
        job = self.get_object(request, object_id) if object_id else None
        if job is not None and request.method == "POST":
            return self._apply(request, job)
        context = {"title": _("Import a file")} if job is None else {**preview(job), "may_apply": self._may_apply(request)}
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _may_apply(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.change_importjob")

    def _apply(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        if "_apply" not in request.POST or not self._may_apply(request):
            raise PermissionDenied
        try:
            request_apply(job=job)
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:catalog_importjob_change", job.pk)


def preview(job: ImportJob) -> dict[str, Any]:
    """Return what the page of an import shows: figures, the first rows that change, and what is wrong."""
    rows: ImportRowQuerySet = job.rows.select_related("job").order_by("row")
    numbers = [
        [label, *(job.summary.get(part, {}).get(key, 0) for key in ("created", "changed", "unchanged"))]
        for part, label in PARTS.items()
    ]
    is_told = "rows" in job.summary
    return {
        "title": str(job),
        "job": job,
        "figures": {"headers": ["", _("New"), _("Changed"), _("Unchanged")], "rows": numbers} if is_told else None,
        "errors_found": _problems(rows.filter(outcome=ImportRow.Outcome.ERROR)) if is_told else None,
        "warnings_found": _problems(rows.with_warnings()) if is_told else None,
        "changed_rows": _changed(rows.filter(outcome=ImportRow.Outcome.CHANGE)) if is_told else None,
        "new_rows": _new(rows.filter(outcome=ImportRow.Outcome.CREATE)) if is_told else None,
        "shown_rows": SHOWN_ROWS,
    }


def _table(headers: Iterable[Any], rows: list[list[Any]]) -> dict[str, Any] | None:
    return {"headers": list(headers), "rows": rows} if rows else None


def _problems(rows: QuerySet) -> dict[str, Any] | None:
    found = [
        [row.row, problem.get("column") or "–", problem.get("value") or "–", problem["message"]]
        for row in rows[:SHOWN_ROWS]
        for problem in row.problems
    ]
    return _table([_("row"), _("column"), _("value"), _("reason")], found)


def _changed(rows: QuerySet) -> dict[str, Any] | None:
    return _table(
        [_("row"), _("SKU"), _("what changes")],
        [[row.row, row.sku or row.handle, changes_of(row) or _("something is added")] for row in rows[:SHOWN_ROWS]],
    )


def _new(rows: QuerySet) -> dict[str, Any] | None:
    return _table(
        [_("row"), _("code"), _("SKU"), _("name"), _("price")],
        [
            [
                row.row,
                row.handle,
                row.sku or "–",
                row.data.get("offering", {}).get("name") or row.data.get("variant", {}).get("name") or "–",
                _price(row.data.get("variant", {}).get("price"), _currency_of(row)),
            ]
            for row in rows[:SHOWN_ROWS]
        ],
    )


@admin.register(ImportRow)
class ImportRowAdmin(LedgerAdmin):
    """The rows of the imported files: what each one does, and what is wrong with it."""

    list_display = ("row", "handle", "sku", "outcome_label", "problem", "change", "job")
    list_filter = ("outcome",)
    list_select_related = ("job__source_file",)
    search_fields = ("handle", "sku")
    ordering = ("-id",)
    link_filters = ("job",)
    fields = ("job", "row", "handle", "sku", "kind", "outcome", "problem", "change", "data")
    empty_message = _("The rows of imported files are listed here.")
    empty_links = ((_("Import a file"), "admin:catalog_importjob_add"),)

    @display(
        description=_("effect"),
        ordering="outcome",
        label={"create": "success", "change": "info", "error": "danger"},
    )
    def outcome_label(self, row: ImportRow) -> tuple[str, str]:
        """Show the effect as a label."""
        return row.outcome, row.get_outcome_display()

    @display(description=_("problems"))
    def problem(self, row: ImportRow) -> str:
        """Show what is wrong, where."""
        return "; ".join(f"{one.get('column') or '–'}: {one['message']}" for one in row.problems)

    @display(description=_("what changes"))
    def change(self, row: ImportRow) -> str:
        """Show values before and after."""
        return changes_of(row)
