"""The form of the bounds by which the daily figures are watched: from when on is a figure worth telling."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import formats
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from reports.metric_insights import COUNTS, SHARES
from reports.models import Metric
from reports.models.metrics import MONEY
from reports.thresholds import read_bound
from reports.wording import SERIES, is_share

NAMES = (*map(str, COUNTS), *(str(metric) for metric in Metric if metric in MONEY), *SHARES)
SIDES = (("above", _("Tell when above")), ("below", _("Tell when below")))


class BoundField(forms.CharField):
    """A number, as the reader's language writes it; of a share in per cent, with or without the sign."""

    def __init__(self, *, is_share: bool, **options: Any) -> None:
        self.is_share = is_share
        most = [MaxValueValidator(100.0)] if is_share else []
        super().__init__(required=False, validators=[MinValueValidator(0.0), *most], **options)

    def to_python(self, value: Any) -> Any:
        """Return the number, None for an empty field."""
        text = super().to_python(value)
        if not text:
            return None
        found = read_bound(text)
        if found is None or (found[1] and not self.is_share):
            raise ValidationError(_("Enter a number."), code="invalid")
        return round(found[0] * 100, 10) if found[1] else found[0]

    def prepare_value(self, value: Any) -> Any:
        """Return a number as the reader writes it, and what they have typed as it is."""
        if not isinstance(value, float):
            return value
        shown = f"{value:.15g}"
        return shown if "e" in shown else formats.number_format(shown, use_l10n=True, force_grouping=True)


class BoundsForm(forms.Form):
    """Two numbers for each figure, both optional. Shares are written in per cent and kept as 0 to 1."""

    def __init__(self, *args: Any, thresholds: list[dict[str, Any]], **options: Any) -> None:
        held = {(one["metric"], side): one[side] for one in thresholds for side, _label in SIDES if side in one}
        super().__init__(*args, **options)
        for name in NAMES:
            for side, label in SIDES:
                self.fields[f"{name}_{side}"] = self._field(name, f"{SERIES[name]}: {label}", held.get((name, side)))

    def _field(self, name: str, label: str, value: float | None) -> BoundField:
        shown = None if value is None else round(value * 100, 10) if is_share(name) else float(value)
        widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "aria-label": label})
        return BoundField(is_share=is_share(name), label=label, initial=shown, widget=widget)

    def rows(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return each figure's name and its two fields."""
        unit = {name: " (%)" for name in NAMES if is_share(name)} | {"latency_ms": " (ms)"}
        return [
            (f"{SERIES[name]}{unit.get(name, '')}", [self[f"{name}_{side}"] for side, _label in SIDES]) for name in NAMES
        ]

    def thresholds(self) -> list[dict[str, Any]]:
        """Return the bounds as they are kept."""
        typed = [(name, side, self.cleaned_data[f"{name}_{side}"]) for name in NAMES for side, _label in SIDES]
        return [
            {"metric": name, side: round(value / 100, 12) if is_share(name) else value}
            for name, side, value in typed
            if value is not None
        ]
