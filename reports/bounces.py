"""Mails that came back: delivery reports (RFC 3464, ``multipart/report``) are read, and told at the deliveries they are about."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage as Parsed
from typing import cast

from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from reports.addresses import Recipient
from reports.models import EmailDelivery
from reports.received import header, parsed, parts, payload
from tenants.notes import note
from tenants.queue import QueueState

STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
SENT = (QueueState.DONE, QueueState.UNKNOWN, QueueState.RUNNING)


@dataclass(frozen=True)
class Bounce:
    """One recipient that a mail did not reach. ``status`` is an enhanced code (RFC 3463), such as ``5.1.1``."""

    message_id: str
    recipient: str
    status: str
    reason: str


def read_bounces(data: bytes) -> list[Bounce]:
    """Return what a message says did not arrive; nothing for any other message, and for mere delays."""
    message = parsed(data)
    is_report = message.get_content_type() == "multipart/report" and message.get_param("report-type") == "delivery-status"
    if not is_report:
        return []
    kinds = {part.get_content_type(): part for part in parts(message)}
    original = kinds.get("message/rfc822") or kinds.get("text/rfc822-headers")
    if original is None or "message/delivery-status" not in kinds:
        return []
    message_id = header(parsed(payload(original)), "Message-ID")
    return list(_failed(kinds["message/delivery-status"], message_id)) if message_id else []


def _failed(report: Parsed, message_id: str) -> Iterator[Bounce]:
    """Yield the recipients of a report; each stands in a block of fields of its own."""
    for block in report.get_payload() if report.is_multipart() else []:
        fields = cast("Parsed", block)
        recipient = header(fields, "Final-Recipient") or header(fields, "Original-Recipient")
        if header(fields, "Action").lower() != "failed" or not recipient:
            continue
        found = STATUS.search(header(fields, "Status"))
        reason = header(fields, "Diagnostic-Code").partition(";")[2].strip()
        yield Bounce(message_id, recipient.partition(";")[2].strip().strip("<>"), found[0] if found else "", reason[:300])


def note_bounces(data: bytes) -> int:
    """Tell the deliveries of the scope's tenant that came back; returns how many. Doing it twice changes nothing.

    Only who has got a mail, or a report of it, knows its Message-ID, and only who knows it can speak about its deliveries.
    """
    return sum(_note(bounce) for bounce in read_bounces(data))


def _compared(address: str) -> str:
    """Return an address as two are compared: a report may write its domain in letters or, as it went out, in IDNA."""
    try:
        return Recipient("", Recipient("", address).key).envelope
    except UnicodeError:  # no domain of letters that IDNA knows
        return address.lower()


def _note(bounce: Bounce) -> int:
    told = gettext_noop("It came back (%(status)s).")
    mine = EmailDelivery.objects.filter(email__message_id=bounce.message_id, bounced_at__isnull=True, state__in=SENT)
    named = _compared(bounce.recipient)
    theirs = [pk for pk, address in mine.values_list("pk", "address") if _compared(address) == named]
    return mine.filter(pk__in=theirs).update(
        state=QueueState.FAILED,
        lease_until=None,
        bounced_at=Now(),
        last_error=note(told, detail=bounce.reason, status=bounce.status or "5.0.0"),
    )
