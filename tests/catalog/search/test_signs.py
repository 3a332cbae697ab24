"""Signs along fixed directions: they tell the angle between two vectors, and never change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.search.signs import signs_literal


def differing(first, second):
    """Return the share of signs that differ."""
    return (int(signs_literal(first)[1:], 16) ^ int(signs_literal(second)[1:], 16)).bit_count() / 1536


@given(seed=st.integers(0, 2**32 - 1), degrees=st.integers(0, 180), width=st.sampled_from([256, 768, 1536]))
def test_the_share_of_differing_signs_is_the_angle(seed, degrees, width):
    generator = np.random.default_rng(seed)
    one, other = np.linalg.qr(generator.normal(size=(width, 2)))[0].T
    turned = np.cos(np.radians(degrees)) * one + np.sin(np.radians(degrees)) * other
    assert abs(differing(one.astype(np.float32), turned.astype(np.float32)) - degrees / 180) < 0.08


def test_padding_changes_no_sign_and_nothing_has_no_signs():
    vector = np.random.default_rng(5).normal(size=256).astype(np.float32)
    assert signs_literal(np.pad(vector, (0, 1280))) == signs_literal(vector)
    assert signs_literal(np.zeros(1536, np.float32)) is None


def test_the_directions_are_those_of_every_vector_stored_before():
    first = np.zeros(1536, np.float32)
    first[0] = 1
    assert signs_literal(first)[:17] == "xa52a377e3780c754"
