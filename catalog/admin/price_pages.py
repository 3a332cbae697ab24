"""Two pages about prices: the grid in which the prices of a list are edited, and "why this price"."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Page
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from catalog.admin.amounts import money
from catalog.admin.finding import spoken_name
from catalog.admin.price_grid import PER_PAGE, ChangeForm, FilterForm, GridForm, currencies_of
from catalog.models import PriceList, SalesChannel, Variant, product_name
from catalog.money import CURRENCIES
from catalog.pricing import Candidate, PriceExplanation, Verdict, explain_price
from catalog.repricing import PlannedPrice, plan_prices, reprice, save_prices
from tenants.admin.pages import CappedPaginator
from tenants.errors import DomainError


def grid_page(admin: Any, request: HttpRequest, price_list: PriceList) -> HttpResponse:
    """Show the grid of a list; a POST saves its cells, changes many prices, or copies those of another list."""
    if request.method == "POST" and not request.user.has_perms(EDITING):
        raise PermissionDenied
    with transaction.atomic():
        return _Grid(admin, request, price_list).answer()


SURE = "_sure"
"""Field that says to how many changed prices the person agreed."""
MOST_EXAMPLES = 5
EXAMPLE_HEADERS = [_("product"), _("SKU"), _("now"), _("then"), _("before the sale")]
EDITING = ["catalog.change_variantprice", "catalog.add_variantprice", "catalog.delete_variantprice"]


class _Grid:
    """One request of the grid."""

    def __init__(self, admin: Any, request: HttpRequest, price_list: PriceList) -> None:
        self.admin, self.request, self.price_list = admin, request, price_list
        self.filter = FilterForm(request.GET)
        self.variants = self.filter.variants(price_list)
        extra = self.filter.cleaned_data.get("currency", "") if self.filter.is_valid() else ""
        self.currencies = currencies_of(price_list, request.tenant.currency, extra)  # type: ignore[attr-defined]
        self.page: Page = CappedPaginator(self.variants, PER_PAGE).get_page(request.GET.get("p"))

    def answer(self) -> HttpResponse:
        """Do what was asked, and go on to the page; show it again where something is wrong."""
        posted = self.request.POST if self.request.method == "POST" else None
        grid = GridForm(self.price_list, self._rows(), self.currencies, posted)
        bulk = "_change" in self.request.POST or "_copy" in self.request.POST
        change = ChangeForm(self.price_list, self.currencies, posted if bulk else None)
        if posted is not None and (done := self._change_many(grid, change) if bulk else self._save(grid)):
            return done
        return TemplateResponse(self.request, "catalog/admin/price_grid.html", self._context(grid, change))

    def _rows(self) -> list[Variant]:
        """Return the variants of the page; those that were posted, though the filter may have lost them meanwhile."""
        posted = self.request.POST.getlist("row")
        if self.request.method != "POST" or not posted:
            return list(self.page.object_list)
        try:
            ids = [UUID(one) for one in posted[:PER_PAGE]]
        except ValueError:
            return []
        found = Variant.objects.annotate(product=product_name("offering")).select_related("offering").in_bulk(ids)
        return [found[one] for one in ids if one in found]

    def _save(self, grid: GridForm) -> HttpResponse | None:
        if not grid.is_valid():
            messages.error(self.request, _("Nothing was saved: correct the cells that are marked."))
            return None
        return self._done(save_prices(price_list=self.price_list, cells=grid.cells))

    def _change_many(self, grid: GridForm, form: ChangeForm) -> HttpResponse | None:
        """Change them once the person has seen how many and how; None when something is wrong."""
        if grid.has_changed():
            messages.error(self.request, _("Save the cells you changed first, or open the page again to drop them."))
            return None
        if "_copy" in self.request.POST:
            form.fields["source"].required = True
        if not form.is_valid():
            return None
        source = form.cleaned_data["source"] if "_copy" in self.request.POST else self.price_list
        # By id: as a sub-select the search would be run again for each price.
        chosen: list[Any] = self.request.POST.getlist("variant") or list(self.variants.values_list("pk", flat=True))
        rows = Variant.objects.filter(pk__in=chosen)
        try:
            planned = plan_prices(source=source, target=self.price_list, variants=rows, change=form.change)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
            return None
        if planned and self.request.POST.get(SURE) != str(len(planned)):
            return self._ask(planned, form)
        return self._done(reprice(target=self.price_list, currency=form.change.currency, planned=planned))

    def _ask(self, planned: list[PlannedPrice], form: ChangeForm) -> HttpResponse:
        """Ask before they are changed; the answer carries how many were agreed to, and is asked again for others."""
        examples = planned[:MOST_EXAMPLES]
        named = {
            one.pk: one
            for one in Variant.objects.annotate(product=product_name("offering")).filter(
                pk__in=[one.variant for one in examples]
            )
        }
        code = form.change.currency
        rows = [
            [spoken_name(named[one.variant].product, named[one.variant]), named[one.variant].sku]
            + [money(value, code) for value in (one.before.amount, one.after.amount, one.after.compare_at)]
            for one in examples
        ]
        kept = [*form.fields, "variant", "_change", "_copy"]
        context = {
            **self.admin.admin_site.each_context(self.request),
            "title": _("Change these prices?"),
            "opts": self.admin.opts,
            "price_list": self.price_list,
            "count": len(planned),
            "table": {"headers": EXAMPLE_HEADERS, "rows": rows},
            "kept": [(name, value) for name in kept for value in self.request.POST.getlist(name)],
            "sure": SURE,
        }
        return TemplateResponse(self.request, "catalog/admin/price_change_sure.html", context)

    def _done(self, count: int) -> HttpResponse:
        said = ngettext("%(count)s price was changed.", "%(count)s prices were changed.", count)
        messages.success(self.request, said % {"count": count} if count else gettext("Nothing was different."))
        return redirect(self.request.get_full_path())

    def _context(self, grid: GridForm, change: ChangeForm) -> dict[str, Any]:
        query = self.request.GET.copy()
        query.pop("p", None)
        return {
            **self.admin.admin_site.each_context(self.request),
            "title": _("Prices: %(list)s") % {"list": self.price_list},
            "opts": self.admin.opts,
            "price_list": self.price_list,
            "filter": self.filter,
            "grid": grid,
            "change": change,
            "currencies": self.currencies,
            "page": self.page,
            "query": query.urlencode(),
            "may_edit": self.request.user.has_perms(EDITING),
        }


class ReasonForm(forms.Form):
    """Which price is asked for."""

    sku = forms.CharField(label=_("SKU"), max_length=255, widget=UnfoldAdminTextInputWidget())
    channel = forms.ModelChoiceField(
        label=_("Channel"), queryset=SalesChannel.objects.all(), required=False, widget=UnfoldAdminSelectWidget()
    )
    at = forms.DateTimeField(
        label=_("At"), required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "1"})
    )
    currency = forms.CharField(label=_("Currency"), max_length=3, required=False, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channel: Any = self.fields["channel"]
        channel.queryset = SalesChannel.objects.order_by("code")
        channel.empty_label = gettext("No channel: lists for every channel")

    def clean_sku(self) -> Variant:
        """Find the variant."""
        variant = Variant.objects.filter(sku=self.cleaned_data["sku"]).first()
        if variant is None:
            raise ValidationError(_("There is nothing of this name."), code="unknown_reference")
        return variant

    def clean_currency(self) -> str | None:
        """Take the code in small letters too; None for none."""
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code and code not in CURRENCIES:
            raise ValidationError(_("There is no such currency."), code="unknown_currency")
        return code or None


def reasons_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Show which price of a variant counts, now or at an instant, and what became of every other one."""
    form = ReasonForm(request.GET or None)
    told = _explain(form) if form.is_valid() else None
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Why this price?"),
        "opts": admin.opts,
        "form": form,
        "told": told,
        "won": told and told.price and money(told.price.amount, told.price.currency),
        "table": told and {"headers": HEADERS, "rows": [_line(one) for one in told.candidates]},
    }
    return TemplateResponse(request, "catalog/admin/price_reasons.html", context)


HEADERS = [_("price list"), _("price"), _("channel"), _("priority"), _("window"), _("why")]


def _explain(form: ReasonForm) -> PriceExplanation:
    asked = form.cleaned_data
    channel = asked["channel"].code if asked["channel"] else None
    return explain_price(asked["sku"].pk, channel=channel, at=asked["at"], currency=asked["currency"])


def _line(one: Candidate) -> list[Any]:
    edges = [date_format(localtime(edge), "DATETIME_FORMAT") if edge else "…" for edge in (one.valid_from, one.valid_to)]
    window = " – ".join(edges) if one.valid_from or one.valid_to else gettext("always")
    reason = gettext("✓ This is the price that counts.") if one.verdict == Verdict.WON else one.reason
    channel = one.channel or gettext("every channel")
    return [one.price_list, money(one.amount, one.currency), channel, one.priority, window, reason]
