"""Two people edit one row: the second one is told, and nothing is overwritten."""

import hashlib
from copy import deepcopy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import Truncator
from django.utils.translation import gettext as _

VERSION_FIELD = "_version"
TENANT_FIELD = "_tenant"
"""Hidden inputs of every form: what the row looked like, and in whose name the page was opened."""


def row_version(row: models.Model) -> str:
    """Return a short hash of what people can change in the row.

    A model whose page edits more than its columns names the rest in a property ``edited_with``.
    """
    fields = [field for field in row._meta.concrete_fields if field.editable or field.name == "updated_at"]
    values = [*(str(field.value_from_object(row)) for field in fields), getattr(row, "edited_with", "")]
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:32]


class ConflictForm(forms.ModelForm):
    """Mixed into every change form: refuses to save over a row that has changed since the form was shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_saved = self.instance.pk is not None and not self.instance._state.adding
        self.seen_version = self.data.get(VERSION_FIELD, "") if self.is_saved else ""
        self.row_version = self.seen_version or (row_version(self.instance) if self.is_saved else "")
        self._as_read = deepcopy(_columns(self.instance)) if self.is_bound and self.is_saved else {}

    def clean(self) -> dict[str, Any] | None:
        """Compare the row, locked until the end of the transaction, with what the person saw."""
        cleaned = super().clean()
        if self.is_saved:
            rows = type(self.instance)._base_manager.filter(pk=self.instance.pk).order_by("pk")  # locks no joined row
            stored = rows.select_for_update(no_key=True).first()
            if stored is None or (self.seen_version and row_version(stored) != self.seen_version):
                self.row_version = row_version(stored) if stored else ""
                raise ValidationError(self._explain(stored), code="conflict")
            self._catch_up(stored)
        return cleaned

    def _catch_up(self, stored: models.Model) -> None:
        """Take over what workers have written since the row was read: saving it writes all of its columns.

        What a form has put into the row by itself, from fields that are no columns, stays.
        """
        own = _columns(self.instance)
        for field in stored._meta.concrete_fields:
            if field.name in self.fields or field.attname not in own or own[field.attname] != self._as_read[field.attname]:
                continue
            setattr(self.instance, field.attname, field.value_from_object(stored))

    def _explain(self, stored: models.Model | None) -> str:
        if stored is None:
            return _("Somebody else has deleted this in the meantime.")
        names = [name for name in self.changed_data if name in {field.name for field in stored._meta.concrete_fields}]
        theirs = "; ".join(f"{self.fields[name].label}: “{Truncator(_shown(stored, name)).chars(80)}”" for name in names)
        said = _("Somebody else has changed this in the meantime. Nothing was saved.")
        if theirs:
            said += " " + _("Stored now: %(values)s.") % {"values": theirs}
        return said + " " + _("Save again to put yours in its place, or open the page again to keep theirs.")


def _columns(row: models.Model) -> dict[str, Any]:
    """Return the values of all columns that are written, by attribute."""
    return {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields if not field.generated}


def _shown(row: models.Model, name: str) -> str:
    display = getattr(row, f"get_{name}_display", None)
    return str(display() if display else getattr(row, name))
