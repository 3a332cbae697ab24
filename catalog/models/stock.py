"""How much is there: locations, the quantity per variant and location, and the movements it is the sum of."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.offerings import Variant
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, User, updated_at_field


class InventoryLocation(TenantModel):
    """Where stock lies."""

    class Type(models.TextChoices):
        """What kind of place it is."""

        WAREHOUSE = "warehouse", _("Warehouse")
        STORE = "store", _("Store")
        VIRTUAL = "virtual", _("Virtual")

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200, blank=True)
    type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.WAREHOUSE)

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

    class Meta(TenantModel.Meta):
        verbose_name = _("inventory item")
        verbose_name_plural = _("inventory items")
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
    created_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )

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
