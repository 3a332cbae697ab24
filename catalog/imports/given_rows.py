"""Rows that a program sends as JSON, or that stand in a JSON file, as lines of our own format.

A row has the columns of that format. It may also hold `attributes` and `options` by key, `images` (addresses), and
`variants`: a list of rows of one offering, which need not repeat its words.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from catalog.imports.backroom_csv import REQUIRED, check_header
from catalog.imports.json_objects import with_numbers
from catalog.imports.numbers import plain
from catalog.imports.problems import UnreadableFile
from tenants.errors import DomainError
from tenants.text import inert

Row = Mapping[str, Any]
_KEYED = {"attributes": "attr.", "options": "option."}
_LISTS = ("variants", "images")


def rows_as_json(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield the rows as a file to be imported, one a line.

    Raises ``DomainError`` naming the key that is no column, or the cell (``rows.0.price``) that is no value of one.
    """
    lines = [line for number, row in enumerate(rows) for line in _lines(row, f"rows.{number}")]
    columns = list(dict.fromkeys([*REQUIRED, *(key for line in lines for key in line)]))
    try:
        check_header(columns)
    except UnreadableFile as error:
        place = next((number for number, row in enumerate(rows) if _names(row, error.column or "")), None)
        field = "rows" if place is None else f"rows.{place}.{error.column}"
        raise DomainError(error.code, error.message, field=field) from error
    return (json.dumps(_kept(row), ensure_ascii=False).encode() + b"\n" for row in rows)


def _kept(row: Row) -> dict[str, Any]:
    """The row as it is kept: JSON that is a value itself stands as text, so that its numbers stay numbers."""
    attributes = row.get("attributes")
    named = {f"attr.{key}": value for key, value in attributes.items()} if isinstance(attributes, Mapping) else {}
    values = {key: value for key, value in row.items() if not (named and key == "attributes")} | named
    return {key: _as_text(value) if key.startswith("attr.") else value for key, value in values.items()}


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def rows_of_objects(objects: Iterable[Row]) -> Iterator[dict[str, str]]:
    """The rows of a JSON file; raises ``UnreadableFile`` naming the object, from 1, and the key that is no value."""
    for number, one in enumerate(objects, start=1):
        try:
            yield from _lines(one, "")
        except DomainError as error:
            raise UnreadableFile("malformed_json", row=number, column=error.field, reason=error.message) from error


def _names(row: Row, column: str) -> bool:
    return any(column in line for line in _lines(row, ""))


def _lines(row: Row, path: str) -> Iterator[dict[str, str]]:
    """The row and what it holds as lines of a table: words and first variant, further variants, further pictures."""
    at = f"{path}." if path else ""
    words = _cells({key: value for key, value in row.items() if key not in _LISTS}, at)
    code = {"code": words["code"]} if "code" in words else {}
    variants = [_cells(one, f"{at}variants.{place}.") for place, one in enumerate(_listed(row, "variants", at))]
    images = [_cells(_image(one), f"{at}images.{place}.") for place, one in enumerate(_listed(row, "images", at))]
    first, *others = variants or [{}]
    yield {**words, **first, **(images[0] if images else {})}
    for one in (*others, *images[1:]):
        yield {**code, **one}


def _listed(row: Row, key: str, at: str) -> list[Any]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, (dict, str) if key == "images" else dict) for one in value):
        raise DomainError("invalid", _("Give a list."), field=f"{at}{key}")
    return value


def _image(one: str | Row) -> Row:
    if isinstance(one, str):
        return {"image": one}
    return {"image": one.get("url"), "image_alt": one.get("alt")}


def _cells(row: Row, at: str) -> dict[str, str]:
    """The cells by column, those of ``attributes`` and ``options`` under columns of their own.

    Inert, as our own format has them: what begins with a quote keeps it.
    """
    cells: dict[str, str] = {}
    for key, value in row.items():
        prefix = _KEYED.get(key)
        if prefix and isinstance(value, Mapping):
            cells.update({f"{prefix}{name}": inert(_cell(one, f"{at}{prefix}{name}")) for name, one in value.items()})
        else:
            cells[key] = inert(_cell(value, f"{at}{key}"))
    return cells


def _cell(value: Any, path: str) -> str:
    is_attribute = "attr." in path
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return plain(str(value))
    if is_attribute and isinstance(value, (list, dict)):
        return json.dumps(with_numbers(value), ensure_ascii=False)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return json.dumps(value, ensure_ascii=False) if any("," in one for one in value) else ",".join(value)
    if value is None or isinstance(value, (str, int)):
        return "" if value is None else str(value)
    raise DomainError("invalid", _("Give a text, a number, true or false."), field=path)
