"""Importing a file: hand it in, watch it being read, look at what it would do, apply it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from catalog.admin.import_forms import ColumnsForm, NewImportForm
from catalog.admin.import_preview import changes_of, export_errors, preview
from catalog.imports.exporting import FORMATS, export_catalogue
from catalog.imports.jobs import cancel, create_job, request_apply, request_undo
from catalog.imports.problems import message_of
from catalog.imports.restaging import restage
from catalog.models import ImportJob, ImportRow
from tenants.admin import LedgerAdmin
from tenants.admin.asking import asks_first
from tenants.errors import DomainError

READ: Any = _("Read it")
UPLOAD: dict[str, Any] = {
    "title": _("Import a file"),
    **dict.fromkeys(("show_save", "show_save_and_continue", "show_save_and_add_another"), False),
    "actions_submit_line": [UnfoldAction(action_name="_read", method=None, description=READ, path="", icon="upload_file")],
}
"""An import is handed in and read; nobody saves one."""


def _export(form: str) -> FileResponse:
    name = f"catalogue-{timezone.localdate()}.{form}"
    return FileResponse(export_catalogue(form), as_attachment=True, filename=name, content_type=FORMATS[form])


@admin.register(ImportJob)
class ImportJobAdmin(LedgerAdmin):
    """Imports. One is made from a file, read in the background, looked at, and applied as a whole."""

    list_display = ("__str__", "status_label", "done", "found_format", "currency", "created_by", "created_at")
    list_filter = ("status", "mapping")
    list_select_related = ("source_file", "created_by")
    search_fields = ("source_file__name",)
    readonly_fields = (
        *("file_name", "found_format", "mapping", "decimals", "currency", "domain", "on_duplicate_sku", "source", "missing"),
        *("created_by", "created_at", "applied"),
    )
    actions_list = ("export_csv", "export_xlsx")
    actions_detail = ("columns", "undo", "give_up", "errors_csv")
    change_form_template = "catalog/admin/import.html"
    empty_message = _("Bring your catalogue in from a file. You see what it would do before anything changes.")
    empty_links = ((_("Import a file"), "admin:catalog_importjob_add"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the imports with their files."""
        return super().get_queryset(request).select_related("source_file", "domain", "created_by")

    @display(
        description=_("status"),
        ordering="status",
        label={
            "completed": "success",
            "failed": "danger",
            "staged": "warning",
            **dict.fromkeys(("pending", "staging", "applying", "undoing"), "info"),
            **dict.fromkeys(("cancelled", "undone"), "default"),
        },
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

    @display(description=_("format of the file"))
    def found_format(self, job: ImportJob) -> str:
        """Show what the file was recognised as."""
        found = ImportJob.Mapping.SAVED if job.understood.get("columns") else job.format
        return str(dict(ImportJob.Mapping.choices).get(found, "–"))

    @display(description=_("applied"))
    def applied(self, job: ImportJob) -> Any:
        """Show when it was applied."""
        return job.applied_at

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may change the catalogue may import."""
        has_tenant = request.tenant is not None  # type: ignore[attr-defined]
        return has_tenant and request.user.has_perm("catalog.add_importjob")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the upload form, or what it was made with."""
        if obj:
            return [(None, {"fields": self.readonly_fields})]
        return [
            (_("What"), {"fields": ("file", "addresses", "pasted")}),
            (_("How it is read"), {"fields": (("mapping", "currency"), "decimals", ("domain", "on_duplicate_sku"))}),
            (_("What it has no more"), {"fields": (("source", "missing"),)}),
        ]

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
        options = form.options()  # type: ignore[attr-defined] # a NewImportForm
        obj.pk = create_job(created_by=request.user, reuse=True, **options).pk  # type: ignore[arg-type]
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
        context = UPLOAD if job is None else {**preview(job), **self._offered(request, job)}
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @action(description=_("Say what the columns mean"), icon="table_convert", permissions=["columns"])
    def columns(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what each column of the file means, save that under a name and read the file once more."""
        job = self.get_object(request, object_id)
        if job is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = ColumnsForm(request.POST or None, job=job)
        if request.method == "POST" and form.is_valid():
            try:
                return redirect("admin:catalog_importjob_change", self._restaged(request, job, form).pk)
            except DomainError as error:
                form.add_error(None, error.message)
        title = _("What do the columns of “%(file)s” mean?") % {"file": job}
        context = {"title": title, "opts": self.opts, "original": job, "form": form}
        return TemplateResponse(request, "tenants/admin/ask.html", {**self.admin_site.each_context(request), **context})

    def _restaged(self, request: HttpRequest, job: ImportJob, form: ColumnsForm) -> ImportJob:
        with transaction.atomic():  # a mapping that leads to no import is not kept either
            return restage(job=job, mapping=str(form.save().pk), created_by=request.user)  # type: ignore[arg-type]

    def has_columns_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may save mappings, for a file whose columns were not known to the letter, until it is applied."""
        may = self.has_add_permission(request) and request.user.has_perm("catalog.add_importmapping")
        return may and self._is(object_id, lambda job: job.can_be_mapped)

    @action(description=_("Undo this import"), icon="undo", permissions=["undo"])
    @asks_first
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the catalogue what it was before, unless newer work would be lost."""
        return self._do(request, object_id, request_undo)

    @action(description=_("Cancel this import"), icon="close", permissions=["give_up"])
    @asks_first
    def give_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Forget what was read."""
        return self._do(request, object_id, cancel)

    def _do(self, request: HttpRequest, object_id: str, service: Callable[..., ImportJob]) -> HttpResponse:
        try:
            service(job=ImportJob.objects.get(pk=object_id))
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:catalog_importjob_change", object_id)

    @action(description=_("Errors as CSV"), icon="download", permissions=["errors_csv"])
    def errors_csv(self, request: HttpRequest, object_id: str) -> FileResponse:
        """Download what is wrong with which row, to be mended at the source."""
        return export_errors(ImportJob.objects.get(pk=object_id))

    @action(description=_("Export catalogue (CSV)"), icon="download", permissions=["export"])
    def export_csv(self, request: HttpRequest) -> FileResponse:
        """Download the whole catalogue; imported again it changes nothing."""
        return _export("csv")

    @action(description=_("Export catalogue (Excel)"), icon="download", permissions=["export"])
    def export_xlsx(self, request: HttpRequest) -> FileResponse:
        """Download the whole catalogue as a workbook."""
        return _export("xlsx")

    def has_undo_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may apply one, when it is applied."""
        return self._may_apply(request) and self._is(object_id, lambda job: job.can_be_undone)

    def has_give_up_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may apply one, until it is applied."""
        return self._may_apply(request) and self._is(object_id, lambda job: job.can_be_cancelled)

    def has_errors_csv_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may look, when there are any."""
        return self.has_view_permission(request) and self._is(object_id, lambda job: bool(job.summary.get("errors")))

    def has_export_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may see what is exported."""
        has_tenant = request.tenant is not None  # type: ignore[attr-defined]
        return has_tenant and request.user.has_perm("catalog.view_offering")

    def _is(self, object_id: str | None, state: Callable[[ImportJob], bool]) -> bool:
        job = ImportJob.objects.filter(pk=object_id).first() if object_id else None
        return job is not None and state(job)

    def _offered(self, request: HttpRequest, job: ImportJob) -> dict[str, bool]:
        may_map = self.has_columns_permission(request, str(job.pk))
        return {"may_apply": self._may_apply(request), "may_map": may_map}

    def _may_apply(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.change_importjob")

    def _apply(self, request: HttpRequest, job: ImportJob) -> HttpResponse:
        if "_apply" not in request.POST or not self._may_apply(request):
            raise PermissionDenied
        try:
            request_apply(job=job, may_archive_many="may_archive_many" in request.POST)
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:catalog_importjob_change", job.pk)


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
        label={"create": "success", "change": "info", "error": "danger", "archive": "warning", "unchanged": "default"},
    )
    def outcome_label(self, row: ImportRow) -> tuple[str, str]:
        """Show the effect as a label."""
        return row.outcome, row.get_outcome_display()

    @display(description=_("problems"))
    def problem(self, row: ImportRow) -> str:
        """Show what is wrong, where."""
        return "; ".join(f"{one.get('column') or '–'}: {message_of(one)}" for one in row.problems)

    @display(description=_("what changes"))
    def change(self, row: ImportRow) -> str:
        """Show values before and after."""
        return changes_of(row)
