"""Forms of the people pages: they hand what was typed to the services and show their refusals at the field."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from tenants.keys import unknown_scopes
from tenants.models import ApiKey, LoginToken, Membership, Tenant
from tenants.roles import Role
from tenants.text import time_zone_choices


class TenantForm(forms.ModelForm):
    """A tenant's own settings."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lazy(time_zone_choices, list),
        widget=UnfoldAdminSelect2Widget,
        help_text=_("Days in lists and charts begin at midnight there."),
    )

    class Meta:
        model = Tenant
        fields = ("name", "slug", "status", "plan", "locale", "time_zone", "currency")

    def clean_currency(self) -> str:
        """Take the code in small letters too."""
        return str(self.cleaned_data["currency"]).upper()


class MembershipForm(forms.ModelForm):
    """A member's role; owners are made and unmade by owners only."""

    may_make_owners = False
    """Set by the page for the person who asks."""

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_role(self) -> str:
        """Refuse to make or unmake an owner to anybody else."""
        role: str = self.cleaned_data["role"]
        was = self.initial.get("role", "")
        if role != was and Role.OWNER in (role, was) and not self.may_make_owners:
            raise ValidationError(_("Only an owner can do this."), code="not_an_owner")
        return role


class InvitationForm(MembershipForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=UnfoldAdminEmailInputWidget,
        help_text=_("The person is sent a link that is good for 7 days, and joins by using it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the role that may do the least: power is given on purpose."""
        super().__init__(*args, **kwargs)
        self.initial.setdefault("role", Role.ANALYST)
        if role := self.fields.get("role"):  # an invitation that is only looked at has no field
            role.required, role.choices = True, Role.choices  # type: ignore[attr-defined]

    class Meta:
        model = LoginToken
        fields = ("email", "role")

    def clean_email(self) -> str:
        """Refuse a person who is in already."""
        email = str(self.cleaned_data["email"]).strip().lower()
        if Membership.objects.filter(user__email=email).exists():
            raise ValidationError(_("This person is a member already."), code="already_member")
        return email

    def _post_clean(self) -> None:
        """Build no row: the service makes it, or renews the one that is there."""


class ApiKeyForm(forms.ModelForm):
    """Name, reach and end of a new key."""

    scopes = SimpleArrayField(
        forms.CharField(max_length=80),
        label=_("May do"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("For example: offering:read, faq:write, *:read. Empty: all that an owner may."),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "bot", "expires_at")

    def clean_expires_at(self) -> datetime | None:
        """Refuse a key that would open nothing."""
        ends: datetime | None = self.cleaned_data["expires_at"]
        if ends and ends <= timezone.now():
            raise ValidationError(_("This moment has passed."), code="in_the_past")
        return ends

    def clean_scopes(self) -> list[Any]:
        """Refuse scopes that mean nothing."""
        scopes = [scope.strip() for scope in self.cleaned_data["scopes"]]
        if unknown := unknown_scopes(scopes):
            raise ValidationError(_("There is no such scope: %(names)s"), "unknown_scope", {"names": ", ".join(unknown)})
        return scopes


class TypedSlugForm(forms.Form):
    """The short name of a tenant, typed once more before it is deleted."""

    slug = forms.CharField(label=_("Short name"), widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))
