"""Rows of a table as a text holds them, “Doctor: Minh; Days: Monday; Fee (đ): 200000”, told as people would write them."""

import re
from decimal import Decimal

from catalog.money import CURRENCIES, format_money
from tenants.text import Language

_CELL = re.compile(r"\s*([^:;\n]{1,80}):\s+([^;\n]+?)\s*")
_IN_BRACKETS = re.compile(r"\s*[(\[]\s*([^)\]]{1,5})\s*[)\]]\s*$")
_PLAIN_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,2})?")
_SIGNS = {"đ": "VND", "₫": "VND", "vnđ": "VND", "$": "USD", "€": "EUR", "£": "GBP"}


def in_sentences(passage: str, language: Language) -> str:
    """Return a passage with the rows of tables told as items: what the row is about, then its cells; all else as it stands.

    A number in a column that names a currency is told as an amount of it.
    """
    lines = passage.split("\n")
    rows = [_cells(line) for line in lines]
    several = sum(map(bool, rows)) > 1
    return "\n".join(
        _told(cells, language, several=several) if cells else line for line, cells in zip(lines, rows, strict=True)
    )


def _cells(line: str) -> list[tuple[str, str]]:
    """Return header and value of each cell; empty for a line that is no row of a table."""
    parts = line.split("; ")
    cells = [found.groups() for part in parts if (found := _CELL.fullmatch(part))]
    return [(one, other) for one, other in cells] if len(parts) > 1 and len(cells) == len(parts) else []


def _told(cells: list[tuple[str, str]], language: Language, *, several: bool) -> str:
    (_header, about), *others = cells
    told = "; ".join(_cell(header, value, language) for header, value in others)
    return f"{'• ' if several else ''}{about} – {told}"


def _cell(header: str, value: str, language: Language) -> str:
    marked = _IN_BRACKETS.search(header)
    currency = _currency(marked[1]) if marked else ""
    if not currency:
        return f"{header}: {value}"
    amount = format_money(Decimal(value), currency, language) if _PLAIN_NUMBER.fullmatch(value) else value
    return f"{header[: marked.start()] if marked else header}: {amount}"


def _currency(sign: str) -> str:
    code = _SIGNS.get(sign.lower(), sign.upper())
    return code if code in CURRENCIES else ""
