"""Who is writing: a customer found by the id a channel gives, or made at the first word; and two who are one person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from catalog.models import Customer, CustomerIdentity, CustomerMerge, Order, SalesChannel
from tenants.errors import Conflict, DomainError
from tenants.models import User
from tenants.scope import current_tenant_id
from tenants.text import money_text

FILLED = ("name", "phone", "email", "address")
"""What a customer takes from the one merged into it where it has nothing itself."""
HISTORY = 200
"""How many of the newest orders a history tells."""


class NewIdentity(TypedDict):
    """What a customer is called on a channel."""

    channel: SalesChannel
    external_id: str


@transaction.atomic
def save_customer(
    *, customer: Customer, values: Mapping[str, Any], identities: Sequence[NewIdentity] | None = None
) -> Customer:
    """Save a new or changed customer; ``identities``, when given, takes the place of those there are.

    Raises ``Conflict`` (``identity_taken``) when one of them belongs to another customer, and ``DomainError`` as
    ``check_known``.
    """
    for name, value in values.items():
        setattr(customer, name, value)
    customer.save()
    if identities is not None:
        customer.identities.all().delete()
        for identity in identities:
            _add_identity(customer, identity)
    check_known(customer)
    return customer


def check_known(customer: Customer) -> None:
    """Raise ``DomainError`` (``required``) for a saved customer whom nothing tells from any other.

    No constraint of the table: identities stand elsewhere, and one who asks to be forgotten loses all of it.
    """
    if not (customer.name or customer.phone or customer.email or customer.identities.exists()):
        message = _("Give a name, a phone number, an e-mail address or an id on a channel.")
        raise DomainError("required", message, field="name")


def _add_identity(customer: Customer, identity: NewIdentity) -> None:
    _row, is_new = CustomerIdentity.objects.get_or_create(**identity, defaults={"customer": customer})
    if not is_new:
        message = _("%(id)s on %(channel)s is a customer already.") % {
            "id": identity["external_id"],
            "channel": identity["channel"],
        }
        raise Conflict("identity_taken", message, field="identities")


@transaction.atomic
def identify_customer(*, channel: SalesChannel, external_id: str, name: str = "") -> Customer:
    """Return the customer behind ``external_id`` on ``channel``; two first messages at once make one customer.

    Nobody merges the customer away until the transaction ends: what is written for them meanwhile follows them.
    """
    known = CustomerIdentity.objects.select_related("customer").filter(channel=channel, external_id=external_id)
    identity = known.first()
    if identity is None:
        fresh = Customer.objects.create(name=name)
        CustomerIdentity.objects.bulk_create(
            [CustomerIdentity(customer=fresh, channel=channel, external_id=external_id)], ignore_conflicts=True
        )
        identity = known.get()
        if identity.customer_id != fresh.id:
            fresh.delete()
    return lock_present(identity.customer)


def lock_present(customer: Customer) -> Customer:
    """Return who the customer is by now, and let nobody merge them away until the transaction ends."""
    locked: Customer = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    return lock_present(locked.merged_into) if locked.merged_into else locked


@transaction.atomic
def merge_customers(*, source: Customer, into: Customer, by: User | None = None) -> Customer:
    """Make two customers one: everything that points at ``source`` points at ``into`` from now on; returns that one.

    Empty fields are filled, tags joined, the note is added. ``source`` stays as it was, as a pointer for those who know
    its id. The same merge again changes nothing. Raises ``DomainError`` (``same_customer``) and ``Conflict``
    (``merged_already``) for one that was merged elsewhere, or a target that was merged away itself.
    """
    if source.pk == into.pk:
        raise DomainError("same_customer", _("A customer cannot be merged into itself."), field="into")
    lock_merges()
    # The two in the order of their ids, for others lock customers, too.
    rows = Customer.objects.filter(pk__in=[source.pk, into.pk]).order_by("pk").select_for_update()
    locked = {row.pk: row for row in rows}
    source, into = locked[source.pk], locked[into.pk]
    if source.merged_into_id == into.pk:
        return into
    if source.merged_into_id or into.merged_into_id:
        raise Conflict("merged_already", _("One of the two was merged into another customer before."))
    _fill(into, source)
    moved = _move_all(source, into)
    source.merged_into = into
    source.save(update_fields=["merged_into", "updated_at"])
    CustomerMerge.objects.create(source=source, target=into, moved=moved, created_by=by)
    return into


def lock_merges() -> None:
    """Let others who merge or erase customers of the tenant wait until the transaction ends.

    A merge also moves whoever was merged into its source a moment ago: three in a circle would wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"catalog.merge {current_tenant_id()}"])


def _fill(into: Customer, source: Customer) -> None:
    for name in FILLED:
        setattr(into, name, getattr(into, name) or getattr(source, name))
    into.tags = list(dict.fromkeys([*into.tags, *source.tags]))
    into.note = "\n".join(filter(None, [into.note, source.note if source.note != into.note else ""]))
    into.metadata = {**source.metadata, **into.metadata}
    into.save(update_fields=[*FILLED, "tags", "note", "metadata", "updated_at"])


def _move_all(source: Customer, into: Customer) -> dict[str, int]:
    """Turn every key that points at a customer, of this app and of those to the right; returns rows by kind."""
    moved = {}
    for relation in Customer._meta.related_objects:
        rows: models.QuerySet[Any] = relation.related_model._default_manager.filter(**{relation.field.name: source})
        if count := rows.update(**{relation.field.name: into}):
            moved[relation.related_model._meta.label_lower] = count
    return moved


@dataclass(frozen=True)
class HistoryEntry:
    """One thing that happened to a customer: ``kind`` is ``order``, ``identity`` or ``merge``."""

    kind: str
    at: datetime
    id: UUID
    text: str
    data: dict[str, Any]


def customer_history(customer: Customer) -> list[HistoryEntry]:
    """Return orders, channels and merges of a customer, and of those merged into it, newest first."""
    whole = Customer.objects.filter(models.Q(pk=customer.pk) | models.Q(merged_into=customer.pk)).values("pk")
    entries = [*_orders(whole), *_identities(whole), *_merges(whole)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _orders(whole: models.QuerySet) -> Iterator[HistoryEntry]:
    for order in Order.objects.filter(customer__in=whole).order_by("-id")[:HISTORY]:
        data = {"number": order.number, "status": order.status, "total": money_text(order.total), "currency": order.currency}
        yield HistoryEntry("order", order.created_at, order.pk, str(order), data)


def _identities(whole: models.QuerySet) -> Iterator[HistoryEntry]:
    for identity in CustomerIdentity.objects.filter(customer__in=whole).select_related("channel"):
        data = {"channel": identity.channel.code, "external_id": identity.external_id}
        yield HistoryEntry("identity", identity.created_at, identity.pk, str(identity), data)


def _merges(whole: models.QuerySet) -> Iterator[HistoryEntry]:
    for merge in CustomerMerge.objects.filter(target__in=whole).select_related("source"):
        data = {"customer": str(merge.source_id), "moved": merge.moved}
        yield HistoryEntry("merge", merge.created_at, merge.pk, str(merge.source), data)
