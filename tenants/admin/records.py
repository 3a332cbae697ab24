"""What happened, to be read: the audit and the events."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tenants.admin.base import LINK, LedgerAdmin
from tenants.admin.filters import TimeFilter
from tenants.admin.history import changes, event_parts, model_of, row_names, subject_name
from tenants.events import EVENT_KINDS
from tenants.models import ApiKey, AuditEntry, Event, User


class SubjectFilter(admin.SimpleListFilter):
    """Entries of one kind of row."""

    title = _("kind")
    parameter_name = "subject_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the kinds that have a page here."""
        kinds = [(model._meta.label_lower, capfirst(str(model._meta.verbose_name))) for model in admin.site._registry]
        return sorted(kinds, key=lambda kind: kind[1])

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        """Narrow the list."""
        return queryset.filter(subject_kind=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(LedgerAdmin):
    """Who changed what."""

    list_display = ("time", "what", "subject", "changed", "who", "is_sealed")
    list_filter = ("verb", SubjectFilter, "actor_kind", ("created_at", TimeFilter))
    list_filter_submit = True
    link_filters = ("request_id", "subject_id", "actor_id")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("time", "verb", "subject"), "table")}),
        (_("By whom"), {"fields": (("who", "same_request"),)}),
        (_("Seal"), {"fields": (("is_sealed", "link"),)}),
    )
    export_fields = (
        *("id", "created_at", "verb", "subject_kind", "subject_id", "actor_kind", "actor_id", "request_id"),
        *("before", "after"),
    )
    empty_message = _("Every change of what is set up or sold here will be told, with who made it.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Return the entries with the names of who made them."""
        by = models.OuterRef("actor_id")
        return (
            super()
            .get_queryset(request)
            .annotate(
                person=models.Subquery(User.objects.filter(pk=by).values("email")[:1]),
                key=models.Subquery(ApiKey.objects.filter(pk=by).values("name")[:1]),
            )
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the page of entries, with the names of all the rows they refer to."""
        found = super().get_changelist_instance(request)
        names = row_names(found.result_list)
        for entry in found.result_list:
            entry.names = names
        return found

    @display(description=_("what"), label={"insert": "success", "update": "info", "delete": "danger"}, ordering="verb")
    def what(self, entry: AuditEntry) -> tuple[str, str]:
        """Show the verb as a label."""
        return entry.verb, entry.get_verb_display()

    @display(description=_("kind"))
    def subject(self, entry: AuditEntry) -> str:
        """Show what kind of row it was, with the way to its history."""
        model = model_of(entry.subject_kind)
        if model is None:
            return entry.subject_kind
        name = capfirst(str(model._meta.verbose_name))
        try:
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_history", args=[entry.subject_id])
        except NoReverseMatch:
            return name
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, name)

    @display(description=_("content"))
    def changed(self, entry: AuditEntry) -> str:
        """Show the name of a row that was added or deleted, else which columns differ."""
        if entry.verb != AuditEntry.Verb.UPDATE:
            return subject_name(entry, getattr(entry, "names", None))
        return Truncator(", ".join(one.label for one in changes(entry, {}))).chars(80)

    @display(description=_("time"), ordering="id")
    def time(self, entry: AuditEntry) -> str:
        """Show the time to the second: many changes are made in one minute."""
        at = timezone.localtime(entry.created_at)
        return f"{date_format(at, 'DATE_FORMAT')} {at:%H:%M:%S}"

    @display(description=_("by"))
    def who(self, entry: Any) -> str:
        """Show who made the change."""
        return entry.person or entry.key or entry.get_actor_kind_display()

    @display(description=_("sealed"), boolean=True)
    def is_sealed(self, entry: AuditEntry) -> bool:
        """Show whether the chain holds the entry."""
        return entry.position is not None

    @display(description=_("link of the chain"))
    def link(self, entry: AuditEntry) -> str:
        """Show the entry's number and hash."""
        return f"{entry.position}: {bytes(entry.hash).hex()}" if entry.hash else gettext("sealed within seconds")

    @display(description=_("content"))
    def table(self, entry: AuditEntry) -> SafeString:
        """Show what differs, column by column."""
        return render_to_string("tenants/admin/changes.html", {"changes": changes(entry)})

    @display(description=_("request"))
    def same_request(self, entry: AuditEntry) -> str:
        """Show the request, with the way to all that it changed."""
        if not entry.request_id:
            return ""
        url = f"{reverse('admin:tenants_auditentry_changelist')}?request_id={entry.request_id}"
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, entry.request_id)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return every field of the fieldsets; all are read only."""
        return list(_flat(self.fieldsets))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return every field."""
        return list(_flat(self.fieldsets))


def _flat(fieldsets: Any) -> Iterator[str]:
    for _title, options in fieldsets:
        for entry in options["fields"]:
            yield from (entry,) if isinstance(entry, str) else entry


class KindFilter(admin.SimpleListFilter):
    """Events of one kind."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the kinds."""
        return [(kind, kind) for kind in EVENT_KINDS]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        """Narrow the list."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(LedgerAdmin):
    """What happened."""

    list_display = ("created_at", "kind", "content", "dispatched_at")
    list_filter = (KindFilter, ("created_at", TimeFilter))
    list_filter_submit = True
    link_filters = ("subject_id",)
    ordering = ("-id",)
    fields = ("created_at", "kind", "subject_kind", "subject_id", "content", "dispatched_at")
    readonly_fields = fields
    export_fields = ("id", "created_at", "kind", "subject_kind", "subject_id", "data")
    empty_message = _("Conversations, imports, prices and much else tell here what happened, and to your own systems.")

    @display(description=_("content"))
    def content(self, event: Event) -> str:
        """Show the content, a line for each part."""
        return format_html_join("\n", "<div>{}: {}</div>", event_parts(event))
