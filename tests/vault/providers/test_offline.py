"""The embedding that works without a network."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vault.providers import offline


def test_a_vector_is_as_wide_as_the_column_of_unit_length_and_padded_with_zeros():
    vectors = offline.embed(["How much is delivery?", "Phí giao hàng bao nhiêu?"])
    assert vectors.shape == (2, offline.DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert not vectors[:, 256:].any()


def test_diacritics_case_and_spaces_make_no_difference():
    plain, marked = offline.embed(["giao hang o da nang", "  GIAO HÀNG ở  Đà Nẵng "])
    assert np.array_equal(plain, marked)


def test_text_without_words_has_no_direction():
    vectors = offline.embed(["", "delivery", " \n\t "])
    assert not vectors[0].any()
    assert vectors[1].any()
    assert not vectors[2].any()


def test_no_texts_give_no_rows():
    assert offline.embed([]).shape == (0, offline.DIMENSIONS)


def test_a_text_gets_the_same_vector_alone_and_in_a_batch():
    texts = ["red shirt", "a much longer question about how long the delivery of a red shirt takes", "x"]
    together = offline.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert offline.embed([text])[0] == pytest.approx(vector, abs=1e-6)


def test_related_texts_are_nearer_than_unrelated_ones():
    asked, near, far = offline.embed(["when will my parcel arrive", "delivery time of packages", "bake a chocolate cake"])
    assert asked @ near > asked @ far


def test_the_model_is_named_with_version_and_size():
    assert "0.4.0" in offline.MODEL
    assert "256" in offline.MODEL


def test_many_threads_share_one_model():
    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(lambda _: offline.embed(["hello shop"])[0], range(32)))
    assert all(np.array_equal(vectors[0], vector) for vector in vectors)


def test_a_fresh_process_needs_no_network():
    refuse = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
    )
    code = refuse + "from vault.providers.offline import embed\nprint(embed(['hello']).shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "(1, 1536)", done.stderr
