"""The admin of e-mail accounts."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from reports.models import Mailbox
from tenants.admin import TenantAdmin
from vault.models import Credential


@admin.register(Mailbox)
class MailboxAdmin(TenantAdmin):
    """The accounts a business writes by; its passwords stay in the vault."""

    list_display = ("name", "address", "smtp", "is_active", "updated_at")
    list_filter = ("is_active",)
    list_select_related = ("smtp",)
    search_fields = ("name", "address")
    fieldsets = (
        (None, {"fields": (("name", "address"), "is_active")}),
        (_("Servers"), {"fields": ("smtp",)}),
    )
    empty_message = _("Write by your own address: keep its password under Credentials (SMTP), and name it here.")
    empty_links = ((_("Add a credential"), "admin:vault_credential_add"),)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer the credentials of the right kind of service."""
        if db_field.name == "smtp":
            options["queryset"] = Credential.objects.filter(provider="smtp")
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Mailbox, form: ModelForm, change: bool) -> None:
        """Keep it with its author."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
