"""What it costs, where and when: channels, price lists, prices, and the ledger of their changes."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Round
from django.utils.translation import gettext_lazy as _

from catalog.models.offerings import Variant
from catalog.money import CURRENCIES, WHOLE_CURRENCIES, plain_amount
from tenants.actor import ActorKind
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, updated_at_field

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CURRENCY_CODE = RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, such as VND."))


def amount_field(label: "StrOrPromise", **options: Any) -> models.DecimalField:
    """Return a column for an amount of money: 15 digits before the point, 4 after."""
    return models.DecimalField(label, max_digits=19, decimal_places=4, validators=[MinValueValidator(0)], **options)


class SalesChannel(TenantModel):
    """Where is sold: the web, Messenger, Zalo."""

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200, blank=True)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("sales channel")
        verbose_name_plural = _("sales channels")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="saleschannel_code_once",
                violation_error_message=_("A channel with this code exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code


def _range(kind: str, lower: Any, upper: Any, bounds: str = "[]") -> models.Func:
    # Never read back, so the type of its output matters to nobody.
    return models.Func(lower, upper, models.Value(bounds), function=kind, output_field=models.TextField())


def _only(kind: str, value: Any) -> models.Func:
    """Return the range that holds one value: GiST can exclude equal ids and numbers in ranges only."""
    return _range(kind, value, value)


NO_CHANNEL = UUID(int=0)
"""Stands for the channel of lists without one, which compete with each other as those of one channel do."""


def _channel_or_none() -> models.Func:
    return Coalesce("channel", models.Value(NO_CHANNEL), output_field=models.UUIDField())


class PriceListQuerySet(TenantQuerySet):
    """Price lists."""

    def in_the_way_of(self, wanted: "PriceList") -> "PriceListQuerySet":
        """Return the other lists of the same channel and priority whose window overlaps the wanted list's."""
        rivals = self.filter(channel=wanted.channel_id, priority=wanted.priority).exclude(pk=wanted.pk)
        if wanted.valid_from:
            rivals = rivals.filter(models.Q(valid_to=None) | models.Q(valid_to__gt=wanted.valid_from))
        if wanted.valid_to:
            rivals = rivals.filter(models.Q(valid_from=None) | models.Q(valid_from__lt=wanted.valid_to))
        return rivals


class PriceList(TenantModel):
    """Prices for one channel or, without one, for all; inside its window the highest priority wins.

    Lists of one channel that have equal priority do not overlap in time, and neither do those without channel; between
    the two kinds the channel's own comes first.
    """

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200, blank=True)
    channel = TenantForeignKey(
        SalesChannel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="price_lists",
        verbose_name=_("channel"),
        help_text=_("Empty: every channel."),
    )
    priority = models.IntegerField(_("priority"), default=0, db_default=0, help_text=_("The highest one wins."))
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)
    updated_at = updated_at_field()

    objects: ClassVar = PriceListQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("price list")
        verbose_name_plural = _("price lists")
        ordering = ["-priority", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="pricelist_code_once",
                violation_error_message=_("A price list with this code exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from=None)
                | models.Q(valid_to=None)
                | models.Q(valid_from__lt=models.F("valid_to")),
                name="pricelist_window",
                violation_error_message=_("The window must end after it begins."),
            ),
            ExclusionConstraint(
                name="pricelist_no_overlap",
                expressions=[
                    (_only("uuidrange", "tenant"), "&&"),
                    (_only("uuidrange", _channel_or_none()), "&&"),
                    (_only("int8range", "priority"), "&&"),
                    (_range("tstzrange", "valid_from", "valid_to", "[)"), "&&"),
                ],
                violation_error_message=_("Another list of this channel has the same priority at the same time."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    def clean(self) -> None:
        """Refuse a window that ends before it begins, and one in which another list has the same priority."""
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            refusal = ValidationError(_("The window must end after it begins."), code="invalid")
            raise ValidationError({"valid_to": refusal})
        rival = PriceList.objects.in_the_way_of(self).first()
        if rival:
            message = _("%(list)s has priority %(priority)d on the same channel at the same time: choose another one.")
            params = {"list": rival.code, "priority": self.priority}
            raise ValidationError({"priority": ValidationError(message, code="overlap", params=params)})


class PriceListChange(TenantModel):
    """The terms of a price list from one moment on, written by triggers; never updated.

    With ``PriceChange`` it answers what counted at any instant, whatever the list has become since.
    """

    tenant = TenantField(referenced=False)
    price_list = TenantForeignKey(PriceList, on_delete=models.CASCADE, related_name="changes", verbose_name=_("price list"))
    channel_id = models.UUIDField(_("channel"), null=True)
    is_active = models.BooleanField(_("channel active"))
    priority = models.IntegerField(_("priority"))
    valid_from = models.DateTimeField(_("valid from"), null=True)
    valid_to = models.DateTimeField(_("valid to"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("terms of a price list")
        verbose_name_plural = _("terms of price lists")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "price_list", "-created_at", "-id"], name="pricelistchange_of_list"),
        ]

    def __str__(self) -> str:
        return f"{self.price_list}: {self.priority}"


class VariantPrice(TenantModel):
    """The price of a variant in a list and currency. The bot quotes it at the moment of the answer."""

    price_list = TenantForeignKey(PriceList, on_delete=models.CASCADE, related_name="prices", verbose_name=_("price list"))
    variant = TenantForeignKey(Variant, on_delete=models.CASCADE, related_name="prices", verbose_name=_("variant"))
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY_CODE])
    amount = amount_field(_("amount"))
    compare_at = amount_field(_("before the sale"), null=True, blank=True)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["variant", "price_list", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "variant", "price_list", "currency"],
                name="variantprice_once",
                violation_error_message=_("The variant has a price in this list and currency already."),
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="variantprice_amount", violation_error_message=_("Not below zero.")
            ),
            models.CheckConstraint(
                condition=models.Q(compare_at=None) | models.Q(compare_at__gte=0),
                name="variantprice_compare_at",
                violation_error_message=_("Not below zero."),
            ),
            models.CheckConstraint(
                condition=models.Q(currency__in=sorted(CURRENCIES)),
                name="variantprice_currency_known",
                violation_error_message=_("There is no such currency."),
            ),
            models.CheckConstraint(
                condition=~models.Q(currency__in=sorted(WHOLE_CURRENCIES))
                | models.Q(models.Q(compare_at=None) | models.Q(compare_at=Round("compare_at")), amount=Round("amount")),
                name="variantprice_minor_units",
                violation_error_message=_("There are no decimals in this currency."),
            ),
        ]

    def __str__(self) -> str:
        return f"{plain_amount(self.amount)} {self.currency}"

    def clean(self) -> None:
        """Refuse a currency that does not exist, and decimals in one that has none."""
        if self.currency and self.currency not in CURRENCIES:
            raise ValidationError({"currency": ValidationError(_("There is no such currency."), code="unknown_currency")})
        if self.currency in WHOLE_CURRENCIES:
            wrong = [name for name in ("amount", "compare_at") if _has_decimals(getattr(self, name))]
            message = _("There are no decimals in %(currency)s.")
            refusal = ValidationError(message, code="too_many_decimals", params={"currency": self.currency})
            if wrong:
                raise ValidationError(dict.fromkeys(wrong, refusal))


def _has_decimals(amount: Any) -> bool:
    return isinstance(amount, Decimal) and amount % 1 != 0


class PriceChange(TenantModel):
    """One line of the price ledger, written by a trigger on every way a price can change; never updated."""

    tenant = TenantField(referenced=False)
    price_list = TenantForeignKey(PriceList, on_delete=models.RESTRICT, related_name="+", verbose_name=_("price list"))
    variant = TenantForeignKey(Variant, on_delete=models.RESTRICT, related_name="price_changes", verbose_name=_("variant"))
    currency = models.CharField(_("currency"), max_length=3)
    old_amount = amount_field(_("before"), null=True, blank=True)
    new_amount = amount_field(_("after"), null=True, blank=True)
    old_compare_at = amount_field(_("compare-at before"), null=True, blank=True)
    new_compare_at = amount_field(_("compare-at after"), null=True, blank=True)
    actor_kind = models.CharField(
        _("by"), max_length=16, choices=ActorKind, default=ActorKind.SYSTEM, db_default=ActorKind.SYSTEM, editable=False
    )
    actor_id = models.UUIDField(_("id of who did it"), null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("price change")
        verbose_name_plural = _("price changes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "variant", "-id"], name="pricechange_of_variant"),
            models.Index(fields=["tenant", "-id"], name="pricechange_newest"),
        ]

    def __str__(self) -> str:
        return f"{plain_amount(self.old_amount)} → {plain_amount(self.new_amount)} {self.currency}"

    @property
    def percent(self) -> Decimal | None:
        """By how much the amount rose or fell, in percent to one decimal; None where there was none, or none is left."""
        if not self.old_amount or self.new_amount is None:
            return None
        return ((self.new_amount - self.old_amount) / self.old_amount * 100).quantize(Decimal("0.1"))
