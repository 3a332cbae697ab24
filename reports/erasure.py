"""What was written to a person and by them, and figures that mention them: e-mails, and cells of reports."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
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
    Report,
    ReportRow,
)
from runtime.models import Schedule
from tenants.erasure import Forgotten, Person, delete, mentioning
from tenants.queue import OPEN
from tenants.storage import delete_file, store_file
from tenants.text import inert

CELL = "[erased]"
PROSE_STAYS = gettext_noop(
    "Reports: what stands in their files beside the tables, and files that are not read, was not searched, so look through them."
)
PAUSED = gettext_noop("It mailed nobody else, so it is paused: delete it, or name others and change what it says.")
MOST_BYTES = 10**10
"""Of a file of our own writing: the rows were read from one of 25 MB."""


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
    yield from _out_of_schedules(person)
    yield from _out_of_reports(person)


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


def _names(text: object, person: Person) -> bool:
    """Whether a name of theirs stands there, in however it is written: in a row of theirs it is theirs."""
    return any(re.search(name, str(text)) for name in person.names)


def _out_of_schedules(person: Person) -> Iterator[Forgotten]:
    """Take their address out of what schedules mail; one that mailed nobody else is paused."""
    rows, paused = list(Schedule.objects.filter(pk__in=mentioning(Schedule, ("target",), person.patterns))), 0
    rows = [row for row in rows if any(_mentions(one, person) for one in row.target.get("to", ()))]
    for row in rows:
        row.target["to"] = [one for one in row.target["to"] if not _mentions(one, person)]
        row.is_active = row.is_active and bool(row.target["to"])
        row.next_run = row.next_run if row.is_active else None
        row.save(update_fields=["target", "is_active", "next_run", "updated_at"])
        paused += not row.target["to"]
    yield Forgotten("runtime.schedule", len(rows), "emptied")
    yield Forgotten("runtime.schedule", paused, "kept", PAUSED)


def _out_of_reports(person: Person) -> Iterator[Forgotten]:
    """Empty the cells of reports that mention them; in place of the file, as it was handed in, stands what is left of it."""
    rows = list(ReportRow.objects.filter(pk__in=mentioning(ReportRow, ("cells",), person.patterns)))
    for row in rows:
        row.cells = [CELL if _mentions(cell, person) or _names(cell, person) else cell for cell in row.cells]
    ReportRow.objects.bulk_update(rows, ["cells"])
    yield Forgotten("reports.reportrow", len(rows), "emptied")
    reports = Report.objects.filter(pk__in={row.report_id for row in rows}).select_related("file")
    for report in reports:
        _put_rows_in_place_of_file(report)
    yield Forgotten("tenants.storedfile", len(reports), "emptied")
    yield Forgotten("reports.report", Report.objects.filter(file__sha256=F("sha256")).count(), "kept", PROSE_STAYS)


def _put_rows_in_place_of_file(report: Report) -> None:
    """Keep a CSV of the report's rows as they are now as its file. The bytes there were go with the commit."""
    before, name = report.file, f"{PurePath(report.file.name).stem[:200]}.csv"
    report.file = store_file(_lines(report), name=name, media_type="text/csv", limit=MOST_BYTES)
    report.save(update_fields=["file"])
    delete_file(before)


def _lines(report: Report) -> Iterator[bytes]:
    table = None
    for row in report.rows.in_order().iterator(chunk_size=2_000):
        if row.table != table:
            table = row.table
            yield from (_line(column["name"] for column in one["columns"]) for one in report.tables[table : table + 1])
        yield _line(row.cells)


def _line(cells: Iterable[Any]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow([inert(_written(cell)) for cell in cells])
    return line.getvalue().encode()


def _written(cell: Any) -> str:
    if isinstance(cell, dict):
        return f"{cell.get('amount', '')} {cell.get('currency', '')}".strip()
    return "" if cell is None else str(cell)
