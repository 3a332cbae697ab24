"""The words of an offering in other languages, a pair of fields each."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from catalog.models import OfferingTranslation

TRANSLATION = "translation_"


def translation_fields(own: str) -> dict[str, forms.Field]:
    """Return name and description in every language but the business's ``own``, by field name."""
    fields: dict[str, forms.Field] = {}
    for code, language in settings.LANGUAGES:
        if code == own:
            continue
        fields[f"{TRANSLATION}{code}_name"] = forms.CharField(
            label=format_lazy("{} ({})", _("Name"), language),
            required=False,
            max_length=500,
            widget=UnfoldAdminTextInputWidget(),
            help_text=_("Empty: customers who read this language see your own words."),
        )
        fields[f"{TRANSLATION}{code}_description"] = forms.CharField(
            label=format_lazy("{} ({})", _("Description"), language),
            required=False,
            max_length=100_000,
            widget=UnfoldAdminTextareaWidget({"rows": 5}),
        )
    return fields


def initial_translations(translations: Iterable[OfferingTranslation]) -> dict[str, str]:
    """Return what the fields begin with."""
    return {
        f"{TRANSLATION}{one.language}_{part}": getattr(one, part) for one in translations for part in ("name", "description")
    }


def typed_translations(typed: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the words by language, as the services take them; a language without a name has none."""
    found: dict[str, dict[str, str]] = {}
    for field, value in typed.items():
        if field.startswith(TRANSLATION):
            language, _underscore, part = field.removeprefix(TRANSLATION).rpartition("_")
            found.setdefault(language, {})[part] = value
    return {language: words for language, words in found.items() if words.get("name")}
