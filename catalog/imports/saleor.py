"""A Saleor shop as rows of our own format, from what `manage.py dumpdata` writes of it: a list of objects.

<https://github.com/saleor/saleor>, apps product, attribute, channel and warehouse; its models have changed how values
hang on products over time, and both ways are read. Every channel becomes a price list and every warehouse a location.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any

from catalog.imports.numbers import plain
from catalog.imports.skus import make_sku, slug

Fields = dict[str, Any]
Row = dict[str, str]

_MODELS = {
    "product.category": ("name",),
    "product.collection": ("name",),
    "product.collectionproduct": ("collection", "product"),
    "product.product": ("name", "slug", "description", "description_plaintext", "category"),
    "product.productchannellisting": ("product", "is_published"),
    "product.productmedia": ("product", "image", "external_url", "alt", "sort_order", "type"),
    "product.productvariant": ("product", "sku", "name", "track_inventory", "sort_order"),
    "product.productvariantchannellisting": ("variant", "channel", "currency", "price_amount", "discounted_price_amount"),
    "attribute.attribute": ("slug", "name"),
    "attribute.attributevalue": ("attribute", "name"),
    "attribute.assignedproductattribute": ("product",),
    "attribute.assignedproductattributevalue": ("product", "assignment", "value", "sort_order"),
    "attribute.assignedvariantattribute": ("variant",),
    "attribute.assignedvariantattributevalue": ("variant", "assignment", "value", "sort_order"),
    "channel.channel": ("slug", "name", "currency_code"),
    "warehouse.warehouse": ("slug", "name"),
    "warehouse.stock": ("warehouse", "product_variant", "quantity"),
}
"""What is read of which model; of all others nothing is kept."""
_TAGS = {"paragraph": "p", "header": "h3", "quote": "blockquote"}
_NOTHING: Row = {}
_NO_CODE = re.compile(r"[^a-zA-Z0-9_-]+")
COLUMNS = (
    *("code", "name", "description", "category", "tags", "status", "sku", "variant_name", "price", "currency"),
    *("compare_at", "price_list", "stock_qty", "location", "image", "image_alt"),
)


def is_saleor(first: dict[str, Any]) -> bool:
    """Whether the first object of a file is one of a dump of Django's."""
    return isinstance(first.get("model"), str) and isinstance(first.get("fields"), dict) and "pk" in first


class SaleorShop:
    """The objects of a dump by model and key, and the rows they make."""

    def __init__(self, objects: Iterable[dict[str, Any]]) -> None:
        self._of: dict[str, dict[str, Fields]] = {model: {} for model in _MODELS}
        for one in objects:
            model, fields = one.get("model"), one.get("fields")
            if model in _MODELS and isinstance(fields, dict):
                self._of[model][str(one.get("pk"))] = {name: fields.get(name) for name in _MODELS[model]}
        self._variants = self._grouped("product.productvariant", "product")
        self._prices = self._grouped("product.productvariantchannellisting", "variant")
        self._stocks = self._grouped("warehouse.stock", "product_variant")
        self._media = self._grouped("product.productmedia", "product")
        self._listings = self._grouped("product.productchannellisting", "product")
        self._collections = self._grouped("product.collectionproduct", "product")
        self._attributes = self._values_of("product")
        self._options = self._values_of("variant")

    @property
    def price_lists(self) -> dict[str, str]:
        """The price lists that prices of the shop belong to: name by code."""
        return self._places("channel.channel", (one["channel"] for some in self._prices.values() for _key, one in some))

    @property
    def locations(self) -> dict[str, str]:
        """The locations that stock of the shop lies at: name by code."""
        return self._places(
            "warehouse.warehouse", (one["warehouse"] for some in self._stocks.values() for _key, one in some)
        )

    def _places(self, model: str, keys: Iterable[Any]) -> dict[str, str]:
        used = {str(key) for key in keys}
        places = ((key, self._get(model, key)) for key in sorted(used))
        return {_code(key, place): str(place.get("name") or "")[:200] for key, place in places}

    def _get(self, model: str, key: object) -> Fields:
        return self._of[model].get(str(key), {})

    def _grouped(self, model: str, owner: str) -> dict[str, list[tuple[str, Fields]]]:
        """The objects by what they belong to, in the shop's order, each with its key."""
        groups: dict[str, list[tuple[str, Fields]]] = defaultdict(list)
        for key, fields in self._of[model].items():
            groups[str(fields.get(owner))].append((key, fields))
        for group in groups.values():
            group.sort(key=lambda pair: (_number(pair[1].get("sort_order")), _number(pair[0])))
        return groups

    def _values_of(self, kind: str) -> dict[str, dict[str, str]]:
        """By product or variant: its values by attribute; several values of one are joined."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        assigned = self._of[f"attribute.assigned{kind}attributevalue"]
        for fields in sorted(assigned.values(), key=lambda one: _number(one.get("sort_order"))):
            owner = fields.get(kind) or self._get(f"attribute.assigned{kind}attribute", fields.get("assignment")).get(kind)
            value = self._get("attribute.attributevalue", fields.get("value"))
            attribute = self._get("attribute.attribute", value.get("attribute"))
            key = str(attribute.get("slug") or attribute.get("name") or "").replace("-", "_")
            text = str(value.get("name") or "")
            if owner and key and text:
                values = found[str(owner)]
                values[key] = f"{values[key]}, {text}" if key in values else text
        return found

    def rows(self) -> Iterator[Row]:
        """One row for each price or stock of a variant, the product's words in the first one."""
        for key, product in self._of["product.product"].items():
            code = str(product.get("slug") or f"product-{key}")
            rows = [row for one in self._variants.get(key, []) for row in self._variant_rows(code, *one)]
            words = self._words(key, product)
            for place, (row, image) in enumerate(zip_longest(rows, self._images(key), fillvalue=_NOTHING)):
                yield {"code": code, **(words if place == 0 else {}), **row, **image}
            if not rows and not self._images(key):
                yield {"code": code, **words}

    def _words(self, key: str, product: Fields) -> Row:
        collections = (self._get("product.collection", one["collection"]) for _key, one in self._collections.get(key, []))
        is_published = any(one.get("is_published") for _key, one in self._listings.get(key, []))
        return {
            "name": str(product.get("name") or ""),
            "description": _description(product),
            "category": str(self._get("product.category", product.get("category")).get("name") or ""),
            "tags": ",".join(str(one.get("name") or "").replace(",", " ") for one in collections),
            "status": "active" if is_published else "draft",
            **{f"attr.{name}": value for name, value in self._attributes.get(key, {}).items()},
        }

    def _variant_rows(self, code: str, key: str, variant: Fields) -> Iterator[Row]:
        options = self._options.get(key, {})
        named = options or {"name": str(variant.get("name") or key)}
        words = {
            "sku": str(variant.get("sku") or make_sku(code, named)),
            "variant_name": str(variant.get("name") or ""),
            **{f"option.{name}": value for name, value in options.items()},
        }
        stocks = [self._stock(one) for _key, one in self._stocks.get(key, [])] if variant.get("track_inventory") else []
        prices = [self._price(one) for _key, one in self._prices.get(key, []) if one.get("price_amount") is not None]
        for price, stock in zip_longest(prices, stocks, fillvalue=_NOTHING):
            yield {**words, **price, **stock}
        if not prices and not stocks:
            yield words

    def _price(self, listing: Fields) -> Row:
        full, now = str(listing["price_amount"]), str(listing.get("discounted_price_amount") or listing["price_amount"])
        channel = self._get("channel.channel", listing.get("channel"))
        is_reduced = _amount(now) is not None and _amount(full) is not None and now != full and Decimal(now) < Decimal(full)
        return {
            "price": plain(now if is_reduced else full),
            "compare_at": plain(full) if is_reduced else "",
            "currency": str(listing.get("currency") or channel.get("currency_code") or ""),
            "price_list": _code(str(listing.get("channel")), channel),
        }

    def _stock(self, stock: Fields) -> Row:
        warehouse = self._get("warehouse.warehouse", stock.get("warehouse"))
        return {"stock_qty": str(stock.get("quantity") or 0), "location": _code(str(stock.get("warehouse")), warehouse)}

    def _images(self, key: str) -> list[Row]:
        """The pictures with an address. Files of the shop have none in a dump; one stands for all of them."""
        images = [one for _key, one in self._media.get(key, []) if one.get("type", "IMAGE") in ("IMAGE", None)]
        addresses = [(str(one.get("external_url") or one.get("image") or ""), str(one.get("alt") or "")) for one in images]
        outside = [{"image": src, "image_alt": alt} for src, alt in addresses if src.startswith(("http://", "https://"))]
        inside = [{"image": src} for src, _alt in addresses if src and not src.startswith(("http://", "https://"))]
        return outside or inside[:1]


def _code(key: str, place: Fields) -> str:
    """The code of a channel's price list or a warehouse's location: the slug, as far as it is one of ours."""
    return (_NO_CODE.sub("-", str(place.get("slug") or "")).strip("-") or slug(str(place.get("name") or "")) or key)[:63]


def _number(written: object) -> int:
    text = str(written)
    return int(text) if text.isdecimal() and len(text) < 19 else 2**63


def _amount(written: str) -> Decimal | None:
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def _description(product: Fields) -> str:
    """The description as HTML: Saleor keeps it as blocks of EditorJS, <https://editorjs.io/saving-data>."""
    words = product.get("description")
    blocks = words.get("blocks") if isinstance(words, dict) else None
    if not isinstance(blocks, list):
        return html.escape(str(product.get("description_plaintext") or ""), quote=False)
    return "".join(_block(one) for one in blocks if isinstance(one, dict))


def _block(block: Fields) -> str:
    data = block.get("data")
    if not isinstance(data, dict):
        return ""
    if isinstance(data.get("items"), list):
        tag = "ol" if data.get("style") == "ordered" else "ul"
        return f"<{tag}>{''.join(f'<li>{_item(one)}</li>' for one in data['items'])}</{tag}>"
    tag = _TAGS.get(str(block.get("type")), "p")
    return f"<{tag}>{data['text']}</{tag}>" if isinstance(data.get("text"), str) else ""


def _item(item: object) -> str:
    return str(item.get("content", "") if isinstance(item, dict) else item)
