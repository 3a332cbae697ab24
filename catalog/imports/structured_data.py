"""What a web page says of its product in JSON-LD: <https://schema.org/Product>, `ProductGroup` and `Offer`.

As <https://developers.google.com/search/docs/appearance/structured-data/product> describes them, and as shops write
them: alone, in a list, in `@graph` or inside another thing; with one offer, several, or an `AggregateOffer`.
"""

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from catalog.imports.json_objects import refuse_constant
from catalog.imports.numbers import plain
from catalog.imports.skus import slug

Thing = dict[str, Any]
Row = dict[str, str]

_OPTIONS = ("color", "size", "material", "pattern")
_GONE = ("outofstock", "soldout", "discontinued")
_GTINS = ("gtin", "gtin13", "gtin12", "gtin14", "gtin8")
_PRICE = re.compile(r"(?:[A-Z]{3}|[$€£¥₫đ])?([ 0-9.,-]+)(?:[A-Z]{3}|[$€£¥₫đ])?")
MAX_DEPTH = 8


class _Scripts(HTMLParser):
    """Collects the JSON-LD scripts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = (dict(attrs).get("type") or "").split(";")[0].strip().lower()
        self._is_open = tag == "script" and kind == "application/ld+json"
        if self._is_open:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.texts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._is_open = False


def rows_of_page(text: str, address: str) -> list[Row]:
    """The rows of every product that the page at `address` describes; none if it describes none."""
    scripts = _Scripts()
    scripts.feed(text)
    scripts.close()
    products = [product for script in scripts.texts for product in _products(_parsed(script), 0)]
    groups = [one for one in products if _is_a(one, "ProductGroup")]
    # A page may say the same twice: once for a search engine, once for an advertiser.
    by_code = {_code(one, address): one for one in reversed(groups or products)}
    return [row for code, product in reversed(by_code.items()) for row in _rows(product, code, address)]


def _parsed(script: str) -> Any:
    script = script.strip().removeprefix("<!--").removesuffix("-->").strip().rstrip(";")
    try:
        return json.loads(script, strict=False, parse_float=plain, parse_int=str, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None


def _products(value: Any, depth: int) -> Iterator[Thing]:
    """The products in a value, wherever they stand in it; what stands inside a product belongs to it."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for one in value:
            yield from _products(one, depth + 1)
    elif isinstance(value, dict) and (_is_a(value, "Product") or _is_a(value, "ProductGroup")):
        yield value
    elif isinstance(value, dict):
        for key in ("@graph", "mainEntity", "itemListElement", "item"):
            yield from _products(value.get(key), depth + 1)


def _is_a(thing: Thing, kind: str) -> bool:
    kinds = _listed(thing.get("@type"))
    return any(isinstance(one, str) and one.rsplit("/")[-1].removeprefix("schema:") == kind for one in kinds)


def _rows(product: Thing, code: str, address: str) -> Iterator[Row]:
    """One row for each offer of each variant; words stand in the first, further pictures in rows of their own."""
    variants = [one for one in _listed(product.get("hasVariant")) if isinstance(one, dict)]
    words = {
        "code": code,
        "name": _text(product.get("name")) or next((_text(one.get("name")) for one in variants), ""),
        "description": _text(product.get("description")),
        "category": _text(product.get("category")),
        "status": "active",
        "attr.brand": _text(product.get("brand")),
    }
    rows = [row for one in variants or [product] for row in _variant_rows(one, is_alone=not variants)]
    images = list(dict.fromkeys(one for thing in (product, *variants) for one in _images(thing, address)))
    for place in range(max(len(rows), len(images))):
        row = rows[place] if place < len(rows) else {}
        image = {"image": images[place]} if place < len(images) else {}
        yield {**(words if place == 0 else {"code": code}), **row, **image}


def _code(product: Thing, address: str) -> str:
    names = ("productGroupID", "sku", "productID", "mpn", *_GTINS)
    written = next((_text(product.get(name)) for name in names if _text(product.get(name))), "")
    last = urlsplit(address).path.rstrip("/").rpartition("/")[2].partition(".")[0]
    return written or slug(last) or slug(_text(product.get("name")))


def _variant_rows(variant: Thing, *, is_alone: bool) -> Iterator[Row]:
    options = {f"option.{key}": _text(variant.get(key)) for key in _OPTIONS if _text(variant.get(key))}
    words = {
        "sku": _sku(variant),
        **({} if is_alone else {"variant_name": _text(variant.get("name")), **options}),
        **({"attr.gtin": _gtin(variant)} if is_alone and _gtin(variant) else {}),
    }
    offers = list(_offers(variant.get("offers")))
    for offer in offers or [{}]:
        own = {"sku": _text(offer.get("sku"))} if _text(offer.get("sku")) and len(offers) > 1 else {}
        yield {**words, **own, **_price(offer), **_stock(offer)}


def _sku(variant: Thing) -> str:
    return _text(variant.get("sku")) or _gtin(variant) or _text(variant.get("mpn"))


def _gtin(variant: Thing) -> str:
    return next((_text(variant.get(name)) for name in _GTINS if _text(variant.get(name))), "")


def _offers(value: Any) -> Iterator[Thing]:
    for one in _listed(value):
        if isinstance(one, dict) and _is_a(one, "AggregateOffer") and one.get("offers"):
            yield from _offers(one["offers"])
        elif isinstance(one, dict):
            yield one


def _price(offer: Thing) -> Row:
    """The price with its currency. A range of prices is written as one, which no price is: the row says so."""
    details = [one for one in _listed(offer.get("priceSpecification")) if isinstance(one, dict)]
    listed = [one for one in details if "listprice" in _text(one.get("priceType")).lower().replace("strikethrough", "list")]
    current = next((one for one in details if one not in listed), {})
    low, high = _amount(offer.get("lowPrice")), _amount(offer.get("highPrice"))
    price = (
        _amount(offer.get("price")) or _amount(current.get("price")) or (low if low == high or not high else f"{low}–{high}")
    )
    before = _amount(listed[0].get("price")) if listed else ""
    currency = _text(offer.get("priceCurrency")) or _text(current.get("priceCurrency"))
    return {"price": price, "currency": currency, "compare_at": before if before != price else ""}


def _amount(value: Any) -> str:
    """A price as it is written, which by schema.org has a point and no thousands; money's name beside it is left out."""
    match = _PRICE.fullmatch(_text(value).replace("\xa0", " "))
    return match[1].strip() if match else _text(value)


def _stock(offer: Thing) -> Row:
    """How much there is, if the page says it; else only whether it is sold."""
    level = offer.get("inventoryLevel")
    quantity = _text(level.get("value") if isinstance(level, dict) else level)
    state = _text(offer.get("availability")).rsplit("/")[-1].lower()
    if quantity:
        return {"stock_qty": quantity, "policy": "deny"}
    if state in _GONE:
        return {"stock_qty": "0", "policy": "deny"}
    return {"policy": "continue"} if state else {}


def _images(thing: Thing, address: str) -> Iterator[str]:
    for one in _listed(thing.get("image")):
        source = _text(one.get("url") or one.get("contentUrl")) if isinstance(one, dict) else _text(one)
        if source:
            yield _joined(address, source)


def _joined(address: str, source: str) -> str:
    try:
        return urljoin(address, source)
    except ValueError:
        return source


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A value as text: of a list its first, of a thing its name."""
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("@value"))
    return html.unescape(value).strip() if isinstance(value, str) else ""
