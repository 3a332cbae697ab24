"""How long e-mails, sent and received, deliveries of insights and samples of health are kept."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from reports.emails import forget_emails
from reports.health import forget_samples
from reports.incoming import forget_messages
from reports.mail_sync import KEPT as RECEIVED
from reports.models import EmailDelivery, EmailMessage, InsightDelivery, MailMessage
from tenants.queue import OPEN
from tenants.retention import Kept, older_than


def _mails(days: int) -> Iterable[QuerySet[Any]]:
    """Mails of which no copy is on its way any more; drafts stay."""
    waiting = EmailDelivery.objects.filter(email=OuterRef("pk"), state__in=OPEN)
    return [EmailMessage.objects.filter(~Exists(waiting), older_than(days, "queued_at"))]


def _told(days: int) -> Iterable[QuerySet[Any]]:
    """What was told, or is not told any more."""
    return [InsightDelivery.objects.filter(older_than(days)).exclude(state__in=OPEN)]


KEPT = (
    Kept(
        name="insight_deliveries",
        label=_("Keep deliveries of insights"),
        help_text=_("Days. Who was told of which insights, and inboxes; 0: for ever."),
        days=365,
        old=_told,
    ),
    Kept(
        name="email_deliveries",
        label=_("Keep e-mails"),
        help_text=_("Days. What was sent, with its deliveries and attached files; drafts stay. 0: for ever."),
        days=365,
        old=_mails,
        forget=forget_emails,
    ),
    Kept(
        name=RECEIVED,
        label=_("Keep received e-mails"),
        help_text=_("Days. The server keeps them as it does; older ones are not fetched. 0: for ever."),
        days=365,
        old=lambda days: [MailMessage.objects.filter(older_than(days, "received_at"))],
        forget=forget_messages,
    ),
    Kept(
        name="health_samples",
        label=_("Keep samples of health"),
        help_text=_("Days. 0: for ever."),
        days=30,
        old=forget_samples,
        of_platform=True,
    ),
)
