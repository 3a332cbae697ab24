"""What was bought: orders with prices as they were, what came back, and what happened to them."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.customers import Customer
from catalog.models.offerings import Variant
from catalog.models.pricing import CURRENCY_CODE, SalesChannel, amount_field
from catalog.models.stock import InventoryLocation
from tenants.actor import ActorKind
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, User, updated_at_field


def _created_by() -> models.ForeignKey:
    """Return the column for the person who wrote a row; None for a program."""
    return models.ForeignKey(
        User,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )


class Order(TenantModel):
    """What a customer buys. ``catalog/orders.py`` makes it and moves it from one status to the next."""

    class Status(models.TextChoices):
        """Where it stands; ``catalog.orders.TRANSITIONS`` says what may follow."""

        PENDING = "pending", _("Pending")
        CONFIRMED = "confirmed", _("Confirmed")
        FULFILLED = "fulfilled", _("Fulfilled")
        CANCELLED = "cancelled", _("Cancelled")

    number = models.PositiveIntegerField(_("number"), editable=False, help_text=_("Counted per business, from 1001."))
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="orders", verbose_name=_("customer"))
    channel = TenantForeignKey(
        SalesChannel, on_delete=models.PROTECT, related_name="orders", verbose_name=_("sales channel")
    )
    session = TenantForeignKey(
        "runtime.Session",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="orders",
        verbose_name=_("conversation"),
    )
    bot_id = models.UUIDField(
        _("bot"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The bot through which it was placed. It outlives the conversation, which is deleted after its days."),
    )
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY_CODE])
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING, editable=False
    )
    total = amount_field(_("total"), editable=False)
    refunded = amount_field(_("refunded"), default=Decimal(0), db_default=Decimal(0), editable=False)
    shipping_address = models.TextField(_("shipping address"), max_length=2000, blank=True)
    note = models.TextField(_("note"), max_length=5000, blank=True)
    expires_at = models.DateTimeField(
        _("to be confirmed until"), null=True, editable=False, help_text=_("A pending order is cancelled then.")
    )
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=500, blank=True, default="", editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = _created_by()
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "number"],
                name="order_number_once",
                violation_error_message=_("An order with this number exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("total")),
                name="order_refunded",
                violation_error_message=_("No more than was paid can be refunded."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="order_newest"),
            models.Index(fields=["tenant", "customer", "-id"], name="order_of_customer"),
            models.Index(fields=["tenant", "status", "-id"], name="order_by_status"),
            models.Index(fields=["tenant", "session"], name="order_of_session"),
            models.Index(  # read by the sweep
                fields=["tenant", "expires_at"], name="order_due", condition=models.Q(status="pending")
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class OrderLine(TenantModel):
    """So many of a variant, with name and price as they were when it was ordered."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="lines", verbose_name=_("order"))
    variant = TenantForeignKey(Variant, on_delete=models.RESTRICT, related_name="order_lines", verbose_name=_("variant"))
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)
    sku = models.CharField(_("SKU"), max_length=255)
    name = models.CharField(_("name"), max_length=1000, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = amount_field(_("unit price"))
    price_list = models.CharField(_("price list"), max_length=63, blank=True)
    explanation = models.TextField(_("why this price"), blank=True)
    total = amount_field(_("total"))
    returned = models.PositiveIntegerField(_("returned"), default=0, db_default=0, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "order", "variant"],
                name="orderline_variant_once",
                violation_error_message=_("The order has a line for this variant already."),
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0),
                name="orderline_quantity",
                violation_error_message=_("At least one piece."),
            ),
            models.CheckConstraint(
                condition=models.Q(returned__lte=models.F("quantity")),
                name="orderline_returned",
                violation_error_message=_("No more than was bought can come back."),
            ),
            models.CheckConstraint(
                condition=models.Q(total=models.F("unit_price") * models.F("quantity")),
                name="orderline_total",
                violation_error_message=_("The total is the price of all pieces."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "variant"], name="orderline_of_variant")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"


class OrderReturn(TenantModel):
    """What came back of a fulfilled order, and what was paid back for it."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="returns", verbose_name=_("order"))
    refund_amount = amount_field(_("refund"), default=Decimal(0), db_default=Decimal(0))
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_by = _created_by()

    class Meta(TenantModel.Meta):
        verbose_name = _("return")
        verbose_name_plural = _("returns")
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "order"], name="orderreturn_of_order")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(refund_amount__gte=0),
                name="orderreturn_refund",
                violation_error_message=_("Not below zero."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.refund_amount}"


class OrderReturnLine(TenantModel):
    """So many pieces of an order line that came back, and where they were put (None: not counted)."""

    tenant = TenantField(referenced=False)
    order_return = TenantForeignKey(OrderReturn, on_delete=models.CASCADE, related_name="lines", verbose_name=_("return"))
    order_line = TenantForeignKey(OrderLine, on_delete=models.CASCADE, related_name="+", verbose_name=_("order line"))
    location = TenantForeignKey(
        InventoryLocation, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("location")
    )
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta(TenantModel.Meta):
        verbose_name = _("line of a return")
        verbose_name_plural = _("lines of a return")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "order_return", "order_line"],
                name="orderreturnline_once",
                violation_error_message=_("The return names this line already."),
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0),
                name="orderreturnline_quantity",
                violation_error_message=_("At least one piece."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_line.sku}"


class OrderEntry(TenantModel):
    """One line of an order's timeline: what happened, when and by whom. Never changed."""

    class Kind(models.TextChoices):
        """What happened."""

        CREATED = "created", _("Created")
        CONFIRMED = "confirmed", _("Confirmed")
        FULFILLED = "fulfilled", _("Fulfilled")
        CANCELLED = "cancelled", _("Cancelled")
        RETURNED = "returned", _("Returned")
        NOTE = "note", _("Note")

    tenant = TenantField(referenced=False)
    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="entries", verbose_name=_("order"))
    kind = models.CharField(_("what happened"), max_length=16, choices=Kind)
    text = models.TextField(_("text"), max_length=5000, blank=True)
    actor_kind = models.CharField(_("by what"), max_length=16, choices=ActorKind, default=ActorKind.SYSTEM)
    created_by = _created_by()

    class Meta(TenantModel.Meta):
        verbose_name = _("entry of an order")
        verbose_name_plural = _("entries of an order")
        ordering = ["id"]
        indexes = [models.Index(fields=["tenant", "order", "id"], name="orderentry_of_order")]

    def __str__(self) -> str:
        return f"{self.order}: {self.kind}"


class OrderCounter(TenantModel):
    """The last order number of the tenant: one row, locked for the end of the transaction that takes the next."""

    tenant = TenantField(referenced=False)
    last = models.PositiveIntegerField(_("last number"))

    class Meta(TenantModel.Meta):
        verbose_name = _("order counter")
        verbose_name_plural = _("order counters")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], name="ordercounter_once", violation_error_message=_("There is a counter already.")
            ),
        ]

    def __str__(self) -> str:
        return str(self.last)
