"""Who buys."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from catalog.models import Customer, CustomerIdentity
from tenants.admin import TenantAdmin


class IdentityInline(TabularInline):
    """The names a customer goes by on each channel."""

    model = CustomerIdentity
    tab = True
    extra = 0
    fields = ("channel", "external_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the identities with their channels."""
        return super().get_queryset(request).select_related("channel")


@admin.register(Customer)
class CustomerAdmin(TenantAdmin):
    """Customers: made by hand, or by their first message to a bot."""

    has_history = False  # personal: it must be erasable, and an audit is not
    list_display = ("__str__", "phone", "email", "tags", "created_at")
    search_fields = ("name", "phone", "email")
    ordering = ("-id",)
    export_fields = ("name", "phone", "email", "address", "note", "tags", "created_at")
    fieldsets = (
        (None, {"fields": ("name", ("phone", "email"), "address", "tags", "note")}),
        (_("More"), {"classes": ("tab",), "fields": ("metadata",)}),
    )
    inlines = (IdentityInline,)
    empty_message = _("Customers appear here when they first write to a bot. You can also add them yourself.")
