"""Orders: the list, an order with its timeline and its next steps, and taking one by hand."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from catalog.admin.amounts import money
from catalog.admin.finding import customers_like
from catalog.admin.order_forms import CancelForm, NoteForm, OrderForm, ReturnForm, asked
from catalog.admin.order_page import order_page
from catalog.models import Order, OrderLine
from catalog.order_lines import NewLine
from catalog.orders import (
    TRANSITIONS,
    OrderWords,
    add_note,
    cancel_order,
    confirm_order,
    create_order,
    fulfil_order,
    hold_time,
)
from catalog.returns import return_goods
from tenants.admin import TenantAdmin, asks_first
from tenants.admin.filters import TimeFilter

STATUS_COLOURS = {
    Order.Status.PENDING: "warning",
    Order.Status.CONFIRMED: "info",
    Order.Status.FULFILLED: "success",
    Order.Status.CANCELLED: "danger",
}


class NewLineInline(TabularInline):
    """What is bought, while an order is taken by hand. Its price is frozen on saving."""

    model = OrderLine
    extra = 3
    min_num = 1
    autocomplete_fields = ("variant",)
    fields = ("variant", "quantity")
    verbose_name_plural = _("what is bought")


@admin.register(Order)
class OrderAdmin(TenantAdmin):
    """Orders. Prices are frozen and stock is held as they are made; each step asks first."""

    list_display = ("number_shown", "customer", "status_label", "total_shown", "channel", "created_at")
    list_display_links = ("number_shown",)
    list_select_related = ("customer", "channel")
    list_filter = ("status", "channel", ("created_at", TimeFilter))
    list_filter_submit = True
    search_fields = ("number",)
    search_help_text = _("Number, SKU, or the customer's name, phone or e-mail address")
    ordering = ("-id",)
    link_filters = ("customer", "session", "bot_id")
    form = OrderForm
    autocomplete_fields = ("customer",)
    change_form_template = "catalog/admin/order.html"
    actions_detail = ("confirm", "fulfil", "returns", "note", "cancel")
    export_fields = (
        *("number", "status", "customer", "channel", "currency", "total", "refunded", "shipping_address", "note"),
        *("cancel_reason", "created_at"),
    )
    empty_message = _("What customers buy stands here, from a bot, through the API or taken by hand.")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by number, with or without the sign before it, by SKU, and by whose it is."""
        term = search_term.strip()
        if not term:
            return queryset, False
        lines = OrderLine.objects.filter(order=OuterRef("pk"), sku__icontains=term)
        found = Q(Exists(lines)) | Q(customer__in=customers_like(term).values("pk"))
        number = term.removeprefix("#")
        if number.isdecimal() and len(number) < 10:
            found |= Q(number=int(number))
        return queryset.filter(found), False

    @display(description=_("order"), ordering="number")
    def number_shown(self, order: Order) -> str:
        """Show the number."""
        return str(order)

    @display(description=_("status"), ordering="status", label=dict(STATUS_COLOURS))
    def status_label(self, order: Order) -> tuple[str, str]:
        """Show the status as a label."""
        return order.status, order.get_status_display()

    @display(description=_("total"), ordering="total")
    def total_shown(self, order: Order) -> str:
        """Show what it costs."""
        return format_html('<span class="whitespace-nowrap">{}</span>', money(order.total, order.currency))

    # --- taking an order by hand

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is asked of a new order, or what can be changed later."""
        words: tuple[Any, ...] = ("shipping_address", "note")
        return ((None, {"fields": words if obj else (("customer", "channel"), "currency", *words)}),)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the lines to fill in; those of an order stay as they are."""
        return () if obj else (NewLineInline,)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form, or an order. How long stock is held is read before the page's transaction opens."""
        if object_id is None and request.tenant is not None:  # type: ignore[attr-defined]
            request.held_for = hold_time()  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Order, form: ModelForm, change: bool) -> None:
        """Save what may be changed; a new order is made with its lines, once those are known."""
        if change:
            obj.save(update_fields=["shipping_address", "note", "updated_at"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Make the order."""
        if change:
            return
        words = {name: form.cleaned_data.pop(name) for name in ("shipping_address", "note")}
        rows = [row.cleaned_data for row in formsets[0].forms if row.cleaned_data and not row.cleaned_data.get("DELETE")]
        made = create_order(
            customer=form.cleaned_data["customer"],
            channel=form.cleaned_data["channel"],
            currency=form.cleaned_data["currency"] or None,
            lines=[NewLine(row["variant"], row["quantity"]) for row in rows],
            held_for=request.held_for,  # type: ignore[attr-defined]
            words=OrderWords(**words),
            created_by=request.user,  # type: ignore[arg-type] # nobody anonymous gets here
        )
        form.instance.__dict__.update(made.__dict__)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        """Write none: the timeline and the audit tell."""
        return []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show lines, totals, customer and timeline of an order."""
        order = context.get("original")
        return super().render_change_form(request, context | (order_page(order) if order else {}), *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is cancelled."""
        return False

    # --- its steps

    def _may(self, request: HttpRequest, object_id: Any, *, to: str = "", status: str = "") -> bool:
        if not request.user.has_perm("catalog.change_order"):
            return False
        if object_id is None:
            return True
        order = self.get_object(request, str(object_id))
        return order is None or (to in TRANSITIONS[order.status] if to else order.status == status)

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether it may be confirmed now."""
        return self._may(request, object_id, to=Order.Status.CONFIRMED)

    def has_fulfil_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether it may be fulfilled now."""
        return self._may(request, object_id, to=Order.Status.FULFILLED)

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether it may be cancelled now."""
        return self._may(request, object_id, to=Order.Status.CANCELLED)

    def has_returns_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether anything may come back."""
        return self._may(request, object_id, status=Order.Status.FULFILLED)

    @action(description=_("Confirm"), icon="check", permissions=["confirm"])
    @asks_first
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the stock for this order until it is handed over."""
        order = self.get_object(request, object_id)
        confirm_order(order=order, by=request.user)  # type: ignore[arg-type]
        return self._done(request, order, _("Confirmed. Its stock is kept until you hand it over."))

    @action(description=_("Fulfil"), icon="local_shipping", permissions=["fulfil"])
    @asks_first
    def fulfil(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hand the goods over."""
        order = self.get_object(request, object_id)
        fulfil_order(order=order, by=request.user)  # type: ignore[arg-type]
        return self._done(request, order, _("Fulfilled. The stock has gone out."))

    @action(description=_("Cancel"), icon="block", permissions=["cancel"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the order up, and say why."""
        question = _("Cancel the order? What it holds is on sale again.")
        return asked(
            self, request, object_id, CancelForm, question, cancel_order, _("Cancelled. Its stock is on sale again.")
        )

    @action(description=_("Take goods back"), icon="assignment_return", permissions=["returns"])
    def returns(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take pieces back and say what is refunded."""
        question = _("What came back?")
        return asked(self, request, object_id, ReturnForm, question, return_goods, _("The return is written down."))

    @action(description=_("Add a note"), icon="sticky_note_2", permissions=["change"])
    def note(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a note into the timeline."""
        return asked(self, request, object_id, NoteForm, _("Add a note"), add_note, _("The note stands in the timeline."))

    def _done(self, request: HttpRequest, order: Any, message: Any) -> HttpResponse:
        messages.success(request, message)
        return redirect("admin:catalog_order_change", order.pk)
