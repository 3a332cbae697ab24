"""Who buys: the list, a customer with the history, and making two that are one person one."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from catalog.admin.customer_page import customer_page
from catalog.admin.finding import customer_label, customers_like
from catalog.customers import check_known, merge_customers
from catalog.erasure import erase_customer
from catalog.models import Customer, CustomerIdentity
from tenants.admin import TenantAdmin
from tenants.admin.asking import asks_first
from tenants.errors import DomainError

MOST_CHOICES = 200
"""Customers to choose from when none is likely the same person: the newest."""


class IdentityInline(TabularInline):
    """The names a customer goes by on each channel."""

    model = CustomerIdentity
    tab = True
    extra = 0
    fields = ("channel", "external_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the identities with their channels."""
        return super().get_queryset(request).select_related("channel")


class TwiceFilter(admin.SimpleListFilter):
    """Customers of whom another has the same phone number or e-mail address."""

    title = _("likely the same person")
    parameter_name = "twice"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Same phone or e-mail as another"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        if self.value() != "yes":
            return queryset
        others = Customer.objects.present().exclude(pk=OuterRef("pk"))
        return queryset.filter(
            (~Q(phone_key="") & Exists(others.filter(phone_key=OuterRef("phone_key"))))
            | (~Q(email="") & Exists(others.filter(email__iexact=OuterRef("email"))))
        ).order_by(F("phone_key"), "-pk")


class MergeForm(forms.Form):
    """Whom the customer turned out to be."""

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        likely = Customer.objects.like(customer)
        others = Customer.objects.present().exclude(pk=customer.pk)
        self.fields["into"] = forms.ModelChoiceField(
            others,
            label=_("Keep"),
            help_text=_("Orders, conversations and channels go there; this customer is then found there only."),
            widget=UnfoldAdminSelectWidget,
            initial=likely.first(),
        )
        shown = list(likely[:MOST_CHOICES]) or list(others[:MOST_CHOICES])
        into: Any = self.fields["into"]
        into.choices = [(one.pk, customer_label(one)) for one in shown]


@admin.register(Customer)
class CustomerAdmin(TenantAdmin):
    """Customers: made by hand, or by their first message to a bot."""

    has_history = False  # personal: it must be erasable, and an audit is not
    list_display = ("__str__", "phone", "email", "tags", "created_at")
    list_filter = (TwiceFilter,)
    change_form_template = "catalog/admin/customer.html"
    actions_detail = ("merge", "erase")
    consequences: ClassVar[dict[str, Any]] = {
        "erase": _(
            "Conversations, what bots remember and what was made of the customer's words are deleted for good, as are all who "
            "were merged with them. Orders stay, without the person. You get a list of what was done."
        )
    }
    search_fields = ("name",)
    search_help_text = _("Name, phone or e-mail address, with or without accents")
    ordering = ("-id",)
    export_fields = ("name", "phone", "email", "address", "note", "tags", "created_at")
    fieldsets = (
        (None, {"fields": ("name", ("phone", "email"), "address", "tags", "note")}),
        (_("More"), {"classes": ("tab",), "fields": ("metadata",)}),
    )
    inlines = (IdentityInline,)
    empty_message = _("Customers appear here when they first write to a bot. You can also add them yourself.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the customers; one that was merged into another is that other."""
        return super().get_queryset(request).present()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by name, phone and e-mail address, without case and diacritics."""
        return queryset.filter(pk__in=customers_like(search_term).values("pk")) if search_term else queryset, False

    def choice_labels(self, rows: Sequence[Customer]) -> list[str]:
        """Return name, phone and e-mail address: many people have one name."""
        return [customer_label(row) for row in rows]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the channels, and refuse a customer whom nothing tells from any other."""
        super().save_related(request, form, formsets, change)
        check_known(form.instance)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show history and likely duplicates of a customer."""
        customer = context.get("original")
        return super().render_change_form(request, context | (customer_page(customer) if customer else {}), *args, **kwargs)

    @action(description=_("Merge into another"), icon="merge", permissions=["change"])
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whom this customer turned out to be, and make the two one."""
        customer = self.get_object(request, object_id)
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = MergeForm(request.POST or None, customer=customer, initial={"into": request.GET.get("into")})
        if request.method == "POST" and form.is_valid():
            try:
                into = merge_customers(source=customer, into=form.cleaned_data["into"], by=request.user)  # type: ignore[arg-type]
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, _("The two are one customer now."))
                return redirect("admin:catalog_customer_change", into.pk)
        context = {"title": _("Merge into another"), "opts": self.opts, "original": customer, "form": form}
        return TemplateResponse(request, "tenants/admin/ask.html", {**self.admin_site.each_context(request), **context})

    @action(description=_("Erase for good"), icon="person_off", permissions=["erase"])
    @asks_first
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Forget the customer, and show the proof."""
        done = erase_customer(customer_id=UUID(object_id), by=request.user)  # type: ignore[arg-type]
        messages.success(request, _("The customer is forgotten."))
        return redirect("admin:catalog_erasure_change", done.pk)

    def has_erase_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whom the role allows to erase people: more than to delete one who has nothing."""
        return request.user.has_perm("catalog.add_erasure")
