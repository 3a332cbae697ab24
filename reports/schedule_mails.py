"""What schedules mail: a text or a template as one message, and what was found in a report to each recipient apart.

Each message has an id of its occurrence, so that it is written once.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid5

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reports.addresses import check_one_line, one_line, read_addresses
from reports.emails import write_email
from reports.letters import render_template
from reports.models import EmailMessage, EmailTemplate, InsightOptOut, Mailbox, Report
from reports.schedule_targets import REPORT_TYPE, VENDOR, check_report, read_report_of
from reports.unsubscribing import unsubscribe_url
from reports.wording import text_of
from runtime.targets import Author, Occasion, TargetKind
from tenants.errors import DomainError
from tenants.links import page_link
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
    check_one_line(target["subject"], field="target.subject")
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


def _email(occasion: Occasion) -> dict[str, Any]:
    """Queue a message under the occurrence's id; one that is queued already stays as it is."""
    if not EmailMessage.objects.filter(pk=occasion.id).exists():
        written: dict[str, Any] = {"to": list(occasion.target["to"]), "mailbox": _mailbox(occasion.target)}
        written |= _texts(occasion.target)
        write_email(id=occasion.id, is_queued=True, **written)
    return {"email": str(occasion.id)}


def _report(occasion: Occasion) -> dict[str, Any]:
    report, tenant = read_report_of(occasion.target), Tenant.objects.get(pk=current_tenant_id())
    with translation.override(occasion.target.get("language") or tenant.locale):
        subject = one_line(_("What was found in “%(report)s”") % {"report": report})[:500]
        return {"report": str(report.pk), **_send_each(occasion, subject=subject, body=told(report, tenant))}


def _send_each(occasion: Occasion, *, subject: str, body: str) -> dict[str, int]:
    """Queue a message for each recipient, with a link that is theirs, but for those who want no more."""
    recipients = {uuid5(occasion.id, one.key): one for one in read_addresses(occasion.target["to"], field="target.to")}
    gone = InsightOptOut.objects.among(one.address for one in recipients.values())
    written = set(EmailMessage.objects.filter(pk__in=recipients).values_list("pk", flat=True))
    mailbox, count = _mailbox(occasion.target), 0
    for row_id, one in recipients.items():
        if one.address.lower() in gone:
            continue
        count += 1
        if row_id not in written:
            url = unsubscribe_url(row_id)
            text = f"{body}\n{_('No more mails like this:')} {url}\n"
            about: dict[str, Any] = {"to": [one.written], "mailbox": mailbox, "subject": subject, "body": text}
            write_email(id=row_id, unsubscribe_url=url, is_queued=True, **about)
    return {"emails": count, "unsubscribed": len(recipients) - count}


def told(report: Report, tenant: Tenant) -> str:
    """Return what was found in a report, the best first, in the present language."""
    found = list(report.insights.order_by("-score", "-id")[: MOST_TOLD + 1])
    lines = [f"{report}", ""]
    lines += [f"- {text_of(insight)}" for insight in found[:MOST_TOLD]]
    if not found:
        lines.append(_("Nothing odd was found."))
    if len(found) > MOST_TOLD:
        lines += ["", _("There is more in the back office.")]
    page = page_link(tenant, "admin:reports_report_change", report.pk)
    lines += ["", _("With all numbers, for who may log in: %(url)s") % {"url": page}, "", "--"]
    lines.append(_("A schedule of %(tenant)s sends this.") % {"tenant": tenant.name})
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
