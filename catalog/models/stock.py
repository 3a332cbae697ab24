"""How much is there: locations, quantities and the movements they are the sum of, and what is held for somebody."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Cast, Coalesce, Now
from django.utils.translation import gettext_lazy as _

from catalog.models.offerings import Variant
from catalog.models.pricing import SalesChannel
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field


class InventoryLocation(TenantModel):
    """Where stock lies. One with a channel serves that channel only."""

    class Type(models.TextChoices):
        """What kind of place it is."""

        WAREHOUSE = "warehouse", _("Warehouse")
        STORE = "store", _("Store")
        VIRTUAL = "virtual", _("Virtual")

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200, blank=True)
    type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.WAREHOUSE)
    channel = TenantForeignKey(
        SalesChannel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="locations",
        verbose_name=_("sales channel"),
        help_text=_("Its stock is sold there only. Empty: everywhere."),
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("inventory location")
        verbose_name_plural = _("inventory locations")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="inventorylocation_code_once",
                violation_error_message=_("A location with this code exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code


class InventoryItemQuerySet(TenantQuerySet):
    """Items with what becomes of their pieces."""

    def with_what_is_left(self) -> Self:
        """Add ``reserved_pieces`` (held now), ``left_pieces`` (beyond that and the safety stock) and ``last_sold_at``."""
        here = {"location": models.OuterRef("location")}
        held = StockAllocation.objects.filter(
            **here,
            reservation__variant=models.OuterRef("variant"),
            reservation__in=StockReservation.objects.holding(),
        )
        pieces = held.order_by().values("location").annotate(total=models.Sum("quantity")).values("total")
        sales = StockMovement.objects.filter(
            **here, variant=models.OuterRef("variant"), reason=StockMovement.Reason.SALE
        ).order_by("-id")
        return self.annotate(
            reserved_pieces=Coalesce(models.Subquery(pieces), 0),
            left_pieces=Cast("stock_qty", models.BigIntegerField()) - models.F("safety_stock") - models.F("reserved_pieces"),
            last_sold_at=models.Subquery(sales.values("created_at")[:1]),
        )


class InventoryItem(TenantModel):
    """The quantity of a variant at a location. A variant without any item is not counted and always sellable."""

    variant = TenantForeignKey(Variant, on_delete=models.CASCADE, related_name="inventory_items", verbose_name=_("variant"))
    location = TenantForeignKey(
        InventoryLocation, on_delete=models.PROTECT, related_name="inventory_items", verbose_name=_("location")
    )
    stock_qty = models.IntegerField(
        _("in stock"), default=0, db_default=0, editable=False, help_text=_("Sum of the movements, kept by a trigger.")
    )
    safety_stock = models.PositiveIntegerField(_("safety stock"), default=0, db_default=0)
    updated_at = updated_at_field()

    objects: ClassVar = InventoryItemQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("inventory item")
        verbose_name_plural = _("stock")
        ordering = ["variant", "location"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "variant", "location"],
                name="inventoryitem_once",
                violation_error_message=_("The variant is counted at this location already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant}: {self.stock_qty}"


class StockMovement(TenantModel):
    """One change of a quantity: the truth of the stock, never updated. The first one makes the inventory item."""

    class Reason(models.TextChoices):
        """Why the quantity changed."""

        RECEIPT = "receipt", _("Receipt")
        SALE = "sale", _("Sale")
        RETURN = "return", _("Return")
        CORRECTION = "correction", _("Correction")
        TRANSFER = "transfer", _("Transfer")
        IMPORT = "import", _("Import")

    tenant = TenantField(referenced=False)
    variant = TenantForeignKey(Variant, on_delete=models.RESTRICT, related_name="stock_movements", verbose_name=_("variant"))
    location = TenantForeignKey(
        InventoryLocation, on_delete=models.PROTECT, related_name="stock_movements", verbose_name=_("location")
    )
    quantity = models.IntegerField(_("quantity"), help_text=_("Below zero when stock leaves."))
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_by = created_by_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["tenant", "variant", "-id"], name="stockmovement_of_variant"),
            models.Index(fields=["tenant", "-id"], name="stockmovement_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:+d} {self.variant}"


class ReservationQuerySet(TenantQuerySet):
    """Reservations by what they hold."""

    def holding(self) -> Self:
        """Narrow to those that hold stock now: open, and not past their end, swept or not."""
        in_time = models.Q(expires_at=None) | models.Q(expires_at__gt=Now())
        return self.filter(in_time, state=StockReservation.State.OPEN)

    def close(self, state: "StockReservation.State") -> int:
        """End those that are open; returns how many were."""
        return self.filter(state=StockReservation.State.OPEN).update(state=state, closed_at=Now())


class StockReservation(TenantModel):
    """Pieces of a variant held for somebody, until ``expires_at`` (without one: until it is released or consumed).

    Where the pieces lie is said by its allocations; a variant that is not counted has none.
    """

    class State(models.TextChoices):
        """What became of it. Past its end an open one holds nothing, even before the sweep releases it."""

        OPEN = "open", _("Open")
        RELEASED = "released", _("Released")
        CONSUMED = "consumed", _("Consumed")

    variant = TenantForeignKey(Variant, on_delete=models.CASCADE, related_name="reservations", verbose_name=_("variant"))
    location = TenantForeignKey(
        InventoryLocation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("location"),
        help_text=_("Where the pieces must lie. Empty: anywhere."),
    )
    order = TenantForeignKey(
        "catalog.Order",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="reservations",
        verbose_name=_("order"),
    )
    quantity = models.PositiveIntegerField(_("quantity"))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.OPEN, db_default=State.OPEN)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    closed_at = models.DateTimeField(_("ended"), null=True, editable=False)

    objects: ClassVar = ReservationQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("stock reservation")
        verbose_name_plural = _("stock reservations")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0),
                name="stockreservation_quantity",
                violation_error_message=_("At least one piece."),
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at=None) | (~models.Q(state="open") & ~models.Q(closed_at=None)),
                name="stockreservation_closed",
                violation_error_message=_("What is no longer open has ended at some time."),
            ),
        ]
        indexes = [
            models.Index(  # read by every availability
                fields=["tenant", "variant"], name="stockreservation_open", condition=models.Q(state="open")
            ),
            models.Index(  # read by the sweep
                fields=["tenant", "expires_at"], name="stockreservation_due", condition=models.Q(state="open")
            ),
            models.Index(fields=["tenant", "order"], name="stockreservation_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.variant}"


class AllocationQuerySet(TenantQuerySet):
    """Allocations by what they hold."""

    def held(self) -> int:
        """Return the pieces that are held now."""
        total: int = self.filter(reservation__in=StockReservation.objects.holding()).aggregate(
            held=Coalesce(models.Sum("quantity"), 0)
        )["held"]
        return total


class StockAllocation(TenantModel):
    """Where a reservation's pieces lie: so many at this location."""

    tenant = TenantField(referenced=False)
    reservation = TenantForeignKey(
        StockReservation, on_delete=models.CASCADE, related_name="allocations", verbose_name=_("reservation")
    )
    location = TenantForeignKey(InventoryLocation, on_delete=models.PROTECT, related_name="+", verbose_name=_("location"))
    quantity = models.PositiveIntegerField(_("quantity"))

    objects: ClassVar = AllocationQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("stock allocation")
        verbose_name_plural = _("stock allocations")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "reservation", "location"],
                name="stockallocation_once",
                violation_error_message=_("The reservation holds pieces at this location already."),
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0),
                name="stockallocation_quantity",
                violation_error_message=_("At least one piece."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.location}"
