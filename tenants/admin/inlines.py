"""Rows edited on the page of the row they belong to."""

from typing import Any

from django.forms import BaseInlineFormSet, ModelForm
from django.forms.utils import ErrorList
from django.utils.translation import gettext


class ChildFormSet(BaseInlineFormSet):
    """Children of a row: of a new one too, and no error of theirs is kept from whoever typed them."""

    _non_form_errors: ErrorList

    def add_fields(self, form: ModelForm, index: int | None) -> None:
        """Take the parent from the page and not from what is sent back while it is new: each request gives it another id."""
        super().add_fields(form, index)
        if self.instance._state.adding and self.fk.name in form.fields:
            form.fields[self.fk.name].disabled = True

    def full_clean(self) -> None:
        """Check all; what is wrong with a row as a whole, or with a field that nobody sees, is told above the rows."""
        super().full_clean()
        for number, form in enumerate(self.forms if self.is_bound else (), start=1):
            shown = {field.name for field in form.visible_fields()}
            unseen = [error for name, errors in form.errors.items() if name not in shown for error in errors]
            self._non_form_errors.extend(
                gettext("Row %(number)d: %(error)s") % {"number": number, "error": error} for error in unseen
            )


def of_parent(formset: type[Any]) -> type[Any]:
    """Return the formset as a ``ChildFormSet``."""
    return type(formset.__name__, (ChildFormSet, formset), {})
