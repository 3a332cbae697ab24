"""Handing insights on: what is due is looked at once more, and becomes a mail, a webhook's message or a line in an inbox.

All of it is one transaction: a worker that is killed has handed nothing on, and who comes next does it once. From there
mails and messages go their own way, with its attempts, dead letters and ``unknown``. Whoever has left the tenant or may not
see reports any more, has unsubscribed, or is no longer asked for by any subscription gets nothing; what falls into quiet
hours waits until their end.
"""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from reports.distribution import People, To, distribute_insights, to_of, zone_of
from reports.emails import queue_email, write_email
from reports.insight_mails import mail_of, message_of
from reports.models import Insight, InsightDelivery, InsightOptOut, InsightSubscription
from reports.models.insight_deliveries import DELIVER_TASK
from reports.models.subscriptions import Channel, Frequency
from reports.quiet import quiet_until
from reports.unsubscribing import unsubscribe_url
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.queue import QueueState, fail, finish, owned, postpone, wake, work
from tenants.scope import current_tenant_id
from vault.models import EventDelivery
from vault.models.events_out import DELIVER_TASK as DELIVER_EVENTS

logger = logging.getLogger(__name__)

TASK = DELIVER_TASK
BATCH = 50
LEFT = gettext_noop("This person has left, or may not see reports any more.")
OPTED_OUT = gettext_noop("This address has unsubscribed.")
NOT_WANTED = gettext_noop("Nobody asks for it any more.")
GONE = gettext_noop("It is no longer found: the figures have changed.")
SWITCHED_OFF = gettext_noop("The destination is switched off.")


class NotSent(Exception):
    """The recipient gets nothing, for a reason that is kept with the delivery."""


class Overtaken(Exception):
    """Another worker has the delivery by now."""


def deliver_insights() -> int:
    """Look who is told of new insights, and hand on what is due, in all tenants; returns how many deliveries were taken."""
    distribute_insights()
    return work(InsightDelivery, hand_on, batch=BATCH)


def hand_on(rows: Sequence[InsightDelivery]) -> None:
    """Hand on claimed deliveries of the scope's tenant, each in a transaction of its own."""
    batch = Batch(rows)
    for row in rows:
        try:
            batch.hand_on(row)
        except Overtaken:
            continue
        except NotSent as reason:
            ended = {"state": QueueState.SKIPPED, "lease_until": None, "last_error": str(reason)}
            owned(row).update(**ended)
        except DomainError as error:
            fail(row, str(error.message), permanent=True)
        except Exception as error:
            logger.exception("insight delivery %s failed", row.pk)
            fail(row, type(error).__name__)


class Batch:
    """What handing on some deliveries of one tenant needs to know, read once."""

    def __init__(self, rows: Sequence[InsightDelivery]) -> None:
        self.people = People()
        self.tenant = Tenant.objects.get(pk=current_tenant_id())
        self.subscriptions = list(InsightSubscription.objects.active())
        self.receivers = {one.pk: set(self.people.of(one)) for one in self.subscriptions}
        ids = {insight_id for row in rows for insight_id in row.insights}
        self.insights: dict[UUID, Insight] = {
            one.pk: one for one in Insight.objects.filter(pk__in=ids).select_related("report")
        }
        addresses = [self.people.address(to) for to in map(to_of, rows) if to.channel == Channel.EMAIL and self._is_here(to)]
        self.opted_out = InsightOptOut.objects.among(addresses)

    def hand_on(self, row: InsightDelivery) -> None:
        """Hand one on; raises ``NotSent`` with the reason, ``DomainError`` for what no mail can be, and ``Overtaken``."""
        to = to_of(row)
        self._check_recipient(row, to)
        asked = [] if row.is_asked else [one for one in self.subscriptions if to in self.receivers[one.pk]]
        found = [self.insights[one] for one in row.insights if one in self.insights]
        told = [one for one in found if row.is_asked or any(subscription.wants(one) for subscription in asked)]
        if not told:
            raise NotSent(NOT_WANTED if found else GONE)
        wanting = [one for one in asked if any(one.wants(insight) for insight in told)]
        if until := self._quiet_until(to, wanting):
            postpone(row, "", delay=until - timezone.now())
            return
        language = self._language(to, wanting)
        with transaction.atomic(), translation.override(language), timezone.override(self._zone(to, wanting)):
            handed = self._handed(row, sorted(told, key=lambda one: -one.score), language)
            if not finish(row, sent_at=Now(), **handed):
                raise Overtaken

    def _is_here(self, to: To) -> bool:
        return to.user_id is None or to.user_id in self.people.by_id

    def _check_recipient(self, row: InsightDelivery, to: To) -> None:
        if not self._is_here(to):
            raise NotSent(LEFT)
        if to.channel == Channel.EMAIL and self.people.address(to) in self.opted_out:
            raise NotSent(OPTED_OUT)
        if row.destination is not None and not row.destination.is_active:
            raise NotSent(SWITCHED_OFF)

    def _quiet_until(self, to: To, wanting: Sequence[InsightSubscription]) -> datetime | None:
        """Return when the recipient may be told; None if that is now, by any of the subscriptions that ask for it."""
        now = timezone.now()
        ends = [quiet_until(now, ZoneInfo(self._zone_name(to, one)), one.quiet_from, one.quiet_until) for one in wanting]
        waits = [end for end in ends if end is not None]
        return min(waits) if waits and len(waits) == len(ends) else None

    def _zone_name(self, to: To, subscription: InsightSubscription) -> str:
        return zone_of(subscription, self.people.by_id.get(to.user_id) if to.user_id else None)

    def _zone(self, to: To, wanting: Sequence[InsightSubscription]) -> ZoneInfo:
        person = self.people.by_id[to.user_id] if to.user_id else None
        named = self._zone_name(to, wanting[0]) if wanting else (person and person.time_zone) or self.tenant.time_zone
        return ZoneInfo(named)

    def _language(self, to: To, wanting: Sequence[InsightSubscription]) -> str:
        named = next((one.language for one in wanting if one.language), "")
        own = self.people.by_id[to.user_id].locale if to.user_id else ""
        return named or own or self.tenant.locale

    def _handed(self, row: InsightDelivery, insights: Sequence[Insight], language: str) -> dict[str, Any]:
        """Hand it on, and return what the row keeps of that."""
        match Channel(row.channel):
            case Channel.EMAIL:
                return {"email": self._mail(row, insights)}
            case Channel.WEBHOOK:
                return {"event_delivery": _message(row, insights, self.tenant)}
        return {}

    def _mail(self, row: InsightDelivery, insights: Sequence[Insight]) -> Any:
        url = unsubscribe_url(row.pk)
        digest = Frequency(row.frequency) if row.frequency != Frequency.AT_ONCE else None
        is_member = row.user_id is not None
        texts: dict[str, Any] = mail_of(
            insights, digest=digest, tenant=self.tenant, is_member=is_member, unsubscribe_url=url
        )
        return queue_email(email=write_email(to=[row.mail_address], unsubscribe_url=url, **texts))


def _message(row: InsightDelivery, insights: Sequence[Insight], tenant: Tenant) -> EventDelivery:
    """Make the message of a webhook; its id is that of the delivery, and the same in every attempt."""
    kind = "insight.found" if row.frequency == Frequency.AT_ONCE else "insight.digest"
    body = {
        "type": kind,
        "timestamp": f"{timezone.now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "tenant": tenant.slug,
        "subject": {"kind": row._meta.label_lower, "id": str(row.pk)},
        "data": message_of(insights, frequency=row.frequency),
    }
    about = {"destination_id": row.destination_id, "event_id": row.pk, "kind": kind}
    made: EventDelivery = EventDelivery.objects.create(**about, body=json.dumps(body, ensure_ascii=False))
    wake(DELIVER_EVENTS)
    return made
