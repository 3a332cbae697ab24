"""Insights in words: kept as a code with its numbers, told in the language of whoever reads them, and in both.

Every number of a text is one of the insight's own, or a bound that a person set.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils import formats, translation
from django.utils.translation import gettext_lazy as _

from catalog.money import format_money
from reports.findings.telling import ALSO, EARLY, GRAIN, LATE, PEAK, UNFINISHED
from reports.models import Insight
from reports.rows import MOST_NAMED
from tenants.models import Tenant

TEXTS = {
    "anomaly_high": _("%(series)s was unusually high %(period)s: %(observed)s, where %(usual)s is usual."),
    "anomaly_low": _("%(series)s was unusually low %(period)s: %(observed)s, where %(usual)s is usual."),
    "anomaly_low_last": _(
        "%(series)s was unusually low %(period)s: %(observed)s, where %(usual)s is usual, unless figures were still to come."
    ),
    "change_point_up": _("%(series)s rose to another level %(begin)s: from %(before)s to %(after)s (%(change)s)."),
    "change_point_down": _("%(series)s fell to another level %(begin)s: from %(before)s to %(after)s (%(change)s)."),
    "trend_up": _("%(series)s rises over the whole time: from %(first)s to %(last)s (%(change)s)."),
    "trend_down": _("%(series)s falls over the whole time: from %(first)s to %(last)s (%(change)s)."),
    "top_mover_up": _("%(series)s rose more than most others: from %(before)s to %(after)s (%(change)s)."),
    "top_mover_down": _("%(series)s fell more than most others: from %(before)s to %(after)s (%(change)s)."),
    "top_mover_up_alone": _("%(series)s rose from %(before)s to %(after)s (%(change)s)."),
    "top_mover_down_alone": _("%(series)s fell from %(before)s to %(after)s (%(change)s)."),
    "threshold_above": _("%(series)s was above %(bound)s %(period)s: up to %(observed)s."),
    "threshold_below": _("%(series)s was below %(bound)s %(period)s: down to %(observed)s."),
    "missing_data_hole": _("There are no figures %(period)s. Missing: %(missing)s."),
    "missing_data_group": _("%(series)s has no figures %(period)s, though others have. Missing: %(missing)s."),
    "missing_data_standstill": _("%(series)s did not move %(period)s: %(count)s times in a row it was %(observed)s."),
    "missing_data_undated": _("%(missing)s of the %(of)s rows have no date in “%(series)s”: nothing here is about them."),
    "missing_data_empty": _("%(missing)s of the %(of)s cells of “%(series)s” are empty."),
    "missing_data_odd": _("%(missing)s of the %(of)s cells of “%(series)s” are not what the others are."),
}
TYPICAL = {
    "anomaly_high": _("%(series)s was unusually high %(period)s: typically %(observed)s, where %(usual)s is usual."),
    "anomaly_low": _("%(series)s was unusually low %(period)s: typically %(observed)s, where %(usual)s is usual."),
}
"""How a period is told of by its median,"""
PEAKS = {
    "anomaly_high": _(
        "%(series)s was unusually high %(period)s, most %(peak)s: %(observed)s, where %(usual)s is usual then."
    ),
    "anomaly_low": _("%(series)s was unusually low %(period)s, most %(peak)s: %(observed)s, where %(usual)s is usual then."),
}
"""and by its most unusual moment."""
ON, IN, BETWEEN = _("on %(from)s"), _("in %(from)s"), _("from %(from)s to %(to)s")
"""What stands for the gaps `period`, `begin` and `peak`; IN for months."""
QUARTER = _("Q%(quarter)s %(year)s")
CHANGE = re.compile(r"\s*\(%\(change\)s\)")
"""What is left out where there is no per cent: from zero, or of a share."""
GROUPS = _("Then %(reporting)s of “%(by)s” had figures, otherwise %(groups)s.")
"""What follows a sum of more or fewer groups than usual."""
SAME_TIME = _("The same time stands out in %(also)s.")
"""What follows an event that is one in several series,"""
AND_OTHERS = _("%(names)s and others")
MOST_ALSO = 6
SPANS = _("Compared are %(early)s and %(late)s.")
"""and a trend."""
LEFT_OUT = _("Without %(unfinished)s, of which figures seem to be still to come.")
"""What follows a trend or a mover that does not count a last day or month."""
AVERAGE = _("%(series)s (average)")
PER = {
    "hour": _("%(amount)s an hour"),
    "day": _("%(amount)s a day"),
    "week": _("%(amount)s a week"),
    "month": _("%(amount)s a month"),
    "quarter": _("%(amount)s a quarter"),
    "year": _("%(amount)s a year"),
}
REASONS = {
    "rarity": _("How rare it is in this series"),
    "size": _("How large it is"),
    "recency": _("How recent it is"),
    "certainty": _("How certain it is"),
    "duration": _("How long it lasts"),
    "share": _("How much of the whole it is"),
}
NAMES = {
    "observed": _("Observed"),
    "usual": _("Usual"),
    "before": _("Before"),
    "after": _("Afterwards"),
    "first": _("At the beginning"),
    "last": _("At the end"),
    "change": _("Change"),
    "count": _("How many"),
    "missing": _("Missing"),
    "reporting": _("Groups with figures then"),
    "groups": _("Groups with figures otherwise"),
}
"""What a number of an insight is called."""
AGGREGATES = {
    "value": _("as it stands"),
    "sum": _("sum"),
    "mean": _("mean"),
    "median": _("median"),
    "min": _("lowest"),
    "max": _("highest"),
    "count": _("count"),
    "change": _("change"),
    "gap": _("gap"),
}
"""How a number was taken from its rows."""
SERIES = {
    "sessions": _("The number of conversations"),
    "containment": _("The share of conversations without a person"),
    "handed_over": _("The number of hand-overs"),
    "answered": _("The number of answers"),
    "unanswered": _("The number of questions without an answer"),
    "latency_ms": _("The time to answer"),
    "model_calls": _("The number of calls of models"),
    "cost": _("The cost of models"),
    "orders": _("The number of orders"),
    "orders_cancelled": _("The number of cancelled orders"),
    "order_value": _("The value of orders"),
    "stock_out": _("The number of pieces gone"),
    "knowledge_gaps": _("The number of new knowledge gaps"),
    "mails_failed": _("The number of mails that did not arrive"),
}
"""What a series of the daily figures is called at the beginning of a sentence."""
OF_BOT = _("%(series)s of the bot “%(bot)s”")
LANGUAGES = Tenant.Locale.values


def text_of(insight: Insight, language: str | None = None) -> str:
    """Return what an insight says, in the reader's language or in ``language``."""
    with translation.override(language or translation.get_language() or "en"):
        return _pattern(insight) % _values(insight)


def _pattern(insight: Insight) -> str:
    """Return the text with its gaps, in the active language."""
    text, numbers = insight.content["text"], insight.content["numbers"]
    code, values = text["code"], text["values"]
    is_typical = numbers[0]["aggregate"] == "median"
    told = PEAKS if PEAK in values else TYPICAL if is_typical and code in TYPICAL else TEXTS
    pattern, names = str(told[code]), {one["name"] for one in numbers}
    if "change" not in names or numbers[0].get("is_percent"):
        pattern = CHANGE.sub("", pattern)
    pattern = f"{pattern} {GROUPS}" if "groups" in names else pattern
    told_after = {ALSO: SAME_TIME, EARLY: SPANS, UNFINISHED: LEFT_OUT}
    return " ".join([pattern, *(str(text) for name, text in told_after.items() if name in values)])


def parts_of(insight: Insight, language: str) -> list[str]:
    """Return what the text in a language is made of word for word: numbers, days, names."""
    with translation.override(language):
        values, pattern = _values(insight), _pattern(insight)
        names = [name for name in re.findall(r"%\((\w+)\)s", pattern) if name != "period"]
        if "%(period)s" in pattern:
            names += ["from"] if values["from"] == values["to"] else ["from", "to"]
        names = ["from" if name == "begin" else "peak_day" if name == "peak" else name for name in names]
        if insight.metric:  # what a figure of ours is called may be said otherwise, its bot may not
            names = [name for name in names if name != "series"]
            values["bot"] = insight.content["bot"] or ""
            names.append("bot")
        return [values[name] for name in names if values[name]]


def _values(insight: Insight) -> dict[str, str]:
    """What fills the gaps of the text, in the active language."""
    given = insight.content["text"]["values"]
    grain, values = given.get(GRAIN, ""), {name: _shown(value) for name, value in given.items()}
    values |= {name: day_text(given[name], grain) for name in (UNFINISHED, PEAK) if name in given}
    values |= {name: _span(given[name][0], given[name][1], grain) for name in (EARLY, LATE) if name in given}
    if ALSO in given:
        values[ALSO] = _listed(given[ALSO])
    period = {name: day_text(moment, grain) for name, moment in insight.content["period"].items()}
    at = IN if grain else ON
    period["period"] = (at if period["from"] == period["to"] else BETWEEN) % period
    period["begin"] = at % period
    if PEAK in given:
        period |= {"peak_day": values[PEAK], "peak": at % {"from": values.pop(PEAK)}}
    numbers = {one["name"]: amount_of(one) for one in insight.content["numbers"]}
    if "bound" in values:  # is of the same kind as the numbers that crossed it
        bound = {**insight.content["numbers"][0], "value": insight.content["text"]["values"]["bound"], "aggregate": "value"}
        values["bound"] = amount_of(bound)
    return {**values, **period, **numbers, "series": series_name(insight)}


def content_of(insight: Insight) -> dict[str, Any]:
    """Return an insight's content as the API answers it: told, and every number with its address."""
    content = insight.content
    texts = {language: text_of(insight, language) for language in LANGUAGES}
    numbers = [{**one, **({} if "between" in one else {"url": address_of(one, insight)})} for one in content["numbers"]]
    told = {name: content[name] for name in ("sheet", "series", "bot", "period") if name in content}
    told |= {ALSO: content["text"]["values"][ALSO]} if ALSO in content["text"]["values"] else {}
    return {"text": text_of(insight), "texts": texts, **told, "numbers": numbers}


def reasons_of(insight: Insight) -> list[dict[str, Any]]:
    """Return what the score is made of, told."""
    return [{**one, "text": str(REASONS[one["code"]])} for one in insight.content["reasons"]]


def series_name(insight: Insight) -> str:
    """Return what an insight is about: the column of its report, or one of our own figures and its bot."""
    if not insight.metric:
        name = str(insight.content["series"])
        return AVERAGE % {"series": name} if any(map(_is_average, insight.content["numbers"])) else name
    name = str(SERIES[insight.metric])
    return OF_BOT % {"series": name, "bot": insight.content["bot"]} if insight.content["bot"] else name


def _is_average(number: Mapping[str, Any]) -> bool:
    return number.get("each") == "mean" or (number["aggregate"] == "mean" and "per" not in number)


def address_of(number: Mapping[str, Any], insight: Insight) -> str:
    """Return where the API answers the rows of a number."""
    where = "analytics/daily" if insight.metric else f"reports/{insight.report_id}/data"
    return f"/api/v1/{where}/?{query_of(number, insight)}"


def query_of(number: Mapping[str, Any], insight: Insight) -> str:
    """Return the parameters by which the rows of a number are asked for: their numbers, or where they lie."""
    if insight.metric:
        bot = {"bot": insight.content["bot"]} if insight.content["bot"] else {}
        if "since" in number:
            return urlencode({**bot, "from": number["since"], "to": number["until"]})
        return urlencode({**bot, "days": ",".join(number["days"][:MOST_NAMED])}, safe=",")
    asked = {"sheet": insight.content["sheet"]} if insight.content["sheet"] else {}
    if "since" in number:
        where = number.get("where")
        narrow = {"column": where[0], "equals": where[1]} if where else {}
        return urlencode({**asked, **narrow, "since": number["since"], "until": number["until"]})
    return urlencode({**asked, "row": ",".join(map(str, number["rows"][:MOST_NAMED]))}, safe=",")


def column_name(number: Mapping[str, Any], insight: Insight) -> str:
    """Return which column a number was taken from."""
    return str(SERIES[insight.metric]) if insight.metric else str(number["column"])


def number_name(number: Mapping[str, Any]) -> str:
    """Return what a number is called."""
    return str(NAMES[number["name"]])


def aggregate_name(number: Mapping[str, Any]) -> str:
    """Return how a number was taken from its rows."""
    return str(AGGREGATES[number["aggregate"]])


def period_of(insight: Insight) -> str:
    """Return when it was, for a list."""
    return _span(insight.content["period"]["from"], insight.content["period"]["to"], grain_of(insight))


def amount_of(number: Mapping[str, Any]) -> str:
    """Return a number as people write it, with what it is for: a day, a week."""
    plain = _amount_of(number)
    return PER[number["per"]] % {"amount": plain} if "per" in number else plain


def _amount_of(number: Mapping[str, Any]) -> str:
    value = number["value"]
    if number["aggregate"] == "change":
        return f"{'+' if value > 0 else ''}{formats.number_format(_whole_or_tenth(value * 100), use_l10n=True)} %"
    if number.get("is_percent"):
        return percent_text(value)
    if is_share(number["column"]):
        return f"{formats.number_format(round(Decimal(str(value * 100)), 1), use_l10n=True)} %"
    if number["column"] == "latency_ms":
        return _("%(ms)s ms") % {"ms": _shown(value)}
    currency = number.get("currency", "")
    if currency:
        return money_text(Decimal(str(value)), currency)
    return _shown(_tenths(value)) if number["aggregate"] in ("mean", "median") and number.get("per") else _shown(value)


def _tenths(value: float) -> float:
    """What adds up, by the day: no more than one decimal, but for what is below one."""
    return round(value, 1) if abs(value) >= 1 else value


def percent_text(value: float) -> str:
    """Return a share as per cent with the digits that matter: 0.041 is `4.1 %`."""
    return f"{formats.number_format(_rounded(Decimal(str(value)) * 100), use_l10n=True)} %"


def is_share(column: str) -> bool:
    """Whether a daily figure is a share, kept as 0 to 1 and written in per cent."""
    return column == "containment"


def money_text(value: Decimal, currency: str) -> str:
    """Return an amount as people write it; one below a cent with the digits that matter, for such is what a call costs."""
    language = translation.get_language() or "en"
    if 0 < abs(value) < Decimal("0.01"):
        digits = formats.number_format(round(value, 1 - value.adjusted()), use_l10n=True)
        return re.sub(r"0([.,]0+)?", digits, format_money(Decimal(0), currency, language), count=1)
    return format_money(value, currency, language)


def _shown(value: Any) -> str:
    return formats.number_format(_rounded(value), use_l10n=True, force_grouping=True) if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _rounded(value: float | Decimal) -> Decimal:
    """A number with the digits that matter: whole above a thousand, else four."""
    exact = Decimal(str(value))
    if exact == exact.to_integral_value() or abs(exact) >= 1000:
        return exact.quantize(Decimal(1))
    return round(exact, 3 - exact.adjusted()).normalize() if exact else exact


def _whole_or_tenth(percent: float) -> Decimal:
    """Per cents of a change: whole from 10 on, else to a tenth; below that the digit that matters."""
    exact = Decimal(str(percent))
    if abs(exact) < Decimal("0.1"):
        return _rounded(round(exact, -exact.adjusted())) if exact else exact
    rounded = round(exact, 1)
    return exact.quantize(Decimal(1)) if abs(rounded) >= 10 else rounded


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_ALSO])
    return AND_OTHERS % {"names": shown} if len(names) > MOST_ALSO else shown


def _span(first: str | None, last: str | None, grain: str) -> str:
    begin, end = day_text(first, grain), day_text(last, grain)
    return begin if begin == end else f"{begin} – {end}"


def grain_of(insight: Insight) -> str:
    """Return what the moments of an insight are, if they are months, quarters or years."""
    return str(insight.content["text"]["values"].get(GRAIN, ""))


def day_text(moment: str | None, grain: str = "") -> str:
    """Return a moment in ISO form as people write it: the day, and the time unless it is midnight; empty for None.

    With ``grain`` it is the month, quarter or year that begins then.
    """
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment)
    if grain == "quarter":
        return QUARTER % {"quarter": (at.month + 2) // 3, "year": at.year}
    if grain:
        return formats.date_format(at, "YEAR_MONTH_FORMAT") if grain == "month" else str(at.year)
    day = formats.date_format(at, "DATE_FORMAT")
    return f"{day} {at:%H:%M}" if (at.hour or at.minute) else day
