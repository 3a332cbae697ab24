"""Catalogue files of real shops, where `BACKROOM_TEST_DATA` names the folder that has them."""

import os
from collections import Counter
from pathlib import Path

import pytest

from catalog.imports.reading import RowReader, open_rows

DATA = os.environ.get("BACKROOM_TEST_DATA")
pytestmark = pytest.mark.sample_data


def opened(name: str, **options: str) -> RowReader:
    return open_rows(Path(DATA or "") / "catalog" / name, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shopify_bicycles.csv", {"rows": 1399, "offerings": 284, "variants": 1080, "images": 1034}),
        ("shopify_apparel.csv", {"rows": 104, "offerings": 25, "variants": 96, "images": 55}),
        ("shopify_apparel_small.csv", {"rows": 22, "offerings": 20, "variants": 22, "images": 20}),
        ("shopify_home-and-garden.csv", {"rows": 21, "offerings": 20, "variants": 21, "images": 21}),
    ],
)
def test_a_real_shop_is_read_whole(name, expected):
    reader = opened(name)
    counts = Counter()
    for row in reader:
        counts += Counter(
            rows=1, offerings=row.offering is not None, variants=row.variant is not None, images=row.image is not None
        )
    assert (reader.mapping, counts) == ("shopify", expected)


def test_the_faults_of_the_bicycle_shop_are_found():
    rows = list(opened("shopify_bicycles.csv"))
    assert Counter(problem.code for row in rows for problem in row.problems) == {"duplicate_sku": 41, "negative_stock": 5}
    sold = {row.handle for row in rows if row.variant}
    assert len({row.handle for row in rows} - sold) == 6
    assert sum(row.variant.policy == "continue" for row in rows if row.variant) == 17
    assert sum(row.variant.tracked for row in rows if row.variant) == 1055


def test_with_suffixes_the_bicycle_shop_sells_every_variant():
    rows = list(opened("shopify_bicycles.csv", on_duplicate_sku="suffix"))
    assert len({row.variant.sku for row in rows if row.variant}) == 1121
    assert not any(row.is_error for row in rows)
