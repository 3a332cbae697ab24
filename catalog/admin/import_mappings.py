"""What the columns of a business's own files mean, one column a line."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from catalog.imports.mapping import signature
from catalog.imports.saved_mappings import check_columns
from catalog.models import ImportMapping
from tenants.admin import TenantAdmin
from tenants.errors import DomainError


class MappingForm(ModelForm):
    """The columns as lines such as ``Giá bán = price``; a column that is left out has nothing behind the sign."""

    lines = forms.CharField(
        label=_("Columns"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "placeholder": "Mã SP = sku\nTên sản phẩm = name\nGiá = price"}),
        help_text=_("One a line: the file's column = ours (code, name, sku, price, stock_qty, …). Nothing: left out."),
    )

    class Meta:
        model = ImportMapping
        fields = ("name", "decimals")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["lines"] = "\n".join(
            f"{name} = {ours}".rstrip() for name, ours in (self.instance.columns or {}).items()
        )

    def clean_lines(self) -> str:
        """Read the lines into the mapping's columns; refuse what rows cannot be read by."""
        pairs = [line.rpartition("=") for line in str(self.cleaned_data["lines"]).splitlines() if line.strip()]
        if not all(sign and name.strip() for name, sign, _ours in pairs):
            raise ValidationError(_("Write each column as: file's column = ours."), code="invalid")
        columns = {name.strip(): ours.strip() for name, _sign, ours in pairs}
        try:
            check_columns(columns)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        self.instance.columns, self.instance.signature = columns, signature(columns)
        return str(self.cleaned_data["lines"])


@admin.register(ImportMapping)
class ImportMappingAdmin(TenantAdmin):
    """Column mappings; each serves every file with the same header."""

    form = MappingForm
    list_display = ("name", "reads", "decimals", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = (("name", "decimals"), "lines")
    empty_message = _("Say once what the columns of your supplier's list mean; later files with these columns are known.")
    empty_links = ((_("Import a file"), "admin:catalog_importjob_add"),)

    @display(description=_("columns"))
    def reads(self, mapping: ImportMapping) -> str:
        """Show which columns mean what."""
        return ", ".join(f"{name} → {ours}" for name, ours in mapping.columns.items() if ours)[:200]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the form's fields; who may only look sees the columns as they are kept."""
        may_change = self.has_change_permission(request, obj) if obj else True
        return self.fields if may_change else ("name", "decimals", "reads")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the line of columns for those who may only look."""
        return ("reads",)
