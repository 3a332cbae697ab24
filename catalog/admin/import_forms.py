"""The forms of an import: handing something in, and saying what the columns of a file mean."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.imports.backroom_csv import COLUMNS
from catalog.imports.file_kinds import check_kind
from catalog.imports.limits import MAX_FILE_BYTES, MAX_PAGES, MAX_URL_CHARACTERS
from catalog.imports.mapping import fold, signature
from catalog.imports.product_pages import addresses_as_file
from catalog.imports.saved_mappings import check_columns, chosen_mapping
from catalog.models import AttributeDefinition, ImportJob, ImportMapping, KnowledgeDomain
from catalog.money import CURRENCIES
from tenants.errors import DomainError

MOST_PASTED = 1_000_000
"""Characters; what is larger is better kept in a file."""
COLUMN_LABELS: dict[str, str | Promise] = {
    "code": _("Code of the offering"),
    "offering_type": _("Type of the offering"),
    "domain": _("Domain"),
    "category": _("Category"),
    "tags": _("Tags"),
    "status": _("Status"),
    "name": _("Name"),
    "description": _("Description"),
    "sku": _("SKU"),
    "variant_name": _("Name of the variant"),
    "variant_status": _("Status of the variant"),
    "price": _("Price"),
    "currency": _("Currency"),
    "compare_at": _("Price before the sale"),
    "price_list": _("Price list"),
    "policy": _("When nothing is left"),
    "stock_qty": _("Pieces in stock"),
    "safety_stock": _("Safety stock"),
    "location": _("Location"),
    "image": _("Address of a picture"),
    "image_alt": _("What the picture shows"),
}
"""By our column: what people call it."""


class NewImportForm(forms.ModelForm):
    """A file, addresses of product pages or pasted rows, and how they are to be understood."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("CSV, Excel (.xlsx) or JSON: Shopify's, Saleor's, our own, or a table of yours. Up to 100 MB."),
    )
    addresses = forms.CharField(
        label=_("Product pages"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "placeholder": "https://shop.example/products/lamp"}),
        help_text=_("Addresses, one a line, in place of a file: name, price, stock and pictures are read from the pages."),
    )
    pasted = forms.CharField(
        label=_("Rows"),
        required=False,
        max_length=MOST_PASTED,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("Copied from a spreadsheet, with the row of column names, in place of a file."),
    )
    mapping = forms.ChoiceField(label=_("Format"), widget=UnfoldAdminSelectWidget, initial=ImportJob.Mapping.AUTO)
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Of prices for which the file names none; three letters, such as VND."),
    )

    class Meta:
        model = ImportJob
        fields = ("mapping", "decimals", "currency", "domain", "on_duplicate_sku", "source", "missing")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._chosen: dict[str, Any] = {}
        formats = [one for one in ImportJob.Mapping.choices if one[0] != ImportJob.Mapping.SAVED]
        saved = [(str(pk), name) for pk, name in ImportMapping.objects.values_list("pk", "name")]
        mapping: Any = self.fields["mapping"]
        mapping.choices = [*formats, (_("Own columns"), saved)] if saved else formats
        domain: Any = self.fields["domain"]
        domain.queryset = KnowledgeDomain.objects.filter(status=KnowledgeDomain.Status.ACTIVE)
        domain.help_text = _("Of products for which the file names none.")
        self.fields["missing"].required = False

    def clean_mapping(self) -> str:
        """Find the saved mapping that was chosen."""
        try:
            self._chosen = chosen_mapping(str(self.cleaned_data["mapping"]))
        except DomainError as error:  # it was deleted a moment ago
            raise ValidationError(error.message, code=error.code) from error
        return str(self._chosen["mapping"])

    def clean_currency(self) -> str:
        """Take the code in small letters too."""
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code not in CURRENCIES:
            raise ValidationError(_("“%(code)s” is no ISO 4217 currency."), code="unknown_currency", params={"code": code})
        return code

    def clean_missing(self) -> str:
        """Keep what is not in the file unless it is said otherwise."""
        return str(self.cleaned_data["missing"] or ImportJob.Missing.KEEP)

    def clean_file(self) -> Any:
        """Refuse what is too large, and what is no table."""
        file = self.cleaned_data["file"]
        if file and file.size > MAX_FILE_BYTES:
            raise ValidationError(_("The file is larger than 100 MB."), code="too_large")
        try:
            if file:
                check_kind(file, file.name)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        return file

    def clean_addresses(self) -> list[str]:
        """Return the addresses; whether they lead anywhere is told row by row."""
        addresses = str(self.cleaned_data["addresses"]).split()
        if len(addresses) > MAX_PAGES:
            raise ValidationError(_("At most %(limit)d addresses."), code="max_length", params={"limit": MAX_PAGES})
        if any(len(one) > MAX_URL_CHARACTERS or not one.startswith(("http://", "https://")) for one in addresses):
            raise ValidationError(_("Write whole addresses that begin with https://."), code="invalid")
        return addresses

    def clean(self) -> dict[str, Any]:
        """Ask for one source and no more."""
        values = super().clean() or self.cleaned_data
        given = [name for name in ("file", "addresses", "pasted") if values.get(name)]
        if not given and not any(self.errors.get(name) for name in ("file", "addresses", "pasted")):
            self.add_error("file", ValidationError(_("Give a file, addresses or rows."), code="required"))
        for name in given[1:]:
            self.add_error(name, ValidationError(_("Give a file, rows or addresses, one of them."), code="invalid"))
        return values

    def options(self) -> dict[str, Any]:
        """Return what ``create_job`` takes."""
        values = dict(self.cleaned_data)
        file, addresses, pasted = (values.pop(name) for name in ("file", "addresses", "pasted"))
        if addresses:
            web = {"mapping": ImportJob.Mapping.WEB, "source_type": ImportJob.SourceType.WEB}
            return {**values, **web, "chunks": [addresses_as_file(addresses)], "name": "pages.txt"}
        source = (file.chunks(), file.name) if file else ([pasted.encode()], str(_("pasted rows")))
        return {**values, **self._chosen, "chunks": source[0], "name": source[1]}


class ColumnsForm(forms.Form):
    """What each column of a file means; saved under a name, for every later file with these columns."""

    name = forms.CharField(
        label=_("Save as"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Such as the supplier's name. Later files with these columns are read the same way."),
    )
    decimals = forms.ChoiceField(
        label=_("Numbers are written"), choices=ImportMapping.Decimals.choices, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, job: ImportJob, **kwargs: Any) -> None:
        understood = job.understood
        self._own = str(understood.get("mapping", ""))
        given = {"name": self._own, "decimals": understood.get("decimals", ImportMapping.Decimals.PLAIN)}
        super().__init__(*args, **{"initial": given, **kwargs})
        self.columns = columns_of(job)
        known = _choices(job)
        for number, (column, ours) in enumerate(self.columns):
            option = f"option.{fold(column).replace(' ', '_') or number + 1}"
            own = [(option, _("Option “%(name)s”") % {"name": column}), *([(ours, ours)] if ours else [])]
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=column,
                required=False,
                initial=ours,
                choices=[("", _("Leave out")), *dict([*own, *known]).items()],
                widget=UnfoldAdminSelectWidget,
            )

    def clean_name(self) -> str:
        """Overwrite no other mapping of this name."""
        name = str(self.cleaned_data["name"]).strip()
        if name != self._own and (ImportMapping.objects.filter(name=name).exists() or name in ImportJob.Mapping.values):
            raise ValidationError(_("A mapping with this name exists already."), code="unique")
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse columns that rows cannot be read by."""
        values = super().clean() or self.cleaned_data
        self.meant = {column: values.get(f"column_{number}", "") for number, (column, _ours) in enumerate(self.columns)}
        try:
            check_columns(self.meant)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        return values

    def save(self) -> ImportMapping:
        """Save the mapping."""
        values = {"columns": self.meant, "decimals": self.cleaned_data["decimals"], "signature": signature(self.meant)}
        mapping: ImportMapping
        mapping, _is_new = ImportMapping.objects.update_or_create(name=self.cleaned_data["name"], defaults=values)
        return mapping


def columns_of(job: ImportJob) -> list[tuple[str, str]]:
    """Return the columns of a job's file in their order, each with ours or nothing."""
    columns: dict[str, str] = job.understood.get("columns", {})
    order: list[str] = job.understood.get("header", [])
    return [(name, columns[name]) for name in [*order, *(one for one in columns if one not in order)] if name in columns]


def _choices(job: ImportJob) -> list[tuple[str, Any]]:
    """Return our columns with their labels: the fixed ones, then attributes and options that domains know."""
    fixed = [(name, COLUMN_LABELS.get(name, name)) for name in COLUMNS]
    definitions = AttributeDefinition.objects.filter(domain__status=KnowledgeDomain.Status.ACTIVE)
    if job.domain_id:
        definitions = definitions.filter(domain=job.domain_id)
    keyed = {("attr." if scope == "offering" else "option.") + key for key, scope in definitions.values_list("key", "scope")}
    return [*fixed, *((name, name) for name in sorted(keyed))]
