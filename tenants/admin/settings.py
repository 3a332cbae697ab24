"""What can be set, as fields of the tenant's own page: empty, or "as the platform has it", follows the platform."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from tenants.errors import DomainError
from tenants.models import Setting
from tenants.retention import PREFIX as RETENTION
from tenants.settings import SETTINGS, SettingType, Value

PREFIX = "setting_"
Held = dict[str, tuple[Value, str]]
"""By name: what holds, and where it comes from (``tenant``, ``platform``, ``default``)."""


def held() -> Held:
    """Return what holds for every setting. Read before the page's transaction: see ``Setting.effective``."""
    return {name: Setting.explained(name) for name in Setting.names()}


class SettingsForm(forms.ModelForm):
    """Mixed into the form of the tenant's page: its fields come from the registry, its values from ``held``."""

    held: Held = {}

    def clean(self) -> dict[str, Any] | None:
        """Ask each setting's type whether the value fits."""
        cleaned = super().clean()
        for name in self.held:
            value = self.cleaned_data.get(PREFIX + name)
            try:
                if value not in (None, ""):
                    SETTINGS[name].check(value)
            except DomainError as error:
                self.add_error(PREFIX + name, error.message)
        return cleaned

    def save_settings(self) -> None:
        """Write what was changed; an empty value follows the platform again."""
        for name in self.held:
            if PREFIX + name not in self.changed_data:
                continue
            value = self.cleaned_data[PREFIX + name]
            if value in (None, ""):
                Setting.reset(name)
            else:
                Setting.put(name, value)


def settings_form(form: type[forms.ModelForm], shown: Held) -> type[SettingsForm]:
    """Return the form with a field for every setting."""
    fields = {PREFIX + name: _field(SETTINGS[name], *shown[name]) for name in shown}
    return type("TenantSettingsForm", (SettingsForm, form), {**fields, "held": shown})


def _field(kind: SettingType, value: Value, origin: str) -> forms.Field:
    own = value if origin == "tenant" else None
    common: dict[str, Any] = {"label": kind.label, "help_text": kind.help_text, "required": False}
    if kind.kind == "boolean":
        words = {True: gettext("Yes"), False: gettext("No")}
        follow = gettext("As the platform has it") if own is not None else _following(words[bool(value)])
        choices = [("", follow), ("true", words[True]), ("false", words[False])]
        given = "" if own is None else str(own).lower()
        return forms.TypedChoiceField(
            choices=choices, coerce=_truth, empty_value=None, initial=given, widget=UnfoldAdminSelectWidget, **common
        )
    widget: Any = UnfoldAdminIntegerFieldWidget if kind.kind == "integer" else UnfoldAdminTextInputWidget
    placeholder = "" if own is not None else _following(value)
    field = forms.IntegerField if kind.kind == "integer" else forms.CharField
    return field(initial=own, widget=widget(attrs={"placeholder": placeholder}), **common)


def _following(value: object) -> str:
    return gettext("As the platform has it: %(value)s") % {"value": value}


def _truth(text: str) -> bool:
    return text == "true"


class SettingsMixin:
    """Gives the page of a tenant its settings, for those who may change them in the tenant they have entered."""

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Read what holds before the page's transaction begins."""
        may_set = request.tenant and request.user.has_perm("tenants.change_setting")
        request.settings_held = held() if may_set else {}
        return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc] # of the page mixed into

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with the settings in it."""
        kwargs["form"] = settings_form(self.form, getattr(request, "settings_held", {}))  # type: ignore[attr-defined]
        return super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        """Add the settings below what the tenant is."""
        held: Held = getattr(request, "settings_held", {})
        kept = [PREFIX + name for name in held if name.startswith(RETENTION)]
        rules = [PREFIX + name for name in held if not name.startswith(RETENTION)]
        pairs = [tuple(kept[start : start + 2]) for start in range(0, len(kept), 2)]
        more = [(_("Rules"), {"fields": rules}), (_("How long things are kept"), {"fields": pairs})]
        return [*self.fieldsets, *(more if held else [])]  # type: ignore[attr-defined]

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Save the tenant and what was set."""
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        form.save_settings()
