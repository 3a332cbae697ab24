"""The admin of received mail: folders with their counts, messages to look through, and one message to read."""

from email.utils import parseaddr
from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat, truncatechars
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from reports.inline_pictures import shown_html
from reports.models import MailAttachment, MailFolder, MailMessage
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK
from tenants.admin.filters import TimeFilter
from tenants.filters import Fold
from tenants.text import fold

MOST_OF_CONVERSATION = 20
LINE, SHORTEST, LONGEST = 26, 160, 700
"""Pixels: of a line of a message, and of the frame that shows it."""


@admin.register(MailFolder)
class MailFolderAdmin(LedgerAdmin):
    """The folders of all accounts, as their servers have them."""

    list_display = ("full_name", "use_shown", "mailbox", "messages", "unread_count", "synced_at", "problem_shown")
    list_filter = ("mailbox", "special_use")
    list_select_related = ("mailbox", "parent__parent")
    search_fields = ("name",)
    ordering = ("mailbox__address", Case(When(special_use="inbox", then=0), default=1), "name")
    fields = (("full_name", "use_shown"), "mailbox", ("messages", "unread_count"), "synced_at", "problem_shown", "path")
    readonly_fields = ("full_name", "use_shown", "messages", "problem_shown")
    export_fields = ("mailbox", "name", "path", "special_use", "message_count", "unread_count", "synced_at")
    empty_message = _(
        "The folders of your e-mail accounts stand here, a few minutes after an account has a credential for IMAP."
    )
    empty_links = ((_("E-mail accounts"), "admin:reports_mailbox_changelist"),)

    @display(description=_("folder"), ordering="name")
    def full_name(self, folder: MailFolder) -> str:
        """Show the folder behind those that it lies in."""
        names, at = [folder.name], folder.parent
        while at is not None and len(names) < 3:
            names, at = [at.name, *names], at.parent
        return " / ".join(names)

    @display(description=_("use"), ordering="special_use")
    def use_shown(self, folder: MailFolder) -> str:
        """Show what it is for."""
        return folder.get_special_use_display() if folder.special_use else "–"

    @display(description=_("messages"), ordering="message_count")
    def messages(self, folder: MailFolder) -> str:
        """Show how many messages the server has, with the way to those that are here."""
        url = f"{reverse('admin:reports_mailmessage_changelist')}?folder__id__exact={folder.pk}"
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, folder.message_count)

    @display(description=_("problem"))
    def problem_shown(self, folder: MailFolder) -> str:
        """Show why it could not be read."""
        return folder.problem or "–"


class UnreadFilter(admin.SimpleListFilter):
    """Messages that nobody has read, or the others."""

    title = _("read")
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Unread")), ("no", _("Read"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        return queryset.filter(is_seen=self.value() == "no") if self.value() in ("yes", "no") else queryset


@admin.register(MailMessage)
class MailMessageAdmin(LedgerAdmin):
    """Received messages. They are read here, and answered, marked and deleted in a mail program."""

    list_display = ("state_label", "sender_name", "subject_shown", "folder_short", "file_count", "received_shown")
    list_display_links = ("subject_shown",)
    list_filter = (UnreadFilter, "folder__mailbox", "folder", ("received_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("folder__mailbox",)
    search_fields = ("subject",)
    search_help_text = _("Subject or sender, with or without accents")
    link_filters = ("thread",)
    ordering = ("-received_at", "-id")
    fieldsets = ((None, {"fields": (("sender", "received_shown"), ("to", "cc"), ("folder_shown", "size_shown"))}),)
    readonly_fields = ("received_shown", "folder_shown", "size_shown")
    change_form_template = "reports/admin/mail_message.html"
    export_fields = ("received_at", "sender", "to", "cc", "subject", "is_seen", "folder", "message_id", "size")
    empty_message = _(
        "What comes in by your e-mail accounts is read here. Nothing in it is fetched, so no sender learns of it."
    )
    empty_links = ((_("E-mail accounts"), "admin:reports_mailbox_changelist"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the messages; in the list with the number of their files, and without their texts."""
        messages = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "reports_mailmessage_change":
            return messages
        return messages.defer("text", "html").annotate(files=Count("attachments"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by words of subject or sender, with or without diacritics."""
        found = queryset
        if term := fold(search_term):
            found = found.alias(folded=Fold("subject"), folded_sender=Fold("sender"))
            found = found.filter(folded__contains=term) | found.filter(folded_sender__contains=term)
        return found, False

    @display(description=_("status"), label={"new": "info", "read": "success", "bounce": "danger", "part": "warning"})
    def state_label(self, message: MailMessage) -> tuple[str, str]:
        """Show whether it is new, and whether it tells of mail that came back."""
        if message.bounced:
            return "bounce", gettext("Came back")
        return ("read", gettext("Read")) if message.is_seen else ("new", gettext("Unread"))

    @display(description=_("from"), ordering="sender")
    def sender_name(self, message: MailMessage) -> str:
        """Show who wrote it, by name where there is one."""
        name, address = parseaddr(message.sender)
        return format_html('<span title="{}">{}</span>', address, name or address or message.sender or "–")

    @display(description=_("subject"), ordering="subject")
    def subject_shown(self, message: MailMessage) -> str:
        """Show the subject, in bold until it is read."""
        weight = "" if message.is_seen else "font-bold text-important"
        return format_html('<span class="{}">{}</span>', weight, truncatechars(str(message), SHOWN))

    @display(description=_("received"), ordering="received_at")
    def received_shown(self, message: MailMessage) -> str:
        """Show when it came, on one line."""
        at = date_format(timezone.localtime(message.received_at), "DATETIME_FORMAT")
        return format_html('<span class="whitespace-nowrap">{}</span>', at)

    @display(description=_("folder"), ordering="folder__name")
    def folder_short(self, message: MailMessage) -> str:
        """Show where it lies, and of which account on a second look."""
        return format_html('<span title="{}">{}</span>', message.folder.mailbox.address, message.folder)

    @display(description=_("folder"))
    def folder_shown(self, message: MailMessage) -> str:
        """Show where it lies."""
        return f"{message.folder} · {message.folder.mailbox.address}"

    @display(description=_("files"))
    def file_count(self, message: Any) -> str:
        """Show how many files came with it."""
        return str(message.files or "")

    @display(description=_("size"))
    def size_shown(self, message: MailMessage) -> str:
        """Show how large it is."""
        return filesizeformat(message.size)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the message below its headers."""
        message = self.get_object(request, object_id) if object_id else None
        context = {**(_told(message) if message else {}), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)


def _told(message: MailMessage) -> dict[str, Any]:
    left_out = ngettext(
        "%(count)d picture from elsewhere was left out: fetching it would tell the sender that you read this.",
        "%(count)d pictures from elsewhere were left out: fetching them would tell the sender that you read this.",
        message.images_left_out,
    )
    others = MailMessage.objects.of_conversation(message).defer("text", "html")[:MOST_OF_CONVERSATION]
    return {
        "message": message,
        "left_out": left_out % {"count": message.images_left_out} if message.images_left_out else "",
        "bounced": ngettext(
            "It tells of %(count)d e-mail that did not arrive, which is marked so.",
            "It tells of %(count)d e-mails that did not arrive, which are marked so.",
            message.bounced,
        )
        % {"count": message.bounced},
        "page": PAGE.format(shown_html(message)),
        "height": _height(message.html),
        "files": [_file(one) for one in message.attachments.all()],
        "others": [
            (reverse("admin:reports_mailmessage_change", args=[one.pk]), str(one), one.sender, one.received_at)
            for one in others
        ],
    }


SHOWN = 120
"""Letters of a subject in the list."""
PAGE = (
    '<!doctype html><meta charset="utf-8"><base target="_blank">'
    "<style>body{{font:15px/1.5 sans-serif;margin:16px;color:#111;background:#fff;overflow-wrap:anywhere}}"
    "img{{max-width:100%;height:auto}}</style>{}"
)
"""What the frame shows: a page of its own, which runs nothing, fetches nothing, and opens links beside it."""


def _height(html: str) -> int:
    """Return how high the frame should be, as far as the HTML lets one guess: it runs no script that could tell."""
    blocks = sum(html.count(tag) for tag in ("<p", "<br", "<div", "<tr", "<li", "<h"))
    return min(LONGEST, SHORTEST + LINE * (blocks + len(html) // 200))


def _file(attachment: MailAttachment) -> dict[str, Any]:
    url = reverse("download_file", args=[attachment.file_id]) if attachment.file_id else ""
    return {"name": attachment.name, "size": filesizeformat(attachment.size), "kind": attachment.media_type, "url": url}
