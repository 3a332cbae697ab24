"""Several files in one field of a form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget


class SeveralFilesWidget(UnfoldAdminFileFieldWidget):
    """An upload of several files at once."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Files, each checked like one; at most ``most`` of them."""

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(widget=SeveralFilesWidget(attrs={"multiple": True}), **options)
        self.most = most

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files; raises ``ValidationError`` for too many."""
        given = data if isinstance(data, (list, tuple)) else [data] if data else []
        if len(given) > self.most:
            raise ValidationError(_("At most %(most)d files at once."), code="too_many", params={"most": self.most})
        return [super(SeveralFilesField, self).clean(one, initial) for one in given]
