"""Forgetting a customer for good: ``erase_customer``, and what the catalogue has of them.

Orders are accounts: they stay, without name, address, notes and whatever else was written into them, and their customer
is an empty row. A customer without orders is gone altogether.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog.customers import lock_merges
from catalog.models import Customer, CustomerIdentity, CustomerMerge, Erasure, Order, OrderEntry, OrderReturn
from catalog.orders import EXPIRED
from tenants.erasure import Forgotten, Person, delete, empty, erase_from_audit, forget_person, names_of, terms_of
from tenants.errors import DomainError
from tenants.models import User
from tenants.storage import atomic_files

ORDERS_STAY = gettext_noop("Orders are accounts: they stay, without the person.")
NOBODY = {"name": "", "phone": "", "email": "", "address": "", "note": "", "tags": [], "metadata": {}}
FEWEST_DIGITS = 8
"""Of a telephone number, without the 0 before it: fewer are found where they stand for something else."""
PERSONAL = ("metadata", "cancel_reason", "shipping_address", "note")
"""Columns of an order that somebody may have written the customer's words into."""


@atomic_files()
def erase_customer(*, customer_id: UUID, by: User | None = None) -> Erasure:
    """Forget the customer and all who were merged with them; returns the proof. Done before, it is the proof of that.

    Nobody can write anything new for the customer until the transaction ends. Raises ``DomainError`` (``unknown_customer``).
    """
    lock_merges()
    whole = _whole(customer_id)
    if not whole:
        if done := Erasure.objects.filter(customer_ids__contains=[customer_id]).first():
            return done
        raise DomainError("unknown_customer", _("There is no such customer."), field="customer")
    names, phones = names_of(row.name for row in whole), tuple({row.phone_key for row in whole} - {""})
    person = Person({row.pk for row in whole}, _terms(whole), names, tuple(filter(None, map(spelling, phones))))
    report = forget_person(person)
    ids = sorted(row.pk for row in whole)
    return Erasure.objects.create(customer_ids=ids, report=asdict(report), created_by=by)


def _whole(customer_id: UUID) -> list[Customer]:
    """Lock and return the customer, whoever they were merged into, and all others who were."""
    named = Customer.objects.filter(pk=customer_id, erased_at=None).first()
    root = named and (named.merged_into_id or named.pk)
    rows = Customer.objects.filter(Q(pk=root) | Q(merged_into=root)) if root else Customer.objects.none()
    return list(rows.order_by("pk").select_for_update())


def _terms(whole: list[Customer]) -> tuple[str, ...]:
    own = [value for row in whole for value in (row.name, row.phone, row.phone_key, row.email)]
    ids = CustomerIdentity.objects.filter(customer__in=whole).values_list("external_id", flat=True)
    return terms_of([*own, *ids])


def spelling(phone_key: str) -> str:
    """Return what finds a telephone number however it is grouped, from home or abroad; empty for too short a one.

    A spreadsheet may have taken its 0 away.
    """
    digits = phone_key.removeprefix("0")
    if len(digits) < FEWEST_DIGITS:
        return ""
    gap = r"[\s.()/-]{0,3}"
    return rf"(?<![0-9A-Za-z])(?:\+?(?:00)?84{gap}(?:\(?0\)?{gap})?|\(?0{gap})?{gap.join(digits)}(?![0-9A-Za-z])"


def forget_customer(person: Person) -> Iterator[Forgotten]:
    """The step of the catalogue: its orders, and the customer's own rows."""
    orders = Order.objects.filter(customer__in=person.ids)
    theirs = set(orders.values_list("pk", flat=True))
    person.ids |= theirs
    yield empty(orders, shipping_address="", note="", metadata={}, cancel_reason=_kept_reason())
    yield empty(OrderReturn.objects.filter(order__in=theirs).exclude(note=""), note="")
    yield _empty_entries(theirs)
    yield erase_from_audit(person, PERSONAL)
    yield Forgotten("catalog.order", len(theirs), "kept", ORDERS_STAY)
    yield delete(CustomerIdentity.objects.filter(customer__in=person.ids))
    yield delete(CustomerMerge.objects.filter(Q(source__in=person.ids) | Q(target__in=person.ids)))
    kept = set(Order.objects.filter(pk__in=theirs).values_list("customer_id", flat=True))
    yield empty(Customer.objects.filter(pk__in=kept), **NOBODY, merged_into=None, erased_at=Now(), updated_at=Now())
    yield delete(Customer.objects.filter(pk__in=person.ids - kept))


def _kept_reason() -> Any:
    """Return what of the reasons of cancelled orders stays: that their time was over, and nothing that anybody wrote."""
    return Case(When(cancel_reason=EXPIRED, then=F("cancel_reason")), default=Value(""))


def _empty_entries(orders: set[UUID]) -> Forgotten:
    """Take notes and reasons out of timelines, which only grow: entries that told some are written anew without."""
    written = OrderEntry.objects.filter(order__in=orders, kind__in=[OrderEntry.Kind.NOTE, OrderEntry.Kind.CANCELLED])
    rows = list(written.exclude(text="").exclude(text=EXPIRED))
    OrderEntry.objects.filter(pk__in=[row.pk for row in rows]).delete()
    for row in rows:
        row.text = ""
    OrderEntry.objects.bulk_create(rows)
    return Forgotten("catalog.orderentry", len(rows), "emptied")
