"""The form of an offering: its own fields, the words of its current version, and a field per attribute of its domain."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.attributes import check_offering_attributes, definitions_of
from catalog.models import AttributeDefinition, Offering
from tenants.errors import DomainError

PREFIX = "attribute_"
WORDS = ("name", "description")


class OfferingForm(forms.ModelForm):
    """An offering with its words. Changed words make a new version; see ``words``."""

    name = forms.CharField(label=_("Name"), max_length=500, widget=UnfoldAdminTextInputWidget())
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=100_000,
        widget=UnfoldAdminTextareaWidget(),
        help_text=_("Simple HTML is kept."),
    )

    class Meta:
        model = Offering
        fields = ("code", "offering_type", "domain", "bot", "category", "tags", "identity_key", "metadata")
        widgets = {"tags": UnfoldAdminTextInputWidget()}
        help_texts = {"tags": _("Separate them by commas.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.created_at and not self.instance._state.adding:
            current = self.instance.current
            self.initial.update(name=current.name, description=current.description)
            self.initial.update({f"{PREFIX}{key}": value for key, value in current.attributes.items()})

    def clean(self) -> dict[str, Any] | None:
        """Check the attributes against their definitions, at their fields."""
        cleaned = super().clean()
        if not self.errors and self.keeps_domain:
            try:
                check_offering_attributes(self.cleaned_data.get("domain"), self.attributes)
            except DomainError as error:
                for problem in error.problems:
                    self.add_error(f"{PREFIX}{str(problem.field).partition('.')[2]}", problem.message)
        return cleaned

    @property
    def keeps_domain(self) -> bool:
        """Whether the attribute fields shown are those of the domain chosen."""
        return "domain" not in self.changed_data

    @property
    def attributes(self) -> dict[str, Any]:
        """What was typed into the attribute fields; empty ones are left out."""
        typed = {name.removeprefix(PREFIX): value for name, value in self.cleaned_data.items() if name.startswith(PREFIX)}
        return {key: value for key, value in typed.items() if value not in (None, "")}

    @property
    def words(self) -> dict[str, Any]:
        """The words to make a new version of: those that were changed; nothing when none was."""
        words = {name: self.cleaned_data[name] for name in WORDS if name in self.changed_data}
        if self.keeps_domain and any(name.startswith(PREFIX) for name in self.changed_data):
            words["attributes"] = self.attributes
        return words


def attribute_fields(offering: Offering | None) -> dict[str, forms.Field]:
    """Return a form field for each attribute of the offering's domain, by field name."""
    domain = offering.domain if offering else None
    known = definitions_of(domain, AttributeDefinition.Scope.OFFERING)
    return {f"{PREFIX}{key}": _field(definition) for key, definition in known.items()}


def _field(definition: AttributeDefinition) -> forms.Field:
    label = f"{definition} ({definition.unit})" if definition.unit else str(definition)
    # Required is checked when a version goes on sale, so that a draft may be begun.
    options: dict[str, Any] = {"label": label, "required": False, "help_text": _help(definition)}
    match definition.value_type:
        case AttributeDefinition.ValueType.NUMBER:
            return forms.DecimalField(widget=UnfoldAdminDecimalFieldWidget(), **options)
        case AttributeDefinition.ValueType.BOOLEAN:
            return forms.TypedChoiceField(
                choices=[("", "–"), ("true", _("Yes")), ("false", _("No"))],
                coerce=lambda value: value == "true",
                empty_value=None,
                widget=UnfoldAdminSelectWidget(),
                **options,
            )
        case AttributeDefinition.ValueType.JSON:
            return forms.JSONField(widget=UnfoldAdminTextareaWidget(), **options)
    if choices := definition.value_constraint.get("enum"):
        pairs = [("", "–"), *((one, one) for one in choices)]
        return forms.ChoiceField(choices=pairs, widget=UnfoldAdminSelectWidget(), **options)
    return forms.CharField(widget=UnfoldAdminTextInputWidget(), **options)


def _help(definition: AttributeDefinition) -> str:
    limits: Mapping[str, Any] = definition.value_constraint
    said = [str(_("Needed before it can be sold."))] if definition.is_required else []
    if "min" in limits and "max" in limits:
        said.append(str(_("From %(least)s to %(most)s.") % {"least": limits["min"], "most": limits["max"]}))
    if "pattern" in limits:
        said.append(str(_("Pattern: %(pattern)s") % {"pattern": limits["pattern"]}))
    return " ".join(said)
