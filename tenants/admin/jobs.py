"""The admin of background work: what was done, and how the queues stand."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from tenants.admin.base import LedgerAdmin, is_platform_staff, open_platform
from tenants.admin.filters import TimeFilter
from tenants.errors import DomainError, NotAllowed
from tenants.jobs import QueueCount, count_queues, queue_named
from tenants.models import TaskRun
from tenants.models.task_runs import TASK_LABELS
from tenants.queue import STUCK, QueueState, give_up, put_back

STATUS_COLOURS = {"running": "info", "done": "success", "failed": "danger", "unknown": "warning"}
JOBS = "tenants_taskrun_jobs"
STEPS = {"retry": put_back, "give_up": give_up}


class TaskFilter(admin.SimpleListFilter):
    """Runs of one type of task."""

    title = _("what is done")
    parameter_name = "task_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the types, as people call them."""
        return sorted(((code, str(label)) for code, label in TASK_LABELS.items()), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(task_type=self.value()) if self.value() else queryset


@admin.register(TaskRun)
class TaskRunAdmin(LedgerAdmin):
    """Attempts, the newest first; and the page of all queues."""

    list_display = ("started_at", "subject", "task_label", "status_label", "attempt", "took", "said")
    list_display_links = ("subject",)
    list_filter = ("status", TaskFilter, ("started_at", TimeFilter))
    list_filter_submit = True
    link_filters = ("row_id",)
    search_fields = ("name",)
    ordering = ("-id",)
    fields = ("subject", "task_label", "status", "attempt", "started_at", "finished_at", "said", "given", "brought")
    readonly_fields = fields
    actions: Any = ("retry", "export")
    actions_list = ("jobs",)
    export_fields = (
        *("started_at", "finished_at", "task_type", "name", "queue", "row_id", "attempt", "status", "error"),
        *("input", "output"),
    )
    empty_message = _(
        "Imports and scheduled runs leave here what they were given, what they brought and how long they took."
    )
    empty_links = ((_("Jobs"), f"admin:{JOBS}"),)

    @display(description=_("name"), ordering="name")
    def subject(self, run: TaskRun) -> str:
        """Show what it was done for."""
        return str(run)

    @display(description=_("what is done"), ordering="task_type")
    def task_label(self, run: TaskRun) -> str:
        """Show what is done."""
        return run.what

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, run: TaskRun) -> tuple[str, str]:
        """Show the status as a label."""
        return run.status, run.get_status_display()

    @display(description=_("took"))
    def took(self, run: TaskRun) -> str:
        """Show how long it took."""
        if run.seconds is None:
            return "–"
        return gettext("%(seconds)s s") % {"seconds": number_format(round(run.seconds, 1), 1)}

    @display(description=_("error"))
    def said(self, run: TaskRun) -> str:
        """Show what went wrong."""
        return truncatechars(run.problem, 200) or "–"

    @display(description=_("input"))
    def given(self, run: TaskRun) -> str:
        """Show what it was given."""
        return _shown(run.input)

    @display(description=_("output"))
    def brought(self, run: TaskRun) -> str:
        """Show what it brought."""
        return _shown(run.output)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether the person may put anything back: which queue it is of is asked for each."""
        return request.user.has_perm("runtime.change_scheduleoccurrence")

    @admin.action(description=_("Try again what failed"), permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Put the rows back that the chosen runs are of, as far as they failed or are unclear."""
        chosen: dict[str, set[Any]] = {}
        for run in queryset:
            chosen.setdefault(run.queue, set()).add(run.row_id)
        with transaction.atomic():
            back = sum(_step(request, "retry", key, pk__in=ids) for key, ids in chosen.items() if queue_named(key).task)
        _tell(request, "retry", back)

    # --- the queues

    def opens_platform(self, request: HttpRequest) -> bool:
        """Open the platform for its staff on the page of jobs: it shows counts and no tenant's row."""
        is_jobs = request.resolver_match is not None and request.resolver_match.url_name == JOBS
        return is_jobs and is_platform_staff(request) and open_platform(request)

    @action(description=_("Jobs"), icon="work_history", url_path="jobs", permissions=["view"])
    def jobs(self, request: HttpRequest) -> HttpResponse:
        """Show every queue; with ``?part`` only the table, for its refreshing. A button puts back or gives up what is stuck."""
        if request.method == "POST":
            step, _dot, key = request.POST.get("step", "").partition(":")
            if step in STEPS and "sure" not in request.POST:
                return self._ask(request, step, key)
            if step in STEPS:
                _tell(request, step, _step(request, step, key, state__in=_decided(step)))
            return redirect(f"admin:{JOBS}")
        counts = count_queues()
        context = {
            "title": _("Jobs"),
            "content_title": _("Jobs"),
            "opts": None,
            "queues": [(one, _address(one), _may(request, one.key)) for one in counts],
            "stuck": sum(one.stuck for one in counts),
        }
        part = "part" in request.GET
        site = {} if part else self.admin_site.each_context(request)
        return TemplateResponse(request, f"tenants/admin/{'jobs_part' if part else 'jobs'}.html", {**site, **context})

    def _ask(self, request: HttpRequest, step: str, key: str) -> HttpResponse:
        """Ask before all that is stuck in a queue is put back or given up, with how many that is."""
        rows = _stuck(request, step, key)
        context = {
            "title": capfirst(str(rows.model._meta.verbose_name_plural)),
            "content_title": _("Jobs"),
            "opts": None,
            "step": step,
            "key": key,
            "count": rows.filter(state__in=_decided(step)).count(),
            "unclear": rows.filter(state=QueueState.UNKNOWN).count(),
        }
        return TemplateResponse(request, "tenants/admin/jobs_ask.html", {**self.admin_site.each_context(request), **context})


def _decided(step: str) -> Sequence[str]:
    """Return the states that a button for a whole queue reaches: what may have been done is tried again row by row only."""
    return (QueueState.FAILED,) if step == "retry" else STUCK


def _shown(value: dict[str, Any]) -> str:
    if not value:
        return "–"
    return format_html(
        '<pre class="break-words whitespace-pre-wrap">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False)
    )


def _address(count: QueueCount) -> str:
    """Return the list of the queue's rows; empty where there is none."""
    app, model = count.key.split(".")
    try:
        return reverse(f"admin:{app}_{model}_changelist")
    except NoReverseMatch:
        return ""


def _may(request: HttpRequest, key: str) -> bool:
    app, model = key.split(".")
    return request.user.has_perm(f"{app}.change_{model}")


def _step(request: HttpRequest, step: str, key: str, **only: Any) -> int:
    """Put back or give up what is stuck in a queue; raises as ``_stuck``."""
    return STEPS[step](_stuck(request, step, key).filter(**only))


def _stuck(request: HttpRequest, step: str, key: str) -> QuerySet:
    """Return what is stuck in a queue; raises ``NotAllowed`` and ``DomainError`` (``unknown_queue``, ``not_here``)."""
    model = queue_named(key)
    if not _may(request, key):
        raise NotAllowed("permission_denied", gettext("You may not do this."))
    if step == "retry" and not model.task:
        raise DomainError("not_here", gettext("Such rows are gone on with on their own page."))
    rows: QuerySet = model._default_manager.filter(state__in=STUCK)
    return rows


def _tell(request: HttpRequest, step: str, how_many: int) -> None:
    if step == "retry":
        said = ngettext("%(number)d entry is tried again.", "%(number)d entries are tried again.", how_many)
    else:
        said = ngettext("%(number)d entry is given up.", "%(number)d entries are given up.", how_many)
    messages.success(request, said % {"number": how_many})
