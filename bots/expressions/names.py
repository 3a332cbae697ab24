"""The names an expression may use: what they mean and of which type they are. Documented in ``docs/guardrails.md``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Name:
    """One name: its CEL type, what it holds, and a value to try an expression with when it is saved."""

    type: str
    means: "StrOrPromise"
    sample: object


NAMES: Mapping[str, Name] = {
    "message": Name("string", _("what the customer wrote"), "Hello, how much is the lamp?"),
    "message.text": Name("string", _("the same"), "Hello, how much is the lamp?"),
    "message.folded": Name(
        "string",
        _("the same in small letters without diacritics: “Hoàn tiền” is “hoan tien”"),
        "hello, how much is the lamp?",
    ),
    "message.language": Name("string", _("“vi” or “en”"), "en"),
    "message.length": Name("int", _("number of characters"), 28),
    "message.card_numbers": Name(
        "list", _("numbers of payment cards in it (with a valid check digit)"), ["4111 1111 1111 1111"]
    ),
    "message.phone_numbers": Name("list", _("telephone numbers in it"), ["0912 345 678"]),
    "message.emails": Name("list", _("e-mail addresses in it"), ["lan@example.com"]),
    "intent": Name("string", _("the intent of the message; empty when none is known"), "refund"),
    "slots": Name(
        "map", _("what is known of the customer's wishes, each a text, such as slots.quantity"), {"quantity": "2"}
    ),
    "session.channel": Name("string", _("code of the channel"), "web"),
    "session.flow_step": Name("string", _("the step the conversation is in"), "browsing"),
    "session.turn_number": Name("int", _("number of messages answered before"), 3),
    "session.currency": Name("string", _("currency of the business"), "VND"),
    "reply": Name("string", _("what the bot is about to say"), "The lamp costs 350,000 VND."),
    "reply.text": Name("string", _("the same"), "The lamp costs 350,000 VND."),
    "reply.folded": Name("string", _("the same in small letters without diacritics"), "the lamp costs 350,000 vnd."),
    "reply.length": Name("int", _("number of characters"), 27),
    "reply.tier": Name("string", _("what answered: cache, faq, catalog, llm or handoff"), "catalog"),
    "reply.card_numbers": Name("list", _("numbers of payment cards in it"), ["4111 1111 1111 1111"]),
    "reply.phone_numbers": Name("list", _("telephone numbers in it"), ["0912 345 678"]),
    "reply.emails": Name("list", _("e-mail addresses in it"), ["lan@example.com"]),
    "price": Name("number", _("the highest price the reply names, in its text or on its cards; 0 without one"), 350_000.0),
    "price.amount": Name("number", _("the same"), 350_000.0),
    "price.currency": Name("string", _("its currency; empty without a price"), "VND"),
}
"""By name. ``number`` compares with whole and decimal numbers alike."""

ROOTS = frozenset(name.partition(".")[0] for name in NAMES)

FIELDS: Mapping[str, tuple[str, ...]] = {
    root: tuple(name.partition(".")[2] for name in NAMES if name.startswith(f"{root}.")) for root in ROOTS
}
"""What stands behind the dot, by what stands before it."""

LISTS = frozenset(name for name, one in NAMES.items() if one.type == "list")
