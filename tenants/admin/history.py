"""What the audit tells of a row, in the words of the person who reads it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db import models
from django.utils.dateparse import parse_datetime
from django.utils.formats import localize, number_format
from django.utils.text import Truncator, capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.actor import ActorKind
from tenants.models import ApiKey, AuditEntry, Event, Setting, User
from tenants.notes import told
from tenants.postgres.audit import REDACTED
from tenants.settings import SETTINGS

PER_PAGE = 50
NAMES = ("name", "label", "sku", "code", "email", "question", "slug")
"""Columns that say what a row is called, the most telling first."""
WORDS = {
    "actor_id": _("Id of who did it"),
    "actor_kind": _("Who"),
    "amount": _("Amount"),
    "bot": _("Bot"),
    "budget": _("Budget"),
    "channel": _("Channel"),
    "code": _("Code"),
    "currency": _("Currency"),
    "customer": _("Customer"),
    "expires_at": _("Expires"),
    "file": _("File"),
    "label": _("Label"),
    "limit": _("Limit"),
    "limit_amount": _("Limit"),
    "name": _("Name"),
    "percent": _("Percent"),
    "period": _("Period"),
    "period_start": _("Period from"),
    "price_list": _("Price list"),
    "provider": _("Service"),
    "reason": _("Reason"),
    "sku": _("SKU"),
    "spent": _("Spent"),
    "state": _("State"),
    "status": _("State"),
    "threshold": _("Threshold"),
    "total": _("Total"),
    "turns": _("Turns"),
}
"""What the parts of an event are called; of others the name itself is shown."""
AMOUNTS = frozenset({"amount", "limit", "limit_amount", "spent", "total"})
"""Parts of an event that are money."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
LONGEST_VALUE = 200
"""Characters of a value that are shown."""
SAID = 3
"""Values that stand for a row without a name."""


@dataclass(frozen=True)
class Change:
    """One column of a row that was changed, as a person reads it."""

    label: str
    before: str
    after: str


def changes(entry: AuditEntry, names: Mapping[str, str] | None = None) -> list[Change]:
    """Return what an entry tells, column by column; empty columns of rows added or deleted are left out.

    ``names`` are those of the rows it refers to (``row_names``), read here for a single entry.
    """
    before, after = entry.before or {}, entry.after or {}
    names = row_names([entry]) if names is None else names
    found = []
    for column in _in_order(entry.subject_kind, {**before, **after}):
        if column not in ("id", "tenant_id"):
            field = _field(entry.subject_kind, column)
            was, is_now = (_shown(field, content.get(column), names) for content in (before, after))
            found.append(Change(_label(field, column), was, is_now))
    return [one for one in found if one.before != one.after or entry.verb == AuditEntry.Verb.UPDATE]


def _in_order(kind: str, columns: Iterable[str]) -> list[str]:
    """Return columns in the order of the model: the database keeps them by length."""
    model = model_of(kind)
    places = {field.column: place for place, field in enumerate(model._meta.concrete_fields)} if model else {}
    return sorted(columns, key=lambda column: places.get(column, len(places)))


def subject_name(entry: AuditEntry, names: Mapping[str, str] | None = None) -> str:
    """Return what the row that was added or deleted is called, else (a budget, a grant) the first things it says."""
    content = entry.after or entry.before or {}
    column = next((name for name in NAMES if content.get(name)), "")
    found = _shown(_field(entry.subject_kind, column), content[column], {}) if column else ""
    said = [one.after or one.before for one in changes(entry, names)][:SAID] if not found else [found]
    return Truncator(", ".join(said)).chars(80)


def row_names(entries: Iterable[AuditEntry]) -> dict[str, str]:
    """Return, by id, the names of the rows that entries refer to: one query for each kind of row."""
    ids: dict[type[models.Model], set[str]] = {}
    for entry in entries:
        for column, value in [*(entry.before or {}).items(), *(entry.after or {}).items()]:
            related: Any = getattr(_field(entry.subject_kind, column), "related_model", None)
            if related and isinstance(value, str):
                ids.setdefault(related, set()).add(value)
    return {pk: name for model, found in ids.items() for pk, name in _names_in(model, found)}


def _names_in(model: type[models.Model], ids: set[str]) -> list[tuple[str, str]]:
    held = {field.name for field in model._meta.concrete_fields}
    column = next((name for name in NAMES if name in held), None)
    rows = model._default_manager.filter(pk__in=ids).values_list("pk", column) if column else ()
    return [(str(pk), str(name)) for pk, name in rows if name]


def model_of(kind: str) -> type[models.Model] | None:
    """Return the model of ``catalog.offering``; None for one that is gone."""
    try:
        return apps.get_model(kind)
    except (LookupError, ValueError):  # a table of an older version
        return None


def _field(kind: str, column: str) -> Any:
    """Return the field of a model that a column belongs to, or None."""
    model = model_of(kind)
    for name in (column, column.removesuffix("_id")):
        try:
            if model and name != "tenant":
                return model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
    return None


def _label(field: Any, column: str) -> str:
    return capfirst(str(getattr(field, "verbose_name", "")) or column.removesuffix("_id").replace("_", " "))


def _shown(field: Any, value: Any, names: Mapping[str, str]) -> str:
    """Return a value as a person reads it: a choice by its label, a row by its name, a moment in the own time zone."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return Truncator(", ".join(_shown(field, one, names) for one in value)).chars(LONGEST_VALUE)
    return "•••" if value == REDACTED else Truncator(_text(field, value, names)).chars(LONGEST_VALUE)


def _text(field: Any, value: Any, names: Mapping[str, str]) -> str:
    choices = dict(getattr(getattr(field, "base_field", field), "flatchoices", None) or ())
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if value in choices:
        return str(choices[value])
    if isinstance(field, models.DateTimeField) and (moment := parse_datetime(str(value))):
        return localize(localtime(moment))
    if isinstance(field, models.DecimalField):
        return amount_text(value)
    if getattr(field, "model", None) is Setting and field.name == "name" and value in SETTINGS:
        return str(SETTINGS[value].label)
    return names.get(str(value)) or told(str(value))


def amount_text(value: Any) -> str:
    """Return a number as people write it: whole ones without decimals, others with two or as many as they have."""
    try:
        number = Decimal(str(value)).normalize()
    except InvalidOperation:
        return str(value)
    decimals = max(0, -int(number.as_tuple().exponent))
    return number_format(number, max(2, decimals) if decimals else 0, force_grouping=True)


def event_parts(event: Event) -> list[tuple[str, str]]:
    """Return what an event tells, each part with its name, as ``changes`` does for the row it is about."""
    return [(_word(name), _part(event.subject_kind, name, value)) for name, value in event.data.items()]


def _part(kind: str, name: str, value: Any) -> str:
    if name in AMOUNTS:
        return amount_text(value)
    if isinstance(value, str) and MOMENT.match(value) and (moment := parse_datetime(value)):
        return localize(localtime(moment))
    field = _field(kind, name) or _field(AuditEntry._meta.label_lower, name)
    return _shown(field, value, {})


def _word(name: str) -> str:
    return str(WORDS.get(name) or capfirst(name.replace("_", " ")))


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
    actors, names = actor_names(shown), row_names(shown)
    entries = [(entry, actors.get(entry.actor_id) if entry.actor_id else "", changes(entry, names)) for entry in shown]
    return {"entries": entries, "page": shown}
