"""The home page: what happened today, compared with yesterday, and what to do next. At most ten queries."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import models
from django.db.models import Avg, Count, Q
from django.db.models.functions import Coalesce, TruncDate
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from bots.models import Bot, Faq
from catalog.availability import count_sold_out
from catalog.models import ImportJob, Offering, SearchVector, Status
from reports.attention import warnings
from runtime.models import DecisionEvent, Escalation, Session, Tier, Turn
from tenants.middleware import count_tenants
from tenants.models import ApiKey, Tenant, User

DAYS = 14
RECENT = 8
ANSWERED = (Tier.GUARDRAIL, Tier.CACHE, Tier.FAQ, Tier.CATALOG, Tier.LLM)
"""Tiers in which the bot answered by itself."""
CHART_OPTIONS = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "datasets": {"bar": {"maxBarThickness": 18, "borderRadius": 3, "borderSkipped": "bottom"}},
    "plugins": {"legend": {"position": "bottom", "labels": {"boxWidth": 10, "boxHeight": 10, "color": "#9ca3af"}}},
    "scales": {
        "x": {"grid": {"display": False}, "ticks": {"color": "#9ca3af"}},
        "y": {"beginAtZero": True, "border": {"display": False}, "ticks": {"precision": 0, "color": "#9ca3af"}, "grid": {}},
    },
}


@dataclass(frozen=True)
class Figure:
    """One number of the page. ``change`` compares with yesterday; ``alert`` asks for attention."""

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


@dataclass(frozen=True)
class Day:
    """What one day brought. ``latency`` in milliseconds, None without answers.

    ``conversations`` began on it, of these ``handed_over`` asked for a person; of its answers ``given_up`` were none.
    """

    conversations: int = 0
    handed_over: int = 0
    answered: int = 0
    given_up: int = 0
    latency: float | None = None

    @property
    def contained(self) -> float | None:
        """Share of the answers that needed no person, 0 to 1; None without answers."""
        total = self.answered + self.given_up
        return self.answered / total if total else None


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
    days = _days(timezone.localdate())
    today, yesterday = list(days.values())[-1], list(days.values())[-2]
    counts = _counts(tenant)
    steps = _steps(counts)
    return {
        "today_figures": _conversation_figures(today, yesterday),
        "stock_figures": _catalogue_figures(counts),
        "chart": json.dumps(_chart(days)),
        "chart_options": json.dumps(CHART_OPTIONS),
        "has_chart": any(day.conversations for day in days.values()),
        "recent": _recent(),
        "steps": [] if all(step.done for step in steps) else steps,
        "sessions_url": _page("runtime.session"),
        "today": formats.date_format(timezone.localdate(), "DATE_FORMAT"),
    }


def _days(today: date) -> dict[date, Day]:
    """Return the last ``DAYS`` days in order, today last: two queries."""
    dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    since = timezone.make_aware(datetime.combine(dates[0], time.min))
    # The ids are in order of time, and the index on them is the one that sessions have.
    sessions = Session.objects.filter(id__gte=_first_id_of(since), created_at__gte=since)
    asked = models.Exists(Escalation.objects.filter(session=models.OuterRef("pk")))
    counted = sessions.order_by().values_list(TruncDate("created_at")).annotate(Count("id"), asked=Count("id", filter=asked))
    begun = {day: {"conversations": conversations, "handed_over": asked} for day, conversations, asked in counted}
    decisions = DecisionEvent.objects.filter(created_at__gte=since, event_type=DecisionEvent.EventType.TIER_SELECTION)
    rows = (
        decisions.order_by()
        .values_list(TruncDate("created_at"))
        .annotate(
            answered=Count("id", filter=Q(tier__in=ANSWERED)),
            given_up=Count("id", filter=Q(tier=Tier.HANDOFF)),
            latency=Avg("latency_ms", filter=Q(tier__in=(*ANSWERED, Tier.HANDOFF))),
        )
    )
    found = {day: Day(answered=answered, given_up=given_up, latency=latency) for day, answered, given_up, latency in rows}
    return {day: replace(found.get(day, Day()), **begun.get(day, {})) for day in dates}


def _first_id_of(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of that moment (its first 48 bits are milliseconds)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _counts(tenant: Tenant) -> dict[str, int]:
    """Count everything else in one query, out of stock in a second."""
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
    )
    return {**cast("dict[str, int]", row.get()), "sold_out": count_sold_out()}


def _counted(rows: models.QuerySet) -> Coalesce:
    """Return a subquery that counts the rows."""
    total = rows.order_by().annotate(_all=models.Value(1)).values("_all").annotate(n=Count("pk")).values("n")
    return Coalesce(models.Subquery(total, output_field=models.IntegerField()), 0)


def _conversation_figures(today: Day, yesterday: Day) -> list[Figure]:
    sessions = _page("runtime.session")
    return [
        Figure(
            _("Conversations today"), _number(today.conversations), "forum", sessions,
            _compared(today.conversations, yesterday.conversations),
        ),
        Figure(
            _("Answered by the bot"), _number(today.answered), "smart_toy", sessions,
            _compared(today.answered, yesterday.answered),
        ),
        Figure(
            _("Without a person"), _percent(today.contained), "support_agent", sessions,
            _("yesterday %(value)s") % {"value": _percent(yesterday.contained)},
        ),
        Figure(
            _("Time to answer"), _milliseconds(today.latency), "speed", "",
            _("yesterday %(value)s") % {"value": _milliseconds(yesterday.latency)},
        ),
    ]  # fmt: skip


def _catalogue_figures(counts: dict[str, int]) -> list[Figure]:
    imports = _page("catalog.importjob")
    return [
        Figure(_("Active offerings"), _number(counts["offerings"]), "sell", _page("catalog.offering")),
        Figure(
            _("Variants out of stock"), _number(counts["sold_out"]), "production_quantity_limits",
            _page("catalog.inventoryitem"), alert=counts["sold_out"] > 0,
        ),
        Figure(
            _("Imports under way"), _number(counts["open_imports"]), "upload_file", imports,
            _("%(count)s failed this week") % {"count": counts["failed_imports"]} if counts["failed_imports"] else "",
            alert=counts["failed_imports"] > 0,
        ),
        Figure(_("Texts waiting for the search"), _number(counts["embeddings"]), "manage_search"),
    ]  # fmt: skip


def _steps(counts: dict[str, int]) -> list[Step]:
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


def _chart(days: dict[date, Day]) -> dict[str, Any]:
    """Return what Chart.js draws: the conversations begun on each day, and those that a person was asked into."""
    return {
        "labels": [formats.date_format(day, "d/m") for day in days],
        "datasets": [
            {
                "label": _("Conversations"),
                "data": [day.conversations for day in days.values()],
                "backgroundColor": "var(--color-primary-500)",
            },
            {
                "label": _("Handed over"),
                "data": [day.handed_over for day in days.values()],
                "backgroundColor": "#f59e0b",
            },
        ],
    }


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


def _compared(today: int, yesterday: int) -> str:
    return _("yesterday %(value)s") % {"value": _number(yesterday)} if today or yesterday else ""
