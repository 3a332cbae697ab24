"""The embedding that needs no network and no key: wordllama's static token vectors.

It is the default of every tenant that names no endpoint of its own. 256 dimensions, zero-padded to the
width of the vector column; good for English, weak for Vietnamese, where text leads (`catalog.search.scoring`).
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import wordllama
from wordllama import WordLlama
from wordllama.inference import WordLlamaInference

from tenants.text import fold

# Stored beside every vector: vectors of another model are never compared with these.
MODEL = "wordllama-0.4.0-l2-supercat-256"
DIMENSIONS = 1536

_MODEL_DIMENSIONS = 256
_loading = Lock()


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """One row of `DIMENSIONS` numbers per text, of unit length; all zero where a text has no words.

    A zero row has no direction: callers store no vector for it and search by text alone.
    Texts are folded here, so diacritics and case make no difference.
    """
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    folded = [fold(text) for text in texts]
    filled = [row for row, text in enumerate(folded) if text]
    if filled:
        pooled = _load().embed([folded[row] for row in filled])
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        vectors[filled, :_MODEL_DIMENSIONS] = pooled / np.maximum(lengths, 1e-12)
    return vectors


def _load() -> WordLlamaInference:
    """The model, read from the installed package once per process (threads wait for the first)."""
    with _loading:
        return _read_model()


@cache
def _read_model() -> WordLlamaInference:
    # The folder is given because the loader's own default does not find the packaged tokenizer
    # and would then fetch it from the network.
    return WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
