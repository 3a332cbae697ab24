"""What a service or the database refuses is told on the page where it was typed, and nothing typed is lost."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest

from tenants.errors import DomainError, FieldProblem, collision_of, integrity_problem

REFUSALS = (DomainError, IntegrityError, OperationalError)
"""What may be a refusal: ``refusal_of`` tells."""


class RefusalForm(forms.ModelForm):
    """Mixed into every form of the admin: tells, at its field, why what was sent could not be saved."""

    refusal: DomainError | None = None
    prefix_in_services: tuple[str, str]
    """Of a form whose fields services call otherwise: the beginning of their names there, and here."""

    def clean(self) -> dict[str, Any] | None:
        """Tell the refusal, then check as ever."""
        if self.refusal:
            self._tell_refusal(self.refusal)
        return super().clean()

    def _tell_refusal(self, refusal: DomainError) -> None:
        theirs, ours = getattr(self, "prefix_in_services", ("", ""))
        named = [((one.field or "").replace(theirs, ours, 1), one) for one in refusal.problems]
        if not any(name in self.fields for name, _problem in named):
            named = [("", FieldProblem(None, refusal.code, refusal.message))]
        for name, problem in named:
            self.add_error(name if name in self.fields else None, ValidationError(problem.message, code=problem.code))


def refusal_of(error: DomainError | IntegrityError | OperationalError) -> DomainError | None:
    """Return what a person can be told of the error; None for a defect.

    The database refuses what the form could not see: somebody else who saved the same code in the same instant.
    """
    if isinstance(error, DomainError):
        return error
    if isinstance(error, OperationalError):
        return collision_of(error)
    problem = integrity_problem(error)
    return DomainError(problem.code, problem.message, field=problem.field) if problem else None


def forget(request: HttpRequest, names: Any) -> None:
    """Drop what a page has read within the transaction that is gone."""
    for name in names:
        request.__dict__.pop(name, None)
