"""Vectors of a server that speaks OpenAI's protocol: of our length, or refused."""

import json
from decimal import Decimal

import numpy as np
import pytest

from tests.vault import openai_server as server
from tests.vault.providers.test_openai_compatible import at, ledger, refused
from vault.models import UsageEntry
from vault.providers.openai_compatible import embed

pytestmark = pytest.mark.django_db


def test_vectors_come_in_the_order_asked_for_filled_up_and_of_unit_length(shop, remote):
    embedded = embed(["lamp", "a much longer text", "zzz"], endpoint=at(remote))
    found = embedded.vectors
    assert embedded.width == 8
    assert found.shape == (3, 1536)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert not found[:, 8:].any()
    wanted = np.array(server.vector_of("zzz", 8))
    assert np.allclose(found[2, :8], wanted / np.linalg.norm(wanted), atol=1e-6)
    entry = UsageEntry.objects.get()
    assert (entry.kind, entry.input_tokens, entry.output_tokens, entry.amount) == ("embedding", 9, 0, Decimal("0.000009"))
    assert remote.asked[0].body["encoding_format"] == "float"
    assert "dimensions" not in remote.asked[0].body


def test_openais_third_generation_is_asked_for_vectors_that_fit(shop, remote):
    embed(["lamp"], endpoint=at(remote, "text-embedding-3-large"))
    assert remote.asked[0].body["dimensions"] == 1536


def vectors(*rows, indexes=None):
    data = [
        {"object": "embedding", "index": index, "embedding": row}
        for index, row in zip(indexes or range(len(rows)), rows, strict=True)
    ]
    return server.sends(json.dumps({"object": "list", "data": data}).encode())


@pytest.mark.parametrize(
    "step",
    [
        vectors([1.0] * 1537, [1.0] * 1537),
        vectors([1.0, 2.0], [1.0]),
        vectors([], []),
        vectors([0.0, 0.0], [1.0, 0.0]),
        vectors([float("nan"), 1.0], [1.0, 0.0]),
        vectors([float("inf"), 1.0], [1.0, 0.0]),
        vectors(["1", 1.0], [1.0, 0.0]),
        vectors([None, 1.0], [1.0, 0.0]),
        vectors([True, 1.0], [1.0, 0.0]),
        vectors("AAAA", "AAAA"),
        vectors([1.0, 0.0]),
        vectors([1.0, 0.0], [1.0, 0.0], indexes=[0, 0]),
        vectors([1.0, 0.0], [1.0, 0.0], indexes=[1, 2]),
        server.says({"data": {}}),
        server.says({}),
    ],
)
def test_vectors_that_cannot_be_right_are_refused(shop, remote, step):
    remote.script = [step]
    assert refused(embed, ["a", "b"], endpoint=at(remote)).kind == "permanent"
    assert ledger() == [("failed", "permanent", True)]
