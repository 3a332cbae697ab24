"""What turns texts into vectors, for the whole installation: the offline model, or the server that the environment names.

Vectors of two models are never compared, so the name that is stored beside them holds model and width.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.conf import settings

from tenants.errors import Conflict
from tenants.scope import current_tenant_id
from tenants.text import words
from vault.providers import offline
from vault.providers.errors import ProviderError

logger = logging.getLogger(__name__)

QUESTION_SECONDS = 2.0
"""How long a customer's question waits for its vector; without one it is answered by its words."""
REST_SECONDS = 30.0
"""After a failure that is not the question's fault the server is left alone for so long: none waits for it in vain."""
REMEMBERED = 1000
"""Questions whose vectors each process keeps: a turn asks for the same one several times."""


@dataclass(frozen=True)
class Embedded:
    """A unit vector of 1,536 numbers per text (all zero: it has no words), and the name of the model that made them."""

    vectors: npt.NDArray[np.float32]
    model: str


def is_offline() -> bool:
    """Whether texts never leave the process."""
    return settings.EMBEDDING_PROVIDER == "offline"


def model_prefix() -> str:
    """Return how the name of today's model begins; the width of a remote one is known by its answers only."""
    return offline.MODEL if is_offline() else f"openai:{settings.EMBEDDING_MODEL}:"


def embed(texts: Sequence[str], *, bot_id: UUID | None = None, is_question: bool = False) -> Embedded:
    """Embed texts in the scope's tenant, who is charged for it.

    Raises ``ProviderError``, ``BudgetExceeded``, ``ModelUnpriced`` and ``TenantSuspended``; the offline model raises
    nothing and is free.
    """
    if is_offline():
        return Embedded(offline.embed(texts), offline.MODEL)
    return _embed_remotely(texts, bot_id, is_question)


def _embed_remotely(texts: Sequence[str], bot_id: UUID | None, is_question: bool) -> Embedded:
    # Here and not above: the SDK takes 0.6 s and 60 MB, which an offline installation need not spend.
    from vault.providers import openai_compatible as remote
    from vault.providers.endpoints import embedding_endpoint
    from vault.providers.metering import Purpose

    vectors = np.zeros((len(texts), offline.DIMENSIONS), dtype=np.float32)
    filled = [row for row, text in enumerate(texts) if words(text)]
    width = ""
    if filled:
        found = remote.embed(
            [texts[row] for row in filled],
            endpoint=embedding_endpoint(),
            purpose=Purpose(bot_id=bot_id),
            within=QUESTION_SECONDS if is_question else remote.EMBEDDING_SECONDS,
            tries=1 if is_question else 2,
        )
        vectors[filled], width = found.vectors, str(found.width)
    return Embedded(vectors, model_prefix() + width)


def embed_question(text: str, *, bot_id: UUID | None = None) -> Embedded:
    """Embed what a customer asks; a vector of zeros when that fails or takes too long: words must do then."""
    if is_offline():
        return embed([text])
    try:
        return _remembered(current_tenant_id(), model_prefix(), text, bot_id)
    except (ProviderError, Conflict) as error:
        logger.warning("a question is answered by its words alone: %s", error)
        return Embedded(np.zeros((1, offline.DIMENSIONS), dtype=np.float32), model_prefix())


class _Rest:
    """Until when, by the monotonic clock, this process asks for no question's vector."""

    until = 0.0


@lru_cache(maxsize=REMEMBERED)
def _remembered(tenant_id: UUID, model: str, text: str, bot_id: UUID | None) -> Embedded:
    if time.monotonic() < _Rest.until:
        raise ProviderError("retry", "The server for embeddings failed a moment ago.")
    try:
        return embed([text], bot_id=bot_id, is_question=True)
    except ProviderError as error:
        if not error.is_about_input:
            _Rest.until = time.monotonic() + REST_SECONDS
        raise


def warm() -> None:
    """Load what embedding and the installation's language model need, before the first customer waits for it."""
    if is_offline():
        offline.embed(["warm"])
    if not is_offline() or settings.LLM_BASE_URL:
        from vault.providers import openai_compatible  # noqa: F401 - 0.6 s
