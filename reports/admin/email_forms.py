"""The form of an e-mail: addresses one a line, and files to send along."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from reports.addresses import read_address
from reports.emails import MOST_ATTACHED, MOST_ATTACHMENTS, Attachment, chunks_of
from reports.letters import names_in, render_template
from reports.models import EmailMessage, EmailTemplate
from tenants.admin.uploads import SeveralFilesField
from tenants.errors import DomainError
from tenants.models import Tenant


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


class FillForm(forms.Form):
    """What a template is to be filled with: a language, and a value for each of its names."""

    language = forms.ChoiceField(label=_("Language"), widget=UnfoldAdminSelectWidget)

    def __init__(self, template: EmailTemplate, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.template, self.texts = template, dict[str, str]()
        written = [one for one in Tenant.Locale.choices if getattr(template, f"body_{one[0]}", "")]
        self.fields["language"].choices = written  # type: ignore[attr-defined]
        self.names = names_in(template)
        for name in self.names:
            self.fields[f"value_{name}"] = forms.CharField(label=name, required=False, widget=UnfoldAdminTextInputWidget)

    def values(self) -> dict[str, str]:
        """Return what was written for names; what only the other language asks for may stay empty."""
        given = {name: self.cleaned_data.get(f"value_{name}") for name in self.names}
        return {name: value for name, value in given.items() if value}

    def clean(self) -> dict[str, Any]:
        """Fill the template; a name without a value is told beside it."""
        given: dict[str, Any] = super().clean() or {}
        try:
            self.texts = render_template(self.template, values=self.values(), language=given.get("language", ""))
        except DomainError as error:
            self.add_error((error.field or "").replace("values.", "value_", 1), error.message)
        return given


class EmailForm(forms.ModelForm):
    """A draft."""

    to = AddressesField(label=_("To"), help_text=_("One address a line, such as an@example.com."))
    cc = AddressesField(label=_("Copies to"))
    bcc = AddressesField(label=_("Blind copies to"), help_text=_("Nobody else sees these addresses."))
    uploads = SeveralFilesField(
        label=_("Attach files"),
        required=False,
        most=MOST_ATTACHMENTS,
        help_text=_("One or several, beside those there are. Up to 20 MB in all."),
    )
    remove = forms.MultipleChoiceField(
        label=_("Take away"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )

    class Meta:
        model = EmailMessage
        fields = ("mailbox", "subject", "body", "html", "to", "cc", "bcc", "reply_to", "priority", "send_at")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.there = list(self.instance.attachments.select_related("file")) if not self.instance._state.adding else []
        if "send_at" in self.fields:
            self.fields["send_at"].help_text = _("By the clock of %(zone)s.") % {
                "zone": timezone.get_current_timezone_name()
            }
        if "remove" in self.fields:  # whoever may only look has no fields
            self.fields["remove"].choices = [(str(one.pk), one.file.name) for one in self.there]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse what no mail server would take."""
        given: dict[str, Any] = super().clean() or {}
        kept = [one for one in self.there if str(one.pk) not in (given.get("remove") or ())]
        uploads = given.get("uploads") or []
        if sum(file.size for file in uploads) + sum(one.file.size for one in kept) > MOST_ATTACHED:
            self.add_error("uploads", ValidationError(_("Attachments have at most 20 MB in all."), code="too_large"))
        return given

    def attachments(self) -> list[Attachment] | None:
        """Return what is to be attached from now on; None where that is what it was."""
        uploads, gone = self.cleaned_data.get("uploads") or [], self.cleaned_data.get("remove") or []
        if not uploads and not gone:
            return None
        kept = [one.file for one in self.there if str(one.pk) not in gone]
        return [
            *(Attachment(file.name, file.media_type, chunks_of(file)) for file in kept),
            *(Attachment(file.name, file.content_type or "", file.chunks()) for file in uploads),
        ]
