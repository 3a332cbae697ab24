"""What changes something is proposed by the model and done when the customer agrees: orders, and tools that act.

A proposal is a row of the log of actions, so nothing that a browser may write can stand for one. It is agreed to in the very
next turn, or by its own button; done at most once, for its row is locked and marked; and everything is decided anew by us at
that moment: prices, stock, and whether the tool is still there.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.customers import identify_customer
from catalog.facts import VariantFacts, offering_facts
from catalog.models import Customer, Order, Variant
from catalog.money import format_money
from catalog.order_lines import NewLine, PricedLine, price_lines
from catalog.orders import OrderSource, OrderWords, create_order, hold_time
from runtime import replies
from runtime.models import ActionExecution, Session
from tenants.errors import Conflict, DomainError

SLOT = "proposal"
"""Slot that holds the id of the action which proposes, and the number of the turn that may agree to it."""
LIFETIME = timedelta(minutes=15)
"""How long a proposal can be agreed to."""
CREATE_ORDER = "create_order"

ORDER = {
    "type": "object",
    "properties": {
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string", "minLength": 1, "maxLength": 255},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
                },
                "required": ["sku", "quantity"],
            },
        },
        "name": {"type": "string", "maxLength": 200, "description": "The customer's name, if they told it"},
        "phone": {"type": "string", "maxLength": 32, "description": "The customer's telephone number, if they told it"},
        "shipping_address": {"type": "string", "maxLength": 500},
        "note": {"type": "string", "maxLength": 500},
    },
    "required": ["lines"],
}


@dataclass(frozen=True)
class Priced:
    """What an order would be at this moment."""

    lines: list[PricedLine]
    currency: str

    @property
    def total(self) -> Decimal:
        """Return the price of all."""
        return sum((line.total for line in self.lines), Decimal(0))

    def told(self, language: str) -> str:
        """Return the order in words, without asking anything."""
        rows = [
            f"• {line.quantity} × {line.name}: {format_money(line.total, self.currency, language)}" for line in self.lines
        ]
        total = _("Total: %(amount)s") % {"amount": format_money(self.total, self.currency, language)}
        return "\n".join([*rows, total])


def price_order(arguments: dict[str, Any], *, session: Session) -> Priced:
    """Return what the order would be now; raises ``DomainError`` as ``create_order`` does, ``unknown_sku`` and ``who``."""
    if session.customer_id is None and not (arguments.get("name") and arguments.get("phone")):
        raise DomainError("who", _("To place an order I need your name and a telephone number first. What are they?"))
    priced, currency = price_lines(_new_lines(arguments, session.bot_id), channel=session.channel, currency=None)
    return Priced(priced, currency)


def check_stock(arguments: dict[str, Any], *, session: Session) -> None:
    """Raise ``Conflict`` (``out_of_stock``) for what is not there in that number now: said before anybody is asked who they are.

    Nothing is held; the order itself looks again. Raises ``DomainError`` (``unknown_sku``, ``duplicate_sku``), too.
    """
    wanted = {line.variant.pk: line for line in _new_lines(arguments, session.bot_id)}
    offerings = {line.variant.offering_id for line in wanted.values()}
    language = get_language()
    facts = offering_facts(list(offerings), channel=session.channel.code, bot_id=session.bot_id, language=language)
    short = []
    for offering in facts:
        for one in offering.variants:
            line = wanted.get(one.id)
            if line is not None and _is_short(one, line):
                name = " ".join(filter(None, (offering.name, one.name if one.name != offering.name else "")))
                short.append(f"{name}: {replies.variant_stock(one)}.")
    if short:
        raise Conflict("out_of_stock", " ".join(short))


def _is_short(variant: VariantFacts, line: NewLine) -> bool:
    """Whether fewer are there than wanted, of what is not sold beyond its stock."""
    if line.variant.inventory_policy == Variant.Policy.CONTINUE or variant.available is None:
        return False
    return variant.available < line.quantity


def _new_lines(arguments: dict[str, Any], bot_id: UUID) -> list[NewLine]:
    """Return the lines; what only another bot sells is not on sale here."""
    wanted = {line["sku"]: line["quantity"] for line in arguments["lines"]}
    if len(wanted) != len(arguments["lines"]):
        raise DomainError("duplicate_sku", _("Name each SKU once, with all its pieces."))
    ours = Q(offering__bot=bot_id) | Q(offering__bot=None)
    found = {variant.sku: variant for variant in Variant.objects.filter(ours, sku__in=list(wanted))}
    if missing := sorted(set(wanted) - set(found)):
        raise DomainError("unknown_sku", _("This is not on sale.") + f" ({', '.join(missing)[:200]})")
    return [NewLine(found[sku], quantity) for sku, quantity in wanted.items()]


class PriceChanged(Exception):
    """The order would not cost what the customer agreed to any more. Holds what it costs now."""

    def __init__(self, priced: Priced) -> None:
        super().__init__("price changed")
        self.priced = priced


def find_proposal(session_id: UUID, action_id: UUID) -> ActionExecution | None:
    """Return a proposal of the conversation, run out or not."""
    rows = ActionExecution.objects.filter(pk=action_id, session=session_id)
    return next((row for row in rows if isinstance(row.output_result.get("proposed"), dict)), None)


def has_run_out(proposal: ActionExecution) -> bool:
    """Whether a proposal can no longer be agreed to, nor was."""
    is_settled = "order" in proposal.output_result or "agreed_in" in proposal.output_result
    return not is_settled and proposal.created_at < timezone.now() - LIFETIME


def place_order(proposal: ActionExecution, *, turn_id: UUID) -> Order:
    """Make the order that was proposed, at most once; the same again returns the same order. ``turn_id`` agreed to it.

    Raises ``PriceChanged``, and ``DomainError`` as ``create_order`` does. All of it is one transaction.
    """
    held_for = hold_time()
    with transaction.atomic():
        row = ActionExecution.objects.select_for_update().get(pk=proposal.pk)
        if made := row.output_result.get("order"):
            return Order.objects.get(pk=made)
        session = Session.objects.select_related("channel", "customer").get(pk=row.session_id)
        priced = price_order(row.input_params, session=session)
        agreed = row.output_result["proposed"]
        if (f"{priced.total:f}", priced.currency) != (agreed["total"], agreed["currency"]):
            raise PriceChanged(priced)
        order = _create(row, session, held_for, priced.currency)
        made_in = {"order": str(order.pk), "number": order.number, "agreed_in": str(turn_id)}
        row.output_result = {**row.output_result, **made_in}
        row.save(update_fields=["output_result"])
    return order


def _create(row: ActionExecution, session: Session, held_for: timedelta, currency: str) -> Order:
    given = row.input_params
    words = OrderWords(shipping_address=given.get("shipping_address", ""), note=given.get("note", ""))
    order = create_order(
        customer=session.customer or _new_customer(session, given),
        channel=session.channel,
        lines=_new_lines(given, session.bot_id),
        held_for=held_for,
        currency=currency,
        words=words,
        source=OrderSource(session.pk, session.bot_id),
    )
    if f"{order.total:f}" != row.output_result["proposed"]["total"]:  # changed between two statements
        raise Conflict("price_changed", _("The price has changed. Order again."))
    return order


def _new_customer(session: Session, given: dict[str, Any]) -> Customer:
    """Make the guest who orders a customer: by the conversation, until somebody says who it is."""
    customer = identify_customer(channel=session.channel, external_id=f"session:{session.pk}", name=given["name"])
    Customer.objects.filter(pk=customer.pk).update(phone=given["phone"])
    Session.objects.filter(pk=session.pk, customer=None).update(customer=customer)
    return customer


def take(proposal: ActionExecution, *, turn_id: UUID) -> bool:
    """Mark a proposal as being carried out; False when it was before: what acts outside is never done twice."""
    with transaction.atomic():
        row = ActionExecution.objects.select_for_update().get(pk=proposal.pk)
        if row.output_result.get("agreed_in"):
            return False
        row.output_result = {**row.output_result, "agreed_in": str(turn_id)}
        row.save(update_fields=["output_result"])
    return True


def note_outcome(proposal: ActionExecution, outcome: str) -> None:
    """Note on a proposal that was taken how it ended, for who agrees to it once more."""
    with transaction.atomic():
        row = ActionExecution.objects.select_for_update().get(pk=proposal.pk)
        row.output_result = {**row.output_result, "outcome": outcome}
        row.save(update_fields=["output_result"])


def outcome_of(proposal: ActionExecution) -> str:
    """Return how a proposal that was taken before ended; ``unknown`` while, or if, nobody can tell."""
    proposal.refresh_from_db(fields=["output_result"])
    return str(proposal.output_result.get("outcome", "unknown"))
