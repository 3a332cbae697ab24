"""The forms of an order: taking it by hand, cancelling it, taking goods back, adding a note."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.models import Customer, InventoryLocation, Order
from catalog.money import CURRENCIES
from catalog.returns import Returned
from tenants.errors import DomainError


class OrderForm(forms.ModelForm):
    """An order to be taken by hand, or the words of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"shipping_address", "note"} & set(self.fields):
            self.fields[name].widget.attrs["rows"] = 3
        if "customer" in self.fields:
            self.fields["customer"].queryset = Customer.objects.present()  # type: ignore[attr-defined]
        if "channel" in self.fields:
            channels: Any = self.fields["channel"]
            channels.queryset = channels.queryset.filter(is_active=True)
            channels.initial = channels.queryset.first()
        if currency := self.fields.get("currency"):
            currency.required = False
            currency.help_text = _("Empty: yours, else the only one that everything bought has.")

    def clean_currency(self) -> str:
        """Take the code in small letters too; none is found out by what is bought."""
        code = str(self.cleaned_data.get("currency") or "").strip().upper()
        if code and code not in CURRENCIES:
            raise forms.ValidationError(_("There is no such currency."), code="unknown_currency")
        return code


class StepForm(forms.Form):
    """A form that leads to a step of ``order``; ``arguments`` are the service's."""

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        self.order = order
        super().__init__(*args, **kwargs)

    def arguments(self) -> dict[str, Any]:
        """Return what the service takes beside the order."""
        return dict(self.cleaned_data)


class CancelForm(StepForm):
    """Why an order is given up."""

    reason = forms.CharField(label=_("Why"), required=False, max_length=500, widget=UnfoldAdminTextInputWidget)


class NoteForm(StepForm):
    """A note for the timeline."""

    text = forms.CharField(label=_("Note"), max_length=5000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))


class ReturnForm(StepForm):
    """How many of each line came back, where they go and what is refunded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [line for line in self.order.lines.all() if line.quantity > line.returned]
        for line in self.lines:
            left = line.quantity - line.returned
            self.fields[f"line_{line.position}"] = forms.IntegerField(
                label=f"{line.name} ({line.sku})",
                min_value=0,
                max_value=left,
                initial=0,
                help_text=_("At most %(count)d.") % {"count": left},
                widget=UnfoldAdminIntegerFieldWidget,
            )
        self.fields["refund_amount"] = forms.DecimalField(
            label=_("Refund in %(currency)s") % {"currency": self.order.currency},
            required=False,
            min_value=0,
            help_text=_("Empty: what these pieces cost."),
            widget=UnfoldAdminDecimalFieldWidget,
        )
        self.fields["location"] = forms.ModelChoiceField(
            InventoryLocation.objects.all(),
            label=_("Put it to"),
            required=False,
            empty_label=str(_("Where it was taken from")),
            widget=UnfoldAdminSelectWidget,
        )
        self.fields["note"] = forms.CharField(
            label=_("Note"), required=False, max_length=500, widget=UnfoldAdminTextInputWidget
        )

    def arguments(self) -> dict[str, Any]:
        """Return the pieces by line, and the rest."""
        values = dict(self.cleaned_data)
        pieces = [(line, values.pop(f"line_{line.position}") or 0) for line in self.lines]
        return {**values, "lines": [Returned(line, quantity) for line, quantity in pieces if quantity]}


def asked(
    admin: Any,
    request: HttpRequest,
    object_id: str,
    form_class: type[StepForm],
    question: Any,
    step: Callable[..., Any],
    message: Any,
) -> HttpResponse:
    """Answer a step's link with its form, and run the ``step`` when that is sent; what it refuses stands in the form."""
    order = admin.get_object(request, object_id)
    if order is None:
        return admin._get_obj_does_not_exist_redirect(request, admin.opts, object_id)
    form = form_class(request.POST or None, order=order)
    if request.method == "POST" and form.is_valid():
        try:
            step(order=order, by=request.user, **form.arguments())
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, message)
            return redirect("admin:catalog_order_change", order.pk)
    context = {"title": question, "opts": admin.opts, "original": order, "form": form}
    return TemplateResponse(request, "tenants/admin/ask.html", {**admin.admin_site.each_context(request), **context})
