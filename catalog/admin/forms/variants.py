"""A row of the grid on an offering's page: a variant, its options, its price in one list and its pieces at one location."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from catalog.admin.amounts import AmountField, money
from catalog.admin.forms.attributes import NumberWidget, definition_field, initial_of, spoken
from catalog.admin.forms.offerings import SELL, RefreshableForm
from catalog.attributes import definitions_of, typed_value
from catalog.models import (
    AttributeDefinition,
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    PriceList,
    Status,
    Variant,
    VariantPrice,
)
from catalog.money import plain_amount
from catalog.variants import PriceCell, StockCell

OPTION = "option_"
COLUMNS = ("sku", "name", "inventory_policy", "status", "position")
"""Columns of the variant itself."""
NARROW, WIDE, MIDDLE = ({"style": f"min-width:{width}"} for width in ("4rem", "7rem", "5.5rem"))


@dataclass(frozen=True)
class Grid:
    """What the columns of the grid mean, and what stands in them now."""

    currency: str
    is_on_sale: bool = False
    price_list: PriceList | None = None
    location: InventoryLocation | None = None
    definitions: dict[str, AttributeDefinition] = field(default_factory=dict)
    free_options: tuple[str, ...] = ()
    prices: dict[UUID, VariantPrice] = field(default_factory=dict)
    pieces: dict[UUID, int] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        offering: Offering | None,
        domain: KnowledgeDomain | None,
        *,
        currency: str,
        price_list: PriceList | None,
        location: InventoryLocation | None,
    ) -> "Grid":
        """Read options, prices and pieces of the offering's variants: three queries, however many there are."""
        variants = Variant.objects.filter(offering=offering) if offering else Variant.objects.none()
        known = definitions_of(domain, AttributeDefinition.Scope.VARIANT)
        given = {key for options in variants.values_list("attributes", flat=True) for key in options}
        spelling = {key.lower(): key for key in sorted(given - known.keys())}  # an imported option is called "Color"
        known = {key if key in given else spelling.get(key.lower(), key): one for key, one in known.items()}
        prices = VariantPrice.objects.filter(variant__in=variants, price_list=price_list, currency=currency)
        items = InventoryItem.objects.filter(variant__in=variants, location=location)
        return cls(
            currency=currency,
            is_on_sale=offering is not None and offering.status == Status.ACTIVE,
            price_list=price_list,
            location=location,
            definitions=known,
            free_options=tuple(sorted(given - known.keys())),
            prices={price.variant_id: price for price in prices},
            pieces=dict(items.values_list("variant_id", "stock_qty")),
        )

    def fields(self) -> dict[str, forms.Field]:
        """Return the fields of the options, in the order of their columns."""
        fields = {f"{OPTION}{key}": definition_field(one, **NARROW) for key, one in self.definitions.items()}
        for key in self.free_options:
            shown = UnfoldAdminTextInputWidget(NARROW)
            fields[f"{OPTION}{key}"] = forms.CharField(label=spoken(key), required=False, max_length=500, widget=shown)
        return fields

    def columns(self) -> list[str]:
        """Return the names of all fields, in the order of their columns."""
        amounts = ["amount", "compare_at"] if self.price_list else []
        stock = ["stock"] if self.location else []
        options = [*self.fields()]
        return ["sku", "name", *options, *amounts, *stock, "inventory_policy", "status", "other_options", "position"]


class VariantRowForm(RefreshableForm):
    """One variant. Rows remember what they showed, so that only what a person changed is written."""

    grid: Grid

    amount = AmountField(
        label=_("price"), required=False, min_value=0, max_digits=19, decimal_places=4, widget=NumberWidget(MIDDLE)
    )
    compare_at = AmountField(
        label=_("before the sale"), required=False, min_value=0, max_digits=19, decimal_places=4, widget=NumberWidget(MIDDLE)
    )
    stock = forms.IntegerField(
        label=_("in stock"),
        required=False,
        min_value=-1_000_000_000,
        max_value=1_000_000_000,
        widget=NumberWidget(NARROW),
        help_text=_("Empty: not counted, always sold. Another number is recorded as a correction."),
    )
    other_options = forms.CharField(
        label=_("More options"),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget({**MIDDLE, "placeholder": _("Size: M; Colour: red")}),
        help_text=_("What else tells the variants apart. Each becomes a column of its own."),
    )

    class Meta:
        model = Variant
        fields = COLUMNS
        widgets = {
            "sku": UnfoldAdminTextInputWidget(WIDE),
            "name": UnfoldAdminTextInputWidget(WIDE),
            "inventory_policy": UnfoldAdminSelectWidget({"style": "min-width:7rem"}),
            "status": UnfoldAdminSelectWidget({"style": "min-width:5.5rem"}),
            "position": NumberWidget({"style": "min-width:3rem;width:3rem"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & {"amount", "compare_at", "stock"} - {*self.grid.columns()}:
            del self.fields[name]
        if self.instance._state.adding:
            return
        for name, value in self._stored():
            if name in self.fields:
                self.initial[name] = initial_of(self.fields[name], value)
                setattr(self.instance, name, value)  # for who may only look
        for one in self.fields.values():
            one.show_hidden_initial = True

    def _stored(self) -> Iterator[tuple[str, Any]]:
        for key, value in self.instance.attributes.items():
            yield f"{OPTION}{key}", value
        price = self.grid.prices.get(self.instance.pk)
        yield "amount", price.amount if price else None
        yield "compare_at", price.compare_at if price else None
        yield "stock", self.grid.pieces.get(self.instance.pk)

    def clean_sku(self) -> str:
        """Refuse a SKU that another variant has, at its field."""
        sku: str = self.cleaned_data["sku"]
        if Variant.objects.filter(sku=sku).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("A variant with this SKU exists already."), code="unique")
        return sku

    def clean_other_options(self) -> dict[str, str]:
        """Read "Size: M; Colour: red"."""
        pairs = [part.partition(":") for part in self.cleaned_data["other_options"].split(";") if part.strip()]
        if any(not (key.strip() and value.strip()) for key, _colon, value in pairs):
            raise ValidationError(_("Write a name, a colon and a value, such as Size: M; Colour: red"), code="invalid")
        return {key.strip(): value.strip() for key, _colon, value in pairs}

    def clean(self) -> dict[str, Any] | None:
        """Check options, price and stock, each at its field."""
        cleaned = super().clean()
        self._check_options()
        self._check_price()
        self._check_stock()
        return cleaned

    def _check_options(self) -> None:
        for key, definition in self.grid.definitions.items():
            value = self.cleaned_data.get(f"{OPTION}{key}")
            try:
                if value not in (None, ""):
                    typed_value(definition, value)
                elif definition.is_required and self.is_shown_to_customers:
                    self.add_error(f"{OPTION}{key}", gettext("Needed before it can be sold."))
            except ValueError as error:
                self.add_error(f"{OPTION}{key}", str(error))

    @property
    def is_shown_to_customers(self) -> bool:
        """Whether saving puts this variant on sale, or it is."""
        is_on_sale = self.grid.is_on_sale or SELL in self.data
        return is_on_sale and self.cleaned_data.get("status") == Variant.Status.ACTIVE

    def _check_price(self) -> None:
        amounts = {name: self.cleaned_data.get(name) for name in ("amount", "compare_at")}
        if amounts["amount"] is None and amounts["compare_at"] is not None:
            self.add_error("amount", gettext("A price before the sale needs a price."))
        try:
            VariantPrice(currency=self.grid.currency, **amounts).clean()
        except ValidationError as error:
            for name in error.error_dict.keys() & self.fields.keys():
                self.add_error(name, error.error_dict[name])
        for name in amounts:
            self._refuse_overwriting(name)

    def _check_stock(self) -> None:
        if "stock" not in self.changed_data:
            return
        if self.cleaned_data.get("stock") is None and self.instance.pk in self.grid.pieces:
            self.add_error("stock", gettext("This is counted. Write 0 when nothing is left."))
        self._refuse_overwriting("stock")

    def _refuse_overwriting(self, name: str) -> None:
        """Tell at the field what somebody else, or a sale, made of it since the page was opened."""
        seen = self.add_initial_prefix(name)
        if name not in self.changed_data or self.instance._state.adding or seen not in self.data:
            return
        stored, shown = self.initial.get(name), self.fields[name].clean(self.data[seen])
        if stored != shown:
            told: Any = self.data.copy()  # type: ignore[attr-defined] # what a browser sends is a QueryDict
            told[seen] = "" if stored is None else plain_amount(Decimal(stored))
            self.data = told  # the person knows now: sent once more, it counts
            message = gettext("Meanwhile it has become %(value)s. Save again to put yours in its place.")
            self.add_error(name, message % {"value": self._said(name, stored)})

    def _said(self, name: str, value: Any) -> str:
        return str(value) if name == "stock" and value is not None else money(value, self.grid.currency)

    @property
    def values(self) -> dict[str, Any]:
        """What is to be written into the variant: what was changed, options among it."""
        values = {name: self.cleaned_data[name] for name in COLUMNS if name in self.changed_data}
        options = [name for name in self.changed_data if name.startswith(OPTION)]
        if options or self.cleaned_data.get("other_options"):
            values["attributes"] = self._options(options)
        return values

    def _options(self, changed: list[str]) -> dict[str, Any]:
        options = dict(self.instance.attributes)
        options.update({name.removeprefix(OPTION): self.cleaned_data[name] for name in changed})
        options.update(self.cleaned_data.get("other_options") or {})
        return {key: value for key, value in options.items() if value not in (None, "")}

    @property
    def price(self) -> PriceCell | None:
        """The price to be written, if it was changed."""
        if not self.grid.price_list or not {"amount", "compare_at"} & set(self.changed_data):
            return None
        amounts = {
            name: self.cleaned_data[name] if name in self.changed_data else self.initial.get(name)
            for name in ("amount", "compare_at")
        }
        return PriceCell(self.grid.price_list, self.grid.currency, **amounts)

    @property
    def stock_cell(self) -> StockCell | None:
        """The pieces to be written, if they were changed."""
        pieces = self.cleaned_data.get("stock")
        if not self.grid.location or "stock" not in self.changed_data or pieces is None:
            return None
        return StockCell(self.grid.location, pieces, self.grid.pieces.get(self.instance.pk))


class VariantFormSet(PaginationInlineFormSet):
    """The rows of the grid."""

    def clean(self) -> None:
        """Refuse a SKU that is typed twice, at the second one."""
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            sku = getattr(form, "cleaned_data", {}).get("sku")
            if sku and sku in seen:
                form.add_error("sku", gettext("This SKU stands in another row already."))
            seen.add(sku or "")
