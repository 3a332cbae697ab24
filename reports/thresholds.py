"""The bounds a report's figures are watched by: read as people write them, and refused where they could never hold."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from reports.findings.figures import is_figure
from tenants.errors import DomainError

MOST = 50
_PLAIN = re.compile(r"[-+]?[0-9]{1,15}([.][0-9]{1,12})?")


def read_bound(text: str) -> tuple[float, bool] | None:
    """Return a number as the reader's language writes it, and whether it is in per cent (then as a share); None for no number.

    `60,5`, `60.5`, `1.000` in Vietnamese and `4%`; `1,500` in English. Two groups of thousands are told in both ways of writing.
    """
    written, is_percent = text.strip().removesuffix("%").strip(), text.strip().endswith("%")
    sign = "," if formats.get_format("DECIMAL_SEPARATOR") == "," else "."
    group = "." if sign == "," else ","
    if re.fullmatch(rf"[-+]?[0-9]{{1,3}}([{group}][0-9]{{3}})+([{sign}][0-9]+)?", written):
        written = written.replace(group, "")
    elif re.fullmatch(rf"[-+]?[0-9]{{1,3}}([{sign}][0-9]{{3}}){{2,}}", written):
        written = written.replace(sign, "")
    written = written.replace(sign, ".")
    if not _PLAIN.fullmatch(written):
        return None
    return (round(float(written) / 100, 12) if is_percent else float(written)), is_percent


def check_thresholds(thresholds: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]] = ()) -> None:
    """Raise ``DomainError`` (``invalid``) unless each names a column and one bound.

    Of a report that has been read (``tables``), the column must be one of figures, and the bound of a column in per cent a
    share: 0.04 for 4 %.
    """
    if len(thresholds) > MOST:
        raise DomainError("max_length", _("At most %(most)d thresholds.") % {"most": MOST}, field="thresholds")
    columns = {column["name"]: column for table in tables for column in table["columns"] if is_figure(column)}
    for one in thresholds:
        if not one.get("column") or ("above" in one) == ("below" in one):
            raise DomainError("invalid", _("A threshold has a column, and either above or below."), field="thresholds")
        name = _column(one["column"], columns)
        if tables and name is None:
            said = _("There is no column of figures called “%(column)s”.") % {"column": one["column"]}
            raise DomainError("unknown_column", said, field="thresholds")
        bound = one["above"] if "above" in one else one["below"]
        if name and columns[name].get("is_percent") and abs(bound) > 1:
            said = _("“%(column)s” is in per cent: write 4%%, or 0.04 as a number.") % {"column": name}
            raise DomainError("out_of_range", said, field="thresholds")


def check_counting(counting: Mapping[str, str], tables: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``DomainError`` (``unknown_column``) unless each is a column of figures of the report."""
    columns = {column["name"] for table in tables for column in table["columns"] if is_figure(column)}
    for name in counting:
        if name not in columns:
            said = _("There is no column of figures called “%(column)s”.") % {"column": name}
            raise DomainError("unknown_column", said, field="counting")


def _column(name: str, columns: Mapping[str, Any]) -> str | None:
    """The column that a threshold names, by itself or as one of its categories (`Sold · Lamp`)."""
    return name if name in columns else next((one for one in columns if name.startswith(f"{one} · ")), None)
