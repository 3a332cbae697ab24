"""The admin of schedules: what is done by the clock, when it was, and what became of it."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import date as formatted
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget

from runtime.admin.target_forms import field_name, initial_of, options, target_fields, target_from
from runtime.cron import upcoming
from runtime.models import Schedule, ScheduleOccurrence
from runtime.schedules import replay, run_now, save_schedule, set_active
from runtime.targets import TARGETS, Author, check_target
from tenants.admin import LedgerAdmin, TenantAdmin, asks_first
from tenants.admin.base import LINK
from tenants.errors import DomainError, FieldProblem
from tenants.models import TaskRun
from tenants.queue import OPEN, STUCK, give_up, put_back
from tenants.text import time_zone_choices

STATE_COLOURS = {
    "pending": "info",
    "running": "info",
    "done": "success",
    "failed": "danger",
    "unknown": "warning",
    "skipped": "default",
    "cancelled": "default",
}


class ScheduleForm(forms.ModelForm):
    """A schedule; the options asked for follow from what it does."""

    author = Author(manages_credentials=False)
    """Set by the page for the person who asks."""

    kind = forms.ChoiceField(label=_("What is done"), widget=UnfoldAdminSelectWidget)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=lazy(time_zone_choices, list), widget=UnfoldAdminSelect2Widget
    )

    class Meta:
        model = Schedule
        fields = ("name", "bot", "cron", "time_zone", "misfire", "is_active")
        labels = {"cron": _("Cron expression")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = dict(self.instance.target)
        for name, value in {"kind": self.instance.kind, **initial_of(self.stored)}.items():
            self.initial.setdefault(name, value)
        if "kind" in self.fields:
            self.fields["kind"].choices = [(one.name, one.label) for one in TARGETS.values()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        """Make the target of what was filled in, and refuse one that could not be run."""
        cleaned: Any = super().clean()
        if kind := cleaned.get("kind"):
            self.instance.target = target_from(kind, cleaned, self.stored)
            try:
                check_target(self.instance.target, Author(self.author.manages_credentials, self.stored))
            except DomainError as error:
                self._tell(kind, error)
        return cleaned

    def _tell(self, kind: str, error: DomainError) -> None:
        for problem in error.problems or [FieldProblem(None, error.code, error.message)]:
            name = field_name(kind, (problem.field or "").removeprefix("target.").split(".")[0])
            said = ValidationError(problem.message, code=problem.code)
            self.add_error(name if name in self.fields else None, said)


@admin.register(Schedule)
class ScheduleAdmin(TenantAdmin):
    """Schedules."""

    form = ScheduleForm
    list_display = ("title", "what", "cron", "time_zone", "next_run", "last_run", "last_label", "is_active")
    list_display_links = ("title",)
    list_filter = ("is_active", "bot", "misfire")
    list_select_related = ("bot",)
    search_fields = ("name",)
    autocomplete_fields = ("bot",)
    ordering = ("-id",)
    readonly_fields = ("times",)
    actions_detail = ("run", "pause", "resume", "runs")
    export_fields = (
        *("name", "bot", "cron", "time_zone", "target", "misfire", "is_active", "next_run", "last_run"),
        *("created_at", "updated_at"),
    )
    empty_message = _("A schedule does something by the clock: import a catalogue every night, call an address every hour.")

    class Media:
        """The next times, while somebody types."""

        js = ("runtime/schedule.js",)

    @property
    def conditional_fields(self) -> dict[str, str]:
        """Show the options of the kind that is chosen."""
        return {field_name(kind, option): f"kind == '{kind}'" for kind, option, _schema in options()}

    @property
    def fieldsets(self) -> Any:
        """Group when it is done apart from what is done."""
        more = [field_name(kind, option) for kind, option, _schema in options()]
        return (
            (None, {"fields": (("name", "bot"), "is_active")}),
            (_("When"), {"fields": (("cron", "time_zone"), "times", "misfire")}),
            (_("Task"), {"fields": ("kind", *more)}),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what the person may not choose."""
        asked = {"kind", *target_fields(request.user)}
        *first, (title, options_) = self.fieldsets
        return [*first, (title, {"fields": [name for name in options_["fields"] if name in asked]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the schedules with how their last run stands."""
        schedules: Any = super().get_queryset(request)
        return schedules.with_last_occurrence()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with a field for every option."""
        author = Author(manages_credentials=request.user.has_perm("vault.change_credential"))
        kwargs["form"] = type("TargetForm", (self.form,), {**target_fields(request.user), "author": author})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the business's own time zone."""
        tenant: Any = request.tenant  # type: ignore[attr-defined]
        return {"time_zone": tenant.time_zone, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Save it, and plan when it is due next."""
        if not change:
            obj.created_by = request.user
        save_schedule(schedule=obj, author=form.author)

    # --- columns

    @display(description=_("name"), ordering="name")
    def title(self, schedule: Schedule) -> str:
        """Show the name."""
        return str(schedule)

    @display(description=_("what is done"))
    def what(self, schedule: Schedule) -> str:
        """Show the kind of target in words."""
        kind = TARGETS.get(schedule.kind)
        return str(kind.label) if kind else schedule.kind

    @display(description=_("last result"), label=STATE_COLOURS)
    def last_label(self, schedule: Any) -> tuple[str, str]:
        """Show how the last run stands."""
        state = schedule.last_state or ""
        return state, str(dict(ScheduleOccurrence._meta.get_field("state").flatchoices).get(state, "–"))

    @display(description=_("next times"))
    def times(self, schedule: Schedule | None) -> str:
        """Show the next five times; a script fills this in anew while somebody types."""
        shown = _times(schedule) if schedule and schedule.cron else "–"
        return format_html('<div data-times="{}">{}</div>', reverse("admin:runtime_schedule_preview"), shown)

    # --- pages

    def get_custom_urls(self) -> Any:
        """Add what the script asks for the next times."""
        return (("preview", "runtime_schedule_preview", self.preview),)

    def preview(self, request: HttpRequest, **_options: Any) -> HttpResponse:
        """Answer the next five times of ``cron`` and ``time_zone``, or what is wrong with them."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        asked = Schedule(cron=request.GET.get("cron", "")[:100], time_zone=request.GET.get("time_zone", "")[:64])
        return HttpResponse(_times(asked))

    @action(description=_("Run now"), icon="play_arrow", permissions=["change"])
    @asks_first
    def run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run it once, beside its times."""
        by: Any = request.user
        run_now(schedule=self._named(request, object_id), by=by)
        messages.success(request, _("It runs now. The result will be among its runs."))
        return self._runs_of(object_id)

    @action(description=_("Pause"), icon="pause", permissions=["change"])
    @asks_first
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Switch it off."""
        set_active(schedule=self._named(request, object_id), is_active=False)
        return redirect("admin:runtime_schedule_change", object_id)

    @action(description=_("Go on"), icon="resume", permissions=["change"])
    @asks_first
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Switch it on; what was due meanwhile was not missed."""
        set_active(schedule=self._named(request, object_id), is_active=True)
        return redirect("admin:runtime_schedule_change", object_id)

    @action(description=_("Runs"), icon="history", permissions=["view"])
    def runs(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to its runs."""
        if self.get_object(request, object_id) is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._runs_of(object_id)

    def _named(self, request: HttpRequest, object_id: str) -> Schedule:
        row = self.get_object(request, object_id)
        assert row is not None, "asks_first has looked"
        found: Schedule = row
        return found

    def _runs_of(self, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:runtime_scheduleoccurrence_changelist')}?schedule={object_id}")


def _times(schedule: Schedule) -> str:
    """Return the next five times as HTML, or what is wrong with when it is to run."""
    try:
        schedule.clean()
    except ValidationError as error:
        return format_html('<span class="text-red-600">{}</span>', " ".join(error.messages))
    shown = upcoming(schedule.cron, schedule.time_zone, after=timezone.now())
    return " · ".join(formatted(at, "DATETIME_FORMAT") for at in shown)


@admin.register(ScheduleOccurrence)
class ScheduleOccurrenceAdmin(LedgerAdmin):
    """The times schedules were due, the newest first."""

    list_display = ("scheduled_for", "of", "state_label", "why", "begun_by", "attempt")
    list_display_links = ("scheduled_for",)
    list_filter = ("state", "origin", "schedule__bot")
    list_select_related = ("schedule", "created_by")
    link_filters = ("schedule",)
    search_fields = ("schedule__name",)
    ordering = ("-id",)
    fields = ("of", "scheduled_for", "state", "why", "begun_by", "attempt", "taken_up", "created_by", "results")
    readonly_fields = fields
    actions: Any = ("put_back", "repeat", "give_up", "export")
    actions_detail = ("put_one_back", "give_one_up")
    consequences: ClassVar[dict[str, Any]] = {
        "put_one_back": _("Of an unclear run nobody knows whether it was done: it may be done twice."),
    }
    export_fields = ("schedule", "scheduled_for", "state", "origin", "attempt", "last_error", "created_at")
    empty_message = _("When a schedule is due, its run stands here with its result, and with the reason if it was left out.")
    empty_links = ((_("Schedules"), "admin:runtime_schedule_changelist"),)

    @display(description=_("schedule"), ordering="schedule__name")
    def of(self, row: ScheduleOccurrence) -> str:
        """Lead to the schedule."""
        address = reverse("admin:runtime_schedule_change", args=[row.schedule_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, row.schedule)

    @display(description=_("state"), ordering="state", label=STATE_COLOURS)
    def state_label(self, row: ScheduleOccurrence) -> tuple[str, str]:
        """Show the state as a label."""
        return row.state, row.get_state_display()

    @display(description=_("reason"))
    def why(self, row: ScheduleOccurrence) -> str:
        """Show why it stands so."""
        return row.reason or "–"

    @display(description=_("begun by"), ordering="origin")
    def begun_by(self, row: ScheduleOccurrence) -> str:
        """Show whether the clock or a person had it run."""
        return f"{row.get_origin_display()} ({row.created_by})" if row.created_by else str(row.get_origin_display())

    @display(description=_("taken up from"))
    def taken_up(self, row: ScheduleOccurrence) -> str:
        """Show from when on a worker takes it up; nothing once it has ended."""
        return formatted(row.due_at, "DATETIME_FORMAT") if row.state in OPEN else "–"

    @display(description=_("task runs"))
    def results(self, row: ScheduleOccurrence) -> str:
        """Lead to what its attempts were given and brought."""
        address = f"{reverse('admin:tenants_taskrun_changelist')}?row_id={row.pk}"
        number = TaskRun.objects.filter(row_id=row.pk).count()
        return format_html(
            '<a class="{}" href="{}">{}</a>', LINK, address, gettext("Attempts: %(number)d") % {"number": number}
        )

    def has_work_permission(self, request: HttpRequest) -> bool:
        """Whether the person may have things done."""
        return request.user.has_perm("runtime.change_scheduleoccurrence")

    @admin.action(description=_("Try again what failed or is unclear"), permissions=["work"])
    def put_back(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Try the same runs again, under their own keys."""
        messages.success(request, gettext("Tried again: %(number)d") % {"number": put_back(_bare(queryset))})

    @admin.action(description=_("Repeat as new runs"), permissions=["work"])
    def repeat(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Do anew what has ended."""
        by: Any = request.user
        rows = list(queryset.select_related("schedule"))
        for row in rows:
            replay(occurrence=row, by=by)
        messages.success(request, gettext("New runs: %(number)d") % {"number": len(rows)})

    @admin.action(description=_("Give up what failed or is unclear"), permissions=["work"])
    def give_up(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Let them be."""
        messages.success(request, gettext("Given up: %(number)d") % {"number": give_up(_bare(queryset))})

    @action(description=_("Try again"), icon="replay", permissions=["decide"])
    @asks_first
    def put_one_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try this run again, under its own key."""
        self.put_back(request, ScheduleOccurrence.objects.filter(pk=object_id))
        return redirect("admin:runtime_scheduleoccurrence_change", object_id)

    @action(description=_("Give up"), icon="block", permissions=["decide"])
    @asks_first
    def give_one_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let this run be."""
        self.give_up(request, ScheduleOccurrence.objects.filter(pk=object_id))
        return redirect("admin:runtime_scheduleoccurrence_change", object_id)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may have things done, as long as it failed or is unclear."""
        stuck = ScheduleOccurrence.objects.filter(state__in=STUCK)
        return self.has_work_permission(request) and (object_id is None or stuck.filter(pk=object_id).exists())


def _bare(rows: QuerySet) -> QuerySet:
    """Return the rows without the order and joins of the page, so that they can be updated."""
    return ScheduleOccurrence.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
