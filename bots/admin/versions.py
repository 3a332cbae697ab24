"""The admin of the versions a bot speaks with: written, compared, activated."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from bots import services
from bots.admin.flow_form import TIMES, FlowForm
from bots.admin.json_fields import json_text
from bots.flow import read_flow
from bots.models import Bot, BotVersion, Capability
from bots.placeholders import UnknownPlaceholder
from bots.prompts import check_prompt, personal_variables, tells_the_day
from bots.versions import FLOW, version_diff
from catalog.admin.word_diff import ShownChange, as_text, marked_words
from tenants.admin import TenantAdmin, asks_first

ACTIVATE = "bots_botversion_activate"
MOST_CHOICES = 200
"""Versions offered to compare with."""


class VersionInline(TabularInline):
    """The versions of a bot, to look at; each has a page of its own."""

    model = BotVersion
    tab = True
    extra = 0
    fields = ("version", "is_active", "prompt", "activated_at", "created_by")
    readonly_fields = fields
    show_change_link = True
    can_delete = False
    verbose_name_plural = _("versions")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the versions with their authors."""
        return super().get_queryset(request).select_related("created_by", "bot")

    @display(description=_("personality and instructions"))
    def prompt(self, version: BotVersion) -> str:
        """Show how the instructions begin."""
        return truncatechars(version.system_prompt, 120)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version is added on its own page."""
        return False


class BotVersionForm(FlowForm):
    """A version with the capabilities it may use, and its flow."""

    capabilities = forms.ModelMultipleChoiceField(
        Capability.objects.all(), required=False, label=_("Capabilities"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = BotVersion
        fields = ("bot", "system_prompt", "flow_config", "capabilities")
        widgets = {"system_prompt": UnfoldAdminTextareaWidget(attrs={"rows": 12})}
        help_texts: ClassVar = {
            "system_prompt": _(
                "Who the bot is and how it speaks. It may name {{ bot_name }}, {{ business_name }}, {{ today }}, {{ language }}, "
                "{{ customer_name }} and the bot's memory, such as {{ memory.opening_hours }}. With the last two no answer of a "
                "language model is kept to be given again; with {{ today }}, until the end of the day."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Tick what the draft may use already: saved as it was shown, it stays as it was."""
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["capabilities"] = self.instance.capabilities

    def clean_system_prompt(self) -> str:
        """Refuse variables that nobody declared."""
        prompt = str(self.cleaned_data["system_prompt"])
        try:
            check_prompt(prompt)
        except UnknownPlaceholder as error:
            raise ValidationError(error.message, code=error.code) from error
        return prompt


def _kept_answers(prompt: str) -> str:
    """Return the words about the answers of a model that are kept, and why not."""
    if names := personal_variables(prompt):
        said = gettext(
            "None: the instructions name %(names)s, which is one customer's own. Every question asks the model anew."
        )
        return said % {"names": ", ".join(f"{{{{ {name} }}}}" for name in names)}
    if tells_the_day(prompt):
        return gettext("Until the end of the day, for the instructions name {{ today }}.")
    return gettext("For a week, to whoever asks the same, while the texts they rest on stay as they are.")


def _begun_from(initial: dict[str, Any]) -> BotVersion | None:
    """Return the version that the address names, else the active one of the bot it names, else its newest."""
    versions = BotVersion.objects.all()
    try:
        if named := initial.pop("from", ""):
            return versions.filter(pk=UUID(named)).first()
        if not initial.get("bot"):
            return None
        return versions.filter(bot=UUID(str(initial["bot"]))).order_by("-is_active", "-version").first()
    except ValueError:
        return None


def _comparison(version: BotVersion, others: list[BotVersion], asked: str) -> dict[str, Any]:
    """Return the two versions, the older one first, and what changes between them."""
    before = [one for one in others if one.version < version.version]
    ranked = [*(one for one in others if str(one.pk) == asked), *(one for one in others if one.is_active), *before, *others]
    other = next(iter(ranked), None)
    older, newer = sorted((version, other or version), key=lambda one: one.version)
    numbers = {"older": older.version, "newer": newer.version}
    said = gettext("What changes from version %(older)d to version %(newer)d") % numbers if other else gettext("Compare")
    return {"title": said, "other": other, "older": older, "newer": newer, "changes": _shown_changes(older, newer)}


def _shown_changes(older: BotVersion, newer: BotVersion) -> list[ShownChange]:
    labels = {"system_prompt": gettext("Personality and instructions"), "capabilities": gettext("Capabilities")}
    return [
        ShownChange(
            labels.get(change.field) or gettext("Flow") + ": " + change.field.removeprefix(f"{FLOW}."),
            *marked_words(as_text(change.before), as_text(change.after)),
        )
        for change in version_diff(older, newer)
    ]


@admin.register(BotVersion)
class BotVersionAdmin(TenantAdmin):
    """Versions. One that was ever active never changes: conversations rely on it."""

    form = BotVersionForm
    list_display = ("bot", "version", "is_active", "activated_at", "created_by")
    list_select_related = ("bot", "created_by")
    list_filter = ("bot", "is_active")
    readonly_fields = ("may_use", "kept_answers")
    actions_detail = ("activate", "compare", "copy")
    actions_row = ("compare",)
    link_filters = ("bot",)
    empty_message = _("A version says how a bot speaks and what it may do.")

    @display(description=_("capabilities"))
    def may_use(self, version: BotVersion) -> str:
        """What the version may use, where it is only read."""
        return ", ".join(map(str, version.capabilities)) or "-"

    @display(description=_("answers given again"))
    def kept_answers(self, version: BotVersion) -> str:
        """Tell whether what a model answered is given again to whoever asks the same."""
        return _kept_answers(version.system_prompt)

    @display(description=_("flow"))
    def flow_shown(self, version: BotVersion) -> str:
        """What the flow says, where it is only read."""
        shown = {"flow": read_flow(version.flow_config), "whole": json_text(version.flow_config)}
        times = {name: version.flow_config.get(name) for name in TIMES}
        return render_to_string("bots/admin/flow.html", {**shown, **times})

    def get_fieldsets(self, request: HttpRequest, obj: BotVersion | None = None) -> Any:
        """Fill in forms while the version may be changed, read what they said afterwards."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": ("bot", "system_prompt", "kept_answers", "may_use", "flow_shown")}),)
        return (
            (None, {"fields": ("bot", "system_prompt", *(("kept_answers",) if obj else ()), "capabilities")}),
            (_("Beginning"), {"fields": (("greeting_vi", "greeting_en"), ("quick_replies_vi", "quick_replies_en"))}),
            (_("Steps and times"), {"fields": (("idle_minutes", "claim_minutes"), "default_state", "steps", "flow_config")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: BotVersion | None = None) -> tuple[str, ...]:
        """A version stays with its bot."""
        shown = ("may_use", "kept_answers", "flow_shown")
        return (*shown, "bot") if obj else shown

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the version named, else the active one of the bot: a new one is mostly a small change."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if not initial.keys() & {"from", "bot"} and len(bots := Bot.objects.values_list("pk", flat=True)[:2]) == 1:
            initial["bot"] = str(bots[0])
        if source := _begun_from(initial):
            initial |= {"bot": source.bot_id, "system_prompt": source.system_prompt, "flow_config": source.flow_config}
            initial["capabilities"] = source.capabilities
        elif initial.get("bot"):
            bot = Bot.objects.select_related("domain").filter(pk=initial["bot"]).first()
            initial["flow_config"] = bot.domain.flow_config if bot and bot.domain else {}
        return initial

    def save_model(self, request: HttpRequest, obj: BotVersion, form: ModelForm, change: bool) -> None:
        """Number a new version; a draft may still be changed."""
        said = {name: form.cleaned_data[name] for name in ("system_prompt", "flow_config")}
        said["capabilities"] = list(form.cleaned_data["capabilities"])
        if change:
            services.change_draft(version=obj, **said)
            return
        author: Any = request.user  # nobody anonymous gets here
        made = services.create_version(bot=obj.bot, created_by=author, **said)
        obj.pk, obj.version = made.pk, made.version

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer to activate what is not active."""
        actions: list[Any] = super().get_actions_detail(request, object_id)
        if not BotVersion.objects.filter(pk=object_id, is_active=True).exists():
            return actions
        return [one for one in actions if one.action_name != ACTIVATE]

    @action(description=_("Activate"), icon="play_arrow", permissions=["activate"])
    @asks_first
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let new conversations speak with this version; an older one is a roll-back."""
        version = services.activate_version(version=BotVersion.objects.select_related("bot").get(pk=object_id))
        text = _("New conversations of %(bot)s speak with version %(number)d.")
        messages.success(request, text % {"bot": version.bot, "number": version.version})
        return redirect("admin:bots_botversion_change", object_id)

    @action(description=_("Begin the next one as its copy"), icon="content_copy", permissions=["copy"])
    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the form of the next version, filled with this one."""
        return redirect(f"{reverse('admin:bots_botversion_add')}?from={object_id}")

    def has_copy_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may add versions."""
        return request.user.has_perm("bots.add_botversion")

    @action(description=_("Compare"), icon="compare_arrows", permissions=["view"])
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what differs from another version: the one chosen, else the active one, else the one before."""
        version = self.get_object(request, object_id)
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        others = list(BotVersion.objects.filter(bot=version.bot_id).exclude(pk=version.pk)[:MOST_CHOICES])
        context = {
            **self.admin_site.each_context(request),
            **_comparison(version, others, request.GET.get("with", "")),
            "opts": self.opts,
            "original": version,
            "others": others,
            "back_url": reverse("admin:bots_bot_change", args=[version.bot_id]),
        }
        return TemplateResponse(request, "catalog/admin/compare.html", context)

    def has_activate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may change bots: going back to a version that spoke is no change of it."""
        return request.user.has_perm("bots.change_botversion")

    def has_change_permission(self, request: HttpRequest, obj: BotVersion | None = None) -> bool:
        """Only a version that never spoke may be changed."""
        untouched = obj is None or obj.activated_at is None
        return untouched and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: BotVersion | None = None) -> bool:
        """Only a version that never spoke may go."""
        untouched = obj is not None and obj.activated_at is None
        return untouched and super().has_delete_permission(request, obj)
