"""Other people's columns: what they mean here, as a business has said it, or as their names let guess.

A mapping gives each column of a file one of ours, or none. It is found again by the names in the header, whatever their
order and case. A guess goes by the names people give such columns in English and in Vietnamese; it is *safe* when every
column of the file is one of them to the letter, diacritics and punctuation aside.
"""

import difflib
import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from catalog.imports import backroom_csv
from catalog.imports.numbers import plain
from catalog.imports.tables import Record, Table

Decimals = Literal["plain", "point", "comma"]

NUMBERS = ("price", "compare_at", "stock_qty", "safety_stock")
SAMPLE_ROWS = 500
CLOSE_ENOUGH = 0.86
"""How much of two names must be the same (`difflib`'s ratio) for a guess that a person is to look at."""

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "code": ("code", "handle", "product code", "product id", "parent sku", "ma nhom", "ma nhom hang", "ma cha"),
    "name": (
        *("name", "title", "product", "product name", "product title", "item", "item name", "ten", "ten hang", "ten sp"),
        *("ten san pham", "ten hang hoa", "san pham", "ten mat hang", "mat hang"),
    ),
    "sku": (
        *("sku", "variant sku", "item code", "item no", "article", "part number", "ma", "ma sp", "ma hang", "ma san pham"),
        *("ma sku", "ma hang hoa", "ma phan loai"),
    ),
    "variant_name": ("variant", "variant name", "phan loai", "ten phan loai", "bien the", "ten bien the"),
    "price": (
        *("price", "unit price", "sale price", "selling price", "retail price", "gia", "gia ban", "don gia", "gia ban le"),
        *("gia niem yet", "gia tien"),
    ),
    "compare_at": ("compare at", "compare at price", "list price", "old price", "gia goc", "gia cu", "gia truoc giam"),
    "currency": ("currency", "tien te", "loai tien", "don vi tien", "don vi tien te"),
    "stock_qty": (
        *("stock", "stock qty", "qty", "quantity", "inventory", "in stock", "on hand", "so luong", "sl", "ton", "ton kho"),
        *("sl ton", "so luong ton", "so luong ton kho", "so ton"),
    ),
    "safety_stock": ("safety stock", "min stock", "ton an toan", "ton toi thieu"),
    "location": ("location", "warehouse", "kho", "ma kho", "kho hang"),
    "category": ("category", "type", "product type", "danh muc", "loai", "loai hang", "nhom hang", "nganh hang"),
    "tags": ("tags", "tag", "nhan", "the", "tu khoa"),
    "description": ("description", "details", "body", "mo ta", "mo ta san pham", "chi tiet", "noi dung"),
    "status": ("status", "trang thai"),
    "image": ("image", "image url", "picture", "photo", "anh", "hinh", "hinh anh", "anh san pham", "link anh", "url anh"),
    "option.size": ("size", "kich thuoc", "kich co", "co"),
    "option.color": ("color", "colour", "mau", "mau sac"),
}
_OURS = {name: ours for ours, names in _SYNONYMS.items() for name in names}
_CURRENCY_BESIDE = re.compile(r" (?:vnd|usd|eur|dong|d)$")
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_MONEY_SIGN = re.compile(r"\s*(?:[$€£¥₫đ]|vn[dđ]|usd|eur|dong|đồng)\s*", re.IGNORECASE)
_GROUPED = {
    "point": (re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"), str.maketrans("", "", ",")),
    "comma": (re.compile(r"-?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?"), str.maketrans(",", ".", ".")),
}
# What a number can only be when the sign behind its thousands is known: two groups, or both signs.
_PROOFS = {
    "point": re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+"),
    "comma": re.compile(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"),
}


@dataclass(frozen=True)
class ColumnMapping:
    """What columns mean: by the file's name ours, or empty. `origin` is the mapping's name, empty for a guess."""

    columns: dict[str, str]
    decimals: Decimals = "plain"
    origin: str = ""
    is_safe: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether rows can be read by it: what they are, what they are called, and what they cost."""
        ours = set(self.columns.values())
        return {"name", "price"} <= ours and not ours.isdisjoint(("code", "sku"))

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a header has every column that means something."""
        names = {name.strip() for name in header}
        return all(name in names for name, ours in self.columns.items() if ours)

    def as_json(self) -> dict[str, object]:
        """The mapping as the import tells it; `unknown` are the columns that are left out, `header` has their order."""
        unknown = [name for name, ours in self.columns.items() if not ours]
        return {
            "header": list(self.columns),
            "columns": self.columns,
            "decimals": self.decimals,
            "mapping": self.origin,
            "unknown": unknown,
        }


def fold(name: str) -> str:
    """A column's name in small letters without diacritics and punctuation: `Giá bán (VNĐ)` is `gia ban vnd`."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d")).encode("ascii", "ignore").decode()
    return _NOT_LETTERS.sub(" ", letters).strip()


def signature(header: Iterable[str]) -> str:
    """What a header is found again by: the SHA-256 of its folded names in alphabetical order."""
    return hashlib.sha256(json.dumps(sorted(fold(name) for name in header if name.strip())).encode()).hexdigest()


def guess(header: Sequence[str]) -> ColumnMapping:
    """What the columns may mean. Each of ours is given once: to the column that is called so, else to the likest one."""
    names = [name.strip() for name in header if name.strip()]
    columns = dict.fromkeys(names, "")
    for name in names:
        folded = fold(name)
        ours = _own_name(name) or _OURS.get(folded) or _OURS.get(_CURRENCY_BESIDE.sub("", folded), "")
        if ours and ours not in columns.values():
            columns[name] = ours
    is_safe = all(columns.values()) and len(columns) == len(names)
    for name in names:
        likest = next(iter(difflib.get_close_matches(fold(name), _OURS, 1, CLOSE_ENOUGH)), "")
        if not columns[name] and likest and _OURS[likest] not in columns.values():
            columns[name] = _OURS[likest]
    return ColumnMapping(columns, is_safe=is_safe)


def _own_name(name: str) -> str:
    return name if backroom_csv.is_column(name) else ""


def guess_decimals(table: Table, columns: Mapping[str, str]) -> Decimals:
    """Which sign the numbers of a table have before their decimals, if its first rows prove one and not the other."""
    places = [place for place, name in enumerate(table.header) if columns.get(name.strip()) in NUMBERS]
    proven: set[Decimals] = set()
    for record in islice(table.records(), SAMPLE_ROWS):
        for place in places:
            written = _MONEY_SIGN.sub("", record.cells[place]) if place < len(record.cells) else ""
            if _PROOFS["point"].fullmatch(written):
                proven.add("point")
            if _PROOFS["comma"].fullmatch(written):
                proven.add("comma")
    return proven.pop() if len(proven) == 1 else "plain"


class MappedTable:
    """A table under our own columns. Without a column for the code, what has a SKU is an offering of its own."""

    def __init__(self, table: Table, mapping: ColumnMapping, numbers: Collection[str] = NUMBERS) -> None:
        self._table, self._numbers = table, numbers
        given = [(place, mapping.columns.get(name.strip(), "")) for place, name in enumerate(table.header)]
        self._places = [(place, ours) for place, ours in given if ours]
        self._grouped = _GROUPED.get(mapping.decimals)
        self.header = [ours for _place, ours in self._places]
        self.names = {ours: table.header[place].strip() for place, ours in self._places}
        if "code" not in self.header and "sku" in self.header:
            self._places.append((self._places[self.header.index("sku")][0], "code"))
            self.header.append("code")
            self.names["code"] = self.names["sku"]
        self.header_row, self.format, self.makes = table.header_row, "", table.makes

    def records(self) -> Iterator[Record]:
        """The records by our columns, numbers in our notation."""
        for record in self._table.records():
            faults = {new: record.faults[old] for new, (old, _ours) in enumerate(self._places) if old in record.faults}
            if len(record.cells) != len(self._table.header):
                faults[0] = "ragged_table"
            cells = [record.cells[place] if place < len(record.cells) else "" for place, _ours in self._places]
            yield Record(record.row, self._in_our_notation(cells, faults), faults)

    def _in_our_notation(self, cells: list[str], faults: dict[int, str]) -> list[str]:
        if self._grouped:
            pattern, signs = self._grouped
            for place, ours in enumerate(self.header):
                written = _MONEY_SIGN.sub("", cells[place]).strip() if ours in self._numbers else ""
                if written and pattern.fullmatch(written):
                    cells[place] = plain(written.translate(signs))
                elif written:
                    faults[place] = "other_notation"
        return cells
