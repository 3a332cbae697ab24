"""Forgetting a person: what every app has of them is deleted or emptied, what stays is told with its reason.

An app registers a step in ``AppConfig.ready``; the steps run from the right to the left, so that what hangs on a row goes
before it, all in one transaction: a worker that is killed has forgotten nothing, and the person may be forgotten again.
Beside the rows that name the person by a key there are texts that merely mention them: what tells them from others, a
telephone number, an address, an id on a channel, a full name, is looked for in every text there is (``found_elsewhere``).
A name of one word is borne by others as well, and so may be a full name without its diacritics: where they stand as words
of their own is told apart (``maybe_elsewhere``).
What people write in many ways, a telephone number, is first looked for in all of them, and each way that is found becomes
one of the terms.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from string import ascii_lowercase
from typing import Any, Literal
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils.translation import gettext_noop

from tenants.models import Event, IdempotencyKey, StoredFile, TaskRun, TenantModel
from tenants.queue import queues
from tenants.scope import current_tenant_id
from tenants.text import fold_letters

SHORTEST_TERM = 6
"""Letters of a term: a shorter one stands in the texts of others as well."""
_MARKS = r"[\u0300-\u036f]*"
"""Diacritics that are signs of their own."""
MOST_FOUND = 20
"""Rows of one kind that are named one by one where a person is still mentioned."""


@dataclass
class Person:
    """Who is forgotten: the ids of all rows that are theirs, which the steps add to, and what tells them from others."""

    ids: set[UUID]
    terms: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Regular expressions, alike to PostgreSQL and to Python, of names that others bear as well: where they stand is told, and
    nothing is changed but in a row that tells by something else who is meant."""
    spellings: tuple[str, ...] = ()
    """Regular expressions, alike to PostgreSQL and to Python, of other ways to write what tells them from others."""

    @property
    def patterns(self) -> list[str]:
        """Return the terms as ``ILIKE`` wants them."""
        return [f"%{escaped(term)}%" for term in self.terms]

    @property
    def id_patterns(self) -> list[str]:
        """Return the ids as ``LIKE`` wants them."""
        return [f"%{one}%" for one in sorted(self.ids)]


@dataclass(frozen=True)
class Forgotten:
    """What became of rows of one kind: ``how`` is ``deleted``, ``emptied`` or ``kept``, of which ``why`` gives the reason."""

    kind: str
    count: int
    how: str
    why: str = ""


Step = Callable[[Person], Iterable[Forgotten]]
STEPS: list[Step] = []
"""By app, from the left to the right."""


@dataclass
class Report:
    """The proof: how many rows of each kind were deleted or emptied, what was kept and why, and what still mentions them."""

    deleted: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)
    found_elsewhere: list[dict[str, Any]] = field(default_factory=list)
    maybe_elsewhere: list[dict[str, Any]] | None = None
    """Where a name of theirs stands that may be somebody else's, and nothing else tells who is meant. None: they have no name."""

    def add(self, one: Forgotten) -> None:
        """Count what a step did."""
        if one.how == "kept":
            self.kept += [{"kind": one.kind, "count": one.count, "why": one.why}] if one.count else []
        elif one.count:
            counts = self.deleted if one.how == "deleted" else self.emptied
            counts[one.kind] = counts.get(one.kind, 0) + one.count


def register_eraser(step: Step) -> None:
    """Add what an app does to forget a person."""
    STEPS.append(step)


def forget_person(person: Person) -> Report:
    """Run every step in the caller's transaction, and look for what still mentions the person."""
    report = Report()
    person.terms = tuple(sorted({*person.terms, *_as_written(person)}))
    for step in reversed(STEPS):
        for one in step(person):
            report.add(one)
    report.found_elsewhere = list(_found(person))
    report.maybe_elsewhere = list(_maybe_found(person)) if person.names else None
    return report


def terms_of(values: Iterable[str]) -> tuple[str, ...]:
    """Return those of the values that tell a person from others: long enough, and no single word of letters."""
    return tuple(sorted({value.strip() for value in values if _tells(value.strip())}))


def names_of(values: Iterable[str]) -> tuple[str, ...]:
    """Return what finds the names between the ends of words: one of one word as it is written, for in small letters, or without
    diacritics, it is another word; a full name in any case and with or without diacritics, as banks and tills write it.
    """
    return tuple(sorted({_as_name(value.split()) for value in values if value.strip()}))


def _as_name(parts: list[str]) -> str:
    said = re.escape(parts[0]) if len(parts) == 1 else r"[\s\u00a0._-]+".join(map(_loosely, parts))
    return rf"(?<![0-9A-Za-z\u00c0-\u1eff]){said}(?![0-9A-Za-z\u00c0-\u1eff])"


def _loosely(word: str) -> str:
    """Return a regular expression of a word in any case, its letters with or without marks, in one sign or in several."""
    return "".join(f"[{_writings()[one]}]" + _MARKS if one in _writings() else re.escape(one) for one in fold_letters(word))


@cache
def _writings() -> dict[str, str]:
    """Return, by plain letter, all Latin letters that are it under their marks."""
    found = {letter: letter + letter.upper() for letter in ascii_lowercase}
    for letter in map(chr, (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))):
        if (plain := fold_letters(letter)) in found:
            found[plain] += letter
    return found


def _tells(value: str) -> bool:
    return len(value) >= SHORTEST_TERM and not value.isalpha()


def escaped(term: str) -> str:
    """Return a text as ``LIKE`` takes it literally."""
    return re.sub(r"([\\%_])", r"\\\1", term)


def delete(rows: models.QuerySet[Any]) -> Forgotten:
    """Delete the rows, with all that hangs on them."""
    model: Any = rows.model
    ids = list(rows.order_by().values_list("pk", flat=True))
    model._default_manager.filter(pk__in=ids).delete()
    return Forgotten(model._meta.label_lower, len(ids), "deleted")


def empty(rows: models.QuerySet[Any], **values: Any) -> Forgotten:
    """Put the values in the place of what the rows told."""
    return Forgotten(rows.model._meta.label_lower, rows.update(**values), "emptied")


def mentioning(model: type[TenantModel], columns: Collection[str], patterns: Collection[str]) -> list[UUID]:
    """Return the ids of the tenant's rows of which one of the columns, as text, is like one of the patterns in any case."""
    return _where(model, columns, "ILIKE", patterns)


def _where(
    model: type[TenantModel], columns: Collection[str], operator: Literal["ILIKE", "~"], patterns: Collection[str]
) -> list[UUID]:
    if not patterns or not columns:
        return []
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if field.name in columns]
    said = " OR ".join(f"{quote(str(field.column))}::text {operator} ANY (%(patterns)s)" for field in fields)
    sql = f"SELECT id FROM {quote(model._meta.db_table)} WHERE tenant_id = %(tenant)s AND ({said}) ORDER BY id"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": current_tenant_id(), "patterns": list(patterns)})
        return [row_id for (row_id,) in cursor.fetchall()]


def text_columns(model: type[TenantModel]) -> list[str]:
    """Return the names of the columns that hold words: no choices, no codes of our own, nothing derived."""
    kinds = (models.CharField, models.TextField, models.JSONField, ArrayField)
    fields = [one for one in model._meta.concrete_fields if isinstance(one, kinds) and not one.generated]
    return [one.name for one in fields if not getattr(one, "choices", None)]


def _as_written(person: Person) -> Iterator[str]:
    """Return the ways in which the tenant's texts write what is looked for in many."""
    quote = connection.ops.quote_name
    for model in _tenant_models() if person.spellings else ():
        for name in text_columns(model):
            column = quote(str(model._meta.get_field(name).column))  # type: ignore[union-attr]
            sql = f"""SELECT DISTINCT found[1] FROM {quote(model._meta.db_table)},
                unnest(%(spellings)s::text[]) AS spelling, regexp_matches({column}::text, '(' || spelling || ')', 'g') AS found
                WHERE tenant_id = %(tenant)s AND {column}::text ~ spelling"""  # noqa: S608 - our own names
            with connection.cursor() as cursor:
                cursor.execute(sql, {"tenant": current_tenant_id(), "spellings": list(person.spellings)})
                yield from (written for (written,) in cursor.fetchall())


def _tenant_models() -> list[type[TenantModel]]:
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def _found(person: Person) -> Iterator[dict[str, Any]]:
    """Name what still mentions the person, in whatever table: texts of the business itself, which people look through."""
    return _in_every_table("ILIKE", person.patterns)


def _maybe_found(person: Person) -> Iterator[dict[str, Any]]:
    """Name the texts in which a name stands and nothing else that tells who is meant."""
    return _in_every_table("~", person.names, but=person.patterns)


def _in_every_table(
    operator: Literal["ILIKE", "~"], patterns: Collection[str], but: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    for model in _tenant_models():
        named = _where(model, text_columns(model), operator, patterns)
        told = set(mentioning(model, text_columns(model), but)) if named else set()
        if ids := [one for one in named if one not in told]:
            shown = [str(one) for one in ids[:MOST_FOUND]]
            yield {"kind": model._meta.label_lower, "count": len(ids), "ids": shown}


ERASED = "[erased]"
FILES_STAY = gettext_noop("Uploads and attachments: what stands inside them was not searched, so look through them.")
_ERASE_AUDIT = """
UPDATE tenants_auditentry AS e
SET erased_digest = coalesce(e.erased_digest, tenants_audit_digest(e)), before = erased.before, after = erased.after
FROM (
    SELECT id, tenants_audit_erased(old.before, %(patterns)s, own.columns) AS before,
        tenants_audit_erased(old.after, %(patterns)s, own.columns) AS after
    FROM tenants_auditentry AS old, LATERAL (
        SELECT CASE WHEN old.subject_id = ANY (%(ids)s) THEN %(columns)s::text[] ELSE '{}' END AS columns
    ) AS own
    WHERE old.tenant_id = %(tenant)s AND (
        old.subject_id = ANY (%(ids)s) OR old.before::text ILIKE ANY (%(patterns)s) OR old.after::text ILIKE ANY (%(patterns)s))
) AS erased
WHERE e.tenant_id = %(tenant)s AND e.id = erased.id
    AND (e.before IS DISTINCT FROM erased.before OR e.after IS DISTINCT FROM erased.after)
"""


def erase_from_audit(person: Person, columns: Collection[str] = ()) -> Forgotten:
    """Take values out of the audit that mention the person, and ``columns`` of the rows that were theirs.

    The entries stay, in their place in the chain: it holds the digest of what an entry was (``tenants/audit.py``).
    """
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": list(person.ids),
        "patterns": person.patterns,
        "columns": list(columns),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ERASE_AUDIT, values)
        return Forgotten("tenants.auditentry", cursor.rowcount, "emptied")


def forget_in_requests_and_runs(person: Person) -> Iterator[Forgotten]:
    """The step of ``tenants``: answers kept for repeated requests, task runs, events, and the audit."""
    answers = mentioning(IdempotencyKey, ("principal", "route", "answer"), [*person.patterns, *person.id_patterns])
    yield delete(IdempotencyKey.objects.filter(pk__in=answers))
    runs = mentioning(TaskRun, ("name", "input", "output", "error"), person.patterns)
    yield empty(TaskRun.objects.filter(pk__in=runs), name="", input={}, output={}, error="")
    events = mentioning(Event, ("data",), person.patterns)
    yield empty(Event.objects.filter(pk__in=events), data={})
    for model in queues():
        yield empty(model._default_manager.filter(pk__in=mentioning(model, ("last_error",), person.patterns)), last_error="")
    yield erase_from_audit(person)
    yield Forgotten("tenants.storedfile", StoredFile.objects.count(), "kept", FILES_STAY)
