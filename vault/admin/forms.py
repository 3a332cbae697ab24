"""The form of a credential: takes a secret, and never shows one, not even the one that was just typed."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.admin.json_fields import StrictJSONField
from tenants.errors import DomainError
from tenants.models import Membership, User
from vault.models import Credential
from vault.schemas import KINDS, PROVIDERS, check_secret
from vault.services import check_end

KEEP = _("Leave all of these empty to keep the stored secret. A new one takes its place as a whole.")
BLANK = {"autocomplete": "new-password", "spellcheck": "false"}


class BlankTextarea(UnfoldAdminTextareaWidget):
    """A text area that comes back empty when something else on the page was wrong."""

    def format_value(self, value: Any) -> str:
        """Return nothing."""
        return ""


def secret_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Return an input for a part of the secret, kept to the last blank."""
    widget = UnfoldAdminPasswordWidget(attrs=BLANK)
    return forms.CharField(label=label, required=False, strip=False, widget=widget, help_text=help_text)


class CredentialForm(forms.ModelForm):
    """What a credential is, and its secret in parts; which parts are asked for follows from service and kind."""

    api_key = secret_field(_("Key"))
    username = secret_field(_("User name"))
    password = secret_field(_("Password"))
    client_id = secret_field(_("Client id"), _("Zalo: the id of the app."))
    client_secret = secret_field(_("Client secret"), _("Zalo: the secret of the app."))
    access_token = secret_field(_("Access token"))
    refresh_token = secret_field(_("Refresh token"))
    base_url = forms.CharField(
        label=_("Address of the service"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Such as https://flowise.example.com. OpenAI, Anthropic, Facebook and Zalo have one of their own."),
    )
    host = forms.CharField(label=_("Mail server"), required=False, widget=UnfoldAdminTextInputWidget)
    port = forms.IntegerField(label=_("Port"), required=False, widget=UnfoldAdminIntegerFieldWidget)
    security = forms.ChoiceField(
        label=_("Security"),
        required=False,
        choices=[("", _("By the port")), ("tls", "TLS"), ("starttls", "STARTTLS"), ("none", _("None"))],
        widget=UnfoldAdminSelectWidget,
    )
    more = StrictJSONField(
        label=_("Anything else"),
        required=False,
        widget=BlankTextarea(attrs={**BLANK, "rows": 4}),
        help_text=_("Further parts of the secret as a JSON object; a secret of the kind “Other” is given here."),
    )

    class Meta:
        model = Credential
        fields = ("provider", "kind", "label", "is_active", "expires_at", "person", "allowed_hosts", "metadata")
        help_texts: ClassVar = {
            "metadata": _('A JSON object. Of an OpenAI account it names the model that bots ask: {"model": "gpt-5-mini"}.')
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer members only; a stored credential keeps service and kind."""
        super().__init__(*args, **kwargs)
        self.new_secret: dict[str, Any] | None = None
        """What was typed, once it was checked; None keeps the stored one."""
        if "person" in self.fields:
            self.fields["person"].queryset = User.objects.filter(pk__in=Membership.objects.values("user"))  # type: ignore[attr-defined]
        if not self.instance._state.adding:
            for name in ("provider", "kind"):
                self.fields[name].disabled = True

    def clean_expires_at(self) -> Any:
        """Refuse an end that is over already."""
        ends = self.cleaned_data["expires_at"]
        try:
            check_end(ends, None if self.instance._state.adding else self.instance)
        except DomainError as error:
            raise forms.ValidationError(error.message, code=error.code) from None
        return ends

    def clean_more(self) -> dict[str, Any]:
        """Take an object only."""
        more = self.cleaned_data["more"]
        if more is not None and not isinstance(more, dict):
            raise forms.ValidationError(_("Write a JSON object."), code="not_an_object")
        return more or {}

    def clean(self) -> dict[str, Any] | None:
        """Put the secret together and check its shape; nothing typed is no new secret."""
        cleaned = super().clean() or self.cleaned_data
        secret = self._secret()
        if {"provider", "kind"} <= set(cleaned) and (secret or self.instance._state.adding):
            try:
                check_secret(cleaned["provider"], cleaned["kind"], secret)
                self.new_secret = secret
            except DomainError as error:
                self._tell(error)
        return cleaned

    def _secret(self) -> dict[str, Any]:
        provider, kind = self.cleaned_data.get("provider", ""), self.cleaned_data.get("kind", "")
        parts = {*KINDS.get(kind, {"properties": {}})["properties"], *PROVIDERS.get(provider, {})} & set(self.fields)
        typed = {name: self.cleaned_data.get(name) for name in parts}
        return {
            **{name: value for name, value in typed.items() if value not in ("", None)},
            **self.cleaned_data.get("more", {}),
        }

    def _tell(self, error: DomainError) -> None:
        for problem in error.problems:
            name = (problem.field or "").removeprefix("secret").lstrip(".")
            self.add_error(name if name in self.fields else "more", problem.message)
