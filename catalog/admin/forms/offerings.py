"""The form of an offering: its own fields, the words of its current version, and a field per attribute of its domain."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms.utils import ErrorDict
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from catalog.admin.forms.attributes import definition_field, initial_of
from catalog.admin.forms.translations import TRANSLATION, initial_translations, typed_translations
from catalog.attributes import check_offering_attributes, definitions_of
from catalog.models import AttributeDefinition, KnowledgeDomain, Offering, Status
from tenants.errors import DomainError, FieldProblem

PREFIX = "attribute_"
WORDS = ("name", "description")
REFRESH = "_refresh"
"""Button that shows the page once more, with the fields of the domain chosen and everything typed, and saves nothing."""
SELL = "_sell"
"""Button that saves and puts on sale."""


class RefreshableForm(forms.ModelForm):
    """A form that is not checked while the page is only shown once more."""

    @property
    def is_refreshed(self) -> bool:
        """Whether nothing is to be saved yet."""
        return REFRESH in self.data

    def full_clean(self) -> None:
        """Find no fault before the person is done."""
        if self.is_refreshed:
            self._errors, self.cleaned_data = ErrorDict(), {}
        else:
            super().full_clean()


class ImageForm(RefreshableForm):
    """A picture, by its address."""

    url = forms.URLField(
        label=_("address"),
        max_length=2000,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget({"style": "min-width:16rem"}),
    )


class OfferingForm(RefreshableForm):
    """An offering with its words. Changed words make a new version; see ``words``."""

    prefix_in_services = ("attributes.", PREFIX)

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
        if not self.instance._state.adding:
            current = self.instance.current
            self.initial.update(name=current.name, description=current.description)
            self._begin_with(current.attributes)
            self.initial.update(initial_translations(current.translations.all() if current.pk else ()))
        if domains := self.fields.get("domain"):  # not there for who may only look
            kept = Q(pk=self.instance.domain_id)
            domains.queryset = KnowledgeDomain.objects.filter(Q(status=KnowledgeDomain.Status.ACTIVE) | kept)  # type: ignore[attr-defined]

    def _begin_with(self, attributes: dict[str, Any]) -> None:
        for key, value in attributes.items():
            if field := self.fields.get(f"{PREFIX}{key}"):
                self.initial[f"{PREFIX}{key}"] = initial_of(field, value)

    def is_valid(self) -> bool:
        """Whether it can be saved: never while it is only shown once more."""
        return not self.is_refreshed and super().is_valid()

    def clean(self) -> dict[str, Any] | None:
        """Check the attributes against their definitions, at their fields."""
        cleaned = super().clean()
        if not self.errors:
            self._check_attributes()
            self._check_translations()
        return cleaned

    def _check_translations(self) -> None:
        for name in self.fields:
            if name.startswith(TRANSLATION) and name.endswith("_description") and self.cleaned_data.get(name):
                its_name = name.replace("_description", "_name")
                if not self.cleaned_data.get(its_name):
                    self.add_error(its_name, gettext("Give the name in this language, too."))

    def _check_attributes(self) -> None:
        domain = self.cleaned_data.get("domain")
        try:
            check_offering_attributes(domain, self.attributes)
        except DomainError as error:
            self._tell(error.problems)
        if self.is_shown_to_customers:
            known = definitions_of(domain, AttributeDefinition.Scope.OFFERING).values()
            missing = [one for one in known if one.is_required and self.attributes.get(one.key) is None]
            self._tell(
                FieldProblem(f"attributes.{one.key}", "required", str(forms.Field.default_error_messages["required"]))
                for one in missing
            )

    def _tell(self, problems: Iterable[FieldProblem]) -> None:
        for problem in problems:
            name = str(problem.field or "").replace(*self.prefix_in_services, 1)
            self.add_error(name if name in self.fields else None, ValidationError(problem.message, code=problem.code))

    @property
    def is_shown_to_customers(self) -> bool:
        """Whether saving puts these words on sale."""
        is_on_sale = not self.instance._state.adding and self.instance.status == Status.ACTIVE
        return SELL in self.data or (is_on_sale and bool(self.words))

    @property
    def attributes(self) -> dict[str, Any]:
        """What was typed into the attribute fields; empty ones are left out."""
        typed = {name.removeprefix(PREFIX): self.cleaned_data.get(name) for name in self._attribute_names}
        return {key: value for key, value in typed.items() if value not in (None, "")}

    @property
    def translations(self) -> dict[str, Any]:
        """The words in other languages; those in a language that has no fields here stay."""
        kept = {name: value for name, value in self.initial.items() if name not in self.fields}
        return typed_translations({**kept, **self.cleaned_data})

    @property
    def _attribute_names(self) -> list[str]:
        return [name for name, field in self.fields.items() if name.startswith(PREFIX) and not field.widget.is_hidden]

    @property
    def words(self) -> dict[str, Any]:
        """The words to make a new version of: those that were changed; nothing when none was."""
        words = {name: self.cleaned_data[name] for name in WORDS if name in self.changed_data}
        if {"domain", *self._attribute_names} & set(self.changed_data):
            words["attributes"] = self.attributes
        if any(name.startswith(TRANSLATION) for name in self.changed_data):
            words["translations"] = self.translations
        return words


def chosen_domain(request: HttpRequest, offering: Offering | None) -> KnowledgeDomain | None:
    """Return the domain whose fields the page shows: the one just chosen, else the offering's own."""
    chosen = request.POST.get("domain", request.GET.get("domain"))
    if chosen is None:
        return offering.domain if offering else None
    try:
        return KnowledgeDomain.objects.filter(pk=UUID(chosen)).first()
    except ValueError:
        return None


def attribute_fields(domain: KnowledgeDomain | None, typed: Iterable[str] = ()) -> dict[str, dict[str, forms.Field]]:
    """Return the fields of the domain's attributes by what they say (``semantic_type``), then by field name.

    ``typed`` names fields a page brought along that this domain does not know: they go along unseen, under "", so that
    nothing is lost when the person goes back to the domain before.
    """
    groups: dict[str, dict[str, forms.Field]] = {}
    known = definitions_of(domain, AttributeDefinition.Scope.OFFERING)
    order = list(AttributeDefinition.SemanticType.values)
    for key, one in sorted(known.items(), key=lambda item: (order.index(item[1].semantic_type), not item[1].is_required)):
        groups.setdefault(one.semantic_type, {})[f"{PREFIX}{key}"] = definition_field(one)
    unseen = [name for name in typed if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known]
    if unseen:
        groups[""] = {name: forms.CharField(required=False, widget=forms.HiddenInput) for name in unseen}
    return groups
