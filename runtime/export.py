"""Conversations as a file: JSON Lines for programs (one conversation a line), CSV for people (one message a line)."""

import csv
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse
from django.utils import timezone

from runtime.models import DecisionEvent, Rating, Session, Turn
from tenants.text import inert

BATCH = 200
"""Conversations whose messages are in memory at once."""

COLUMNS = (
    *("session", "bot", "bot_version", "channel", "customer", "started", "ended", "turn", "time", "speaker", "message"),
    *("language", "tier", "confidence", "rating"),
)

Told = Mapping[str, Any]
"""A conversation as a JSON object, with its ``turns``."""


def export_transcripts(sessions: QuerySet[Session], form: str) -> FileResponse:
    """Return the conversations as a download in one of ``FORMATS``, the oldest first: written batch by batch to a file."""
    media_type, write = FORMATS[form]
    target = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the response closes it
    try:
        write(target, _told(sessions))
    except BaseException:
        target.close()
        raise
    target.seek(0)
    name = f"conversations-{timezone.localdate()}.{form}"
    return FileResponse(target, as_attachment=True, filename=name, content_type=media_type)


def _told(sessions: QuerySet[Session]) -> Iterator[Told]:
    ordered = sessions.select_related("bot", "bot_version", "channel", "customer").order_by("pk")
    batch = list(ordered[:BATCH])
    while batch:
        turns = _turns([session.pk for session in batch])
        yield from (_conversation(session, turns[session.pk]) for session in batch)
        batch = list(ordered.filter(pk__gt=batch[-1].pk)[:BATCH])


def _conversation(session: Session, turns: Sequence[Told]) -> Told:
    return {
        "session": str(session.pk),
        "bot": session.bot.code,
        "bot_version": session.bot_version.version,
        "channel": session.channel.code,
        "customer": session.customer.name if session.customer else "",
        "started": _moment(session.created_at),
        "ended": _moment(session.ended_at),
        "turns": turns,
    }


def _turns(session_ids: Sequence[UUID]) -> dict[UUID, list[Told]]:
    """Return the messages by conversation, each with the decision behind it and the customer's rating: three queries."""
    chosen = DecisionEvent.objects.filter(session__in=session_ids, event_type=DecisionEvent.EventType.TIER_SELECTION)
    decisions: dict[UUID | None, tuple[str, Any]] = {
        row[0]: row[1:] for row in chosen.values_list("input_turn_id", "tier", "confidence")
    }
    rated = Rating.objects.filter(session__in=session_ids, rater=Rating.Rater.CUSTOMER)
    votes = dict(rated.values_list("turn_id", "vote"))
    found: dict[UUID, list[Told]] = defaultdict(list)
    for turn in Turn.objects.filter(session__in=session_ids).order_by("pk"):
        tier, confidence = decisions.get(turn.in_reply_to_id, ("", None))
        found[turn.session_id].append(
            {
                "turn": str(turn.pk),
                "time": _moment(turn.created_at),
                "speaker": turn.speaker,
                "message": turn.message,
                "language": turn.language,
                "tier": tier,
                "confidence": None if confidence is None else float(confidence),
                "rating": votes.get(turn.pk, ""),
            }
        )
    return found


def _moment(when: datetime | None) -> str | None:
    return timezone.localtime(when).isoformat(timespec="seconds") if when else None


def _write_jsonl(target: IO[bytes], conversations: Iterator[Told]) -> None:
    for conversation in conversations:
        target.write(json.dumps(conversation, ensure_ascii=False).encode() + b"\n")


def _write_csv(target: IO[bytes], conversations: Iterator[Told]) -> None:
    # The byte order mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    for conversation in conversations:
        for turn in conversation["turns"]:
            lines.writerow([_cell({**conversation, **turn}[column]) for column in COLUMNS])
    text.detach()


def _cell(value: Any) -> Any:
    return inert(value) if isinstance(value, str) else value


FORMATS: dict[str, tuple[str, Callable[[IO[bytes], Iterator[Told]], None]]] = {
    "csv": ("text/csv; charset=utf-8", _write_csv),
    "jsonl": ("application/x-ndjson", _write_jsonl),
}
