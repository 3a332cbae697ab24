"""What the home page tells of conversations, costs and orders: today beside the same day of last week, and two weeks in bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.bars import Bars, DayValue, bars_of
from reports.daily_links import rows_url
from reports.metrics import DayFigures, added_up, daily_figures
from reports.models import Metric
from reports.rollups import count_now, day_begins
from reports.wording import money_text

DAYS = 14
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Card:
    """One figure: of today, of a week ago until the same time, how it changed, and two weeks of it as bars."""

    label: str
    icon: str
    value: str
    before: str
    change: str
    way: str
    """``up``, ``down`` or empty."""
    url: str
    bars: Bars | None
    note: str = ""
    """What is in the figure, or left out of it."""


@dataclass(frozen=True)
class Weeks:
    """The last days with today, and the day a week ago until this time of the day."""

    days: Sequence[DayFigures]
    before: DayFigures
    zone: str

    @property
    def today(self) -> DayFigures:
        """What happened today."""
        return self.days[-1]

    @property
    def has_happened(self) -> bool:
        """Whether there was anything in these weeks."""
        return any(one.values for one in self.days)


def read_weeks(*, zone: str, now: datetime | None = None) -> Weeks:
    """Read the figures of the page: kept ones of the days that are over, and rows of today and of a part of one day."""
    now = now or timezone.now()
    local = now.astimezone(ZoneInfo(zone))
    today, ago = local.date(), local.date() - WEEK
    begun = day_begins(ago, zone)
    counted = added_up(count_now(since=begun, until=begun + (now - day_begins(today, zone)), zone=zone))
    days = daily_figures(first=today - (DAYS - 1) * DAY, last=today, zone=zone)
    return Weeks(days, DayFigures(ago, counted), zone)


def cards_of(weeks: Weeks) -> list[Card]:
    """Return the cards of the page."""
    counted = [
        _counted(weeks, Metric.SESSIONS, _("Conversations"), "forum"),
        _counted(weeks, Metric.ANSWERED, _("Answered by the bot"), "smart_toy"),
        _counted(weeks, Metric.HANDED_OVER, _("Handed over"), "support_agent"),
        _orders(weeks),
    ]
    return [*counted[:3], *_money(weeks, Metric.COST, _("Cost of models"), "payments"), counted[3],
            *(replace(one, note=_("Without cancelled orders, less what was refunded.")) for one in
              _money(weeks, Metric.ORDER_VALUE, _("Value of orders"), "sell"))]  # fmt: skip


def _orders(weeks: Weeks) -> Card:
    card = _counted(weeks, Metric.ORDERS, _("Orders"), "shopping_cart")
    gone = weeks.today.count(Metric.ORDERS_CANCELLED)
    said = ngettext("%(count)d of them is cancelled.", "%(count)d of them are cancelled.", gone) % {"count": gone}
    return replace(card, note=said if gone else "")


def _counted(weeks: Weeks, metric: Metric, label: str, icon: str) -> Card:
    return _card(weeks, metric, label, icon, lambda one: Decimal(one.count(metric)), _number)


def _money(weeks: Weeks, metric: Metric, label: str, icon: str) -> list[Card]:
    """A card for each currency that there was something in, the one of most days first; at most two."""
    days: dict[str, int] = {}
    for one in weeks.days:
        for currency in one.money(metric):
            days[currency] = days.get(currency, 0) + 1
    used = sorted(days, key=lambda currency: (-days[currency], currency))[:2]
    if not used:
        return [_card(weeks, metric, label, icon, lambda _one: Decimal(0), lambda _value: "–")]
    return [_of_currency(weeks, metric, f"{label} ({one})" if len(used) > 1 else label, icon, one) for one in used]


def _of_currency(weeks: Weeks, metric: Metric, label: str, icon: str, currency: str) -> Card:
    def shown(value: Decimal) -> str:
        return money_text(value, currency)

    return _card(weeks, metric, label, icon, lambda one: one.money(metric).get(currency, Decimal(0)), shown)


def _card(
    weeks: Weeks,
    metric: Metric,
    label: str,
    icon: str,
    of: Callable[[DayFigures], Decimal],
    shown: Callable[[Decimal], str],
) -> Card:
    today, before = of(weeks.today), of(weeks.before)
    drawn = [DayValue(one.day, float(of(one)), shown(of(one)), _rows(metric, one.day, weeks)) for one in weeks.days]
    return Card(
        label=label,
        icon=icon,
        value=shown(today),
        before=_("%(day)s until this time: %(value)s") % {"day": _weekday(weeks.before.day), "value": shown(before)},
        change=_changed(today, before),
        way="" if today == before or not before else "up" if today > before else "down",
        url=_rows(metric, weeks.today.day, weeks),
        bars=bars_of(drawn),
    )


def _rows(metric: Metric, day: date, weeks: Weeks) -> str:
    return rows_url(metric, day, day, zone=weeks.zone)


def _changed(today: Decimal, before: Decimal) -> str:
    if not before:
        return ""
    share = (today - before) / before
    return f"{'+' if share > 0 else ''}{formats.number_format(round(share * 100), use_l10n=True, force_grouping=True)} %"


def _weekday(day: date) -> str:
    """The day a week ago by its name."""
    return _("Last %(weekday)s") % {"weekday": formats.date_format(day, "l")}


def _number(value: Decimal) -> str:
    return formats.number_format(int(value), use_l10n=True, force_grouping=True)
