"""The versions of an offering: read, compared, and shown to customers again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.admin.offering_lists import STATUS_COLOURS, activate
from catalog.admin.word_diff import shown_changes
from catalog.models import OfferingVersion, Status
from catalog.versions import cancel_activation, schedule_activation
from tenants.admin import LedgerAdmin, asks_first
from tenants.errors import DomainError

MOST_CHOICES = 200
"""Versions offered to compare with."""


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
        return super().get_queryset(request).select_related("created_by", "offering").prefetch_related("activations")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed words make a version."""
        return False


class ScheduleForm(forms.Form):
    """The moment at which a version goes on sale, in the time zone of the business."""

    at = forms.DateTimeField(
        label=_("On sale from"),
        widget=UnfoldAdminTextInputWidget({"type": "datetime-local"}),
        help_text=_("Until then customers see what they see now."),
    )


def _planned(request: HttpRequest, version: OfferingVersion, form: ScheduleForm) -> bool:
    """Do what was asked for; tells at the field what is refused."""
    try:
        if "cancel" in request.POST:
            cancel_activation(version=version)
            messages.success(request, gettext("Nothing is planned for “%s” any more.") % version)
            return True
        if not form.is_valid():
            return False
        plan = schedule_activation(version=version, at=form.cleaned_data["at"], planned_by=request.user)  # type: ignore[arg-type]
    except DomainError as error:
        form.add_error("at", error.message)
        return False
    moment = date_format(localtime(plan.activate_at), "DATETIME_FORMAT")
    messages.success(request, gettext("Customers see “%(version)s” from %(at)s.") % {"version": version, "at": moment})
    return True


def _other(version: OfferingVersion, others: list[OfferingVersion], asked: str) -> OfferingVersion | None:
    """Return the version asked for, else the one customers see, else the one before, else any."""
    before = [one for one in others if one.version < version.version]
    shown = [one for one in others if one.status == Status.ACTIVE]
    named = [one for one in others if str(one.pk) == asked]
    return next(iter([*named, *shown, *before, *others]), None)


@admin.register(OfferingVersion)
class OfferingVersionAdmin(LedgerAdmin):
    """One version, to read, and to go back to."""

    list_display = ("name", "offering", "version", "status_label", "created_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("offering", "created_by")
    search_fields = ("name", "offering__code")
    ordering = ("-id",)
    fields = ("offering", "version", "status", "name", "description", "attributes", "created_by", "created_at")
    actions_detail = ("activate", "compare", "schedule")
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

    @action(description=_("Compare"), icon="compare_arrows", permissions=["view"])
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what differs from another version: the one customers see, else the one before."""
        version = self.get_object(request, object_id)
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        others = list(OfferingVersion.objects.filter(offering=version.offering_id).exclude(pk=version.pk)[:MOST_CHOICES])
        other = _other(version, others, request.GET.get("with", ""))
        older, newer = sorted((version, other or version), key=lambda one: one.version)
        context = {
            **self.admin_site.each_context(request),
            "title": _("What changes from version %(older)d to version %(newer)d")
            % {"older": older.version, "newer": newer.version}
            if other
            else _("Compare"),
            "opts": self.opts,
            "original": version,
            "others": others,
            "other": other,
            "older": older,
            "newer": newer,
            "changes": shown_changes(older, newer),
            "back_url": reverse("admin:catalog_offering_change", args=[version.offering_id]),
        }
        return TemplateResponse(request, "catalog/admin/compare.html", context)

    @action(description=_("Schedule"), icon="schedule", permissions=["activate"])
    def schedule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask when it is to go on sale by itself; a plan there is can be moved or taken back."""
        version = self.get_object(request, object_id)
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = ScheduleForm(request.POST or None, initial={"at": version.plan.activate_at if version.plan else None})
        if request.method == "POST" and _planned(request, version, form):
            return redirect(reverse("admin:catalog_offering_change", args=[version.offering_id]) + "#versions")
        context = {
            **self.admin_site.each_context(request),
            "title": _("When shall customers see “%s”?") % version,
            "opts": self.opts,
            "original": version,
            "form": form,
        }
        return TemplateResponse(request, "catalog/admin/schedule.html", context)

    def has_activate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the person may change offerings."""
        return request.user.has_perm("catalog.change_offeringversion")
