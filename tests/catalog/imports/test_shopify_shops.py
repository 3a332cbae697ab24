"""Whole shops as Shopify exports them, made at random: what is written is what is read, and twice is once."""

import csv
import io
import json
import random
from dataclasses import dataclass, field
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports.reading import open_rows
from catalog.imports.shopify import _NEWER

OLDER = [
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *("Option1 Name", "Option1 Value", "Option1 Linked To", "Option2 Name", "Option2 Value", "Option2 Linked To"),
    *("Option3 Name", "Option3 Value", "Option3 Linked To", "Variant SKU", "Variant Grams", "Variant Inventory Tracker"),
    *("Variant Inventory Qty", "Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price"),
    *("Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable", "Unit Price Total Measure"),
    *("Unit Price Total Measure Unit", "Unit Price Base Measure", "Unit Price Base Measure Unit", "Variant Barcode"),
    *("Image Src", "Image Position", "Image Alt Text", "Gift Card", "SEO Title", "SEO Description"),
    *("Google Shopping / Google Product Category", "Màu sắc (product.metafields.shopify.color-pattern)"),
    *("Care guide (product.metafields.custom.care_guide)", "Variant Image", "Variant Weight Unit", "Variant Tax Code"),
    *("Cost per item", "Included / India", "Price / India", "Compare At Price / India", "Included / International"),
    *("Price / International", "Compare At Price / International", "Status"),
]
"""The header of a full export in 2026."""
NEWER = {older: newer for newer, older in _NEWER.items()}
WORDS = [
    "Áo",
    "Quần",
    "Mũ",
    "Shirt",
    "Cap",
    "Đèn",
    "Wool",
    "Ümlaut",
    "10% off",
    'Size "L"',
    "a, b",
    "two\nlines",
    "茶",
    "🧢",
]
AXES = ["Size", "Color", "Màu sắc", "Material", "Style"]


@dataclass
class Shop:
    """A shop: the rows of its file, and what must be read of them."""

    rows: list[dict[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=dict)
    stock: dict[str, int | None] = field(default_factory=dict)
    options: dict[str, dict[str, str]] = field(default_factory=dict)
    images: int = 0


def some_shop(chance: random.Random, products: int) -> Shop:
    shop = Shop()
    for number in range(products):
        add_product(shop, chance, f"{chance.choice(['shirt', 'mu-len', 'lamp'])}-{number}")
    return shop


def add_product(shop: Shop, chance: random.Random, handle: str) -> None:
    axes = chance.sample(AXES, chance.randint(0, 3))
    name = " ".join(chance.sample(WORDS, 3))
    count = chance.randint(1, 6) if axes else 1
    images = [f"https://cdn.example/{handle}/{place}.jpg?v=1" for place in range(chance.randint(0, 4))]
    for place in range(max(count, len(images))):
        row = {"Handle": handle}
        if place == 0:
            row |= words_of(chance, name)
            row |= {f"Option{at} Name": axis for at, axis in enumerate(axes or ["Title"], start=1)}
        if place < count:
            row |= variant_of(shop, chance, handle, place, axes)
        if place < len(images):
            row |= {"Image Src": images[place], "Image Position": str(place + 1), "Image Alt Text": chance.choice(WORDS)}
        shop.rows.append(row)
    shop.names[handle] = name
    shop.images += len(images)


def words_of(chance: random.Random, name: str) -> dict[str, str]:
    return {
        "Title": name,
        "Body (HTML)": f"<p>{chance.choice(['Cool', 'Ấm'])} &amp; light</p>",
        "Vendor": "Lumi",
        "Tags": "new, sale",
        "Published": "TRUE",
        "Status": chance.choice(["active", "draft", "archived"]),
        "Type": chance.choice(["", "Shirts"]),
        "Gift Card": "FALSE",
        "Included / India": "TRUE",
        "Care guide (product.metafields.custom.care_guide)": chance.choice(["", "=1+1", "Wash cold"]),
    }


def variant_of(shop: Shop, chance: random.Random, handle: str, place: int, axes: list[str]) -> dict[str, str]:
    sku = f"{handle.upper()}-{place}" if chance.random() < 0.9 else ""
    values = [f"{chance.choice(['x', 'đỏ'])} {place}" for _axis in axes] or ["Default Title"]
    price, is_counted, stock = (
        f"{chance.randint(0, 9999)}.{chance.randint(0, 99):02}",
        chance.random() < 0.8,
        chance.randint(-3, 90),
    )
    key = sku or f"{handle}#{place}"
    shop.prices[key] = price
    shop.stock[key] = max(stock, 0) if is_counted else None
    shop.options[key] = dict(zip(axes, values, strict=True)) if axes else {}
    return {
        "Variant SKU": sku,
        "Variant Price": price,
        "Variant Inventory Qty": str(stock),
        "Cost per item": "1.5",
        "Variant Inventory Tracker": "shopify" if is_counted else "",
        "Variant Grams": chance.choice(["", "250.0"]),
        "Variant Inventory Policy": chance.choice(["deny", "continue"]),
        "Price / International": "9,99",
        **{f"Option{at} Value": value for at, value in enumerate(values, start=1)},
    }


def written(shop: Shop, *, newer: bool = False) -> bytes:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, OLDER, restval="", lineterminator="\n" if newer else "\r\n")
    header = [NEWER.get(name, name) for name in OLDER] if newer else OLDER
    writer.writerow(dict(zip(OLDER, header, strict=True)))
    writer.writerows(shop.rows)
    return text.getvalue().encode("utf-8-sig" if newer else "utf-8")


def check(shop: Shop, content: bytes) -> None:
    reader = open_rows(io.BytesIO(content), currency="USD")
    rows = list(reader)
    assert reader.mapping == "shopify"
    assert [row.handle for row in rows] == [row["Handle"] for row in shop.rows]
    assert not any(row.is_error for row in rows)
    assert {row.handle: row.offering.name for row in rows if row.offering} == shop.names
    assert sum(row.image is not None for row in rows) == shop.images
    variants = [row.variant for row in rows if row.variant]
    assert [f"{one.price:.2f}" for one in variants] == list(shop.prices.values())
    assert [one.quantity if one.tracked else None for one in variants] == list(shop.stock.values())
    assert [one.options for one in variants] == list(shop.options.values())
    given = [key if "#" not in key else None for key in shop.prices]
    assert all(sku in (None, one.sku) for sku, one in zip(given, variants, strict=True))
    assert len({one.sku for one in variants}) == len(variants)


@given(st.integers(0, 2**32), st.booleans())
def test_a_small_shop_is_read_as_it_was_written(seed, newer):
    shop = some_shop(random.Random(seed), 4)
    check(shop, written(shop, newer=newer))


@pytest.mark.parametrize("newer", [False, True])
def test_a_shop_of_five_thousand_rows_is_read_as_it_was_written(newer):
    shop = some_shop(random.Random(7), 1300)
    assert 4_000 < len(shop.rows) < 6_000
    check(shop, written(shop, newer=newer))


@pytest.mark.django_db
def test_a_shop_is_imported_once_however_often(saigon, tmp_path):
    shop = some_shop(random.Random(11), 60)
    summaries = []
    for newer in (False, True):  # the same shop, exported with the names Shopify gives columns now
        path = tmp_path / f"shop-{newer}.csv"
        path.write_bytes(written(shop, newer=newer))
        out = StringIO()
        call_command("import_catalog", "saigon", str(path), "--currency", "USD", stdout=out)
        summaries.append(json.loads(out.getvalue().splitlines()[-1]))
    first, second = summaries
    assert (first["errors"], first["offerings"]["created"], first["variants"]["created"]) == (0, 60, len(shop.prices))
    assert first["images"] == shop.images
    assert first["stock"]["created"] == sum(one is not None for one in shop.stock.values())
    for part in ("offerings", "variants", "prices", "stock"):
        assert (second[part]["created"], second[part]["changed"]) == (0, 0)
    assert second["images"] == 0
