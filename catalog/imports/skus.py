"""Which SKU each variant of a file gets: the written one, or one made from handle and options."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from catalog.imports import limits
from catalog.imports.cells import Cells

OnDuplicateSku = Literal["error", "suffix"]
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """`text` in ASCII: `Áo đỏ 43 cm*` -> `ao-do-43-cm`; empty if no letter or digit has an ASCII form."""
    folded = unicodedata.normalize("NFKD", text).replace("đ", "d").replace("Đ", "D")
    return _SEPARATORS.sub("-", folded.encode("ascii", "ignore").decode().lower()).strip("-")


def _digest(handle: str, options: Mapping[str, str], attempt: int) -> str:
    """Eight hexadecimal digits that tell this variant from another one with the same slug."""
    identity = json.dumps([handle, list(options.items()), attempt], ensure_ascii=False)
    return hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=4).hexdigest()


def make_sku(handle: str, options: Mapping[str, str]) -> str:
    """The SKU of a variant that has none: `classic-top`, `Size: Small` -> `classic-top-small`.

    It depends on handle and options alone, so every import makes the same. Where a part has no ASCII form
    or the whole is too long, a digest of both takes its place.
    """
    parts = [slug(part) for part in (handle, *options.values())]
    sku = "-".join(part for part in parts if part)
    if all(parts) and len(sku) <= limits.MAX_MADE_SKU_CHARACTERS:
        return sku
    return f"{sku[: limits.MAX_MADE_SKU_CHARACTERS - 9]}-{_digest(handle, options, 0)}".lstrip("-")


class SkuRegister:
    """Gives every variant of one file a SKU that no other variant of the file has.

    `written` maps each SKU that stands in the file to the first row that has it. It is known before the
    first row is read, so a made SKU never takes one that is written further down.
    """

    def __init__(self, written: Mapping[str, int], on_duplicate: OnDuplicateSku) -> None:
        self._written = written
        self._on_duplicate = on_duplicate
        self._given: set[str] = set()
        self._given_to: dict[int, str] = {}
        self._next_suffix: dict[str, int] = {}

    def resolve(
        self, cells: Cells, column: str, *, sku: str, handle: str, options: Mapping[str, str], first_row: int
    ) -> str:
        """The SKU of the variant that the file names first in `first_row`; `sku` is what this row says.

        Notes `duplicate_sku` (error) or `suffixed_sku` (warning) if another variant has it.
        """
        if first_row in self._given_to:
            return self._given_to[first_row]
        if not sku:
            return self._give(first_row, self._made(handle, options))
        owner = self._written[sku]
        if owner == first_row:
            return sku
        if self._on_duplicate == "error":
            cells.note("error", column, "duplicate_sku", row=owner)
            return sku
        suffixed = self._suffixed(sku)
        cells.note("warning", column, "suffixed_sku", row=owner, sku=suffixed)
        return self._give(first_row, suffixed)

    def _give(self, first_row: int, sku: str) -> str:
        self._given.add(sku)
        self._given_to[first_row] = sku
        return sku

    def _is_taken(self, sku: str) -> bool:
        return sku in self._written or sku in self._given

    def _made(self, handle: str, options: Mapping[str, str]) -> str:
        sku = base = make_sku(handle, options)
        attempt = 0
        while self._is_taken(sku):
            sku = f"{base}-{_digest(handle, options, attempt)}"
            attempt += 1
        return sku

    def _suffixed(self, sku: str) -> str:
        number = self._next_suffix.get(sku, 2)
        while self._is_taken(f"{sku}-{number}"):
            number += 1
        self._next_suffix[sku] = number + 1
        return f"{sku}-{number}"
