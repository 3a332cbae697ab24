"""Rows that a program sends as JSON, written as a file of our own format: from there on they are like any other."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from catalog.imports.backroom_csv import REQUIRED, check_header
from catalog.imports.problems import UnreadableFile
from tenants.errors import DomainError

BATCH = 500
Row = Mapping[str, Any]


def rows_as_csv(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield the rows as CSV; the first one is row 2, as the header is row 1.

    Raises ``DomainError`` naming the key that is no column, or the cell (``rows.0.price``) that is no value of one.
    """
    columns = list(dict.fromkeys([*REQUIRED, *(key for row in rows for key in row)]))
    try:
        check_header(columns)
    except UnreadableFile as error:
        raise DomainError(error.code, error.message, field="rows") from error
    lines = [[_cell(row.get(column), f"rows.{number}.{column}") for column in columns] for number, row in enumerate(rows)]
    return _written([columns, *lines])


def _written(lines: Sequence[Sequence[str]]) -> Iterator[bytes]:
    for start in range(0, len(lines), BATCH):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines[start : start + BATCH])
        yield text.getvalue().encode()


def _cell(value: Any, path: str) -> str:
    is_attribute = ".attr." in path
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{Decimal(str(value)):f}"
    if is_attribute and isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if value is None or isinstance(value, (str, int)):
        return "" if value is None else str(value)
    raise DomainError("invalid", _("Give a text, a number, true or false."), field=path)
