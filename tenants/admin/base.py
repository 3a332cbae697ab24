"""``TenantAdmin``, the base of every admin page, and its two kinds: ledgers and pages of the platform."""

from collections.abc import Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, models
from django.db.models.expressions import DatabaseDefault
from django.forms import ModelForm
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants.admin.asking import is_past
from tenants.admin.conflicts import TENANT_FIELD, ConflictForm
from tenants.admin.export import export_csv
from tenants.admin.history import history
from tenants.admin.inlines import of_parent
from tenants.admin.json_fields import StrictJSONField
from tenants.admin.pages import COUNT_LIMIT, CappedPaginator, TenantChangeList
from tenants.admin.refusals import REFUSALS, RefusalForm, forget, refusal_of
from tenants.errors import DomainError
from tenants.models import Tenant, new_ids
from tenants.queue import QueueRow
from tenants.scope import platform_scope

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


LINK = "cursor-pointer font-medium text-primary-600 dark:text-primary-500"
"""Classes of a link inside a list."""


STATE = "state"
"""The column of every queue that the page of jobs narrows its list by."""


class TenantAdmin(ModelAdmin):
    """A page over the rows of the tenant worked in. The managers narrow every list, choice and filter to it.

    Adds to unfold: pages that stay fast in long lists, a CSV export, a refusal when two people edit one row or when
    the tenant was changed in another tab, forms that tell what a service or the database refuses with all that was typed
    still in them, and an empty list that says what to do.
    """

    empty_message: "StrOrPromise" = ""
    """One friendly sentence for an empty list: what belongs here and what it is good for."""
    empty_links: "Sequence[tuple[StrOrPromise, str]]" = ()
    """Beside "add": label and name of an address, such as ``(_("Import a file"), "admin:catalog_importjob_add")``."""
    export_fields: Sequence[str] = ()
    """Columns of the export: fields and annotations; by default every column that can be read."""
    link_filters: Sequence[str] = ()
    """Look-ups beyond ``list_filter`` that links of other pages may use, such as ``"offering"``."""

    read_once: Sequence[str] = ()
    """What the page keeps at its request, so as to read it once."""

    consequences: "ClassVar[dict[str, StrOrPromise]]" = {}
    """What actions bring about that ask first, by their names: told where they ask."""

    has_history = True
    """Whether the audit tells of these rows."""

    formfield_overrides: ClassVar[dict[Any, Any]] = {models.JSONField: {"form_class": StrictJSONField}}
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    list_fullwidth = True
    view_on_site = False
    warn_unsaved_form = True
    compressed_fields = False
    actions: Any = ["export"]
    change_form_template: Any = "tenants/admin/change_form.html"
    change_list_template: Any = "tenants/admin/change_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TenantChangeList]:
        """Return the change list that pages by id."""
        return TenantChangeList

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form: it refuses to overwrite what somebody else saved meanwhile, and tells what was refused."""
        form = super().get_form(request, obj, change=change, **kwargs)
        bases = (ConflictForm, RefusalForm, form) if change else (RefusalForm, form)
        return type(form.__name__, bases, {"refusal": getattr(request, "refusal", None)})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form once more, as it was filled in, with what was refused; nothing was changed then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as error:
            refusal = refusal_of(error)
            if refusal is None or request.method != "POST":
                raise
        forget(request, self.read_once)
        request.refusal = refusal  # type: ignore[attr-defined] # travels with the request to its form
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """Return what inlines are made with; a new row gets its id now, for inlines ask for the children of that id."""
        if isinstance(obj.pk, DatabaseDefault):
            obj.pk = new_ids(1)[0]
        options: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        return options

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[tuple[Any, Any]]:
        """Return the formsets of the inlines with them: of a row that is made with its children too."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            yield of_parent(formset), inline

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return an order for lists, choices and look-ups alike; the newest first where none is named."""
        return self.ordering or self.opts.ordering or ("-id",)

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, each behind the check of the tenant, and showing what services refuse."""
        return [_behind(self, url) for url in super().get_urls()]

    def refuse(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a request that may not go on: no tenant chosen, or another one than the page's."""
        if not request.user.is_authenticated:
            return None
        if request.tenant is None and not self.opens_platform(request):  # type: ignore[attr-defined]
            messages.info(request, _("Choose a tenant to work in first."))
            return redirect("admin:index")
        return self._refuse_other_tenant(request)

    def opens_platform(self, request: HttpRequest) -> bool:
        """Open the platform where the page is one of the few that may; returns whether it did."""
        return False

    def _refuse_other_tenant(self, request: HttpRequest) -> HttpResponse | None:
        seen = request.POST.get(TENANT_FIELD) if request.method == "POST" else None
        if seen is None or seen == tenant_mark(request):
            return None
        context = {**self.admin_site.each_context(request), "title": _("The tenant was changed"), "opts": self.opts}
        return TemplateResponse(request, "tenants/admin/tenant_changed.html", context, status=409)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether a row may be added: never without a tenant to own it."""
        return request.tenant is not None and super().has_add_permission(request)  # type: ignore[attr-defined]

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Allow only the filters shown and ``link_filters``: any other column could be guessed letter by letter."""
        named = [entry[0] if isinstance(entry, (tuple, list)) else entry for entry in self.get_list_filter(request)]
        names = [getattr(entry, "parameter_name", entry) for entry in named]
        allowed = [*names, *self.link_filters, *([self.date_hierarchy] if self.date_hierarchy else [])]
        allowed += [STATE] if issubclass(self.model, QueueRow) else []
        return any(lookup == name or lookup.startswith(f"{name}_") for name in allowed)

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Run an action; over a whole list only if its rows could be counted, so that people know what they do."""
        if request.POST.get("select_across") == "1" and CappedPaginator(queryset, 1).is_capped:
            said = _("Narrow the list down first: an action reaches at most %(limit)s entries. Nothing was done.")
            messages.error(request, said % {"limit": COUNT_LIMIT})
            return redirect(request.get_full_path())
        return super().response_action(request, queryset)

    def choice_labels(self, rows: Sequence[Any]) -> list[str]:
        """Return what each row is called where one is chosen."""
        return [str(row) for row in rows]

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: models.QuerySet) -> FileResponse:
        """Download the chosen rows."""
        fields = list(self.export_fields) or _readable(self.model)
        related = [field.name for field in self.opts.concrete_fields if field.is_relation and field.name in fields]
        rows = queryset.select_related(*related) if related else queryset
        told = {field: getattr(self, field) for field in fields if hasattr(self, field) and not hasattr(self.model, field)}
        return export_csv(rows, fields=fields, name=str(self.opts.model_name), told=told)

    # The audit tells more than Django's log, and knows the tenant.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write no log entry."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write no log entry."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Write no log entry."""

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Offer the history of rows that have one."""
        return super().render_change_form(request, {**context, "show_history": self.has_history}, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what the audit tells of the row."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **history(row, request.GET.get("page", 1)),
            "title": _("History: %(row)s") % {"row": row},
            "opts": self.opts,
            "original": row,
        }
        return TemplateResponse(request, "tenants/admin/history.html", context)


class LedgerAdmin(TenantAdmin):
    """Facts that nobody edits: only looked at, filtered and exported."""

    has_history = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: services write ledgers."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class PlatformAdmin(TenantAdmin):
    """A page over global rows: edited by platform staff who have entered no tenant, read by the roles that may."""

    def opens_platform(self, request: HttpRequest) -> bool:
        """Open the platform for its staff."""
        return is_platform_staff(request) and open_platform(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Platform staff only."""
        return is_platform_staff(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Platform staff only."""
        return is_platform_staff(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Platform staff only."""
        return is_platform_staff(request)


def open_platform(request: HttpRequest) -> bool:
    """Enter the platform until the page is rendered; returns True."""
    request.scopes.enter_context(platform_scope(reason="platform staff on a platform page"))  # type: ignore[attr-defined]
    return True


def is_platform_staff(request: HttpRequest) -> bool:
    """Whether this is a member of the platform staff who works in no tenant now."""
    return bool(request.user.is_superuser) and request.tenant is None  # type: ignore[attr-defined]


def tenant_mark(request: HttpRequest) -> str:
    """Return what forms carry to tell in whose name they were opened."""
    tenant: Tenant | None = request.tenant  # type: ignore[attr-defined]
    return str(tenant.id) if tenant else ""


def _behind(page: TenantAdmin, url: URLPattern) -> URLPattern:
    view = url.callback

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return page.refuse(request) or view(request, *args, **kwargs)
        except PermissionDenied:
            if is_past(page, request, url.name or "", kwargs.get("object_id")):
                return redirect(f"admin:{page.opts.label_lower.replace('.', '_')}_change", kwargs["object_id"])
            raise
        except DisallowedModelAdminLookup:  # typed by hand, or of an old bookmark
            messages.warning(request, _("This list cannot be narrowed like that, so here is the whole of it."))
            return redirect(request.path)
        except (DomainError, OperationalError) as error:  # it left every transaction: nothing was changed
            refusal = refusal_of(error)
            if refusal is None:
                raise
            messages.error(request, refusal.message)
            return redirect(request.get_full_path() if request.method == "POST" else "admin:index")

    return URLPattern(url.pattern, guarded, url.default_args, url.name)


def _readable(model: type[models.Model]) -> list[str]:
    hidden = (models.BinaryField,)
    return [field.name for field in model._meta.concrete_fields if field.name != "tenant" and not isinstance(field, hidden)]
