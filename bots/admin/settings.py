"""The admin of what a bot is set up with, as a tab of its page and as a file, and of what it remembers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from bots.models import BotMemory, BotSetting
from bots.settings import as_text, check_setting, read_as
from tenants.admin import TenantAdmin
from tenants.errors import DomainError


class SettingForm(forms.ModelForm):
    """A setting, its value written as text and read as its type."""

    text = forms.CharField(label=_("value"), required=False, strip=False, widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = BotSetting
        fields = ("key", "value_type")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["text"] = as_text(self.instance.value)

    def clean(self) -> dict[str, Any]:
        """Read the text as the type."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if not {"key", "value_type"} <= said.keys():
            return said
        kind = said["value_type"]
        try:
            self.instance.value = read_as(kind, said.get("text", ""))
            check_setting(key=said["key"], value_type=kind, value=self.instance.value)
        except DomainError as error:
            raise ValidationError({"key" if error.field == "key" else "text": error.message}) from error
        except (ValueError, KeyError, RecursionError) as error:
            names = {"type": BotSetting.Type(kind).label}
            raise ValidationError({"text": _("Write a value of this type: %(type)s.") % names}) from error
        return said


class SettingInline(TabularInline):
    """The settings of a bot."""

    model = BotSetting
    form = SettingForm
    tab = True
    extra = 0
    fields = ("key", "value_type", "text")
    ordering = ("key",)
    verbose_name = _("setting")
    verbose_name_plural = _("settings")

    @display(description=_("value"))
    def shown(self, setting: BotSetting) -> str:
        """Show the value to who may only look."""
        return truncatechars(as_text(setting.value), 200)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the text to write, or to look at."""
        return self.fields if self.has_change_permission(request, obj) else ("key", "value_type", "shown")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the value for who may only look."""
        return () if self.has_change_permission(request, obj) else ("shown",)


class ConfigForm(forms.Form):
    """A ``config.csv`` to read in."""

    file = forms.FileField(
        label=_("config.csv"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "General Bots' file, with the columns name and value. What it does not name stays; secrets are left out."
        ),
    )


@admin.register(BotMemory)
class BotMemoryAdmin(TenantAdmin):
    """What bots remember. It is not audited, for much of it is personal."""

    list_display = ("key", "bot", "of_whom", "begins", "expires_at", "updated_at")
    list_filter = ("bot",)
    list_select_related = ("bot", "customer")
    search_fields = ("key", "value")
    autocomplete_fields = ("bot", "customer")
    fields = (("bot", "customer"), "key", "value", "expires_at")
    ordering = ("-id",)
    link_filters = ("bot", "customer")
    has_history = False
    empty_message = _("What bots remember about customers, and what you tell them to remember, stands here.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return what has not expired."""
        rows: Any = super().get_queryset(request)
        return rows.live()

    @display(description=_("of whom"), ordering="customer")
    def of_whom(self, memory: BotMemory) -> str:
        """Show the customer."""
        return str(memory.customer or _("everybody"))

    @display(description=_("value"))
    def begins(self, memory: BotMemory) -> str:
        """Show how the value begins."""
        return truncatechars(memory.value, 120)

    def get_readonly_fields(self, request: HttpRequest, obj: BotMemory | None = None) -> tuple[str, ...]:
        """A memory stays with its bot and customer, under its key."""
        return ("bot", "customer", "key") if obj else ()
