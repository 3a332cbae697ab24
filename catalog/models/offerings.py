"""What a tenant sells: offerings, their versions and attributes, and the variants that have a SKU."""

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext_lazy as _

from catalog.models.domains import AttributeDefinition, KnowledgeDomain
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.queue import QueueState
from tenants.scope import current_tenant_id

if TYPE_CHECKING:
    from catalog.models.versions import ScheduledActivation


class Status(models.TextChoices):
    """Life of an offering and of a version. The only archive flag there is."""

    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    ARCHIVED = "archived", _("Archived")


CATEGORIES = """
WITH RECURSIVE found (name) AS (
    SELECT min(category) FROM catalog_offering WHERE tenant_id = %(tenant)s AND category > ''
    UNION ALL
    SELECT (SELECT min(o.category) FROM catalog_offering o WHERE o.tenant_id = %(tenant)s AND o.category > found.name)
    FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL LIMIT %(limit)s
"""


class OfferingQuerySet(TenantQuerySet):
    """Reads of offerings."""

    def with_active_version(self) -> "OfferingQuerySet":
        """Annotate ``name`` and ``description`` with those of the active version, else of the newest one."""
        return self._with_words("name", "description")

    def in_language(self, language: str) -> "OfferingQuerySet":
        """Annotate ``name`` and ``description`` as ``with_active_version``, in this language where it is translated."""
        return self._with_words("local_name", "local_description", language)

    def _with_words(self, name: str, description: str, language: str = "") -> "OfferingQuerySet":
        versions = OfferingVersion.objects.in_language(language) if language else OfferingVersion.objects.all()
        shown = versions.filter(offering=models.OuterRef("pk")).order_by(OfferingVersion.SHOWN_FIRST, "-version")
        return self.annotate(
            name=models.Subquery(shown.values(name)[:1]), description=models.Subquery(shown.values(description)[:1])
        )

    def categories(self, limit: int) -> list[str]:
        """Return the first categories there are in the scope: one step in their index for each, not one for each offering."""
        with connection.cursor() as cursor:
            cursor.execute(CATEGORIES, {"tenant": current_tenant_id(), "limit": limit})
            return [name for (name,) in cursor.fetchall()]

    def with_shown(self) -> "OfferingQuerySet":
        """Fetch the version people see (the active one, else the newest) as the only item of ``shown``."""
        newest = OfferingVersion.objects.order_by("offering_id", OfferingVersion.SHOWN_FIRST, "-version")
        newest = newest.prefetch_related("translations")
        return self.prefetch_related(models.Prefetch("versions", newest.distinct("offering_id"), to_attr="shown"))


class Offering(TenantModel):
    """A product, service, asset or financial offer. Its words stand in versions, its prices and stock at its variants."""

    class Type(models.TextChoices):
        """What kind of thing is sold."""

        PHYSICAL = "physical", _("Physical product")
        SERVICE = "service", _("Service")
        ASSET = "asset", _("Asset")
        FINANCIAL = "financial", _("Financial product")

    code = models.CharField(_("code"), max_length=255, help_text=_("Your own short name; a Shopify handle."))
    offering_type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.PHYSICAL)
    domain = models.ForeignKey(
        KnowledgeDomain, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("domain")
    )
    bot = TenantForeignKey(
        "bots.Bot",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="offerings",
        verbose_name=_("bot"),
        help_text=_("Empty: every bot sells it."),
    )
    category = models.CharField(_("category"), max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=100), verbose_name=_("tags"), default=list, blank=True)
    identity_key = models.CharField(
        _("identity key"), max_length=255, blank=True, help_text=_("What it is called in the system it comes from.")
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.DRAFT, db_default=Status.DRAFT)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    updated_at = updated_at_field()

    objects: ClassVar = OfferingQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("offering")
        verbose_name_plural = _("offerings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="offering_code_once",
                violation_error_message=_("An offering with this code exists already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "identity_key"],
                condition=~models.Q(identity_key=""),
                name="offering_identity_key_once",
                violation_error_message=_("Another offering has this identity key."),
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values),
                name="offering_status",
                violation_error_message=_("Unknown status."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="offering_newest"),
            models.Index(fields=["tenant", "status"], name="offering_by_status"),
            models.Index(fields=["tenant", "category"], name="offering_by_category"),
            GinIndex(fields=["tags"], name="offering_tags"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_archived(self) -> bool:
        """The seed's flag: follows from ``status``."""
        return self.status == Status.ARCHIVED

    @property
    def current(self) -> "OfferingVersion":
        """The version people see: the active one, else the newest. Read ahead by ``with_shown``."""
        shown: list[OfferingVersion] | None = getattr(self, "shown", None)
        if shown is None:
            shown = list(self.versions.order_by(OfferingVersion.SHOWN_FIRST, "-version")[:1])
        return shown[0] if shown else OfferingVersion(offering=self, version=0, name=self.code)

    @property
    def heading(self) -> str:
        """What the pages about it are headed with: the name people see, else the code."""
        return getattr(self, "name", "") or self.current.name

    @property
    def edited_with(self) -> str:
        """What the page edits along with the offering's own columns: the version shown. See ``row_version``."""
        return f"{self.current.pk}"


class OfferingVersionQuerySet(TenantQuerySet):
    """Reads of versions."""

    def in_language(self, language: str) -> "OfferingVersionQuerySet":
        """Annotate ``local_name`` and ``local_description``: the translation's, or the version's own where it has none."""
        translated = OfferingTranslation.objects.filter(offering_version=models.OuterRef("pk"), language=language)
        empty = models.Value("", output_field=models.TextField())
        description = NullIf(models.Subquery(translated.values("description")), empty)
        return self.annotate(
            local_name=Coalesce(models.Subquery(translated.values("name")), "name"),
            local_description=Coalesce(description, "description"),
        )


class OfferingVersion(TenantModel):
    """The words and attributes of an offering at one time. Numbered from 1; at most one is active."""

    offering = TenantForeignKey(Offering, on_delete=models.CASCADE, related_name="versions", verbose_name=_("offering"))
    version = models.PositiveIntegerField(_("version"))
    name = models.CharField(_("name"), max_length=500)
    description = models.TextField(_("description"), blank=True, help_text=_("Simple HTML is kept."))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.DRAFT, db_default=Status.DRAFT)
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        db_default={},
        editable=False,
        help_text=_("Copy of the attribute values, kept by a trigger."),
    )
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = OfferingVersionQuerySet.as_manager()

    SHOWN_FIRST = models.Case(models.When(status=Status.ACTIVE, then=0), default=1)
    """First key of the order in which versions are shown: the active one, then by number."""

    class Meta(TenantModel.Meta):
        verbose_name = _("offering version")
        verbose_name_plural = _("offering versions")
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "offering", "version"],
                name="offeringversion_number_once",
                violation_error_message=_("This version exists already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "offering"],
                condition=models.Q(status="active"),
                name="offeringversion_one_active",
                violation_error_message=_("Another version is active."),
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values),
                name="offeringversion_status",
                violation_error_message=_("Unknown status."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (v{self.version})"

    @property
    def plan(self) -> "ScheduledActivation | None":
        """The plan to put it on sale: one that waits, or has failed; None without, or when it is over."""
        return next((plan for plan in self.activations.all() if plan.state != QueueState.DONE), None)


def product_name(offering: str) -> models.Subquery:
    """Return the name people see of the offering at the end of this path: its active version's, else its newest one's."""
    shown = OfferingVersion.objects.filter(offering=models.OuterRef(offering))
    return models.Subquery(shown.order_by(OfferingVersion.SHOWN_FIRST, "-version").values("name")[:1])


class OfferingTranslation(TenantModel):
    """The name and description of one version in another language.

    Of the version and not of the offering: a changed text is a new version in every language, and going back to an
    older version brings its translations back with it. What is empty is read in the version's own words.
    """

    offering_version = TenantForeignKey(
        OfferingVersion, on_delete=models.CASCADE, related_name="translations", verbose_name=_("version")
    )
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    name = models.CharField(_("name"), max_length=500)
    description = models.TextField(_("description"), blank=True, help_text=_("Simple HTML is kept."))
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("translation")
        verbose_name_plural = _("translations")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "offering_version", "language"],
                name="offeringtranslation_once",
                violation_error_message=_("The version has words in this language already."),
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""),
                name="offeringtranslation_name_given",
                violation_error_message=_("Give a name."),
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=[code for code, _name in settings.LANGUAGES]),
                name="offeringtranslation_language",
                violation_error_message=_("Unknown language."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


def _only(kind: str) -> models.Q:
    """Whether the value column of this kind is the one that is filled."""
    return models.Q(**{f"value_{one}__isnull": one != kind for one in ("text", "number", "bool", "json")})


class AttributeValue(TenantModel):
    """One attribute of one version: the truth, of which ``OfferingVersion.attributes`` is the copy."""

    offering_version = TenantForeignKey(OfferingVersion, on_delete=models.CASCADE, related_name="attribute_values")
    attribute_definition = models.ForeignKey(
        AttributeDefinition, on_delete=models.PROTECT, related_name="+", verbose_name=_("attribute")
    )
    value_text = models.TextField(_("text"), null=True, blank=True)  # noqa: DJ001 - null: the value is of another type
    value_number = models.DecimalField(_("number"), max_digits=19, decimal_places=4, null=True, blank=True)
    value_bool = models.BooleanField(_("yes or no"), null=True, blank=True)
    value_json = models.JSONField(_("structured"), null=True, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("attribute value")
        verbose_name_plural = _("attribute values")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "offering_version", "attribute_definition"],
                name="attributevalue_once",
                violation_error_message=_("This attribute has a value already."),
            ),
            models.CheckConstraint(
                condition=_only("text") | _only("number") | _only("bool") | _only("json"),
                name="attributevalue_one_type",
                violation_error_message=_("Give exactly one value."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.attribute_definition}: {self.value}"

    @property
    def value(self) -> object:
        """The value, whichever its type."""
        values = (self.value_text, self.value_number, self.value_bool, self.value_json)
        return next((value for value in values if value is not None), None)


class Variant(TenantModel):
    """What is priced, stocked and bought: an offering in one colour, size or term, with a SKU."""

    class Policy(models.TextChoices):
        """Whether it may be sold beyond stock (Shopify's inventory policy)."""

        DENY = "deny", _("Stop selling at zero")
        CONTINUE = "continue", _("Keep selling")

    class Status(models.TextChoices):
        """An archived variant is kept for the books and not offered."""

        ACTIVE = "active", _("Active")
        ARCHIVED = "archived", _("Archived")

    offering = TenantForeignKey(Offering, on_delete=models.CASCADE, related_name="variants", verbose_name=_("offering"))
    sku = models.CharField(_("SKU"), max_length=255)
    name = models.CharField(_("name"), max_length=500, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.ACTIVE, db_default=Status.ACTIVE)
    attributes = models.JSONField(_("options"), default=dict, db_default={}, blank=True)
    inventory_policy = models.CharField(
        _("beyond stock"), max_length=16, choices=Policy, default=Policy.DENY, db_default=Policy.DENY
    )
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        ordering = ["offering", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "sku"],
                name="variant_sku_once",
                violation_error_message=_("A variant with this SKU exists already."),
            ),
            models.CheckConstraint(
                condition=~models.Q(sku=""), name="variant_sku_given", violation_error_message=_("Give a SKU.")
            ),
        ]
        indexes = [models.Index(fields=["tenant", "offering", "position"], name="variant_of_offering")]

    def __str__(self) -> str:
        return self.sku


class OfferingImage(TenantModel):
    """A picture of an offering, by address."""

    offering = TenantForeignKey(Offering, on_delete=models.CASCADE, related_name="images", verbose_name=_("offering"))
    url = models.URLField(_("address"), max_length=2000)
    alt = models.CharField(_("description for the blind"), max_length=500, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ["offering", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "offering", "url"],
                name="offeringimage_once",
                violation_error_message=_("The offering has this image already."),
            ),
        ]

    def __str__(self) -> str:
        return self.alt or self.url

    def clean(self) -> None:
        """Refuse an address that is not of the web."""
        if not self.url.startswith(("https://", "http://")):
            raise ValidationError(
                {"url": ValidationError(_("The address must begin with https:// or http://."), code="invalid")}
            )
