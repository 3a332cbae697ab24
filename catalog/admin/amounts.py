"""Money on a page: as people read it, and as they type it."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import get_language

from catalog.money import format_money, plain_amount


def money(amount: Decimal | None, currency: str) -> str:
    """Return an amount as the person at the screen reads it; a dash for none."""
    return "–" if amount is None else format_money(amount, currency, get_language() or "en")


class AmountField(forms.DecimalField):
    """An amount to be typed, shown without the zeros that only the column has."""

    def prepare_value(self, value: Any) -> Any:
        """Return the stored amount as one would type it; what was typed stays as it is."""
        return plain_amount(value) if isinstance(value, Decimal) else value
