"""How people find variants and customers in lists and choices: without case and diacritics, by what they are called."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from catalog.admin.amounts import money
from catalog.models import Customer, Variant, product_name
from catalog.pricing import resolve_prices
from tenants.filters import Fold
from tenants.text import fold


def customers_like(term: str) -> QuerySet[Customer]:
    """Return the customers in whose name, phone or e-mail address every word stands; a phone number with or without spaces."""
    return _folded(Customer.objects.all(), term, "name", "phone", "phone_key", "email")


def customer_label(customer: Customer) -> str:
    """Return by what people of one name are told apart: name, phone and e-mail address, each once."""
    return " · ".join(dict.fromkeys(filter(None, (str(customer), customer.phone, customer.email))))


def variants_like(term: str) -> QuerySet[Variant]:
    """Return the variants in whose SKU, name, or offering's name and code every word stands."""
    return _folded(Variant.objects.alias(product=product_name("offering")), term, "sku", "name", "offering__code", "product")


def _folded(rows: QuerySet, term: str, *columns: str) -> QuerySet:
    texts = [part for column in columns for part in (column, Value(" "))]
    found = Q()
    for word in fold(term).split():
        found &= Q(folded__contains=word)
    return rows.alias(folded=Fold(Concat(*texts, output_field=TextField()))).filter(found)


def spoken_name(product: str | None, variant: Variant) -> str:
    """Return what product and variant are called: "Loa kéo · Đỏ"; the SKU is shown beside it."""
    return " · ".join(filter(None, (product, variant.name)))


def variant_labels(variants: Sequence[Variant]) -> list[str]:
    """Return what people know each by: product, variant, SKU, and what it costs now without a channel."""
    ids = [variant.pk for variant in variants]
    products = dict(Variant.objects.filter(pk__in=ids).values_list("pk", product_name("offering")))
    prices = resolve_prices(ids)
    costs = {pk: money(price.amount, price.currency) for pk, price in prices.items()}
    return [" · ".join(filter(None, (spoken_name(products[one.pk], one), one.sku, costs.get(one.pk)))) for one in variants]
