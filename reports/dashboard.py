"""The home page: what happened today, beside the same day of last week, and what to do next. At most 13 queries."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.db import models
from django.db.models import Count
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from bots.models import Bot, Faq
from catalog.availability import count_sold_out
from catalog.models import ImportJob, Offering, SearchVector, Status
from reports.attention import warnings
from reports.daily_links import rows_url
from reports.found_again import distinct_events
from reports.home_figures import Weeks, cards_of, read_weeks
from reports.models import Insight, Metric
from reports.wording import text_of
from runtime.models import Session, Turn
from tenants.middleware import count_tenants
from tenants.models import ApiKey, Tenant, User
from tenants.queue import STUCK, queues

RECENT = 8
WORTH_KNOWING, FRESH = 5, timedelta(days=14)
"""Insights that the page tells, and how long they are new."""
LOOKED_AT = 60
"""Of the most important ones: several may be of one event."""


@dataclass(frozen=True)
class Figure:
    """One number of the page. ``change`` compares it with a week ago; ``alert`` asks for attention."""

    label: str
    value: str
    icon: str
    url: str = ""
    change: str = ""
    alert: bool = False


@dataclass(frozen=True)
class Step:
    """Something a new tenant does once."""

    label: str
    why: str
    url: str
    done: bool


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page: of the tenant worked in, else of the platform (unfold's DASHBOARD_CALLBACK)."""
    tenant: Tenant | None = request.tenant  # type: ignore[attr-defined]
    if tenant is not None:
        return {**context, "title": _("Home"), "warnings": warnings(request), **_tenant_home(tenant)}
    if request.user.is_superuser:
        return {**context, "title": _("Platform"), **_platform_home()}
    return {**context, "title": _("Home"), "no_tenant": True}


def _platform_home() -> dict[str, Any]:
    users = User.objects.filter(is_active=True).count()
    return {
        "platform_figures": [
            Figure(_("Tenants"), _number(count_tenants()), "domain", _page("tenants.tenant")),
            Figure(_("Active users"), _number(users), "person", _page("tenants.user")),
        ]
    }


def _tenant_home(tenant: Tenant) -> dict[str, Any]:
    weeks = read_weeks(zone=tenant.time_zone)
    counts = _counts(tenant)
    steps = _steps(counts)
    return {
        "cards": cards_of(weeks) if weeks.has_happened else [],
        "today_figures": _today_figures(weeks, counts),
        "stock_figures": _catalogue_figures(counts),
        "insights": _worth_knowing(),
        "recent": _recent(),
        "steps": [] if all(step.done for step in steps) else steps,
        "sessions_url": _page("runtime.session"),
        "today": formats.date_format(weeks.today.day, "DATE_FORMAT"),
    }


def _worth_knowing() -> list[dict[str, Any]]:
    """Return what was found lately, the most important first: one query."""
    found = Insight.objects.newest().filter(created_at__gte=timezone.now() - FRESH)[:LOOKED_AT]
    return [_told(one) for one in distinct_events(found)[:WORTH_KNOWING]]


def _told(insight: Insight) -> dict[str, Any]:
    is_fall = "_down" in insight.content["text"]["code"]
    url = _page("reports.insight", "change", insight.pk)
    return {"text": text_of(insight), "kind": insight.insight_type, "is_fall": is_fall, "url": url}


def _counts(tenant: Tenant) -> dict[str, Any]:
    """Count everything else in one query, out of stock in a second."""
    stuck = {
        f"stuck_{place}": _counted(queue._default_manager.filter(state__in=STUCK)) for place, queue in enumerate(queues())
    }
    open_states = (ImportJob.Status.PENDING, ImportJob.Status.STAGING, ImportJob.Status.STAGED, ImportJob.Status.APPLYING)
    recently = timezone.now() - timedelta(days=7)
    row = Tenant.objects.filter(pk=tenant.pk).values(
        offerings=_counted(Offering.objects.filter(status=Status.ACTIVE)),
        all_offerings=_counted(Offering.objects.all()),
        open_imports=_counted(ImportJob.objects.filter(status__in=open_states)),
        failed_imports=_counted(ImportJob.objects.filter(status=ImportJob.Status.FAILED, created_at__gte=recently)),
        embeddings=_counted(SearchVector.objects.filter(state__in=("pending", "running"))),
        bots=_counted(Bot.objects.filter(status="active", versions__is_active=True)),
        faqs=_counted(Faq.objects.filter(is_active=True)),
        keys=_counted(ApiKey.objects.filter(revoked_at=None)),
        talked=models.Exists(Session.objects.all()),
        **stuck,
    )
    counts = cast("dict[str, Any]", row.get())
    return {**counts, "stuck": sum(counts[name] for name in stuck), "sold_out": count_sold_out()}


def _counted(rows: models.QuerySet) -> Coalesce:
    """Return a subquery that counts the rows."""
    total = rows.order_by().annotate(_all=models.Value(1)).values("_all").annotate(n=Count("pk")).values("n")
    return Coalesce(models.Subquery(total, output_field=models.IntegerField()), 0)


def _today_figures(weeks: Weeks, counts: dict[str, Any]) -> list[Figure]:
    today, before = weeks.today, weeks.before
    failed = today.count(Metric.MAILS_FAILED)
    failures = rows_url(Metric.MAILS_FAILED, today.day, today.day, zone=weeks.zone)
    jobs = _("Failed or unclear, they wait for a person.") if counts["stuck"] else _("Nothing waits for a person.")
    return [
        Figure(
            _("Without a person"), _percent(today.containment), "verified",
            rows_url(Metric.CONTAINED, today.day, today.day, zone=weeks.zone),
            _("a week ago %(value)s") % {"value": _percent(before.containment)},
        ),
        Figure(
            _("Time to answer"), _milliseconds(today.latency_ms), "speed", "",
            _("a week ago %(value)s") % {"value": _milliseconds(before.latency_ms)},
        ),
        Figure(
            _("Mail failures"), _number(failed), "mark_email_unread", failures,
            _("a week ago %(value)s") % {"value": _number(before.count(Metric.MAILS_FAILED))}, alert=failed > 0,
        ),
        Figure(
            _("Stuck jobs"), _number(counts["stuck"]), "work_history", _page("tenants.taskrun", "jobs"), jobs,
            alert=counts["stuck"] > 0,
        ),
    ]  # fmt: skip


def _catalogue_figures(counts: dict[str, Any]) -> list[Figure]:
    imports = _page("catalog.importjob")
    return [
        Figure(_("Active offerings"), _number(counts["offerings"]), "sell", _page("catalog.offering")),
        Figure(
            _("Variants out of stock"), _number(counts["sold_out"]), "production_quantity_limits",
            f"{_page('catalog.variant')}?sold_out=yes", alert=counts["sold_out"] > 0,
        ),
        Figure(
            _("Imports under way"), _number(counts["open_imports"]), "upload_file", imports,
            _("%(count)s failed this week") % {"count": counts["failed_imports"]} if counts["failed_imports"] else "",
            alert=counts["failed_imports"] > 0,
        ),
        Figure(_("Texts waiting for the search"), _number(counts["embeddings"]), "manage_search"),
    ]  # fmt: skip


def _steps(counts: dict[str, Any]) -> list[Step]:
    """Return what makes a tenant ready to sell, in the order in which it is done."""
    return [
        Step(_("Add what you sell"), _("Create an offering with its variants and prices."),
             _page("catalog.offering", "add"), counts["all_offerings"] > 0),
        Step(_("Or import your catalogue"), _("A Shopify product export works as it is, with a preview first."),
             _page("catalog.importjob", "add"), counts["all_offerings"] > 0),
        Step(_("Activate a bot"), _("It speaks as its active version says."), _page("bots.bot"), counts["bots"] > 0),
        Step(_("Teach it your FAQs"), _("Questions it answers word for word."), _page("bots.faq", "add"), counts["faqs"] > 0),
        Step(_("Talk to your bot"), _("Open the bot and try what customers will ask."), _page("bots.bot"), counts["talked"] > 0),
        Step(_("Issue an API key"), _("Your shop's front end calls the bot with it."),
             _page("tenants.apikey", "add"), counts["keys"] > 0),
    ]  # fmt: skip


def _recent() -> list[dict[str, Any]]:
    """Return the newest conversations with their first question: one query."""
    asked = Turn.objects.filter(session=models.OuterRef("pk"), speaker=Turn.Speaker.USER).order_by("id").values("message")
    rows = Session.objects.select_related("bot", "channel", "customer").annotate(asked=models.Subquery(asked[:1]))
    return [{"session": row, "url": _page("runtime.session", "change", row.pk)} for row in rows[:RECENT]]


def _page(model: str, page: str = "changelist", *args: Any) -> str:
    """Return the address of an admin page, empty where there is none."""
    try:
        return reverse(f"admin:{model.replace('.', '_')}_{page}", args=args)
    except NoReverseMatch:
        return ""


def _number(value: int) -> str:
    return formats.number_format(value, use_l10n=True, force_grouping=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else _("%(ms)s ms") % {"ms": _number(round(value))}
