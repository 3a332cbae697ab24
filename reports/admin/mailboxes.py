"""The admin of e-mail accounts."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from reports.mailboxes import delete_mailbox, save_mailbox, sync_now, try_mailbox
from reports.models import EmailMessage, Mailbox, MailFolder, MailMessage, MailSync
from tenants.admin import TenantAdmin, asks_who
from tenants.admin.base import LINK
from vault.models import Credential

PROVIDERS = ("smtp", "imap")
MOST_NAMED = 20
"""E-mails that are named where they keep an account from being deleted."""


@admin.register(Mailbox)
class MailboxAdmin(TenantAdmin):
    """The accounts a business writes and reads by; its passwords stay in the vault."""

    list_display = ("name", "address", "sends", "reading", "is_active", "updated_at")
    list_filter = ("is_active",)
    list_select_related = ("smtp",)
    search_fields = ("name", "address")
    actions = ("export",)
    actions_detail = ("test", "read_now")
    export_fields = ("name", "address", "smtp", "imap", "is_active", "created_at")
    empty_message = _(
        "Write and read by your own address: keep its passwords under Credentials (SMTP, IMAP), and name them here."
    )
    empty_links = ((_("Add a credential"), "admin:vault_credential_add"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the accounts with how their reading stands."""
        return super().get_queryset(request).prefetch_related("syncs")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form; of an account that there is, with how its reading stands."""
        about: list[Any] = [
            (None, {"fields": (("name", "address"), "is_active")}),
            (_("Servers"), {"fields": (("smtp", "imap"),)}),
        ]
        return [*about, (_("Reading"), {"fields": (("last_read", "problem"), "folders")})] if obj else about

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what is only shown."""
        return ("last_read", "problem", "folders") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer the credentials of the right kind of service."""
        if db_field.name in PROVIDERS:
            options["queryset"] = Credential.objects.filter(provider=db_field.name)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Mailbox, form: ModelForm, change: bool) -> None:
        """Keep it with its author, and have it read."""
        if not change:
            obj.created_by = request.user
        save_mailbox(obj)

    def delete_model(self, request: HttpRequest, obj: Mailbox) -> None:
        """Delete it with what was mirrored of it."""
        delete_mailbox(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell what goes with an account, by count: nobody deletes its messages one by one, and there may be 100,000."""
        counts = {
            MailFolder._meta.verbose_name_plural: MailFolder.objects.filter(mailbox__in=objs).count(),
            MailMessage._meta.verbose_name_plural: MailMessage.objects.filter(folder__mailbox__in=objs).count(),
        }
        written = EmailMessage.objects.filter(mailbox__in=objs)[:MOST_NAMED]
        return [str(one) for one in objs], counts, set(), [str(one) for one in written]

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out "delete selected": each goes with all its mail."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    @display(description=_("sends by"), ordering="smtp__label")
    def sends(self, mailbox: Mailbox) -> str:
        """Show the credential it sends by."""
        return str(mailbox.smtp or "–")

    @display(
        description=_("reading"),
        label={"off": "warning", "waits": "info", "well": "success", "wrong": "danger"},
    )
    def reading(self, mailbox: Mailbox) -> tuple[str, str]:
        """Show how its reading stands as a label."""
        row = _sync(mailbox)
        if row is None:
            return "off", gettext("Not read")
        if row.problem:
            return "wrong", gettext("Problem")
        return ("well", gettext("Up to date")) if row.synced_at else ("waits", gettext("Being read"))

    @display(description=_("last read"))
    def last_read(self, mailbox: Mailbox) -> str:
        """Show when its folders were brought up to date."""
        row = _sync(mailbox)
        if row is None:
            return gettext("It is not read: it is switched off, or has no credential for IMAP.")
        return date_format(timezone.localtime(row.synced_at), "DATETIME_FORMAT") if row.synced_at else gettext("Not yet")

    @display(description=_("problem"))
    def problem(self, mailbox: Mailbox) -> str:
        """Show what went wrong the last time."""
        row = _sync(mailbox)
        return row.problem if row and row.problem else "–"

    @display(description=_("folders"))
    def folders(self, mailbox: Mailbox) -> str:
        """Show how many folders there are, with the way to them."""
        count = MailFolder.objects.filter(mailbox=mailbox).count()
        url = f"{reverse('admin:reports_mailfolder_changelist')}?mailbox__id__exact={mailbox.pk}"
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, count) if count else "–"

    @action(description=_("Test the account"), icon="network_check", permissions=["change"])
    @asks_who
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Log in to its servers, and tell what was found."""
        for name, found in try_mailbox(self._mailbox(object_id)).items():
            level = messages.SUCCESS if found.ok else messages.ERROR
            messages.add_message(request, level, f"{name.upper()}: {found.detail} ({found.latency_ms} ms)")
        return redirect("admin:reports_mailbox_change", object_id)

    @action(description=_("Read it now"), icon="sync", permissions=["change"])
    def read_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it read at once."""
        sync_now(mailbox=self._mailbox(object_id))
        messages.success(request, gettext("A worker reads it. New messages are here in a moment."))
        return redirect("admin:reports_mailbox_change", object_id)

    def _mailbox(self, object_id: str) -> Mailbox:
        found: Mailbox = Mailbox.objects.select_related(*PROVIDERS).get(pk=object_id)
        return found


def _sync(mailbox: Mailbox) -> MailSync | None:
    return next(iter(mailbox.syncs.all()), None)
