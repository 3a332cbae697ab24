"""The prices of a list as a grid: a row for each variant, an amount and the one before the sale for each currency.

Only cells that a person changed are written, all in one transaction; a cell that cannot be, or that somebody else has
changed since the page was opened, says so and nothing is saved.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from catalog.admin.amounts import AmountField
from catalog.admin.finding import variants_like
from catalog.models import Offering, PriceList, Status, Variant, VariantPrice, product_name
from catalog.money import CURRENCIES, plain_amount
from catalog.repricing import Cell, Change, Key

PER_PAGE = 40
"""Rows of a page: with four currencies still fewer fields than a form may have."""
MOST_CURRENCIES = 4
ALL, PRICED, UNPRICED = "", "priced", "unpriced"
STEPS = ("0.01", "0.1", "1", "10", "100", "500", "1000", "10000")


class FilterForm(forms.Form):
    """Which variants the grid shows."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget())
    category = forms.ChoiceField(label=_("Category"), required=False, widget=UnfoldAdminSelectWidget())
    show = forms.ChoiceField(
        label=_("Show"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        choices=[(ALL, _("All variants")), (PRICED, _("With a price here")), (UNPRICED, _("Without a price here"))],
    )
    currency = forms.CharField(
        label=_("Another currency"),
        required=False,
        max_length=3,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "USD"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Offering.objects.exclude(category="").order_by("category").values_list("category", flat=True).distinct()
        field: Any = self.fields["category"]
        field.choices = [("", gettext("All categories")), *((name, name) for name in names[:500])]

    def clean_currency(self) -> str:
        """Take the code in small letters too."""
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code and code not in CURRENCIES:
            raise ValidationError(_("There is no such currency."), code="unknown_currency")
        return code

    def variants(self, price_list: PriceList) -> QuerySet[Variant]:
        """Return the variants asked for, in the order of their offerings."""
        asked = self.cleaned_data if self.is_valid() else {}
        found: QuerySet[Variant] = Variant.objects.exclude(status=Status.ARCHIVED).exclude(offering__status=Status.ARCHIVED)
        if words := asked.get("q"):
            found = found.filter(pk__in=variants_like(words).values("pk"))
        if category := asked.get("category"):
            found = found.filter(offering__category=category)
        if show := asked.get("show"):
            priced = Exists(VariantPrice.objects.filter(variant=OuterRef("pk"), price_list=price_list))
            found = found.filter(priced if show == PRICED else ~priced)
        found = found.annotate(product=product_name("offering")).select_related("offering")
        return found.order_by("offering__code", "offering_id", "position", "pk")


def currencies_of(price_list: PriceList, home: str, extra: str) -> list[str]:
    """Return the columns: the tenant's currency, those of the list, and the one asked for."""
    used = VariantPrice.objects.filter(price_list=price_list).order_by("currency").values_list("currency", flat=True)
    wanted = [home, *([extra] if extra else []), *used.distinct()]
    return list(dict.fromkeys(wanted))[:MOST_CURRENCIES]


@dataclass(frozen=True)
class Row:
    """A variant with its cells: amount and amount before the sale, by currency."""

    variant: Variant
    cells: list[forms.BoundField]
    is_selected: bool


class GridForm(forms.Form):
    """The cells of one page."""

    def __init__(
        self, price_list: PriceList, variants: list[Variant], currencies: list[str], data: QueryDict | None = None
    ) -> None:
        super().__init__(data)
        self.price_list, self.variants, self.currencies = price_list, variants, currencies
        rows = VariantPrice.objects.filter(price_list=price_list, variant__in=variants, currency__in=currencies)
        # In the order of save_prices, which locks them again: what is compared here is what is written over.
        locked = rows.order_by("pk").select_for_update() if data is not None else rows
        self.stored: dict[Key, Cell] = {(row.variant_id, row.currency): Cell(row.amount, row.compare_at) for row in locked}
        for variant in variants:
            for currency in currencies:
                self._add_fields(variant, currency)

    def _add_fields(self, variant: Variant, currency: str) -> None:
        cell = self.stored.get((variant.pk, currency), Cell(None))
        labels = {"amount": gettext("price"), "compare_at": gettext("before the sale")}
        for part, label in labels.items():
            said = f"{variant.sku}, {currency}, {label}"
            self.fields[field_name(variant.pk, currency, part)] = AmountField(
                label=said,
                required=False,
                min_value=0,
                max_digits=19,
                decimal_places=4,
                initial=getattr(cell, part),
                show_hidden_initial=True,
                widget=UnfoldAdminTextInputWidget(
                    attrs={"inputmode": "decimal", "aria-label": said, "class": "text-right min-w-28", "autocomplete": "off"}
                ),
            )

    @property
    def table(self) -> list[Row]:
        """The rows as they are shown."""
        chosen = self.data.getlist("variant") if isinstance(self.data, QueryDict) else []
        names = {
            one.pk: [field_name(one.pk, code, part) for code in self.currencies for part in ("amount", "compare_at")]
            for one in self.variants
        }
        return [Row(one, [self[name] for name in names[one.pk]], str(one.pk) in chosen) for one in self.variants]

    @property
    def cells(self) -> dict[Key, Cell]:
        """The prices a person changed, as they are to be."""
        changed = set(self.changed_data)
        return {
            (variant.pk, currency): Cell(*values)
            for variant in self.variants
            for currency in self.currencies
            for names in [[field_name(variant.pk, currency, part) for part in ("amount", "compare_at")]]
            if changed & set(names)
            for values in [[self.cleaned_data.get(name) for name in names]]
        }

    def clean(self) -> dict[str, Any] | None:
        """Check each price that was changed, at its own cell."""
        for (variant, currency), cell in self.cells.items():
            amount, compare_at = (field_name(variant, currency, part) for part in ("amount", "compare_at"))
            self._refuse_overwriting(variant, currency)
            if cell.amount is None and cell.compare_at is not None and amount not in self.errors:
                self.add_error(amount, _("Write the price, too."))
            if cell.amount is not None:
                self._check(
                    VariantPrice(currency=currency, amount=cell.amount, compare_at=cell.compare_at), amount, compare_at
                )
        return self.cleaned_data

    def _check(self, price: VariantPrice, amount: str, compare_at: str) -> None:
        try:
            price.clean()
        except ValidationError as error:
            for part, problems in error.error_dict.items():
                self.add_error(compare_at if part == "compare_at" else amount, problems)

    def _refuse_overwriting(self, variant: UUID, currency: str) -> None:
        """Tell of cells that are no longer what the person saw; saved again, they are written over."""
        stored = self.stored.get((variant, currency), Cell(None))
        for part in ("amount", "compare_at"):
            name, now = field_name(variant, currency, part), getattr(stored, part)
            seen = self.data.get(self[name].html_initial_name, "")
            if seen == _typed(now):
                continue
            said = _("Somebody else has changed this to %(value)s. Save again to put yours in its place.")
            self.add_error(name, ValidationError(said, code="conflict", params={"value": plain_amount(now)}))
            self._show_again(self[name].html_initial_name, _typed(now))

    def _show_again(self, name: str, value: str) -> None:
        assert isinstance(self.data, QueryDict)
        data = self.data.copy()
        data[name] = value
        self.data = data


def _typed(amount: Decimal | None) -> str:
    return "" if amount is None else plain_amount(amount)


def field_name(variant: UUID, currency: str, part: str) -> str:
    """Return the name of a cell's input."""
    return f"{variant.hex}-{currency}-{part}"


class ChangeForm(forms.Form):
    """Change or copy the prices of many rows."""

    code = forms.ChoiceField(label=_("Currency"), widget=UnfoldAdminSelectWidget())
    percent = forms.DecimalField(
        label=_("Change in %"),
        min_value=-100,
        max_value=1000,
        decimal_places=4,
        initial=0,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    step = forms.TypedChoiceField(
        label=_("Round to"), coerce=Decimal, choices=[(one, one) for one in STEPS], widget=UnfoldAdminSelectWidget()
    )
    source = forms.ModelChoiceField(
        label=_("Copy from"), queryset=PriceList.objects.all(), required=False, widget=UnfoldAdminSelectWidget()
    )
    as_sale = forms.BooleanField(label=_("Show the old price as the one before the sale"), required=False)

    def __init__(self, price_list: PriceList, currencies: list[str], data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"code": currencies[0], "step": "1"})
        fields: dict[str, Any] = self.fields
        fields["code"].choices = [(code, code) for code in currencies]
        fields["source"].queryset = PriceList.objects.exclude(pk=price_list.pk).order_by("-priority", "code")
        fields["source"].empty_label = gettext("(choose a list)")
        fields["as_sale"].widget = UnfoldBooleanWidget()

    @property
    def change(self) -> Change:
        """What is to be done with every price."""
        asked = self.cleaned_data
        return Change(asked["code"], percent=asked["percent"], step=asked["step"], as_sale=asked["as_sale"])
