"""Calibrates from which score on each bot answers, from the tenant's own texts and marks; never from anybody's test sets.

Each kind of text is asked questions of which it is known whether it answers them, by the very look-up and score of a turn:

- **FAQs and intents**, by leaving out: each wording is asked while all with its answer are hidden, so that nothing answers it; and
  while it alone is hidden, so that the other wordings of its answer should be found. An answer with one wording tells only what
  it is like when nothing answers: shortened or without small words it would still be far more like itself than what
  customers say, and thresholds chosen by that refuse them.
- **Documents**, by half a sentence: of the sentence of a chunk that says most every other telling word is asked, for so much a
  question has in common with the passage that answers it; once as it is, when the document should be found, and once while the
  whole document is hidden.
- **Marks** of the retrieval lab: what was marked right answers the question; a question with a wrong first hit and no right one, or of
  which nothing was right, is answered by nothing. Each counts ``MARK_WEIGHT`` times: somebody judged it.

``bots.thresholds`` chooses from these. Once a minute the background compares what each bot's texts and marks come to with
what they came to when it was calibrated, once all vectors are made; so many changes are one calibration.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from bots.models import PATH_SEPARATOR, AnswerThreshold, Bot, RetrievalMark
from bots.thresholds import Judged, choose_threshold, default_of, outcome_at
from catalog.models import SearchText, SearchVector
from catalog.search import Hit, rank, statement
from tenants.errors import Conflict
from tenants.models import Tenant
from tenants.queue import QueueState, fail, finish, postpone, wake, work
from tenants.scope import current_tenant_id, platform_scope, tenant_scope
from tenants.text import STOP_WORDS, detect_language, words
from vault.providers.embeddings import embed, model_prefix
from vault.providers.errors import ProviderError

logger = logging.getLogger(__name__)

TASK = AnswerThreshold.task
CALIBRATED = ("faq", "document", "intent")
"""Kinds of text with a threshold of their own, and their columns, in the order in which ``LOAD`` reads them. Offerings are
chosen by how they fit, and need none."""

METHOD = "1"
"""Raised when questions, scores or the choice change: every bot is calibrated anew then, as it is with another embedding model."""
MOST = 100
"""Texts of a kind that are asked, the same ones each time, and questions that were marked."""
MARK_WEIGHT = 5
"""A question that somebody judged counts like so many that were made up."""
LEASE = timedelta(minutes=5)
WAIT = timedelta(minutes=10)
"""Before it is tried again where questions cannot be embedded now."""
FEWEST_WORDS, MOST_WORDS = 4, 6
"""Telling words that a sentence needs to be asked by half of them, and the most that are asked."""

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, the text it was made of (None: a mark), and what is marked right or wrong of it."""

    question: str
    text: SearchText | None = None
    marks: tuple[RetrievalMark, ...] = ()


def calibrate_due() -> int:
    """Calibrate every bot whose texts or marks changed, of every tenant in turn; returns how many."""
    with platform_scope(reason="name the tenants that have bots"):
        active = Bot.objects.filter(status=Bot.Status.ACTIVE, tenant__status=Tenant.Status.ACTIVE)
        tenants = list(active.values_list("tenant_id", flat=True).distinct().order_by())
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            notice_changes()
    return work(AnswerThreshold, _calibrate_rows, batch=1, lease=LEASE)


def notice_changes() -> None:
    """Queue the bots of the scope's tenant whose texts or marks are not what they were; not while vectors are being made.

    What is being calibrated meanwhile is taken out of its worker's hands and begun anew.
    """
    making = SearchVector.objects.filter(kind__in=CALIBRATED, state__in=[QueueState.PENDING, QueueState.RUNNING])
    if making.exists():
        return
    method = f"{METHOD} {model_prefix()}"
    asked: dict[str, Any] = {"tenant": current_tenant_id(), "kinds": list(CALIBRATED), "method": method}
    with connection.cursor() as cursor:
        cursor.execute(_NOTICE, {**asked, "now": timezone.now()})


_NOTICE = """
WITH texts AS (
    SELECT bot_id, count(*) AS number, bit_xor(hashtextextended(
        concat_ws(' ', kind, owner_id, language, priority, encode(content_hash, 'hex')), 0)) AS sum
    FROM catalog_searchtext WHERE tenant_id = %(tenant)s AND kind = ANY (%(kinds)s) GROUP BY bot_id
), marks AS (
    SELECT bot_id, count(*) AS number, bit_xor(hashtextextended(concat_ws(' ', id, is_right), 0)) AS sum
    FROM bots_retrievalmark WHERE tenant_id = %(tenant)s GROUP BY bot_id
), found AS (
    SELECT b.id, md5(concat_ws('/', %(method)s, shared.number, shared.sum, 'own', own.number, own.sum,
                               'marks', marks.number, marks.sum)) AS texts_key
    FROM bots_bot AS b
    LEFT JOIN texts AS shared ON shared.bot_id IS NULL
    LEFT JOIN texts AS own ON own.bot_id = b.id
    LEFT JOIN marks ON marks.bot_id = b.id
    WHERE b.tenant_id = %(tenant)s AND b.status = 'active'
)
INSERT INTO bots_answerthreshold AS known (tenant_id, bot_id, texts_key, due_at)
SELECT %(tenant)s, id, texts_key, %(now)s FROM found
WHERE NOT EXISTS (SELECT FROM bots_answerthreshold AS same
                  WHERE same.tenant_id = %(tenant)s AND same.bot_id = found.id AND same.texts_key = found.texts_key)
ON CONFLICT (tenant_id, bot_id) DO UPDATE SET texts_key = excluded.texts_key, state = 'pending', due_at = excluded.due_at,
    attempt = 0, lease_until = NULL
"""


def _calibrate_rows(rows: Sequence[AnswerThreshold]) -> None:
    for row in rows:
        try:
            judged = {kind: judge(kind, row.bot_id) for kind in CALIBRATED}
        except (ProviderError, Conflict) as error:  # no fault of the texts
            postpone(row, str(error), delay=WAIT)
        except Exception as error:
            logger.exception("bot %s cannot be calibrated", row.bot_id)
            fail(row, str(error))
        else:
            _keep(row, judged)


def _keep(row: AnswerThreshold, judged: dict[str, list[Judged]]) -> None:
    """Keep the thresholds and, by kind, what they do to the questions; where these are too few, what the default does."""
    outcomes = {kind: choose_threshold(asked, default=default_of(kind)) for kind, asked in judged.items()}
    chosen = {kind: found.threshold if found else None for kind, found in outcomes.items()}
    told = {kind: outcomes[kind] or outcome_at(default_of(kind), asked) for kind, asked in judged.items() if asked}
    made_of = {kind: asdict(outcome) for kind, outcome in told.items()}
    finish(row, **chosen, made_of=made_of, calibrated_at=timezone.now())


def judge(kind: str, bot_id: UUID) -> list[Judged]:
    """Ask the bot's texts of a kind all that is known about them: one message to the database for each question."""
    asked = [*_made_up(kind, bot_id), *_marked(kind, bot_id)]
    if not asked:
        return []
    judged: list[Judged] = []
    for one, rows in zip(asked, _look_up(kind, bot_id, asked), strict=True):
        if one.text is None:
            judged += _judge_marks(one, rows)
        elif kind == SearchText.Kind.DOCUMENT:
            judged += _judge_passage(one.question, one.text, rows)
        else:
            judged += _judge_wording(one.text, rows)
    return judged


def _look_up(kind: str, bot_id: UUID, asked: Sequence[_Asked]) -> Iterator[list[Row]]:
    """Yield the candidates of each question. All vectors are asked for at once: the tenant may pay for them."""
    made = embed([one.question for one in asked], bot_id=bot_id)
    for number, one in enumerate(asked):
        vector = type(made)(made.vectors[number : number + 1], made.model)
        found = statement(one.question, kinds=(kind,), bot_id=bot_id, embedded=vector)
        if found is None:
            yield []
            continue
        with connection.cursor() as cursor:
            cursor.execute(found.sql, found.params)
            yield cursor.fetchall()


def _made_up(kind: str, bot_id: UUID) -> Iterator[_Asked]:
    """Yield the questions that the texts themselves give. Their hashes are as good as chance, and the same the next time."""
    texts = SearchText.objects.filter(Q(bot_id=None) | Q(bot_id=bot_id), kind=kind)
    for text in texts.order_by("content_hash")[:MOST]:
        if kind == SearchText.Kind.DOCUMENT:
            if half := _half_a_sentence(text.body):
                yield _Asked(half, text)
        else:
            yield _Asked(text.title, text)


def _marked(kind: str, bot_id: UUID) -> Iterator[_Asked]:
    """Yield the questions that were marked, with what was marked of this kind, or that nothing is right."""
    marks = RetrievalMark.objects.filter(bot_id=bot_id, kind__in=[kind, ""]).order_by("-updated_at")
    by_question: defaultdict[str, list[RetrievalMark]] = defaultdict(list)
    for mark in marks:
        by_question[mark.question_key].append(mark)
    for same in list(by_question.values())[:MOST]:
        yield _Asked(same[0].question, marks=tuple(same))


def _judge_marks(asked: _Asked, rows: Sequence[Row]) -> list[Judged]:
    best = _best(asked.question, rows)
    right = {mark.source_id for mark in asked.marks if mark.is_right}
    wrong = {mark.source_id for mark in asked.marks if not mark.is_right}
    if right:
        # What gives the answer that was marked is as right, in whichever wording.
        answers = {row[3] for row in rows if row[1] in right}
        return [Judged(_score(best), True, best is not None and best.body in answers, MARK_WEIGHT)]
    if None in wrong or (best is not None and best.id in wrong):
        return [Judged(_score(best), False, weight=MARK_WEIGHT)]
    return []  # nobody said of the first hit what it is


def _judge_wording(text: SearchText, rows: Sequence[Row]) -> list[Judged]:
    """Ask a wording while its answer is hidden and, where its answer has others, while it alone is."""
    others = [row for row in rows if row[1] != text.owner_id]
    # The answer in another language would be an answer, too.
    foreign = [row for row in others if row[3] != text.body and row[4] in ("", text.language)]
    judged = [Judged(_score(_best(text.title, foreign)), False)]
    if any(row[3] == text.body for row in others):
        best = _best(text.title, others)
        judged.append(Judged(_score(best), True, best is not None and best.body == text.body))
    return judged


def _judge_passage(question: str, text: SearchText, rows: Sequence[Row]) -> list[Judged]:
    """Ask what a document says, with the document and while it is hidden."""
    name = _name(text.title)
    others = [row for row in rows if _name(row[2]) != name]
    if not others:  # of a single document nothing tells how questions score that it does not answer
        return []
    best = _best(question, rows)
    is_right = best is not None and _name(best.title) == name
    return [Judged(_score(_best(question, others)), False), Judged(_score(best), True, is_right)]


def _name(title: str) -> str:
    """Return the document's own name, before its headings."""
    return title.partition(PATH_SEPARATOR)[0]


def _best(question: str, rows: Iterable[Row]) -> Hit | None:
    """Return what a turn would find first."""
    return next(iter(rank(question, rows, limit=1, language=detect_language(question))), None)


def _score(hit: Hit | None) -> float:
    return hit.score if hit else 0.0


def _half_a_sentence(body: str) -> str:
    """Return every other telling word of the sentence that says most; empty when none says enough."""
    said = max((_telling(one) for one in _SENTENCE.split(body)), key=len, default=[])
    return " ".join(said[: 2 * MOST_WORDS : 2]) if len(said) >= FEWEST_WORDS else ""


def _telling(text: str) -> list[str]:
    """Return the words that are no small ones, each once, as they are written: the letters tell the language."""
    stop = STOP_WORDS[detect_language(text)]
    said = {" ".join(words(one)): one for one in text.split()}
    return [one for key, one in said.items() if key and key not in stop]


def calibrate_anew(bot: Bot) -> None:
    """Have a bot calibrated once more, within seconds where a worker runs."""
    AnswerThreshold.objects.filter(bot=bot).update(texts_key="")
    wake(TASK)


def set_by_hand(bot: Bot, threshold: float | None) -> None:
    """Set from which score on a bot answers out of FAQs and documents; None: what was calibrated holds again."""
    AnswerThreshold.objects.update_or_create(bot=bot, defaults={"by_hand": threshold})
