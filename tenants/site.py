"""The admin site: unfold's, without what knows no tenant."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils.functional import SimpleLazyObject
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants.views import log_in

MOST_RESULTS = 50
"""Entries the command palette shows."""


class Choices(AutocompleteJsonView):
    """The look-ups of choice fields, which say what the page of the rows calls each."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Name the rows, a page at once."""
        context = super().get_context_data(**kwargs)
        rows = list(context["object_list"])
        page: Any = self.model_admin  # every page here is a TenantAdmin, which imports this module
        self.labels = dict(zip((row.pk for row in rows), page.choice_labels(rows), strict=True))
        return {**context, "object_list": rows}

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """Return one choice."""
        return {**super().serialize_result(obj, to_field_name), "text": self.labels[obj.pk]}


class TenantSite(UnfoldAdminSite):
    """``admin.site``. Pages of other libraries (groups, tokens, …) know no tenant, so only our own are taken in."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register our own pages; those of other libraries are left out silently."""
        if admin_class is not None and issubclass(admin_class, ModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the addresses without "view on site", which reads any table by its content type."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Log in by our own page: it counts failures, and asks for the second factor."""
        return log_in(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Change the password on the page of the account."""
        return redirect("account_password")

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the look-ups of choice fields, from the rows of the tenant worked in."""
        if request.tenant is None:  # type: ignore[attr-defined]
            raise PermissionDenied
        return Choices.as_view(admin_site=self)(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Find pages for the command palette. Unfold's own version caches by person, and so across tenants."""
        term = request.GET.get("s", "").strip().lower()
        if not term:
            return HttpResponse()
        results = self._search_apps(self.get_app_list(request), term)[:MOST_RESULTS]
        template = (
            "unfold/helpers/command_results.html" if "extended" in request.GET else "unfold/helpers/search_results.html"
        )
        context = {"results": results, "page_obj": {"count": len(results)}, "page_counter": 0, "execution_time": 0}
        return TemplateResponse(request, template, context, headers={"HX-Trigger": "search"})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the pages by app, found when first looked at: most pages show the navigation of `config` instead."""
        return SimpleLazyObject(lambda: super(TenantSite, self).get_app_list(request, app_label))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the tenant worked in, and those that may be entered, to every page."""
        here = {"tenant": request.tenant, "tenants": request.tenants}  # type: ignore[attr-defined]
        return {**super().each_context(request), **here}
