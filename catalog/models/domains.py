"""The blueprints, global to the installation: what can be sold, and by which attributes it is described."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from catalog.flows import InvalidFlow, check_flow
from catalog.limits import check_limits
from tenants.fields import UUIDv7
from tenants.models import updated_at_field


class KnowledgeDomain(models.Model):
    """An industry, such as electronics or real estate. Edited by platform staff, read by everybody."""

    class Type(models.TextChoices):
        """What kind of knowledge the domain describes."""

        OFFERING = "offering", _("Offering")
        BUSINESS = "business", _("Business")

    class Status(models.TextChoices):
        """An archived domain stays readable and takes no new offerings."""

        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    code = models.SlugField(_("code"), max_length=63, unique=True)
    name = models.CharField(_("name"), max_length=200)
    name_vi = models.CharField(_("name in Vietnamese"), max_length=200, blank=True)
    domain_type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.OFFERING)
    description = models.TextField(_("description"), blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    flow_config = models.JSONField(_("flow defaults"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = updated_at_field()

    class Meta:
        verbose_name = _("knowledge domain")
        verbose_name_plural = _("knowledge domains")
        ordering = ["code"]

    def __str__(self) -> str:
        return (self.name_vi if get_language() == "vi" else "") or self.name

    def clean(self) -> None:
        """Refuse defaults that no version could begin with."""
        super().clean()
        try:
            check_flow(self.flow_config)
        except InvalidFlow as error:
            raise ValidationError({"flow_config": [one.message for one in error.problems]}) from error


class LimitsFit(models.Func):
    """Whether limits fit a value type: the database's own view of ``catalog.limits`` (all but the pattern's syntax)."""

    function = "catalog_limits_fit"
    output_field = models.BooleanField()


class AttributeDefinition(models.Model):
    """One attribute of a domain: its type, unit and the values it may take.

    Domain, key, type and scope stay as they were made (a trigger sees to it): values of every tenant rely on them. Limits
    and whether it is required may change; they count for what is written from then on.
    """

    FIXED = ("domain_id", "key", "value_type", "scope")
    """What cannot change."""

    class ValueType(models.TextChoices):
        """Which column of ``AttributeValue`` holds the value."""

        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        BOOLEAN = "boolean", _("Yes or no")
        JSON = "json", _("Structured")

    class SemanticType(models.TextChoices):
        """What the attribute says."""

        PHYSICAL = "physical", _("Physical")
        FINANCIAL = "financial", _("Financial")
        CATEGORICAL = "categorical", _("Categorical")

    class Scope(models.TextChoices):
        """Whose attribute it is."""

        OFFERING = "offering", _("Offering")
        VARIANT = "variant", _("Variant")

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    domain = models.ForeignKey(
        KnowledgeDomain, on_delete=models.CASCADE, related_name="attribute_definitions", verbose_name=_("domain")
    )
    key = models.SlugField(_("key"), max_length=63)
    name = models.CharField(_("name"), max_length=200)
    name_vi = models.CharField(_("name in Vietnamese"), max_length=200, blank=True)
    value_type = models.CharField(_("value type"), max_length=16, choices=ValueType, default=ValueType.TEXT)
    semantic_type = models.CharField(_("meaning"), max_length=16, choices=SemanticType, default=SemanticType.CATEGORICAL)
    unit = models.CharField(_("unit"), max_length=32, blank=True)
    value_constraint = models.JSONField(
        _("constraint"),
        default=dict,
        blank=True,
        help_text=_(
            'Of a number {"min": 0, "max": 10}; of a text {"pattern": "[0-9]+ ?GB"}, which the whole text must match (RE2 syntax);'
            ' of both {"enum": ["S", "M"]}.'
        ),
    )
    choices_vi = models.JSONField(
        _("choices in Vietnamese"),
        default=dict,
        db_default={},
        blank=True,
        help_text=_("What people call each choice; values are stored as the choice itself."),
    )
    scope = models.CharField(_("scope"), max_length=16, choices=Scope, default=Scope.OFFERING)
    is_required = models.BooleanField(_("required"), default=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("attribute definition")
        verbose_name_plural = _("attribute definitions")
        ordering = ["domain__code", "scope", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["domain", "key"],
                name="attributedefinition_key_once",
                violation_error_message=_("The domain has an attribute of this key already."),
            ),
            models.CheckConstraint(
                condition=models.Q(value_type__in=["text", "number", "boolean", "json"])
                & models.Q(scope__in=["offering", "variant"]),
                name="attributedefinition_choices",
                violation_error_message=_("Unknown type or scope."),
            ),
            models.CheckConstraint(
                condition=LimitsFit("value_type", "value_constraint"),
                name="attributedefinition_limits",
                violation_error_message=_("The limits do not fit the type."),
            ),
        ]

    def __str__(self) -> str:
        return (self.name_vi if get_language() == "vi" else "") or self.name

    def choice_label(self, choice: object) -> str:
        """Return what a choice is called in the language of whoever reads it; empty where nobody has said."""
        labels: dict[str, str] = self.choices_vi if get_language() == "vi" else {}
        return labels.get(str(choice), "")

    def clean(self) -> None:
        """Refuse limits that no value could be held against, saying why; and a change of what is ``FIXED``."""
        try:
            check_limits(self.value_type, self.value_constraint)
        except ValueError as error:
            raise ValidationError({"value_constraint": ValidationError(str(error), code="limits")}) from error
        stored = type(self).objects.filter(pk=self.pk).values(*self.FIXED).first()
        if stored and stored != {name: getattr(self, name) for name in self.FIXED}:
            raise ValidationError(_("Key, type, scope and domain stay: values rely on them. Make another attribute."))
