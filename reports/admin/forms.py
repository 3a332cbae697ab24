"""Forms of reports: the upload, and what may be changed later."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from catalog.imports.file_kinds import check_kind
from reports.findings.figures import is_figure
from reports.models import Report
from reports.reading.limits import MAX_FILE_BYTES
from reports.thresholds import check_thresholds, read_bound
from tenants.errors import DomainError

_BOUND = re.compile(r"(.+?)\s*([<>])\s*(-?[0-9][0-9.,]*\s*%?)")


class NewReportForm(forms.ModelForm):
    """A file, and what it is."""

    upload = forms.FileField(
        label=_("File"), widget=UnfoldAdminFileFieldWidget(), help_text=_("CSV or Excel (.xlsx), up to 25 MB.")
    )

    class Meta:
        model = Report
        fields = ("vendor", "report_type", "report_date", "decimals")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["report_date"].initial = timezone.localdate

    def clean_upload(self) -> Any:
        """Refuse what is too large, or no table."""
        file = self.cleaned_data["upload"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(_("A file is larger than 25 MB."), code="too_large")
        try:
            check_kind(file, file.name)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        return file


class ReportForm(forms.ModelForm):
    """What may be changed of a report: what it is called, and the bounds its figures are watched by."""

    bounds = forms.CharField(
        label=_("Thresholds"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_(
            "One a line, such as “sold < 10” or “cost > 500”. In per cent: “rate > 4%”. Saving looks for insights again."
        ),
    )

    averaged = forms.MultipleChoiceField(
        label=_("Averaged a day"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("Figures that do not add up, such as rates and prices. All others are summed."),
    )
    left_out = forms.MultipleChoiceField(
        label=_("Not looked at"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("Codes, years, phone numbers."),
    )

    class Meta:
        model = Report
        fields = ("vendor", "report_type", "report_date")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tables = self.instance.tables
        self.fields["bounds"].initial = "\n".join(written(one, tables) for one in self.instance.thresholds)

        self.counted = {
            one["name"]: one.get("counted", "") for table in tables for one in table["columns"] if is_figure(one)
        }
        for field, way in (("averaged", "mean"), ("left_out", "none")):
            self.fields[field].choices = [(name, name) for name in self.counted]  # type: ignore[attr-defined]
            self.fields[field].initial = [name for name, counted in self.counted.items() if counted == way]

    def clean(self) -> dict[str, Any]:
        """Refuse a column that is to be averaged and not looked at."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        both = sorted(set(cleaned.get("averaged", ())) & set(cleaned.get("left_out", ())))
        if both:
            said = _("“%(column)s” cannot be averaged and not looked at.")
            self.add_error("left_out", ValidationError(said, code="invalid", params={"column": both[0]}))
        return cleaned

    def counting(self) -> dict[str, str]:
        """Return how columns are counted where a person said so, now or before."""
        left_out, averaged = set(self.cleaned_data["left_out"]), set(self.cleaned_data["averaged"])
        said = {name: "none" if name in left_out else "mean" if name in averaged else "sum" for name in self.counted}
        known = self.instance.counting
        return {
            name: way for name, way in said.items() if name in known or (self.counted[name] and way != self.counted[name])
        }

    def clean_bounds(self) -> list[dict[str, Any]]:
        """Return the thresholds as they are kept."""
        lines = [line.strip() for line in str(self.cleaned_data["bounds"]).splitlines() if line.strip()]
        found = [_BOUND.fullmatch(line) for line in lines]
        read = []
        for line, match in zip(lines, found, strict=True):
            bound = read_bound(match[3]) if match else None
            if match and bound:
                read.append((match, bound[0]))
            else:
                raise ValidationError(_("This is no threshold: %(line)s"), code="invalid", params={"line": line[:100]})
        kept = [{"column": match[1], "above" if match[2] == ">" else "below": number} for match, number in read]
        try:
            check_thresholds(kept, self.instance.tables)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        return kept


def written(threshold: dict[str, Any], tables: list[dict[str, Any]]) -> str:
    """Return a threshold as people write it: `sold > 10`, `rate > 4 %`."""
    side, sign = ("above", ">") if "above" in threshold else ("below", "<")
    percents = {column["name"] for table in tables for column in table["columns"] if column.get("is_percent")}
    is_percent = threshold["column"] in percents
    number = f"{round(threshold[side] * 100, 10) if is_percent else threshold[side]:.15g}"
    shown = number if "e" in number else formats.number_format(number, use_l10n=True)
    return f"{threshold['column']} {sign} {shown}{' %' if is_percent else ''}"
