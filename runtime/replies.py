"""The bot's words about the catalogue, in the customer's language (the caller activates it), and the cards beside them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.facts import AttributeFacts, OfferingFacts, VariantFacts
from catalog.money import format_money
from catalog.pricing import ResolvedPrice
from runtime.context import TurnContext
from runtime.understanding import Question
from runtime.understanding.attributes import value_text
from runtime.understanding.counting import count_asked
from runtime.understanding.lexicon import Courtesy
from tenants.text import words

NAMED_EACH = 4
"""Offerings named of each category to who asks what there is."""

VARIANTS_NAMED = 6
"""Variants whose own price or stock is spelled out; more would be a list nobody reads in a chat."""


def about(facts: list[OfferingFacts], context: TurnContext) -> str:
    """Return the answer about one offering, or the list of several."""
    question = context.question
    facts = [narrowed_to(one, context.message, context.remembered) for one in facts]
    if len(facts) == 1:
        told = _one(facts[0], asks=question.asks, language=question.language)
        return "\n".join(filter(None, [told, _total(facts[0], context)]))
    return "\n".join([_("Here is what I found:"), *_lines(facts, question.language)])


def by_category(facts: list[OfferingFacts]) -> str:
    """Return what there is, by category, the names of each; empty where there are fewer than two categories."""
    names: dict[str, list[str]] = {}
    for one in facts:
        names.setdefault(one.category, []).append(one.name)
    if len(names) < 2:
        return ""
    listed = (f"{', '.join(of_it[:NAMED_EACH])}{', …' if len(of_it) > NAMED_EACH else ''}" for of_it in names.values())
    lines = (f"• {category}: {text}" if category else f"• {text}" for category, text in zip(names, listed, strict=True))
    return "\n".join([_("Here is what I found:"), *lines])


def which_one() -> str:
    """Return the words for a question about the price or stock of nothing that was named."""
    return _("Which product do you mean? Tell me its name and I will look it up for you.")


def nothing_at_that_price(facts: list[OfferingFacts], language: str) -> str:
    """Return the words for a budget that nothing fits, with what comes nearest."""
    return "\n".join([_("I have nothing at that price. The nearest is:"), *_lines(facts, language)])


def _lines(facts: list[OfferingFacts], language: str) -> list[str]:
    return [f"• {one.name}: {', '.join(_price_and_stock(one, language))}" for one in facts]


def _price_and_stock(offering: OfferingFacts, language: str) -> list[str]:
    """Return the price, and whether it is there where that is a question: a service is not in stock."""
    return [price_text(offering, language), *([stock_text(offering)] if offering.is_counted else [])]


def _total(offering: OfferingFacts, context: TurnContext) -> str:
    """Return what so many cost as were asked about, empty where none were or their prices differ."""
    low, high = offering.lowest_price, offering.highest_price
    if "price" not in context.question.asks or low is None or high is None or low.amount != high.amount:
        return ""
    number = count_asked(context.message, names=(offering.name, *context.names_of(offering.id)))
    if number is None:
        return ""
    language = context.question.language
    one, all_of_them = (format_money(value, low.currency, language) for value in (low.amount, low.amount * number))
    return f"{number} × {one} = {all_of_them}"


def narrowed_to(offering: OfferingFacts, *messages: str) -> OfferingFacts:
    """Return the offering with only the variants whose options are named: by the first message that names any."""
    for message in messages:
        found = _named_in(offering, message)
        if found is not offering:
            return found
    return offering


def _named_in(offering: OfferingFacts, message: str) -> OfferingFacts:
    """Return the offering with only the variants whose options the message names: “is it there in size L”.

    Where one is left, its name stands behind the offering's: the answer is about that one.
    """
    said = f" {' '.join(words(message))} "
    named = {
        variant.id: sum(f" {' '.join(words(str(value)))} " in said for value in variant.options.values())
        for variant in offering.variants
    }
    most = max(named.values(), default=0)
    if not most:
        return offering
    left = tuple(one for one in offering.variants if named[one.id] == most)
    if len(left) > 1 or len(offering.variants) == 1:
        return replace(offering, variants=left)
    options = ", ".join(map(str, left[0].options.values()))
    return replace(offering, variants=left, name=f"{offering.name} ({left[0].name or options})")


def _one(offering: OfferingFacts, *, asks: frozenset[str], language: str) -> str:
    if not offering.is_counted:
        sentence = _("%(name)s: %(price)s.") % {"name": offering.name, "price": price_text(offering, language)}
        return "\n".join([sentence, *_variant_lines(offering, language)])
    stock_first = "stock" in asks and "price" not in asks
    pattern = _("%(name)s: %(stock)s, %(price)s.") if stock_first else _("%(name)s: %(price)s, %(stock)s.")
    sentence = pattern % {"name": offering.name, "price": price_text(offering, language), "stock": stock_text(offering)}
    return "\n".join([sentence, *_variant_lines(offering, language)])


def attribute(one: AttributeFacts, language: str) -> str:
    """Return an attribute as it is told: what it is called and its value."""
    return f"{one.label(language)}: {value_text(one, language, yes=_('yes'), no=_('no'))}"


def _variant_lines(offering: OfferingFacts, language: str) -> list[str]:
    variants = offering.variants
    if not 2 <= len(variants) <= VARIANTS_NAMED:
        return []
    return [
        f"• {variant.name or variant.sku}: {variant_price(variant, language)}"
        + (f", {variant_stock(variant)}" if offering.is_counted else "")
        for variant in variants
    ]


def price_text(offering: OfferingFacts, language: str) -> str:
    """Return the price of an offering, or from where to where its variants range."""
    low, high = offering.lowest_price, offering.highest_price
    if low is None or high is None or low.amount == high.amount:
        return _price(low, language)
    return _("from %(low)s to %(high)s") % {"low": _price(low, language), "high": _price(high, language)}


def _price(price: ResolvedPrice | None, language: str) -> str:
    if price is None:
        return _("price on request")
    text = format_money(price.amount, price.currency, language)
    if price.compare_at and price.compare_at > price.amount:
        before = format_money(price.compare_at, price.currency, language)
        return _("%(price)s (before: %(before)s)") % {"price": text, "before": before}
    return text


def stock_text(offering: OfferingFacts) -> str:
    """Return whether an offering is there, and how many when that is counted."""
    return _stock_of(offering.available, sellable=offering.sellable)


def variant_price(variant: VariantFacts, language: str) -> str:
    """Return the price of one variant in words."""
    return _price(variant.price, language)


def variant_stock(variant: VariantFacts) -> str:
    """Return whether one variant is there, in words."""
    return _stock_of(variant.available, sellable=variant.sellable)


def _stock_of(available: int | None, *, sellable: bool) -> str:
    if not sellable:
        return _("out of stock")
    if available is None:
        return _("available")
    if available == 0:
        return _("can be ordered")
    return ngettext("%(count)d in stock", "%(count)d in stock", available) % {"count": available}


def amount(offering: OfferingFacts) -> Decimal:
    """Return what to sort an offering by: its lowest price, those without one last."""
    return offering.lowest_price.amount if offering.lowest_price else Decimal("Infinity")


def fits_budget(offering: OfferingFacts, question: Question) -> bool:
    """Whether any variant's price, as it holds now, lies within the bounds the customer gave."""
    low, high = question.min_price, question.max_price
    if low is None and high is None:
        return True
    amounts = [one.price.amount for one in offering.variants if one.price and one.price.currency == question.currency]
    return any((low is None or low <= amount) and (high is None or amount <= high) for amount in amounts)


def not_known() -> tuple[str, str]:
    """Return the words for not knowing, and the label of the button that asks for a person."""
    return _("I am not sure about that. Shall I get a colleague to help you?"), _("Talk to a person")


def not_sure_of(question: str) -> str:
    """Return the words for one question of several that is not known."""
    return _("“%(question)s”: I am not sure about that.") % {"question": question.strip(" ?!.,")}


def offer_of_person() -> dict[str, Any]:
    """Return the button that asks for a person, as front ends show it."""
    return {"quick_replies": [{"title": not_known()[1], "action": "escalate"}]}


def order_placed(number: int) -> str:
    """Return the words for an order that was made."""
    return _("Thank you! Your order has the number #%(number)d. We will tell you when it is on its way.") % {
        "number": number
    }


def not_ordered(reason: str) -> str:
    """Return the words for an order that cannot be made; ``reason`` is a whole sentence."""
    return _("I could not place the order: %(reason)s") % {"reason": reason}


def no_order() -> str:
    """Return the words for an order that was wanted and could not even be proposed."""
    return _("I could not prepare the order. Which product would you like, and how many of it?")


def price_changed() -> str:
    """Return the words in front of a proposal that is made again at another price."""
    return _("The price has changed in the meantime.")


def offer_run_out() -> str:
    """Return the words for a button under an offer that can no longer be agreed to."""
    return _("That offer has run out.")


def sorry() -> str:
    """Return the words for a complaint: an apology, and the offer of a person."""
    return _("I am sorry about that. Shall I get a colleague to help you?")


def declined() -> str:
    """Return the words for a proposal that was declined."""
    return _("All right, nothing was done. What else can I do for you?")


def done_for_you(outcome: str) -> str:
    """Return the words for a tool that was called on the customer's word: ``done``, ``failed`` or ``unknown``."""
    if outcome == "done":
        return _("It is done.")
    if outcome == "failed":
        return _("That did not work. Shall I get a colleague to help you?")
    return _("I cannot tell whether that worked. A colleague will look into it. Shall I get one?")


def yes_and_no() -> tuple[str, str]:
    """Return the labels of the buttons under a proposal."""
    return _("Yes, please"), _("No, thank you")


def polite(said: Courtesy) -> str:
    """Return the words back to a greeting or a call, thanks, a goodbye, a bare yes or a bare no."""
    if said in ("greeting", "call"):
        return _("Hello! What can I do for you?")
    if said == "thanks":
        return _("You are welcome! Is there anything else I can do for you?")
    if said == "goodbye":
        return _("Goodbye, and see you soon!")
    return _("All right. Is there anything else I can do for you?")


def person_asked() -> str:
    """Return the words for having asked a colleague."""
    return _("I have asked a colleague to help you. They will answer here as soon as they can.")


def cannot_answer(why: str) -> str:
    """Return the words for a language model that brought no answer; ``why`` is the kind of failure, as decisions name it."""
    if why == "content_filter":
        return _("I cannot help with that here. Shall I get a colleague to help you?")
    if why in ("budget_exceeded", "quota", "tenant_suspended", "too_many"):
        return _("I cannot answer more questions of this kind today. Shall I get a colleague to help you?")
    if why == "unproven":
        return _("I would rather have a colleague check that before I tell you. Shall I get one?")
    return _("I cannot look that up right now. Shall I get a colleague to help you?")


def blocked() -> str:
    """Return the words for what a guardrail stops."""
    return _("I cannot help with that here. Is there anything else I can do for you?")


def card(offering: OfferingFacts, language: str) -> dict[str, Any]:
    """Return an offering as front ends show it, as JSON values; amounts are strings."""
    return {
        "offering": str(offering.id),
        "code": offering.code,
        "name": offering.name,
        "image": offering.image_url,
        "price": _money(offering.lowest_price),
        "price_text": price_text(offering, language),
        "available": offering.available,
        "in_stock": offering.sellable,
        "variants": [
            {
                "sku": variant.sku,
                "name": variant.name,
                "price": _money(variant.price),
                "available": variant.available,
                "in_stock": variant.sellable,
            }
            for variant in offering.variants
        ],
    }


def _money(price: ResolvedPrice | None) -> dict[str, str | None] | None:
    if price is None:
        return None
    compare_at = None if price.compare_at is None else f"{price.compare_at:.2f}"
    return {
        "amount": f"{price.amount:.2f}",
        "currency": price.currency,
        "compare_at": compare_at,
        "price_list": price.price_list,
    }
