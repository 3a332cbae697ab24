"""Who is told of new insights: each becomes deliveries, by the subscriptions of its tenant.

An insight is looked at once: that is marked on it, in the transaction that makes the deliveries, so that one whose report
commits late is found late, and several workers may do this at once. What was told to somebody by one way is not told there
again when it is found anew, and a trend of a daily figure, which is found every day, once a week.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from reports.addresses import read_address
from reports.models import Insight, InsightDelivery, InsightOptOut, InsightSubscription
from reports.models.insight_deliveries import DELIVER_TASK
from reports.models.subscriptions import CHANNELS, Channel, Frequency, RecipientType
from reports.quiet import next_digest
from tenants.actor import Actor, ActorKind, acting
from tenants.errors import DomainError
from tenants.models import Membership, Tenant, User
from tenants.queue import QueueState, wake
from tenants.roles import Role, role_allows
from tenants.scope import platform_scope, tenant_scope
from vault.models import EventDestination

logger = logging.getLogger(__name__)

AT_ONCE = 500
"""Insights that are looked at in one transaction."""
SOONEST = list(Frequency.values)
LASTING = (Insight.Type.TREND, Insight.Type.TOP_MOVER)
"""What is found anew every day in the daily figures, as long as it lasts."""

UNWANTED = """
UPDATE reports_insight SET distributed_at = statement_timestamp() WHERE id IN (
    SELECT id FROM reports_insight AS insight WHERE distributed_at IS NULL AND NOT EXISTS (
        SELECT FROM reports_insightsubscription AS wanted WHERE wanted.tenant_id = insight.tenant_id AND wanted.is_active
    ) LIMIT 10000 FOR UPDATE SKIP LOCKED
)
"""


class To(NamedTuple):
    """One recipient and the way there; exactly one of person, address and destination is named."""

    channel: str
    user_id: UUID | None = None
    address: str = ""
    destination_id: UUID | None = None


def to_of(row: InsightDelivery) -> To:
    """Return whom a delivery goes to, and how."""
    return To(row.channel, row.user_id, row.address, row.destination_id)


@dataclass(frozen=True)
class Time:
    """How soon, and of digests when."""

    frequency: str
    due_at: datetime | None = None

    @property
    def sooner(self) -> tuple[int, float]:
        """What sorts the sooner one first."""
        return SOONEST.index(self.frequency), self.due_at.timestamp() if self.due_at else 0.0


class People:
    """The members of the scope's tenant who may see insights, read once."""

    def __init__(self) -> None:
        members = Membership.objects.filter(user__is_active=True).select_related("user")
        seeing = [one for one in members if role_allows(one.role, "reports", "view", "insight")]
        self.by_role: dict[str, list[User]] = {}
        for one in seeing:
            self.by_role.setdefault(one.role, []).append(one.user)
        self.by_id: dict[UUID, User] = {one.user_id: one.user for one in seeing}

    def of(self, subscription: InsightSubscription) -> list[To]:
        """Return who a subscription stands for now: nobody for a person who has left."""
        kind, channel = RecipientType(subscription.recipient_type), subscription.channel
        match kind:
            case RecipientType.ROLE:
                return [To(channel, user_id=person.pk) for person in self.by_role.get(subscription.role, ())]
            case RecipientType.PERSON:
                return [To(channel, user_id=subscription.user_id)] if subscription.user_id in self.by_id else []
            case RecipientType.ADDRESS:
                return [To(channel, address=subscription.address)]
        return [To(channel, destination_id=subscription.destination_id)]

    def address(self, to: To) -> str:
        """Return the address of a recipient by e-mail, in lower case."""
        return (self.by_id[to.user_id].email if to.user_id else to.address).lower()


def zone_of(subscription: InsightSubscription, person: User | None) -> str:
    """Return by whose clock the recipient is told: the subscription's, the person's, or that of the business."""
    return subscription.time_zone or (person.time_zone if person else "") or subscription.tenant.time_zone


def key_of(insight: Insight) -> str:
    """Return what makes an insight the one that was told.

    Of reports, it is the same in every file of a vendor and type; a trend, and who moved, may be told again in another month.
    """
    report, lasts, said = insight.report, insight.insight_type in LASTING, insight.key
    if report is None and not lasts:
        return f"daily/{said}"
    if report is None:
        week = "{}-{}".format(*timezone.now().isocalendar()[:2])
        said = f"{insight.insight_type}\n{insight.content['series']}\n{insight.content.get('bot')}\n{week}"
        return f"daily/{hashlib.sha256(said.encode()).hexdigest()}"
    month = f"{insight.content['text']['code']}\n{report.report_date:%Y-%m}" if lasts else ""
    of_series = "\n".join([report.vendor, report.report_type, said, month])
    return f"report/{hashlib.sha256(of_series.encode()).hexdigest()}"


def _once(insights: Iterable[Insight], keys: Mapping[UUID, str]) -> list[Insight]:
    """Return each that is the same in several files of a series once, as the latest tells it; the best first."""
    by_key = {keys[one.pk]: one for one in sorted(insights, key=lambda one: one.pk)}
    return sorted(by_key.values(), key=lambda one: -one.score)


def distribute_insights() -> int:
    """Turn the insights that nobody has looked at into deliveries; returns how many insights were looked at."""
    _mark_unwanted()
    done = 0
    for tenant_id in _tenants_with_new():
        try:
            with tenant_scope(tenant_id), acting(Actor(ActorKind.TASK)):
                while some := _distribute():
                    done += some
        except DatabaseError:  # such as another worker's locks: the others' insights do not wait for this tenant's
            logger.exception("the insights of tenant %s could not be told", tenant_id)
    return done


def _mark_unwanted() -> None:
    """Mark the insights of tenants in which nobody is told of any, all at once."""
    with platform_scope(reason="insights nobody is told of"), connection.cursor() as cursor:
        cursor.execute(UNWANTED)


def _tenants_with_new() -> list[UUID]:
    with platform_scope(reason="name the tenants with new insights"):
        new = Insight.objects.filter(distributed_at=None, tenant__status=Tenant.Status.ACTIVE)
        return list(new.order_by().values_list("tenant_id", flat=True).distinct())


@transaction.atomic
def _distribute() -> int:
    """Look at some new insights of the scope's tenant, the best first. The locks let one worker do so at a time."""
    subscriptions = list(InsightSubscription.objects.active().select_for_update(of=("self",)).order_by("pk"))
    new = Insight.objects.filter(distributed_at=None).select_for_update(skip_locked=True, of=("self",))
    insights = list(new.select_related("report").order_by("-score", "-id")[:AT_ONCE])
    Insight.objects.filter(pk__in=[one.pk for one in insights]).update(distributed_at=timezone.now())
    if subscriptions and insights:
        _deliver(_wanted(subscriptions, insights))
        wake(DELIVER_TASK)
    return len(insights)


Wanted = dict[To, dict[Time, list[Insight]]]


def _wanted(subscriptions: Sequence[InsightSubscription], insights: Sequence[Insight]) -> Wanted:
    """Return which insights each recipient is told of, and how soon: by the soonest of the subscriptions that ask for it."""
    people, now = People(), timezone.now()
    times: dict[tuple[To, UUID], Time] = {}
    for subscription in subscriptions:
        asked = [one.pk for one in insights if subscription.wants(one)]
        for to in people.of(subscription):
            time = _time(subscription, people.by_id.get(to.user_id) if to.user_id else None, now)
            for insight_id in asked:
                held = times.get((to, insight_id), time)
                times[to, insight_id] = min(held, time, key=lambda one: one.sooner)
    left_out = _opted_out(people, {to for to, _insight in times})
    by_id = {one.pk: one for one in insights}
    found: Wanted = {}
    for (to, insight_id), time in times.items():
        if to not in left_out:
            found.setdefault(to, {}).setdefault(time, []).append(by_id[insight_id])
    return found


def _time(subscription: InsightSubscription, person: User | None, now: datetime) -> Time:
    frequency = subscription.frequency
    if frequency == Frequency.AT_ONCE:
        return Time(frequency)
    zone = zone_of(subscription, person)
    return Time(frequency, next_digest(now, zone, frequency, at=subscription.digest_at, weekday=subscription.digest_on))


def _opted_out(people: People, recipients: Iterable[To]) -> set[To]:
    """Return the recipients by e-mail who want no more."""
    by_mail = {to: people.address(to) for to in recipients if to.channel == Channel.EMAIL}
    gone = InsightOptOut.objects.among(by_mail.values())
    return {to for to, address in by_mail.items() if address in gone}


def _deliver(wanted: Wanted) -> None:
    """Make the deliveries, without what was told there before."""
    keys = {one.pk: key_of(one) for times in wanted.values() for found in times.values() for one in found}
    told = _told(set(keys.values()))
    rows = []
    for to, times in wanted.items():
        for time, found in times.items():
            new = _once((one for one in found if (to, keys[one.pk]) not in told), keys)
            if new and time.due_at:
                _add_to_digest(to, time, new, keys)
            elif new:
                rows += [_row(to, some, keys) for some in _apart(to, new)]
    InsightDelivery.objects.bulk_create(rows, ignore_conflicts=True)


def _told(keys: set[str]) -> set[tuple[To, str]]:
    """Return what was told already, or is on its way, and to whom."""
    rows = InsightDelivery.objects.filter(keys__overlap=sorted(keys)).exclude(state=QueueState.SKIPPED)
    return {(to_of(row), key) for row in rows for key in row.keys}


def _apart(to: To, insights: Sequence[Insight]) -> list[list[Insight]]:
    """Return what goes together: of one report one mail, for whoever is told at once does not want fifty; else each alone."""
    if to.channel != Channel.EMAIL:
        return [[one] for one in insights]
    by_source: dict[UUID | None, list[Insight]] = {}
    for one in insights:
        by_source.setdefault(one.report_id, []).append(one)
    return list(by_source.values())


def kind_of(to: To) -> str:
    """Return what kind of recipient it is, once roles are people."""
    if to.user_id:
        return RecipientType.PERSON
    return RecipientType.ADDRESS if to.address else RecipientType.DESTINATION


def _row(to: To, insights: Sequence[Insight], keys: Mapping[UUID, str], time: Time | None = None) -> InsightDelivery:
    about = [keys[one.pk] for one in insights]
    key = f"{time.frequency}/{time.due_at.isoformat()}" if time and time.due_at else about[0]
    row = InsightDelivery(recipient_type=kind_of(to), key=key, keys=about, insights=[one.pk for one in insights])
    row.channel, row.user_id, row.address, row.destination_id = to
    row.frequency = time.frequency if time else Frequency.AT_ONCE
    if time and time.due_at:
        row.due_at = time.due_at
    return row


def _add_to_digest(to: To, time: Time, insights: Sequence[Insight], keys: Mapping[UUID, str]) -> None:
    """Put insights into the recipient's next digest, which begins with the first one: none is ever empty.

    One that is handed on this very moment takes no more: then they are a digest of their own, after it.
    """
    row = _row(to, insights, keys, time)
    InsightDelivery.objects.bulk_create([row], ignore_conflicts=True)
    waiting = InsightDelivery.objects.filter(**to._asdict(), key=row.key, state=QueueState.PENDING)
    digest = waiting.select_for_update(of=("self",)).first()
    if digest is None:
        row.pk, row.key = None, f"{row.key}/{insights[0].pk}"
        InsightDelivery.objects.bulk_create([row])
        return
    new = [(one.pk, keys[one.pk]) for one in insights if keys[one.pk] not in digest.keys]
    digest.insights = [*digest.insights, *(insight_id for insight_id, _held in new)]
    digest.keys = [*digest.keys, *(key for _insight, key in new)]
    digest.save(update_fields=["insights", "keys"])


def send_insight(
    *, insight: Insight, recipient_type: str, recipients: Sequence[str], channel: str, created_by: User | None = None
) -> list[InsightDelivery]:
    """Tell recipients of an insight now, because a person asks for it; returns the delivery to each.

    ``recipients`` are roles, people (their address or id), addresses or event destinations (name, address or id). Who was
    told of it by this way already is not told again: that delivery is returned. Raises ``DomainError`` on the field.
    """
    if channel not in CHANNELS[RecipientType(recipient_type)]:
        said = _("Addresses are told by e-mail, programs by webhook, people and roles by e-mail or in the inbox.")
        raise DomainError("invalid_choice", said, field="distribution_method")
    found = list(dict.fromkeys(_named(RecipientType(recipient_type), recipients, channel)))
    if not found:
        raise DomainError("no_recipients", _("Nobody would get it: name a recipient."), field="recipients")
    keys = {insight.pk: key_of(insight)}
    rows = [_row(to, [insight], keys) for to in found]
    for row in rows:
        row.recipient_type, row.is_asked, row.created_by = recipient_type, True, created_by
    with transaction.atomic():
        InsightDelivery.objects.bulk_create(rows, ignore_conflicts=True)
        wake(DELIVER_TASK)
        told = InsightDelivery.objects.filter(key=keys[insight.pk], channel=channel).order_by("id")
        return [row for row in told if to_of(row) in found]


def _named(kind: RecipientType, names: Sequence[str], channel: str) -> Iterator[To]:
    people = People()
    by_name = {name: person for person in people.by_id.values() for name in (person.email, str(person.pk))}
    for place, name in enumerate(names):
        field = f"recipients.{place}"
        match kind:
            case RecipientType.ROLE if name in Role.values:
                yield from (To(channel, user_id=person.pk) for person in people.by_role.get(name, ()))
            case RecipientType.PERSON if name.lower() in by_name:
                yield To(channel, user_id=by_name[name.lower()].pk)
            case RecipientType.ADDRESS:
                yield To(channel, address=read_address(name, field=field).key)
            case RecipientType.DESTINATION if place_id := _destination(name):
                yield To(channel, destination_id=place_id)
            case _:
                raise DomainError("unknown_reference", _("There is nothing of this name."), field=field)


def _destination(name: str) -> UUID | None:
    for destination in EventDestination.objects.all():
        if name in (destination.name, destination.url, str(destination.pk)):
            return destination.pk
    return None
