"""What was written to a person and by them, and figures that mention them: e-mails, and cells of reports."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_noop

from reports.emails import forget_emails
from reports.incoming import forget_messages
from reports.models import (
    EmailContent,
    EmailDelivery,
    EmailMessage,
    InsightDelivery,
    InsightOptOut,
    InsightSubscription,
    MailAttachment,
    MailMessage,
    ReportRow,
)
from tenants.erasure import Forgotten, Person, delete, mentioning
from tenants.queue import OPEN

CELL = "[erased]"


def forget_mail_and_figures(person: Person) -> Iterator[Forgotten]:
    """The step of reports: where they are told of insights, mails to them, copies of mails to others, cells that mention them."""
    for model in (InsightDelivery, InsightSubscription, InsightOptOut):
        yield delete(model.objects.filter(pk__in=mentioning(model, ("address",), person.patterns)))
    theirs = mentioning(EmailDelivery, ("address",), person.patterns)
    to_others = EmailDelivery.objects.filter(email=OuterRef("pk")).exclude(pk__in=theirs)
    alone = EmailMessage.objects.filter(~Exists(to_others), deliveries__in=theirs).distinct()
    yield Forgotten("reports.emailmessage", forget_emails(alone), "deleted")
    yield from _out_of_mails_to_others(person, theirs)
    yield from _received(person)
    yield _out_of_reports(person)


def _out_of_mails_to_others(person: Person, theirs: list[UUID]) -> Iterator[Forgotten]:
    """Take their address out of mails that went to others as well; what was sent, byte for byte, goes once all are sent."""
    mails = set(EmailDelivery.objects.filter(pk__in=theirs).values_list("email_id", flat=True))
    mails |= set(mentioning(EmailMessage, ("to", "cc", "bcc"), person.patterns))
    yield delete(EmailDelivery.objects.filter(pk__in=theirs))
    waiting = EmailDelivery.objects.filter(email=OuterRef("email"), state__in=OPEN)
    yield delete(EmailContent.objects.filter(~Exists(waiting), Q(email__in=mails)))
    for mail in EmailMessage.objects.filter(pk__in=mails).only("to", "cc", "bcc"):
        for field in ("to", "cc", "bcc"):
            setattr(mail, field, [one for one in getattr(mail, field) if not _mentions(one, person)])
        mail.save(update_fields=["to", "cc", "bcc"])
    yield Forgotten("reports.emailmessage", len(mails), "emptied")


def _received(person: Person) -> Iterator[Forgotten]:
    """Delete the copies of mails that the person has sent or got; the mail server, which is not ours, keeps its own."""
    theirs = mentioning(MailMessage, ("sender", "to", "cc"), person.patterns)
    named = MailAttachment.objects.filter(pk__in=mentioning(MailAttachment, ("name",), person.patterns))
    theirs += named.values_list("message_id", flat=True)
    count = forget_messages(MailMessage.objects.filter(pk__in=theirs))
    yield Forgotten("reports.mailmessage", count, "deleted")
    yield Forgotten("reports.mailmessage", count, "kept", gettext_noop("The mail server has them still."))


def _mentions(text: object, person: Person) -> bool:
    said = str(text).casefold()
    return any(term.casefold() in said for term in person.terms)


def _out_of_reports(person: Person) -> Forgotten:
    """Empty the cells of reports that mention them; the file, as it was handed in, is told among what still does."""
    rows = list(ReportRow.objects.filter(pk__in=mentioning(ReportRow, ("cells",), person.patterns)))
    for row in rows:
        row.cells = [CELL if _mentions(cell, person) else cell for cell in row.cells]
    ReportRow.objects.bulk_update(rows, ["cells"])
    return Forgotten("reports.reportrow", len(rows), "emptied")
