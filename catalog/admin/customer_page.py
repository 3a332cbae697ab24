"""What stands on the page of a customer below its form: the history, and who is likely the same person."""

from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from catalog.admin.amounts import money
from catalog.customers import HistoryEntry, customer_history
from catalog.models import Customer, Order
from tenants.admin.base import LINK

MOST_SHOWN = 50
MOST_ALIKE = 5


def customer_page(customer: Customer) -> dict[str, Any]:
    """Return the context of the page's cards."""
    entries = customer_history(customer)[:MOST_SHOWN]
    rows = [[_moment(entry), _kind(entry), _what(entry)] for entry in entries]
    return {
        "customer": customer,
        "alike": list(Customer.objects.like(customer)[:MOST_ALIKE]),
        "customer_history": {"headers": [_("when"), _("what happened"), ""], "rows": rows} if rows else None,
    }


def _moment(entry: HistoryEntry) -> str:
    return date_format(timezone.localtime(entry.at), "DATETIME_FORMAT")


def _kind(entry: HistoryEntry) -> str:
    return {"order": _("Ordered"), "identity": _("First seen on a channel"), "merge": _("Merged")}[entry.kind]


def _what(entry: HistoryEntry) -> str:
    if entry.kind != "order":
        return entry.text
    amount = money(Decimal(entry.data["total"]), entry.data["currency"])
    return format_html(
        '<a class="{}" href="{}">{}</a> · {} · {}',
        LINK,
        reverse("admin:catalog_order_change", args=[entry.id]),
        entry.text,
        Order.Status(entry.data["status"]).label,
        amount,
    )
