"""The form by which a person tells somebody of an insight, now."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from reports.distribution import send_insight
from reports.models import Insight, InsightDelivery
from reports.models.subscriptions import Channel, RecipientType
from tenants.errors import DomainError
from tenants.models import Membership, User
from tenants.roles import Role
from vault.models import EventDestination

FIELDS = {
    "roles": (RecipientType.ROLE, None),
    "people": (RecipientType.PERSON, None),
    "addresses": (RecipientType.ADDRESS, Channel.EMAIL),
    "destinations": (RecipientType.DESTINATION, Channel.WEBHOOK),
}
"""Of which type the names of a field are, and by which way they are told; None: as is chosen."""


class TellForm(forms.Form):
    """Roles, people, addresses and programs, all at once."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=Role.choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    people = forms.MultipleChoiceField(label=_("People"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    channel = forms.ChoiceField(
        label=_("Roles and people by"),
        choices=[(one.value, one.label) for one in (Channel.EMAIL, Channel.IN_APP)],
        widget=UnfoldAdminSelectWidget,
    )
    addresses = forms.CharField(
        label=_("E-mail addresses"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("One a line."),
    )
    destinations = forms.MultipleChoiceField(
        label=_("Programs (event destinations)"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = User.objects.filter(pk__in=Membership.objects.values("user"), is_active=True)
        self._offer("people", [(one.email, str(one)) for one in members])
        self._offer("destinations", [(str(one.pk), one.name) for one in EventDestination.objects.filter(is_active=True)])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        if choices:
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields[name]

    def clean_addresses(self) -> list[str]:
        """Return the lines."""
        return [line.strip() for line in str(self.cleaned_data["addresses"]).splitlines() if line.strip()]

    def send(self, insight: Insight, by: User) -> list[InsightDelivery]:
        """Tell everybody who is named; empty, with the errors in the form, if one of them cannot be."""
        found, values = [], self.cleaned_data
        for field, (kind, channel) in FIELDS.items():
            try:
                if names := values.get(field):
                    way = channel or values["channel"]
                    found += send_insight(insight=insight, recipient_type=kind, recipients=names, channel=way, created_by=by)
            except DomainError as error:
                self.add_error(field, str(error.message))
        if not found and not self.errors:
            self.add_error(None, str(_("Nobody would get it: name a recipient.")))
        return [] if self.errors else found
