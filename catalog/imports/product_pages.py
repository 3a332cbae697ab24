"""Product pages of other web sites as rows of our own format: fetched once each, read by `structured_data`.

Each address is one call of the one safe client, with 30 seconds for all of it; a redirect is followed three times, and
every hop is checked like the first. A page that brings nothing is an error of its row and stops no other. A site is
asked for one page at a time, with a pause between two, and left alone when it fails three times in a row.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from catalog.imports import limits
from catalog.imports.records import Source, opened
from catalog.imports.structured_data import rows_of_page
from catalog.imports.tables import KeptTable, Record
from vault.outbound import Answer
from vault.pages import PageError, fetch_page

ADDRESS_COLUMN = "attr.source_url"
COLUMNS = (
    *("code", "name", "description", "category", "status", "sku", "variant_name", "price", "currency", "compare_at"),
    *("stock_qty", "policy", "image", "image_alt", "attr.brand", "attr.gtin", ADDRESS_COLUMN),
)
SECONDS = 30.0
PAUSE_SECONDS = 0.2
MAX_BYTES = 5_000_000
MAX_FAILURES = 3
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([a-zA-Z0-9_-]{1,40})""", re.IGNORECASE)


def addresses_as_file(addresses: Iterable[str]) -> bytes:
    """The addresses, one a line."""
    return "".join("".join(address.split()) + "\n" for address in addresses).encode()


OnPage = Callable[[int, int], None]
"""Is told the pages asked for so far and their total."""


def read_pages(source: Source, on_page: OnPage = lambda done, total: None) -> KeptTable:
    """The table of the pages whose addresses stand in a file, one a line; they are fetched now."""
    with opened(source) as stream:
        text = stream.read(limits.MAX_PAGES * limits.MAX_URL_CHARACTERS * 4).decode("utf-8", "replace")
    addresses = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))[: limits.MAX_PAGES]
    header = list(COLUMNS)
    table = KeptTable(header, _records(addresses, header, on_page), format="web")
    table.names = {ADDRESS_COLUMN: "url"}
    return table


def _records(addresses: Sequence[str], header: list[str], on_page: OnPage) -> Iterator[Record]:
    """The rows of every page one after another, from 2, with an error in the row of a page that has none."""
    number = 2
    places = {name: place for place, name in enumerate(header)}
    for asked, (address, rows, code) in enumerate(_pages(addresses), start=1):
        on_page(asked, len(addresses))
        for row in rows or [{}]:
            for name in row.keys() - places.keys():
                places[name] = len(header)
                header.append(name)
            cells = [""] * len(header)
            for name, value in {**row, ADDRESS_COLUMN: address}.items():
                cells[places[name]] = value
            yield Record(number, cells, {places[ADDRESS_COLUMN]: code} if code else {})
            number += 1


def _pages(addresses: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]], str]]:
    """Each address with the rows of its page, or with the code that says why there are none."""
    failures: Counter[str] = Counter()
    for address in addresses:
        site = urlsplit(address).netloc if "[" not in address else address
        if failures[site] >= MAX_FAILURES:
            yield address, [], "page_given_up"
            continue
        try:
            rows = rows_of_page(*_fetched(address))
        except PageError as error:
            failures[site] += error.code in ("page_timeout", "page_unreachable")
            yield address, [], error.code
        else:
            failures[site] = 0
            yield address, rows, "" if rows else "no_product_data"
        time.sleep(PAUSE_SECONDS)


def _fetched(address: str) -> tuple[str, str]:
    """The page's text and its address after redirects; raises `PageError` (its codes are of `ROW_MESSAGES`)."""
    answer, reached = fetch_page(address, accept="text/html", seconds=SECONDS, max_bytes=MAX_BYTES)
    return _text(answer), reached


def _text(answer: Answer) -> str:
    """The page as text: in the encoding its header or its first bytes name, else UTF-8."""
    named = _CHARSET.search(answer.headers.get("content-type", "").encode()) or _CHARSET.search(answer.body[:2048])
    try:
        return answer.body.decode(named[1].decode() if named else "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")
