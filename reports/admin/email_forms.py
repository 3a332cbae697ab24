"""The form of an e-mail: addresses one a line, and files to send along."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from reports.addresses import read_address
from reports.emails import MOST_ATTACHED
from reports.models import EmailMessage
from tenants.errors import DomainError


class AddressesField(forms.CharField):
    """Addresses, one a line."""

    def __init__(self, **options: Any) -> None:
        rows = options.pop("rows", 2)
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": rows}), **options)

    def prepare_value(self, value: Any) -> Any:
        """Return the addresses as they are edited."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """Return the addresses as they stand in headers."""
        lines = [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]
        try:
            return [read_address(line).written for line in lines]
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other addresses were typed."""
        return bool(super().has_changed(self.prepare_value(initial), self.prepare_value(data)))


class EmailForm(forms.ModelForm):
    """A draft."""

    to = AddressesField(label=_("To"), help_text=_("One address a line, such as An Nguyen <an@example.com>."))
    cc = AddressesField(label=_("Copies to"))
    bcc = AddressesField(label=_("Blind copies to"), help_text=_("Nobody else sees these addresses."))
    upload = forms.FileField(
        label=_("Attach a file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("In place of the one there is. Up to 20 MB."),
    )

    class Meta:
        model = EmailMessage
        fields = ("mailbox", "subject", "body", "html", "to", "cc", "bcc", "reply_to", "priority", "send_at")

    def clean_upload(self) -> Any:
        """Refuse what no mail server would take."""
        file = self.cleaned_data.get("upload")
        if file and file.size > MOST_ATTACHED:
            raise ValidationError(_("Attachments have at most 20 MB in all."), code="too_large")
        return file
