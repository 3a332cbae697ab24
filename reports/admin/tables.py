"""What the pages of a report show as tables: how its columns were read, its rows, and what was found."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import formats, translation
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.money import format_money
from reports.findings.figures import is_figure
from reports.models import Insight, Report
from reports.rows import MOST_NAMED, narrowed
from reports.wording import day_text, percent_text, text_of
from tenants.admin.base import LINK
from tenants.errors import Malformed

PAGE = 100
ASKED = ("sheet", "column", "equals", "since", "until")
TYPES = {
    "empty": _("empty"),
    "text": _("text"),
    "number": _("number"),
    "money": _("amount"),
    "boolean": _("yes or no"),
    "date": _("date"),
    "datetime": _("date and time"),
    "time": _("time"),
}


COUNTED = {"sum": _("summed"), "mean": _("averaged"), "none": _("not looked at: looks like a code or a date")}
"""How several rows of a day become a column's figure."""


def columns_table(report: Report) -> dict[str, Any]:
    """Return how the columns were read."""
    rows = [
        [
            table["sheet"] or "–",
            one["name"],
            TYPES[one["type"]],
            one.get("currency") or ("%" if one.get("is_percent") else "–"),
            COUNTED[one["counted"]] if one.get("counted") and is_figure(one) else "–",
            one["empty"],
            one["odd"],
        ]
        for table in report.tables
        for one in table["columns"]
    ]
    heads = [gettext("Sheet"), gettext("Column"), gettext("Type"), gettext("Unit"), gettext("Rows of a day")]
    heads += [gettext("Empty"), gettext("Odd")]
    return {"headers": heads, "rows": rows}


def insights_table(insights: Sequence[Insight]) -> dict[str, Any]:
    """Return the insights with the way to each."""
    rows = [
        [
            one.score,
            one.get_insight_type_display(),
            format_html(
                '<a class="{}" href="{}">{}</a>', LINK, reverse("admin:reports_insight_change", args=[one.pk]), text_of(one)
            ),
        ]
        for one in insights
    ]
    return {"headers": [gettext("Score"), gettext("Type"), gettext("Insight")], "rows": rows}


def rows_table(report: Report, asked: Mapping[str, str], *, most: int = PAGE) -> dict[str, Any]:
    """Return the rows of one table that are asked for, a page of them; raises ``Malformed`` for what it does not have."""
    given = {name: asked[name] for name in ASKED if asked.get(name)}
    number = _sheet(report, given.get("sheet", ""))
    rows = narrowed(report.rows.filter(table=number), report, row=_numbers(asked.get("row", "")), **given).in_order()
    after = asked.get("after", "")
    rows = rows.filter(position__gt=int(after)) if after.isdecimal() and len(after) < 10 else rows
    found = list(rows[: most + 1])
    columns = report.tables[number]["columns"]
    table = {
        "headers": ["#", *(column["name"] for column in columns)],
        "rows": [
            [row.row, *(_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True))]
            for row in found[:most]
        ],
    }
    kept = {**given, **({"row": asked["row"]} if asked.get("row") else {})}
    following = urlencode({**kept, "after": found[most - 1].position}) if len(found) > most else ""
    sheets = [one["sheet"] for one in report.tables] if len(report.tables) > 1 else []
    return {"table": table, "following": following, "sheets": sheets, "sheet": report.tables[number]["sheet"], "asked": kept}


def _sheet(report: Report, name: str) -> int:
    found = (place for place, table in enumerate(report.tables) if not name or table["sheet"] == name)
    place = next(found, None)
    if place is None:
        raise Malformed("invalid_choice", gettext("The report has no such sheet."), field="sheet")
    return place


def _numbers(text: str) -> list[int]:
    parts = text.split(",")[:MOST_NAMED] if text else []
    return [int(part) for part in parts if part.isdecimal() and len(part) < 10]


def _cell(cell: Any, column: Mapping[str, Any]) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return gettext("yes") if cell else gettext("no")
    if isinstance(cell, dict):
        if not cell["currency"]:
            return str(cell["amount"])
        return format_money(Decimal(cell["amount"]), cell["currency"], translation.get_language() or "en")
    if isinstance(cell, (int, float)) and column.get("is_percent"):
        return percent_text(cell)
    if isinstance(cell, (int, float)) and column.get("counted") != "none":  # else a code or a year, as it stands
        return formats.number_format(Decimal(str(cell)), use_l10n=True, force_grouping=True)
    return _moment(cell) if column["type"] in ("date", "datetime") else str(cell)


def _moment(cell: str) -> str:
    """Return a date as all pages write it; what is none, of an odd cell, as it stands."""
    try:
        return day_text(cell)
    except ValueError:
        return cell
