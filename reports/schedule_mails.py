"""What schedules mail: a text or a template, and what was found in a report. Each occurrence is one message, by its id."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports.addresses import one_line, read_addresses
from reports.emails import queue_email, write_email
from reports.letters import render_template
from reports.models import EmailMessage, EmailTemplate, Mailbox, Report
from reports.schedule_targets import REPORT_TYPE, VENDOR, check_report, read_report_of
from reports.wording import text_of
from runtime.targets import Author, Occasion, TargetKind
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import current_tenant_id

MOST_TOLD = 20
"""Insights in one mail, the best first."""
LANGUAGES = Tenant.Locale.values
TO = {
    "type": "array",
    "items": {"type": "string", "maxLength": 1000},
    "minItems": 1,
    "maxItems": 500,
    "title": gettext_lazy("To"),
    "description": gettext_lazy(
        "Each one address, such as an@example.com or Binh <binh@example.com>; in a form one a line."
    ),
}
MAILBOX = {
    "type": "string",
    "format": "uuid",
    "title": gettext_lazy("Sent by"),
    "reference": "reports.Mailbox",
    "description": gettext_lazy("Empty: by the installation's own mail server."),
}
LANGUAGE = {
    "type": "string",
    "enum": list(LANGUAGES),
    "title": gettext_lazy("Language"),
    "description": gettext_lazy("Empty: the language of the business."),
}


def _row(model: Any, field: str, by: str, value: Any) -> Any:
    """Return the row that is named; raises ``DomainError`` (``unknown_reference``)."""
    found = model.objects.filter(**{by: value}).first()
    if found is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field=f"target.{field}")
    return found


def _mailbox(target: Mapping[str, Any]) -> Mailbox | None:
    return _row(Mailbox, "mailbox", "pk", target["mailbox"]) if target.get("mailbox") else None


def _texts(target: Mapping[str, Any]) -> dict[str, str]:
    """Return subject, body and HTML, of the target itself or of its template."""
    if target.get("template"):
        template = _row(EmailTemplate, "template", "code", target["template"])
        return render_template(template, values=target.get("values", {}), language=target.get("language", ""))
    if not (target.get("subject") and target.get("body")):
        said = _("Name a template, or write a subject and a text.")
        raise DomainError("required", said, field="target.body" if target.get("subject") else "target.subject")
    return {"subject": target["subject"], "body": target["body"]}


def _check(target: Mapping[str, Any], author: Author) -> None:
    read_addresses(target["to"], field="target.to")
    _mailbox(target)


def _check_email(target: Mapping[str, Any], author: Author) -> None:
    _check(target, author)
    _texts(target)


def _check_report_mail(target: Mapping[str, Any], author: Author) -> None:
    _check(target, author)
    check_report(target, author)


def _send(occasion: Occasion, **written: Any) -> dict[str, Any]:
    """Queue a message under the occurrence's id; one that is queued already stays as it is."""
    if not EmailMessage.objects.filter(pk=occasion.id).exists():
        to, mailbox = list(occasion.target["to"]), _mailbox(occasion.target)
        with transaction.atomic():
            queue_email(email=write_email(id=occasion.id, to=to, mailbox=mailbox, **written))
    return {"email": str(occasion.id)}


def _email(occasion: Occasion) -> dict[str, Any]:
    return _send(occasion, **_texts(occasion.target))


def _report(occasion: Occasion) -> dict[str, Any]:
    report = read_report_of(occasion.target)
    language = occasion.target.get("language") or Tenant.objects.get(pk=current_tenant_id()).locale
    with translation.override(language):
        subject = one_line(_("What was found in “%(report)s”") % {"report": report})
        return _send(occasion, subject=subject[:500], body=told(report)) | {"report": str(report.pk)}


def told(report: Report) -> str:
    """Return what was found in a report, the best first, in the present language."""
    found = list(report.insights.order_by("-score", "-id")[: MOST_TOLD + 1])
    lines = [f"{report}", ""]
    lines += [f"- {text_of(insight)}" for insight in found[:MOST_TOLD]]
    if not found:
        lines.append(_("Nothing odd was found."))
    if len(found) > MOST_TOLD:
        lines += ["", _("There is more in the back office.")]
    page = f"{settings.PUBLIC_URL}{reverse('admin:reports_report_change', args=[report.pk])}"
    lines += ["", _("With all numbers, for who may log in: %(url)s") % {"url": page}, "", "--"]
    name = Tenant.objects.get(pk=current_tenant_id()).name
    lines.append(
        _("A schedule of %(tenant)s sends this. Who does not want it asks them to take the address off.") % {"tenant": name}
    )
    return "\n".join(lines)


EMAIL = TargetKind(
    "email",
    label=gettext_lazy("Send an e-mail"),
    properties={
        "to": TO,
        "subject": {"type": "string", "maxLength": 500, "title": gettext_lazy("Subject")},
        "body": {"type": "string", "maxLength": 20_000, "title": gettext_lazy("Text")},
        "template": {
            "type": "string",
            "maxLength": 63,
            "title": gettext_lazy("Template"),
            "reference": "reports.EmailTemplate",
            "by": "code",
            "description": gettext_lazy("In place of a subject and a text."),
        },
        "values": {
            "type": "object",
            "title": gettext_lazy("Values"),
            "description": gettext_lazy('What stands for the names in the template: {"name": "An"}.'),
        },
        "language": LANGUAGE,
        "mailbox": MAILBOX,
    },
    required=("to",),
    check=_check_email,
    run=_email,
)

REPORT = TargetKind(
    "send_report",
    label=gettext_lazy("Mail what was found in a report"),
    properties={
        "to": TO,
        "report": {
            "type": "string",
            "format": "uuid",
            "title": gettext_lazy("Report"),
            "reference": "reports.Report",
            "description": gettext_lazy("Empty: the newest one, of the vendor and type below if they are named."),
        },
        "vendor": VENDOR,
        "report_type": REPORT_TYPE,
        "language": LANGUAGE,
        "mailbox": MAILBOX,
    },
    required=("to",),
    check=_check_report_mail,
    run=_report,
)

OWN = (EMAIL, REPORT)
"""What ``ReportsConfig`` registers."""
