"""The form of the bounds by which the daily figures are watched: from when on is a figure worth telling."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from reports.metric_insights import COUNTS, SHARES
from reports.models import Metric
from reports.models.metrics import MONEY
from reports.wording import SERIES, is_share

NAMES = (*map(str, COUNTS), *(str(metric) for metric in Metric if metric in MONEY), *SHARES)
SIDES = (("above", _("Tell when above")), ("below", _("Tell when below")))


class BoundsForm(forms.Form):
    """Two numbers for each figure, both optional. Shares are written in per cent and kept as 0 to 1."""

    def __init__(self, *args: Any, thresholds: list[dict[str, Any]], **options: Any) -> None:
        held = {(one["metric"], side): one[side] for one in thresholds for side, _label in SIDES if side in one}
        super().__init__(*args, **options)
        for name in NAMES:
            for side, label in SIDES:
                self.fields[f"{name}_{side}"] = self._field(name, f"{SERIES[name]}: {label}", held.get((name, side)))

    def _field(self, name: str, label: str, value: float | None) -> forms.FloatField:
        shown = value if value is None or not is_share(name) else round(value * 100, 10)
        most = 100.0 if is_share(name) else None
        widget = UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "aria-label": label})
        initial = None if shown is None else f"{shown:.15g}"
        return forms.FloatField(label=label, required=False, min_value=0.0, max_value=most, initial=initial, widget=widget)

    def rows(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return each figure's name and its two fields."""
        unit = {name: " (%)" for name in NAMES if is_share(name)}
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
