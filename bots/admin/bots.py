"""The admin of bots: who they are. The versions they speak with have ``versions.py``."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from bots.admin.settings import ConfigForm, SettingInline
from bots.admin.tools import ToolInline
from bots.admin.versions import VersionInline
from bots.models import Bot, Capability
from bots.settings import MOST_BYTES, export_config, import_config
from tenants.admin import PlatformAdmin, TenantAdmin
from tenants.admin.base import LINK
from tenants.errors import DomainError


@admin.register(Capability)
class CapabilityAdmin(PlatformAdmin):
    """What the platform can do for a bot."""

    list_display = ("code", "name", "domain")
    list_select_related = ("domain",)
    search_fields = ("code", "name")
    fields = (("code", "name"), "domain", "description")


@admin.register(Bot)
class BotAdmin(TenantAdmin):
    """Bots. Each speaks with its one active version."""

    list_display = ("name", "code", "domain", "speaks_with", "faqs", "status_label", "created_at")
    list_filter = ("status",)
    list_select_related = ("domain",)
    search_fields = ("name", "code")
    fieldsets = ((None, {"fields": (("name", "code"), ("domain", "status"))}),)
    inlines = (VersionInline, SettingInline, ToolInline)
    actions_detail = (
        *("talk", "new_version"),
        {"title": _("Lab and settings"), "icon": "settings", "items": ["lab", "memories", "export_config", "import_config"]},
    )
    actions_row = ("talk",)
    empty_message = _("A bot answers your customers' questions. Give it a name, then a version to speak with.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the bots with their active version and how much they know."""
        bots = super().get_queryset(request).with_active_version()
        return bots.annotate(own_faqs=Count("faqs", filter=Q(faqs__is_active=True)))

    @display(description=_("speaks with"), ordering="active_version")
    def speaks_with(self, bot: Any) -> str:
        """Lead to its versions, by the active one."""
        address = f"{reverse('admin:bots_botversion_changelist')}?bot__id__exact={bot.pk}"
        shown = f"v{bot.active_version}" if bot.active_version else _("no version yet")
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, shown)

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
        """Open the form of the next version, filled with the active one."""
        return redirect(f"{reverse('admin:bots_botversion_add')}?bot={object_id}")

    @action(description=_("Memory"), icon="psychology", permissions=["view"])
    def memories(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the bot remembers."""
        return redirect(f"{reverse('admin:bots_botmemory_changelist')}?bot__id__exact={object_id}")

    @action(description=_("Retrieval lab"), icon="biotech", permissions=["view"])
    def lab(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the page that shows what the bot finds, and why."""
        return redirect(f"{reverse('admin:bots_retrievalmark_lab')}?bot={object_id}")

    @action(description=_("Export the settings"), icon="download", permissions=["view"])
    def export_config(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download the settings as General Bots keeps them."""
        bot = self.get_object(request, object_id)
        if bot is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        headers = {"Content-Disposition": 'attachment; filename="config.csv"'}
        return HttpResponse(export_config(bot), content_type="text/csv; charset=utf-8", headers=headers)

    @action(description=_("Read settings in"), icon="upload_file", permissions=["change"])
    def import_config(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a file and set what it says."""
        bot = self.get_object(request, object_id)
        if bot is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = ConfigForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and _read_config(request, bot, form):
            return redirect(reverse("admin:bots_bot_change", args=[bot.pk]) + "#settings")
        title = _("Read the settings of “%s” in") % bot
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": bot,
            "form": form,
            "step": _("Read it in"),
        }
        return TemplateResponse(request, "tenants/admin/ask.html", context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: conversations name the bot. Archive it."""
        return False


def _read_config(request: HttpRequest, bot: Bot, form: ConfigForm) -> bool:
    """Set what the file says and tell what came of it; what is refused is told at the field."""
    try:
        done = import_config(bot=bot, data=form.cleaned_data["file"].read(MOST_BYTES + 1))
    except DomainError as error:
        found = [
            f"{one.field}: {one.message}" if (one.field or "").startswith("rows.") else one.message for one in error.problems
        ]
        form.add_error("file", found[:10] or error.message)
        return False
    numbers = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged}
    messages.success(request, _("New: %(created)d, changed: %(changed)d, as they were: %(unchanged)d.") % numbers)
    if done.skipped:
        names = ", ".join(one["name"] for one in done.skipped)
        messages.warning(request, _("Left out, for secrets belong into a credential: %(names)s") % {"names": names})
    return True
