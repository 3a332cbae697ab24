"""How soon is a kept answer found among 5,000: the look-up of the semantic cache against GPTCache (SQLite and FAISS).

Three kinds of question are asked: in the same words, with small words more (so that the vector is needed), and one that
nobody asked before. Both embed it with the offline embedding, in the width that the model has, keep all answers, and give
the kept one back. Ours takes in its tenant, version, language, the age of the entry and the content of what it rests on,
which GPTCache knows nothing of; its SQLite notes each use of an entry, ours are counted in the background. GPTCache is a
peer, not a requirement: it runs pip by itself when a part of it is missing, so it is only imported where all are installed.
"""

import atexit
import importlib.util
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
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
from runtime.cache import is_same_question, keys_of, look_up
from runtime.models import SemanticCacheEntry
from tenants.scope import tenant_scope
from tenants.services import create_tenant
from vault.providers.embeddings import embed_question
from vault.providers.offline import embed

ENTRIES, ASKED = 5000, 100
PARTS = ("gptcache", "faiss", "sqlalchemy")

Ask = Callable[[str], str | None]


def run() -> list[Result]:
    """Keep the answers in both and ask both the same questions."""
    sentences = Sentences(np.random.default_rng(11))
    made = sorted({sentences.make() for _ in range(ENTRIES + ASKED)})
    kept, new = made[:ENTRIES], sentences.generator.permutation(made[ENTRIES:])
    answers = {question: f"Answer {number}." for number, question in enumerate(kept)}
    chosen = kept[:: len(kept) // ASKED]
    asked: dict[str, dict[str, str | None]] = {
        "same words": {question: answers[question] for question in chosen},
        "near words": {f"Please, {question}": answers[question] for question in chosen},
        "asked by nobody": {str(question): None for question in new},
    }
    ours = _ours(answers)
    if missing := [name for name in PARTS if importlib.util.find_spec(name) is None]:
        print(f"bench: GPTCache skipped, since {', '.join(missing)} cannot be imported")
        return [line for kind, questions in asked.items() for line in _compare(kind, questions, ours, None)]
    peer = _gptcache(answers)
    return [line for kind, questions in asked.items() for line in _compare(kind, questions, ours, peer)]


def _compare(kind: str, questions: Mapping[str, str | None], ours: Ask, peer: Ask | None) -> list[Result]:
    name = f"cache, {ENTRIES:,} entries, {kind}"
    took, right = _time(ours, questions)
    results = [compared(f"{name}: answered rightly", ours=right, floor=1, limit=">= 1")]
    if peer is None:
        return [*results, Result(f"{name}: look-up, p50, ms", took, took, 1, "", True)]
    theirs, found = _time(peer, questions)
    return [
        *results,
        Result(f"{name}: answered rightly by GPTCache", found, 1, found, "", True),
        compared(f"{name}: GPTCache / look-up, p50, ms", ours=theirs, floor=took, limit=">= 5"),
    ]


def _time(ask: Ask, questions: Mapping[str, str | None]) -> tuple[float, float]:
    """Median in milliseconds, of each question the best of three, and the share that is answered as it was."""
    times, right = [], 0
    for question, answer in questions.items():
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            found = ask(question)
            took.append((time.perf_counter() - begun) * 1000)
        right += found == answer
        times.append(min(took))
    return statistics.median(times), right / len(questions)


def _ours(answers: Mapping[str, str]) -> Ask:
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
            found = look_up(question, embedded=embed_question(question, bot_id=bot.pk), version_id=version.pk, language="en")
            with connection.cursor() as cursor:
                cursor.execute(found.sql, found.params)
                hits = rank(question, cursor.fetchall(), limit=5)
            return next((json.loads(hit.body)["text"] for hit in hits if is_same_question(question, hit)), None)

    return ask


def _keep(bot: Bot, version: BotVersion, answers: Mapping[str, str]) -> None:
    """Write the entries as they are after that many answers of the model, resting on one FAQ."""
    faq = Faq.objects.create(question="How do customers hand goods back?", answer="By post.", language="en")
    content = bytes(SearchText.objects.get(owner_id=faq.pk).content_hash).hex()
    source = {"kind": "faq", "id": str(faq.pk), "title": faq.question, "score": 0.9, "content_hash": content}
    keys = {question: keys_of(question, "en") for question in answers}
    SemanticCacheEntry.objects.bulk_create(
        SemanticCacheEntry(
            bot=bot,
            bot_version=version,
            language="en",
            confidence="0.900",
            sources=[source],
            query_text=question,
            query_key=keys[question][0],
            telling_key=keys[question][1],
            response_text=answer,
            expires_at=timezone.now() + timedelta(days=7),
        )
        for question, answer in answers.items()
    )


def _gptcache(answers: Mapping[str, str]) -> Ask:
    """Return the peer as its documentation sets it up; made to keep all, for left alone it evicts what is above 1,000."""
    from gptcache import Cache
    from gptcache.adapter.api import get
    from gptcache.manager import CacheBase, VectorBase, get_data_manager
    from gptcache.processor.pre import get_prompt
    from gptcache.similarity_evaluation.distance import SearchDistanceEvaluation

    folder = Path(tempfile.mkdtemp(prefix="backroom-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after GPTCache, which writes there in the end
    width = _own_width("warm")
    manager = get_data_manager(
        CacheBase("sqlite", sql_url=f"sqlite:///{folder}/cache.db"),
        VectorBase("faiss", dimension=width, index_path=f"{folder}/faiss.index"),
        max_size=2 * len(answers),
    )
    cache = Cache()
    cache.init(
        embedding_func=lambda question, **_: embed([question])[0][:width],
        data_manager=manager,
        similarity_evaluation=SearchDistanceEvaluation(),
        pre_embedding_func=get_prompt,
    )
    cache.import_data(list(answers), list(answers.values()))
    return lambda question: get(question, cache_obj=cache)


def _own_width(text: str) -> int:
    """How many numbers the model makes; the rest is the padding of our column, which would only slow the peer down."""
    return int(np.flatnonzero(embed([text])[0])[-1]) + 1
