"""The forms of logging in and of the own account."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
)

from tenants.errors import DomainError, LockedOut
from tenants.lockout import count_attempt, forgive_attempts
from tenants.models import Tenant, User
from tenants.passwords import check_password
from tenants.text import time_zone_choices
from tenants.throttling import client_address


class LoginForm(AuthenticationForm):
    """Address and password, counted by the lock-out."""

    def clean(self) -> dict[str, Any]:
        """Find the person; the same words for a wrong password and an unknown address."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            attempt = {"email": email, "client": client_address(self.request)}
            try:
                count_attempt(**attempt)
            except LockedOut as error:
                raise ValidationError(error.message, code=error.code) from error
            self.user_cache = check_password(email=email, password=password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            forgive_attempts(**attempt)
        return self.cleaned_data


class LinkForm(forms.Form):
    """Where to send a login link."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autofocus": "", "autocomplete": "email"}),
    )


class CodeForm(forms.Form):
    """The code of a second factor."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": "", "autocomplete": "one-time-code"}),
        help_text=_("Six digits from your authenticator app, or a recovery code."),
    )


class FirstCodeForm(CodeForm):
    """The first code of an app that is being set up: there are no recovery codes yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for the app's code alone."""
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("Six digits from your authenticator app.")


class ProfileForm(forms.ModelForm):
    """What a person says about themselves."""

    locale = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("As the browser")), *Tenant.Locale.choices],
        widget=UnfoldAdminSelectWidget,
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=lazy(lambda: [("", _("As the tenant")), *time_zone_choices()], list),
        widget=UnfoldAdminSelect2Widget,
    )
    picture_url = forms.URLField(
        label=_("Picture"),
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=_("The address of an image."),
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "locale", "time_zone", "picture_url")
        widgets = {
            "first_name": UnfoldAdminTextInputWidget,
            "last_name": UnfoldAdminTextInputWidget,
        }


class NewPasswordForm(forms.Form):
    """A new password, typed twice."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters, and none that everybody uses."),
    )
    repeated = forms.CharField(
        label=_("New password again"),
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse two different ones."""
        values = self.cleaned_data
        if "new_password" in values and values.get("repeated", values["new_password"]) != values["new_password"]:
            self.add_error("repeated", ValidationError(_("This is another password than the one above."), code="differs"))
        return values


class OwnPasswordForm(forms.Form):
    """The password that holds: it is the person who sits here."""

    old_password = forms.CharField(
        label=_("Your password now"),
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(NewPasswordForm, OwnPasswordForm):
    """The old password as well."""

    field_order = ("old_password", "new_password", "repeated")


def add_refusal(form: forms.Form, error: DomainError) -> None:
    """Show what a service refused, at its field if the form has it."""
    form.add_error(error.field if error.field in form.fields else None, ValidationError(error.message, code=error.code))
