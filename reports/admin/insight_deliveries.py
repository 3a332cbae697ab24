"""The admin of insights that were told: each delivery and what became of it, and everybody's own inbox."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from reports.insight_mails import source_of
from reports.models import Insight, InsightDelivery
from reports.models.insight_deliveries import DeliveryStatus
from reports.wording import text_of
from tenants.admin import DeliveryAdmin
from tenants.admin.base import LINK

STATUS_LABELS = {
    "sent": "success",
    "failed": "danger",
    "unknown": "danger",
    "held": "warning",
    "queued": "info",
    "sending": "info",
    "skipped": "default",
    "cancelled": "default",
}
IN_INBOX = 25
"""Lines of a page of the inbox."""


class StatusFilter(admin.SimpleListFilter):
    """How a delivery stands, wherever it is by now."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return list(DeliveryStatus.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(status=self.value()) if self.value() in DeliveryStatus.values else queryset


@admin.register(InsightDelivery)
class InsightDeliveryAdmin(DeliveryAdmin):
    """Each delivery of insights, and what became of it; and the inbox of whoever looks."""

    list_display = ("who", "channel", "told", "frequency", "status_label", "problem", "created_at", "handed_on")
    list_display_links = ("who",)
    list_filter = (StatusFilter, "channel", "recipient_type", "frequency")
    list_select_related = ("user", "destination", "tenant", "email", "event_delivery")
    search_fields = ("address", "user__email")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("who", "kind"), ("channel", "frequency"), ("status_text", "problem"))}),
        (_("What it tells"), {"fields": ("all_told", "way")}),
        (_("Times"), {"fields": (("created_at", "due_at"), ("sent_at", "read_at"))}),
    )
    readonly_fields = ("who", "kind", "status_text", "problem", "all_told", "way")
    actions_list = ("inbox",)
    export_fields = (
        *("recipient_name", "recipient_type", "channel", "frequency", "state", "problem", "due_at", "sent_at"),
        *("read_at", "created_at"),
    )
    empty_message = _("What was told to whom stands here, one line for each recipient, with what became of it.")
    empty_links = ((_("Name recipients"), "admin:reports_insightsubscription_changelist"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the deliveries with how they stand."""
        return super().get_queryset(request).with_status()

    @display(description=_("recipient"))
    def who(self, row: InsightDelivery) -> str:
        """Show who it goes to."""
        return row.recipient_name

    @display(description=_("kind"))
    def kind(self, row: InsightDelivery) -> str:
        """Show what kind of recipient was named."""
        return str(row.get_recipient_type_display())

    @display(description=_("insights"))
    def told(self, row: InsightDelivery) -> str:
        """Show how many insights it tells."""
        return ngettext("%(count)d insight", "%(count)d insights", len(row.insights)) % {"count": len(row.insights)}

    @display(description=_("status"), label=STATUS_LABELS)
    def status_label(self, row: Any) -> tuple[str, str]:
        """Show how it stands as a label."""
        return row.status, str(DeliveryStatus(row.status).label)

    @display(description=_("status"))
    def status_text(self, row: Any) -> str:
        """Show how it stands, on its own page."""
        return self.status_label(row)[1]

    @display(description=_("why"))
    def problem(self, row: InsightDelivery) -> str:
        """Show what went wrong last, or why nothing was sent."""
        return row.why() or "–"

    @display(description=_("handed on"), ordering="sent_at")
    def handed_on(self, row: InsightDelivery) -> Any:
        """Show when it was handed on; of what waits, until when."""
        if row.sent_at or row.state != "pending":
            return row.sent_at
        return gettext("Waits until %(time)s") % {
            "time": formats.date_format(timezone.localtime(row.due_at), "DATETIME_FORMAT")
        }

    @display(description=_("insights"))
    def all_told(self, row: InsightDelivery) -> str:
        """Show the insights, with the way to each."""
        return format_html_join("", '<div><a class="{}" href="{}">{}</a></div>', _lines(row)) or gettext("No longer found.")

    @display(description=_("on its way as"))
    def way(self, row: InsightDelivery) -> str:
        """Show the mail or the message that it became."""
        if row.email is not None:
            url = reverse("admin:reports_emailmessage_change", args=[row.email_id])
            return format_html('<a class="{}" href="{}">{}</a>', LINK, url, row.email.subject)
        return str(row.event_delivery or "–")

    # --- the inbox of whoever looks

    @action(description=_("My inbox"), icon="inbox", url_path="inbox", permissions=["view"])
    def inbox(self, request: HttpRequest) -> HttpResponse:
        """Show what the person was told, the newest first; a POST marks one line, or all, as read."""
        person: Any = request.user  # nobody anonymous gets here
        if request.method == "POST":
            self._mark_read(request, person)
            return redirect(request.get_full_path())
        page = Paginator(InsightDelivery.objects.inbox(person), IN_INBOX).get_page(request.GET.get("page"))
        rows = list(page.object_list)
        found = Insight.objects.filter(pk__in={one for row in rows for one in row.insights}).select_related("report")
        insights = {one.pk: one for one in found}
        context = {
            **self.admin_site.each_context(request),
            "title": _("Inbox"),
            "content_title": _("Inbox"),
            "opts": None,
            "page": page,
            "lines": [Line(row, [insights[one] for one in row.insights if one in insights]) for row in rows],
            "unread": InsightDelivery.objects.unread(person).count(),
        }
        return TemplateResponse(request, "reports/admin/inbox.html", context)

    def _mark_read(self, request: HttpRequest, person: Any) -> None:
        """Mark the person's own line as read, or all of them."""
        unread, wanted = InsightDelivery.objects.unread(person), request.POST.get("read", "")
        try:
            rows = unread if wanted == "all" else unread.filter(pk=UUID(wanted))
        except ValueError:
            return
        rows.update(read_at=Now())


class Line:
    """One line of an inbox: an insight, or a digest of several, as far as they still stand."""

    def __init__(self, row: InsightDelivery, insights: Sequence[Insight]) -> None:
        self.row = row
        self.told = [(one, text_of(one), source_of(one)) for one in insights]


def _lines(row: InsightDelivery) -> Iterator[tuple[str, str, str]]:
    found = Insight.objects.filter(pk__in=row.insights).select_related("report").order_by("-score", "-id")
    return ((LINK, reverse("admin:reports_insight_change", args=[one.pk]), text_of(one)) for one in found)
