"""What lists are narrowed by beside their columns."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import DateTimeField
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter


class TimeFilter(RangeDateTimeFilter):
    """Rows between two moments, the second one left out, by the clock and in the writing of whoever looks.

    unfold's own takes what is typed for UTC, and days for American ones. A day without a time is meant as a whole.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list; what is no moment narrows nothing."""
        since, until = self._moment("from"), self._moment("to")
        found = queryset.filter(**{f"{self.parameter_name}__gte": since}) if since else queryset
        return found.filter(**{f"{self.parameter_name}__lt": until}) if until else found

    def _moment(self, end: str) -> datetime | None:
        day, clock = (self.used_parameters.get(f"{self.parameter_name}_{end}_{place}") or "" for place in (0, 1))
        try:
            found = DateTimeField(required=False).clean(f"{day} {clock}".strip())
        except ValidationError:
            return None
        return found + timedelta(days=1) if found and end == "to" and not clock else found
