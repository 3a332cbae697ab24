"""How the installation is: the board of checks, and the errors nobody expected."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from reports.health import Stretch, lines_of_a_day, summary
from reports.health_checks import CHECKS
from reports.models import ErrorLog, HealthCheck, HealthState
from tenants.admin import PlatformAdmin

COLOURS = {"ok": "success", "warning": "warning", "error": "danger", "off": "info"}
LABELS = {check.name: check.label for check in CHECKS}
WIDTH, HEIGHT = 160, 28
MARKS = {HealthState.ERROR: "#dc2626", HealthState.WARNING: "#f59e0b"}
"""Colours of the moments in which something was wrong."""
MOMENT = timedelta(seconds=90)


def sparkline(stretches: Sequence[Stretch]) -> str:
    """Return a small drawing of a check's values by its own scale, over the time there is, and where it warned or failed.

    What hardly moves is flat: the scale spans a fifth of the highest value at least.
    """
    values = [one.value for one in stretches if one.value is not None]
    if len(stretches) < 2:
        return "–"
    begin, seconds = stretches[0].at, (stretches[-1].at - stretches[0].at).total_seconds()

    def across(one: Stretch) -> str:
        return f"{(one.at - begin).total_seconds() / seconds * (WIDTH - 2) + 1:.1f}"

    low, high = min(values, default=0.0), max(values, default=0.0)
    span = max(high - low, abs(high) / 5) or 1.0
    foot = (low + high - span) / 2
    points = " ".join(
        f"{across(one)},{HEIGHT - 2 - (one.value - foot) / span * (HEIGHT - 4):.1f}"
        for one in stretches
        if one.value is not None
    )
    bad = ((across(one), HEIGHT, MARKS[one.state]) for one in stretches if one.state in MARKS)
    said = gettext("From %(low)s to %(high)s") % {"low": _short(low), "high": _short(high)} if values else ""
    since = gettext("since %(time)s") % {"time": formats.time_format(timezone.localtime(begin))}
    return format_html(
        '<svg width="{}" height="{}" role="img" aria-label="{}" class="text-primary-600">{}'
        '<polyline fill="none" stroke="currentColor" stroke-width="1.5" points="{}"/></svg>'
        '<div class="text-subtle text-xs whitespace-nowrap">{}</div>',
        WIDTH,
        HEIGHT,
        said,
        format_html_join("", '<line x1="{0}" x2="{0}" y1="0" y2="{1}" stroke="{2}" stroke-width="2"/>', bad),
        points,
        ", ".join(filter(None, (said, since))),
    )


def _short(value: float) -> str:
    return number_format(
        round(value) if abs(value) >= 100 or value == round(value) else round(value, 1), force_grouping=True
    )


class LookedAt(PlatformAdmin):
    """A page that programs write and people look at."""

    has_history = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


@admin.register(HealthCheck)
class HealthCheckAdmin(LookedAt):
    """The board: every part of the installation, its state, since when, and its last 24 hours."""

    list_display = ("part", "state_label", "lasts", "found", "day", "said", "checked")
    list_display_links = None
    ordering = ("name",)
    fields = ("part", "state", "since", "found", "said", "checked_at")
    list_before_template = "reports/admin/health_summary.html"
    export_fields = ("name", "state", "since", "value", "unit", "checked_at")
    empty_message = _("The first checks are made within a minute of the start of worker and beat.")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the board below how many parts there are of each state."""
        context = {**(extra_context or {}), "health": summary(HealthCheck.objects.all())}
        return super().changelist_view(request, context)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the rows, each with the values of its last day: read at once for all."""
        found = super().get_changelist_instance(request)
        lines = lines_of_a_day()
        for row in found.result_list:
            row.line = lines.get(row.pk, [])
        return found

    @display(description=_("part"), ordering="name")
    def part(self, check: HealthCheck) -> str:
        """Show what is looked after."""
        return str(LABELS.get(check.name, check.name))

    @display(description=_("state"), label=COLOURS)
    def state_label(self, check: HealthCheck) -> tuple[str, str]:
        """Show the state as a label."""
        state = check.shown_state
        return state, dict(HealthCheck._meta.get_field("state").flatchoices)[state]

    @display(description=_("for"), ordering="since")
    def lasts(self, check: HealthCheck) -> str:
        """Show how long it has been so."""
        return timesince(check.since)

    @display(description=_("value"))
    def found(self, check: HealthCheck) -> str:
        """Show the last value."""
        if check.value is None:
            return "–"
        whole = check.value == int(check.value)
        return f"{number_format(int(check.value) if whole else check.value)} {check.unit}".strip()

    @display(description=_("24 hours"))
    def day(self, check: Any) -> str:
        """Draw the last day."""
        return sparkline(getattr(check, "line", []))

    @display(description=_("message"))
    def said(self, check: HealthCheck) -> str:
        """Show what was found."""
        return check.said or "–"

    @display(description=_("checked"), ordering="checked_at")
    def checked(self, check: HealthCheck) -> str:
        """Show when somebody last looked."""
        if check.checked_at is None:
            return "–"
        if timezone.now() - check.checked_at < MOMENT:
            return gettext("just now")
        return gettext("%(time)s ago") % {"time": timesince(check.checked_at)}


@admin.register(ErrorLog)
class ErrorLogAdmin(LookedAt):
    """Errors by where they happened; one that happens again after it was resolved is open again."""

    list_display = ("exception", "message", "place", "kind", "count", "last_seen", "state_label")
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("exception", "place")
    ordering = ("-last_seen",)
    fieldsets = (
        (None, {"fields": (("exception", "kind"), "message", "place")}),
        (_("When"), {"fields": (("count", "first_seen", "last_seen"), ("request_id", "last_tenant_id"))}),
        (_("Way through the code"), {"fields": ("way",)}),
        (_("Resolved"), {"fields": (("resolved_at", "resolved_by"),)}),
    )
    actions: Any = ("resolve", "export")
    empty_message = _("Errors that no code expected are counted here. There was none: enjoy it.")

    @display(description=_("state"), label={"open": "danger", "resolved": "success"})
    def state_label(self, error: ErrorLog) -> tuple[str, str]:
        """Show whether somebody has seen to it."""
        return ("resolved", gettext("Resolved")) if error.resolved_at else ("open", gettext("Open"))

    @display(description=_("way through the code"))
    def way(self, error: ErrorLog) -> str:
        """Show the frames, the innermost last."""
        return format_html('<pre class="break-words whitespace-pre-wrap">{}</pre>', error.trace)

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Platform staff."""
        return bool(request.user.is_superuser)

    @admin.action(description=_("Mark as resolved"), permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Say that somebody has seen to the chosen errors."""
        count = queryset.filter(resolved_at=None).update(resolved_at=Now(), resolved_by=request.user)
        said = ngettext("%(number)d error is resolved.", "%(number)d errors are resolved.", count)
        messages.success(request, said % {"number": count})
