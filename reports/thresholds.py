"""The bounds a report's figures are watched by."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from tenants.errors import DomainError

MOST = 50


def check_thresholds(thresholds: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``DomainError`` (``invalid``) unless each names a column and one bound."""
    if len(thresholds) > MOST:
        raise DomainError("max_length", _("At most %(most)d thresholds.") % {"most": MOST}, field="thresholds")
    for one in thresholds:
        if not one.get("column") or ("above" in one) == ("below" in one):
            raise DomainError("invalid", _("A threshold has a column, and either above or below."), field="thresholds")
