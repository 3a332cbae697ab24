"""The versions of an offering: read, compared, and shown to customers again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from catalog.admin.offering_lists import STATUS_COLOURS, activate
from catalog.models import OfferingVersion
from tenants.admin import LedgerAdmin, asks_first


class VersionInline(TabularInline):
    """The versions of an offering, twenty to a page: shown to customers again with one click, compared, opened."""

    model = OfferingVersion
    template = "catalog/admin/versions.html"
    tab = True
    extra = 0
    per_page = 20
    can_delete = False
    fields = ("version", "name", "status", "created_by", "created_at")
    readonly_fields = fields
    verbose_name_plural = _("versions")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the versions with their authors."""
        return super().get_queryset(request).select_related("created_by", "offering")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed words make a version."""
        return False


@admin.register(OfferingVersion)
class OfferingVersionAdmin(LedgerAdmin):
    """One version, to read, and to go back to."""

    list_display = ("name", "offering", "version", "status_label", "created_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("offering", "created_by")
    search_fields = ("name", "offering__code")
    ordering = ("-id",)
    fields = ("offering", "version", "status", "name", "description", "attributes", "created_by", "created_at")
    actions_detail = ("activate",)
    link_filters = ("offering",)
    empty_message = _("Each change of an offering's words is kept here as a version.")

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, version: OfferingVersion) -> tuple[str, str]:
        """Show the status as a label."""
        return version.status, version.get_status_display()

    @action(description=_("Show this version to customers"), icon="check_circle", permissions=["activate"])
    @asks_first
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make it the active one; come back to where the button was."""
        version = self.get_object(request, object_id)
        activate(request, version)
        if version is not None and "back" in request.POST:  # the button on the offering's page
            return redirect(reverse("admin:catalog_offering_change", args=[version.offering_id]) + "#versions")
        return redirect("admin:catalog_offeringversion_change", object_id)

    def has_activate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the person may change offerings."""
        return request.user.has_perm("catalog.change_offeringversion")
