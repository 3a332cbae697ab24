"""What models cost: dated prices, the same for every tenant."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.fields import UUIDv7

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CURRENCY_CODE = RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, such as USD."))
PRICES = ("input_price", "cached_input_price", "output_price", "reasoning_price")


def price_field(label: "StrOrPromise", **options: Any) -> models.DecimalField:
    """Return a column for the price of 1,000,000 tokens. Six decimals: times a count of tokens, twelve are exact."""
    return models.DecimalField(label, max_digits=18, decimal_places=6, validators=[MinValueValidator(0)], **options)


class ModelPrice(models.Model):
    """What 1,000,000 tokens of a model cost from an instant on, until the next row. Global; a row in use never changes.

    Tokens read from a cache are a part of the input and tokens of reasoning a part of the output: each is billed once,
    at its own price if it has one.
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    provider = models.SlugField(_("provider"), max_length=32, default="openai")
    model = models.CharField(_("model"), max_length=200)
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    currency = models.CharField(_("currency"), max_length=3, default="USD", validators=[CURRENCY_CODE])
    input_price = price_field(_("input"))
    cached_input_price = price_field(_("cached input"), null=True, blank=True, help_text=_("Empty: what other input costs."))
    output_price = price_field(_("output"), default=0, help_text=_("0 for embeddings."))
    reasoning_price = price_field(_("reasoning"), null=True, blank=True, help_text=_("Empty: what other output costs."))
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("model price")
        verbose_name_plural = _("model prices")
        ordering: ClassVar = ["provider", "model", "-valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "model", "valid_from"],
                name="modelprice_once",
                violation_error_message=_("This model has a price from that time on already."),
            ),
            models.CheckConstraint(
                condition=models.Q(input_price__gte=0, output_price__gte=0)
                & (models.Q(cached_input_price=None) | models.Q(cached_input_price__gte=0))
                & (models.Q(reasoning_price=None) | models.Q(reasoning_price__gte=0)),
                name="modelprice_prices",
                violation_error_message=_("Not below zero."),
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="modelprice_currency",
                violation_error_message=_("Three capital letters, such as USD."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}"

    def clean(self) -> None:
        """Refuse a new row in the past: what was metered since then would no longer be what it cost."""
        later = type(self).objects.filter(provider=self.provider, model=self.model, valid_from__gt=self.valid_from)
        if self._state.adding and later.exists():
            message = _("A later price of this model stands already: prices are added at the end.")
            raise ValidationError({"valid_from": ValidationError(message, code="out_of_order")})


def currencies_in_use() -> Iterable[str]:
    """Return the currencies that models are priced in; a budget in any other would count nothing."""
    return ModelPrice.objects.order_by().values_list("currency", flat=True).distinct()
