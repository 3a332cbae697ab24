"""The blueprints, global to the installation: what can be sold, and by which attributes it is described."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

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


class AttributeDefinition(models.Model):
    """One attribute of a domain: its type, unit and the values it may take."""

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
        _("constraint"), default=dict, blank=True, help_text=_("min and max, enum, or pattern.")
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
        ]

    def __str__(self) -> str:
        return (self.name_vi if get_language() == "vi" else "") or self.name
