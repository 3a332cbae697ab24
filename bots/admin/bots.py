"""The admin of bots: who they are, and the versions they speak with."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from bots import services
from bots.models import Bot, BotVersion, Capability
from tenants.admin import PlatformAdmin, TenantAdmin, asks_first


@admin.register(Capability)
class CapabilityAdmin(PlatformAdmin):
    """What the platform can do for a bot."""

    list_display = ("code", "name", "domain")
    list_select_related = ("domain",)
    search_fields = ("code", "name")
    fields = (("code", "name"), "domain", "description")


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


@admin.register(Bot)
class BotAdmin(TenantAdmin):
    """Bots. Each speaks with its one active version."""

    list_display = ("name", "code", "domain", "speaks_with", "faqs", "status_label", "created_at")
    list_filter = ("status",)
    list_select_related = ("domain",)
    search_fields = ("name", "code")
    fieldsets = ((None, {"fields": (("name", "code"), ("domain", "status"))}),)
    inlines = (VersionInline,)
    actions_detail = ("talk", "new_version")
    actions_row = ("talk",)
    empty_message = _("A bot answers your customers' questions. Give it a name, then a version to speak with.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the bots with their active version and how much they know."""
        bots = super().get_queryset(request).with_active_version()
        return bots.annotate(own_faqs=Count("faqs", filter=Q(faqs__is_active=True)))

    @display(description=_("speaks with"), ordering="active_version")
    def speaks_with(self, bot: Any) -> str:
        """Show the active version."""
        return f"v{bot.active_version}" if bot.active_version else str(_("no version yet"))

    @display(description=_("FAQs of its own"), ordering="own_faqs")
    def faqs(self, bot: Any) -> int:
        """Show how many FAQs only this bot answers."""
        return bot.own_faqs

    @display(description=_("status"), ordering="status", label={"active": "success", "archived": "warning"})
    def status_label(self, bot: Bot) -> tuple[str, str]:
        """Show the status as a label."""
        return bot.status, bot.get_status_display()

    def has_talk_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may hold conversations."""
        return request.user.has_perms(["runtime.add_session", "runtime.add_turn"])

    @action(description=_("Talk to this bot"), icon="forum", permissions=["talk"])
    def talk(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the page where a colleague talks to the bot as a customer would."""
        return redirect(f"{reverse('admin:runtime_session_talk')}?bot={object_id}")

    @action(description=_("New version"), icon="add", permissions=["change"])
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the form of the next version, filled with the newest one."""
        return redirect(f"{reverse('admin:bots_botversion_add')}?bot={object_id}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: conversations name the bot. Archive it."""
        return False


class BotVersionForm(forms.ModelForm):
    """A version with the capabilities it may use."""

    capabilities = forms.ModelMultipleChoiceField(
        Capability.objects.all(), required=False, label=_("capabilities"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = BotVersion
        fields = ("bot", "system_prompt", "flow_config", "capabilities")


@admin.register(BotVersion)
class BotVersionAdmin(TenantAdmin):
    """Versions. One that was ever active never changes: conversations rely on it."""

    form = BotVersionForm
    list_display = ("bot", "version", "is_active", "activated_at", "created_by")
    list_select_related = ("bot", "created_by")
    list_filter = ("bot", "is_active")
    readonly_fields = ("may_use",)
    actions_detail = ("activate",)
    empty_message = _("A version says how a bot speaks and what it may do.")

    @display(description=_("capabilities"))
    def may_use(self, version: BotVersion) -> str:
        """What the version may use, where it is only read."""
        return ", ".join(map(str, version.capabilities)) or "-"

    def get_fields(self, request: HttpRequest, obj: BotVersion | None = None) -> tuple[str, ...]:
        """Choose capabilities while the version may be changed, read their names afterwards."""
        is_form = obj is None or self.has_change_permission(request, obj)
        return ("bot", "system_prompt", "capabilities" if is_form else "may_use", "flow_config")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the newest version of the bot: a new one is mostly a small change."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        newest = BotVersion.objects.filter(bot=initial["bot"]).first() if initial.get("bot") else None
        if newest:
            initial |= {"system_prompt": newest.system_prompt, "flow_config": newest.flow_config}
            initial["capabilities"] = newest.capabilities
        return initial

    def save_model(self, request: HttpRequest, obj: BotVersion, form: ModelForm, change: bool) -> None:
        """Number a new version; a draft may still be changed."""
        values = {name: form.cleaned_data[name] for name in ("system_prompt", "flow_config")}
        if not change:
            made = services.create_version(
                bot=obj.bot,
                capabilities=list(form.cleaned_data["capabilities"]),
                created_by=request.user,  # type: ignore[arg-type] # nobody anonymous gets here
                **values,
            )
            obj.pk, obj.version = made.pk, made.version
            return
        super().save_model(request, obj, form, change)
        services.set_capabilities(version=obj, capabilities=list(form.cleaned_data["capabilities"]))

    @action(description=_("Activate"), icon="play_arrow", permissions=["activate"])
    @asks_first
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let new conversations speak with this version; an older one is a roll-back."""
        version = services.activate_version(version=BotVersion.objects.select_related("bot").get(pk=object_id))
        text = _("New conversations of %(bot)s speak with version %(number)d.")
        messages.success(request, text % {"bot": version.bot, "number": version.version})
        return redirect("admin:bots_botversion_change", object_id)

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
