"""The admin of e-mail: drafts, how they will look, and each copy on its way."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import linebreaksbr
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from reports.admin.email_forms import EmailForm, FillForm
from reports.emails import Attachment, cancel_email, chunks_of, delete_email, queue_email, retry_all, write_email
from reports.markup import clean_email_html
from reports.models import EmailDelivery, EmailMessage, EmailTemplate
from reports.rendering import from_header
from tenants.admin import DeliveryAdmin, TenantAdmin, asks_first
from tenants.admin.base import LINK
from tenants.admin.filters import TimeFilter
from tenants.queue import QueueState

STATUS_LABELS = {
    "sent": "success",
    "failed": "danger",
    "unknown": "danger",
    "held": "warning",
    "queued": "info",
    "sending": "info",
    "cancelled": "default",
}
SHOWN = ("mailbox", "subject", "said", "recipients", "reply_to", "files", "priority", "send_at", "message_id")


@admin.register(EmailMessage)
class EmailMessageAdmin(TenantAdmin):
    """E-mails: a draft is edited, looked at, tried and sent; what is on its way is only looked at."""

    form = EmailForm
    list_display = ("subject", "recipients_short", "mailbox", "status_label", "progress", "created_by", "created_at")
    list_filter = ("status", "mailbox")
    list_select_related = ("mailbox", "created_by")
    search_fields = ("subject",)
    ordering = ("-id",)
    actions = ("export",)
    actions_detail = ("preview", "send", "send_test", "cancel", "retry_failed")
    has_history = False
    export_fields = ("id", "subject", "to", "cc", "bcc", "status", "message_id", "queued_at", "created_at")
    empty_message = _("Write to customers or colleagues: each recipient gets a copy, and you see what became of each.")
    empty_links = ((_("Templates"), "admin:reports_emailtemplate_changelist"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the messages with how their copies stand."""
        return super().get_queryset(request).with_counts()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form, or of what was sent."""
        if obj is not None and not self.has_change_permission(request, obj):
            return [
                (None, {"fields": ("status_text", "progress", "mailbox", "recipients", "reply_to")}),
                (_("What it says"), {"fields": ("subject", "said", "files")}),
                (_("Sending"), {"fields": (("priority", "send_at"), "message_id", "queued_at")}),
            ]
        return [
            (_("To whom"), {"fields": ("to", ("cc", "bcc"))}),
            (_("What it says"), {"fields": ("subject", "body", "html")}),
            (_("Attachments"), {"fields": (*(("files", "remove") if obj and obj.attachments.exists() else ()), "uploads")}),
            (_("Sending"), {"fields": (("mailbox", "reply_to"), ("priority", "send_at"))}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what is only shown."""
        if obj is None:
            return ()
        shown = ("files",)
        return shown if self.has_change_permission(request, obj) else (*SHOWN, "status_text", "progress", "queued_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only drafts are changed."""
        return bool(super().has_change_permission(request, obj)) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what nobody got is deleted."""
        may = bool(super().has_delete_permission(request, obj))
        return may and (obj is None or obj.is_draft or obj.reached_nobody)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell what goes with it: copies that nobody got go with their e-mail, though nobody deletes them alone."""
        shown, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out "delete selected": what is on its way stays."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def save_model(self, request: HttpRequest, obj: EmailMessage, form: ModelForm, change: bool) -> None:
        """Keep the draft."""
        fields = {name: form.cleaned_data[name] for name in EmailForm.Meta.fields}
        made = write_email(
            email=obj if change else None,
            attachments=form.attachments(),  # type: ignore[attr-defined]
            created_by=None if change else request.user,  # type: ignore[arg-type]
            **fields,
        )
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: EmailMessage) -> None:
        """Delete it with its files."""
        delete_email(email=obj)

    @display(description=_("text"))
    def said(self, email: EmailMessage) -> str:
        """Show its text line by line; how its HTML looks is on the page of the preview."""
        return format_html('<div class="break-words">{}</div>', linebreaksbr(email.body))

    @display(description=_("to"))
    def recipients_short(self, email: EmailMessage) -> str:
        """Show the first recipient, and how many there are beside."""
        everybody = [*email.to, *email.cc, *email.bcc]
        more = len(everybody) - 1
        return f"{everybody[0]}{f' +{more}' if more else ''}" if everybody else "–"

    @display(description=_("recipients"))
    def recipients(self, email: EmailMessage) -> str:
        """Show everybody, by field."""
        fields = ((gettext("To"), email.to), (gettext("Copies to"), email.cc), (gettext("Blind copies to"), email.bcc))
        return format_html_join("", "<div>{}: {}</div>", ((name, ", ".join(found)) for name, found in fields if found))

    @display(description=_("status"), ordering="status", label={"draft": "warning", "queued": "info", "sent": "success"})
    def status_label(self, email: Any) -> tuple[str, str]:
        """Show how it stands as a label."""
        is_sent = email.copies and email.sent == email.copies
        return ("sent", gettext("Sent")) if is_sent else (email.status, email.get_status_display())

    @display(description=_("status"))
    def status_text(self, email: EmailMessage) -> str:
        """Show how it stands, on its own page."""
        return self.status_label(email)[1]

    @display(description=_("copies"))
    def progress(self, email: Any) -> str:
        """Show how many copies were sent, with the way to them."""
        if not email.copies:
            return "–"
        said = gettext("%(sent)s of %(all)s sent") % {"sent": email.sent, "all": email.copies}
        if email.failed or email.unclear:
            told = {"failed": email.failed, "unclear": email.unclear}
            said += gettext(", %(failed)s failed, %(unclear)s unclear") % told
        url = f"{reverse('admin:reports_emaildelivery_changelist')}?email__id__exact={email.pk}"
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, said)

    @display(description=_("attachments"))
    def files(self, email: EmailMessage) -> str:
        """Show the files, to be downloaded."""
        rows = email.attachments.select_related("file")
        links = ((LINK, reverse("download_file", args=[one.file_id]), one.file.name) for one in rows)
        return format_html_join(", ", '<a class="{}" href="{}">{}</a>', links) or "–"

    @action(description=_("Preview"), icon="visibility", permissions=["preview"])
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what recipients will see; pictures from elsewhere are not fetched."""
        email = self.get_object(request, object_id)
        if email is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Preview"),
            "opts": self.opts,
            "original": email,
            "sender": from_header(email.mailbox),
            "recipients": self.recipients(email),
            "files": self.files(email),
            "html": mark_safe(clean_email_html(email.html)),  # noqa: S308 - cleaned
        }
        return TemplateResponse(request, "reports/admin/email_preview.html", context)

    def has_preview_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may see it."""
        return self.has_view_permission(request)

    @action(description=_("Send"), icon="send", permissions=["send"])
    @asks_first
    def send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it sent."""
        queue_email(email=EmailMessage.objects.get(pk=object_id))
        messages.success(request, gettext("The e-mail is on its way."))
        return redirect("admin:reports_emailmessage_change", object_id)

    def has_send_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change it, as long as it is a draft."""
        return self._may(request, object_id, status=EmailMessage.Status.DRAFT)

    @action(description=_("Send me a test"), icon="outgoing_mail", permissions=["send"])
    @asks_first
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a copy to whoever asks, and to nobody else."""
        email = EmailMessage.objects.get(pk=object_id)
        files = [Attachment(one.file.name, one.file.media_type, chunks_of(one.file)) for one in email.attachments.all()]
        test = write_email(
            subject=f"[{gettext('Test')}] {email.subject}"[:500],
            body=email.body,
            html=email.html,
            mailbox=email.mailbox,
            to=[request.user.email],  # type: ignore[union-attr]
            attachments=files,
            created_by=request.user,  # type: ignore[arg-type]
            is_queued=True,
        )
        messages.success(request, gettext("A test is on its way to %(address)s.") % {"address": test.to[0]})
        return redirect("admin:reports_emailmessage_change", object_id)

    @action(description=_("Do not send the rest"), icon="cancel", permissions=["cancel"])
    @asks_first
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give up what is not begun."""
        given_up = cancel_email(email=EmailMessage.objects.get(pk=object_id))
        messages.success(request, gettext("%(count)s copies will not be sent.") % {"count": given_up})
        return redirect("admin:reports_emailmessage_change", object_id)

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change it, as long as something waits."""
        return self._may(request, object_id, deliveries__state=QueueState.PENDING)

    @action(description=_("Send the failed ones again"), icon="replay", permissions=["retry_failed"])
    @asks_first
    def retry_failed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put the failed copies back; what is unclear is decided one by one."""
        back = retry_all(email=EmailMessage.objects.get(pk=object_id))
        messages.success(request, gettext("%(count)s copies are on their way again.") % {"count": back})
        return redirect("admin:reports_emailmessage_change", object_id)

    def has_retry_failed_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change it, as long as something failed."""
        return self._may(request, object_id, deliveries__state=QueueState.FAILED)

    def _may(self, request: HttpRequest, object_id: str | None, **stands: Any) -> bool:
        may = request.user.has_perm("reports.change_emailmessage")
        return may and (object_id is None or EmailMessage.objects.filter(pk=object_id, **stands).exists())


@admin.register(EmailDelivery)
class EmailDeliveryAdmin(DeliveryAdmin):
    """Each copy on its way, and what became of it."""

    list_display = ("address", "subject", "status_label", "attempt", "last_problem", "begun_at", "sent_at")
    list_filter = ("state", "mailbox", ("created_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("email", "tenant")
    link_filters = ("email",)
    search_fields = ("address",)
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("address", "kind"), "subject", ("status_text", "attempt"), "last_problem")}),
        (_("Times"), {"fields": (("created_at", "due_at"), ("begun_at", "sent_at"), "bounced_at")}),
    )
    readonly_fields = ("subject", "status_text", "last_problem")
    export_fields = ("address", "kind", "state", "attempt", "problem", "begun_at", "sent_at", "bounced_at", "created_at")
    empty_message = _("Every copy of an e-mail is listed here, with what the mail server answered.")
    empty_links = ((_("Write an e-mail"), "admin:reports_emailmessage_add"),)

    @display(description=_("e-mail"))
    def subject(self, delivery: EmailDelivery) -> str:
        """Show which e-mail it is, with the way there."""
        url = reverse("admin:reports_emailmessage_change", args=[delivery.email_id])
        return format_html('<a class="{}" href="{}">{}</a>', LINK, url, delivery.email.subject)

    @display(description=_("status"), ordering="state", label=STATUS_LABELS)
    def status_label(self, delivery: EmailDelivery) -> tuple[str, str]:
        """Show how it stands as a label."""
        return str(delivery.status), self.status_text(delivery)

    @display(description=_("status"))
    def status_text(self, delivery: EmailDelivery) -> str:
        """Show how it stands."""
        if delivery.bounced_at and delivery.state == QueueState.FAILED:
            return gettext("Came back")
        return str(EmailDelivery.Status(delivery.status).label)

    @display(description=_("last error"))
    def last_problem(self, delivery: EmailDelivery) -> str:
        """Show what went wrong last."""
        return delivery.problem or "–"


@admin.register(EmailTemplate)
class EmailTemplateAdmin(TenantAdmin):
    """Texts that e-mails are made of, in two languages."""

    list_display = ("name", "code", "languages", "updated_at")
    search_fields = ("name", "code")
    fieldsets = (
        (None, {"fields": (("name", "code"),)}),
        ("Tiếng Việt", {"fields": ("subject_vi", "body_vi", "html_vi"), "classes": ("tab",)}),
        ("English", {"fields": ("subject_en", "body_en", "html_en"), "classes": ("tab",)}),
    )
    actions_detail = ("fill",)
    empty_message = _("Write a text once, with names such as {{ name }}, and send it by the API or by a schedule.")

    @action(description=_("Write an e-mail with it"), icon="edit_square", permissions=["fill"])
    def fill(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a language and values, and make a draft of it, to be addressed and sent."""
        template = self.get_object(request, object_id)
        if template is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = FillForm(template, request.POST or None)
        if request.method == "POST" and form.is_valid():
            made = write_email(**form.texts, created_by=request.user)  # type: ignore[arg-type]
            messages.success(request, gettext("The draft is written. Say to whom it goes, then send it."))
            return redirect("admin:reports_emailmessage_change", made.pk)
        context = {"title": _("Write an e-mail with it"), "opts": self.opts, "original": template, "form": form}
        return TemplateResponse(request, "tenants/admin/ask.html", {**self.admin_site.each_context(request), **context})

    def has_fill_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may write e-mails."""
        return bool(request.user.has_perm("reports.add_emailmessage"))

    @display(description=_("languages"))
    def languages(self, template: EmailTemplate) -> str:
        """Show in which languages it is written."""
        found = (("Tiếng Việt", template.body_vi), ("English", template.body_en))
        return ", ".join(name for name, body in found if body)

    def save_model(self, request: HttpRequest, obj: EmailTemplate, form: ModelForm, change: bool) -> None:
        """Keep it with its author."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
