"""The tenant's synonyms, and a page to try a search and see why it finds what it finds."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.admin.amounts import money
from catalog.models import SalesChannel, SearchSynonym
from catalog.search import Described, Filters
from catalog.search.explaining import Explained, Trial, try_search
from tenants.admin import TenantAdmin
from tenants.models import Tenant
from tenants.scope import current_tenant_id

SHOWN = 20
"""Hits on the page."""


class TryForm(forms.Form):
    """What to look for, and what to narrow it to."""

    q = forms.CharField(
        max_length=2000,
        label=_("Search for"),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "placeholder": _("Write as a customer would")}),
    )
    channel = forms.ModelChoiceField(
        SalesChannel.objects.filter(is_active=True),
        label=_("Channel"),
        required=False,
        to_field_name="code",
        empty_label=_("Every channel"),
        widget=UnfoldAdminSelectWidget,
    )
    language = forms.ChoiceField(
        choices=[("", _("Any language")), ("vi", "Tiếng Việt"), ("en", "English")],
        label=_("Language first"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    available = forms.ChoiceField(
        choices=[("", _("Whether there or not")), ("true", _("Can be sold now")), ("false", _("Cannot be sold now"))],
        label=_("Availability"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    min_price = forms.DecimalField(
        label=_("Price from"),
        required=False,
        min_value=0,
        max_digits=19,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    max_price = forms.DecimalField(
        label=_("Price to"),
        required=False,
        min_value=0,
        max_digits=19,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    category = forms.CharField(label=_("Category"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    attribute = forms.RegexField(
        r"^[^=]{1,63}=.{1,500}$",
        label=_("Attribute"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "color=red"}),
        error_messages={"invalid": _("Write a name and a value, such as color=red.")},
    )

    @property
    def filters(self) -> Filters:
        """What the valid form narrows to, in the tenant's currency."""
        said = self.cleaned_data
        key, sign, value = said["attribute"].partition("=")
        return Filters(
            minimum=said["min_price"],
            maximum=said["max_price"],
            currency=Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()),
            channel=said["channel"].code if said["channel"] else None,
            available={"true": True, "false": False, "": None}[said["available"]],
            described=[Described(key, value)] if sign else [],
            category=said["category"] or None,
        )


@admin.register(SearchSynonym)
class SearchSynonymAdmin(TenantAdmin):
    """Synonyms; and the page to try a search."""

    list_display = ("term", "ways", "others", "updated_at")
    list_filter = ("is_two_way",)
    search_fields = ("term",)
    ordering = ("term",)
    fields = ("term", "synonyms", "is_two_way")
    export_fields = ("term", "synonyms", "is_two_way")
    actions_list = ("try_search",)
    empty_message = _(
        "Customers have their own words: “dế” for “điện thoại”, “sofa” for “ghế sa lông”. Say here which words mean the "
        "same; searches and bots know it at once."
    )
    empty_links = ((_("Try the search"), "admin:catalog_searchsynonym_try_search"),)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Take the synonyms in one line, split by commas."""
        if db_field.name == "synonyms":
            kwargs["widget"] = UnfoldAdminTextInputWidget()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @display(description=_("finds"))
    def others(self, synonym: SearchSynonym) -> str:
        """Show what means the same."""
        return ", ".join(synonym.synonyms)

    @display(description=_("direction"), ordering="is_two_way", label={True: "info", False: "warning"})
    def ways(self, synonym: SearchSynonym) -> tuple[bool, Any]:
        """Show whether it works both ways."""
        return synonym.is_two_way, _("Both ways") if synonym.is_two_way else _("One way")

    def has_try_search_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may look at what is found."""
        return request.user.has_perms(["catalog.view_offering", "catalog.view_searchsynonym"])

    @action(description=_("Try the search"), icon="search", url_path="try", permissions=["try_search"])
    def try_search(self, request: HttpRequest) -> HttpResponse:
        """Search as the API does, and show why."""
        form = TryForm(request.GET if "q" in request.GET else None)
        trial = None
        if form.is_bound and form.is_valid():
            language = form.cleaned_data["language"] or None
            trial = try_search(form.cleaned_data["q"], filters=form.filters, limit=SHOWN, language=language)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Try the search"),
            "form": form,
            "trial": trial,
            "hits": [_hit(number, one) for number, one in enumerate(trial.hits, start=1)] if trial else [],
            "synonyms": _synonyms(trial) if trial else [],
        }
        return TemplateResponse(request, "catalog/admin/try_search.html", context)


def _synonyms(trial: Trial) -> list[str]:
    return [f"{one.said} = {one.meant}" for one in trial.synonyms]


def _hit(number: int, one: Explained) -> dict[str, Any]:
    hit, facts = one.found.hit, one.found.facts
    prices = dict.fromkeys(money(price.amount, price.currency) for price in (one.found.lowest, one.found.highest) if price)
    labels = {"vector": _("meaning"), "text": _("words"), "priority": _("priority"), "synonyms": _("of these by synonyms")}
    return {
        "number": number,
        "id": hit.id,
        "name": facts.name,
        "code": facts.code,
        "percent": round(hit.score * 100),
        "fit": round(one.fit * 100),
        "parts": [
            (labels[name], number_format(value, 2), value)
            for name, value in hit.parts.items()
            if value or name != "priority"
        ],
        "has_vector": hit.has_vector,
        "in_name": one.in_name,
        "in_text": one.in_text,
        "synonyms": [f"{synonym.said} = {synonym.meant}" for synonym in hit.synonyms],
        "price": " – ".join(prices),
        "sellable": facts.sellable,
        "available": facts.available,
        "is_shown_by_bots": one.is_shown_by_bots,
    }
