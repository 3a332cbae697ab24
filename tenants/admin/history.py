"""What the audit tells of a row, in the words of the person who reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db import models
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext

from tenants.actor import ActorKind
from tenants.models import ApiKey, AuditEntry, User
from tenants.postgres.audit import REDACTED

PER_PAGE = 50
NAMES = ("name", "label", "sku", "code", "email", "question", "slug")
"""Columns that say what a row is called, the most telling first."""
LONGEST_VALUE = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Change:
    """One column of a row that was changed, as a person reads it."""

    label: str
    before: str
    after: str


def changes(entry: AuditEntry) -> list[Change]:
    """Return what an entry tells, column by column; empty columns of rows added or deleted are left out."""
    before, after = entry.before or {}, entry.after or {}
    names = [name for name in {**before, **after} if (name not in ("id", "tenant_id"))]
    told = [Change(_label(entry, name), _shown(before.get(name)), _shown(after.get(name))) for name in names]
    return [one for one in told if one.before != one.after or entry.verb == AuditEntry.Verb.UPDATE]


def subject_name(entry: AuditEntry) -> str:
    """Return what the row that was added or deleted is called, as far as the entry tells."""
    content = entry.after or entry.before or {}
    found = next((content[name] for name in NAMES if content.get(name)), "")
    return Truncator(str(found)).chars(80)


def model_of(kind: str) -> type[models.Model] | None:
    """Return the model of ``catalog.offering``; None for one that is gone."""
    try:
        return apps.get_model(kind)
    except (LookupError, ValueError):  # a table of an older version
        return None


def _label(entry: AuditEntry, column: str) -> str:
    model = model_of(entry.subject_kind)
    name = column.removesuffix("_id")
    for candidate in (column, name):
        try:
            field: Any = model._meta.get_field(candidate) if model else None
        except FieldDoesNotExist:
            continue
        if field is not None:
            return capfirst(str(field.verbose_name))
    return capfirst(name.replace("_", " "))


def _shown(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if value == REDACTED:
        return "•••"
    return Truncator(", ".join(map(str, value)) if isinstance(value, list) else str(value)).chars(LONGEST_VALUE)


def actor_names(entries: Iterable[AuditEntry]) -> dict[UUID, str]:
    """Return the names of the people and keys that the entries tell of: two queries for a page."""
    ids: dict[str, set[UUID]] = {}
    for entry in entries:
        if entry.actor_id:
            ids.setdefault(entry.actor_kind, set()).add(entry.actor_id)
    people = User.objects.filter(pk__in=ids.get(ActorKind.USER, ()))
    keys = ApiKey.objects.filter(pk__in=ids.get(ActorKind.API_KEY, ()))
    return {person.pk: str(person) for person in people} | {key.pk: str(key) for key in keys}


def history(row: models.Model, page: int | str) -> dict[str, Any]:
    """Return what the history page of a row shows: entries of one page with their changes and who made them."""
    paginator = Paginator(AuditEntry.objects.about(row), PER_PAGE)
    shown = paginator.get_page(page)
    names = actor_names(shown)
    told = [(entry, names.get(entry.actor_id) if entry.actor_id else "", changes(entry)) for entry in shown]
    return {"entries": told, "page": shown}
