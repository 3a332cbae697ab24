"""Forms of rows that a service makes: what it refuses is told beside what was typed."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from tenants.admin import TenantAdmin
from tenants.errors import DomainError


class RefusableForm(forms.ModelForm):
    """A form; ``refusal`` is why the service did not do what it says."""

    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any]:
        """Tell the refusal beside what was typed."""
        if self.refusal:
            raise ValidationError(self.refusal.message, code=self.refusal.code)
        return super().clean() or self.cleaned_data


class RefusableAdmin(TenantAdmin):
    """A page whose rows a service makes. Its ``form`` is a ``RefusableForm``."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form once more, as it was filled in, with what the service refuses; nothing was written then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            request.refusal = error  # type: ignore[attr-defined] # travels with the request to its form
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form, of a class of its own for each request, which knows of a refusal."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form
