"""How soon is a kept answer found among 5,000: the look-up of the semantic cache against GPTCache (SQLite and FAISS).

Both embed the question with the offline embedding and give the same answers back. Ours takes in its tenant, version,
language, the age of the entry and the content of what it rests on, which GPTCache knows nothing of. The questions differ
from the kept ones by a small word, so that the vector is needed. GPTCache is a peer, not a requirement: it runs pip by
itself when a part of it is missing, so it is only imported where all parts are installed.
"""

import atexit
import importlib.util
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.db import connection
from django.utils import timezone

from bench.database import settle
from bench.result import Result, compared
from bench.search import Sentences
from bots.models import Bot, BotVersion, Faq
from bots.services import activate_version, create_version
from catalog.models import SearchText
from catalog.search import rank
from catalog.search.embedding import embed_due_texts
from runtime.cache import is_same_question, look_up
from runtime.models import SemanticCacheEntry
from tenants.scope import tenant_scope
from tenants.services import create_tenant
from tenants.text import words
from vault.providers.offline import DIMENSIONS, embed

ENTRIES, ASKED = 5000, 100
PARTS = ("gptcache", "faiss", "sqlalchemy")


def run() -> list[Result]:
    """Keep the answers in both and ask both the same questions."""
    sentences = Sentences(np.random.default_rng(11))
    kept = sorted({sentences.make() for _ in range(ENTRIES)})
    answers = {question: f"Answer {number}." for number, question in enumerate(kept)}
    asked = kept[:: len(kept) // ASKED]
    ours, right = _time(_ours(answers), asked, answers)
    results = [compared(f"cache, {len(kept):,} entries: answered rightly", ours=right, floor=1, limit=">= 1")]
    label = f"cache, {len(kept):,} entries: GPTCache / look-up, p50, ms"
    if missing := [name for name in PARTS if importlib.util.find_spec(name) is None]:
        print(f"bench: GPTCache skipped, since {', '.join(missing)} cannot be imported; our look-up: p50 {ours:.2f} ms")
        return results
    theirs, found = _time(_gptcache(answers), asked, answers)
    print(f"cache: GPTCache answered {found:.2f} of the questions rightly")
    return [*results, compared(label, ours=theirs, floor=ours, limit=">= 5")]


def _time(ask: Callable[[str], str | None], asked: Sequence[str], answers: dict[str, str]) -> tuple[float, float]:
    """Median in milliseconds, of each question the best of three, and the share that is answered as it was."""
    times, right = [], 0
    for question in asked:
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            found = ask(f"Please, {question}")
            took.append((time.perf_counter() - begun) * 1000)
        right += found == answers[question]
        times.append(min(took))
    return statistics.median(times), right / len(asked)


def _ours(answers: dict[str, str]) -> Callable[[str], str | None]:
    tenant = create_tenant(slug="cache", name="Bench", owner_email="owner@cache.example").tenant
    with tenant_scope(tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        version = activate_version(version=create_version(bot=bot))
        _keep(bot, version, answers)
    while embed_due_texts():
        pass
    settle()

    def ask(question: str) -> str | None:
        with tenant_scope(tenant):
            found = look_up(question, bot_id=bot.pk, version_id=version.pk, language="en")
            assert found
            with connection.cursor() as cursor:
                cursor.execute(found.sql, found.params)
                hits = rank(question, cursor.fetchall(), limit=5)
            return next((json.loads(hit.body)["text"] for hit in hits if is_same_question(question, hit)), None)

    return ask


def _keep(bot: Bot, version: BotVersion, answers: dict[str, str]) -> None:
    """Write the entries as they are after that many answers of the model, resting on one FAQ."""
    faq = Faq.objects.create(question="How do customers hand goods back?", answer="By post.", language="en")
    content = bytes(SearchText.objects.get(owner_id=faq.pk).content_hash).hex()
    source = {"kind": "faq", "id": str(faq.pk), "title": faq.question, "score": 0.9, "content_hash": content}
    SemanticCacheEntry.objects.bulk_create(
        SemanticCacheEntry(
            bot=bot,
            bot_version=version,
            language="en",
            confidence="0.900",
            sources=[source],
            query_text=question,
            query_key=" ".join(words(question)).encode()[:32],
            response_text=answer,
            expires_at=timezone.now() + timedelta(days=7),
        )
        for question, answer in answers.items()
    )


def _gptcache(answers: dict[str, str]) -> Callable[[str], str | None]:
    from gptcache import Cache
    from gptcache.adapter.api import get
    from gptcache.manager import CacheBase, VectorBase, get_data_manager
    from gptcache.processor.pre import get_prompt
    from gptcache.similarity_evaluation.distance import SearchDistanceEvaluation

    folder = Path(tempfile.mkdtemp(prefix="backroom-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after GPTCache, which writes there in the end
    manager = get_data_manager(
        CacheBase("sqlite", sql_url=f"sqlite:///{folder}/cache.db"),
        VectorBase("faiss", dimension=DIMENSIONS, index_path=f"{folder}/faiss.index"),
    )
    cache = Cache()
    cache.init(
        embedding_func=lambda question, **_: embed([question])[0],
        data_manager=manager,
        similarity_evaluation=SearchDistanceEvaluation(),
        pre_embedding_func=get_prompt,
    )
    cache.import_data(list(answers), list(answers.values()))
    return lambda question: get(question, cache_obj=cache)
