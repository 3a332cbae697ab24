"""What retrieval reads: two narrow tables that serve every kind of thing a bot can find (DESIGN section 4)."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import BitField, VectorField

from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel
from tenants.queue import QueueRow

DIMENSIONS = 1536
"""Width of every vector; smaller models are padded with zeros."""


class SearchText(TenantModel):
    """The words of one offering or FAQ, written by triggers on the owner's tables in the same transaction."""

    class Kind(models.TextChoices):
        """What was found."""

        OFFERING = "offering", _("Offering")
        FAQ = "faq", _("FAQ")

    kind = models.CharField(max_length=16, choices=Kind)
    owner_id = models.UUIDField(help_text="Id of the offering or FAQ.")
    bot_id = models.UUIDField(null=True, help_text="The only bot that may find it; null: every bot of the tenant.")
    language = models.CharField(max_length=8, blank=True, help_text="Of the text; empty: unknown or mixed.")
    title = models.TextField(help_text="Name of the offering, question of the FAQ.")
    body = models.TextField(blank=True, help_text="Description, attributes and variants; answer of the FAQ. No HTML.")
    priority = models.IntegerField(default=0, db_default=0)
    content_hash = models.BinaryField(max_length=32, help_text="Of title and body: a vector with another hash is not served.")
    tsv = SearchVectorField(help_text="Folded words plus one lexeme that names the tenant.")

    class Meta(TenantModel.Meta):
        verbose_name = _("search text")
        verbose_name_plural = _("search texts")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "owner_id"],
                name="searchtext_once",
                violation_error_message=_("This is indexed already."),
            ),
        ]
        indexes = [GinIndex(fields=["tsv"], name="searchtext_tsv")]

    def __str__(self) -> str:
        return self.title


class SearchVector(QueueRow):
    """The embedding of a text, computed in the background: the row is its own place in the queue."""

    tenant = TenantField(referenced=False)
    text = TenantForeignKey(SearchText, on_delete=models.CASCADE, related_name="vectors")
    model = models.CharField(max_length=100, blank=True, default="", db_default="", help_text="Vectors of two models never meet.")
    content_hash = models.BinaryField(max_length=32, null=True, help_text="Of the text that was embedded.")
    # STORAGE PLAIN (set by the migration): out of line, an exact search is 4 times slower.
    embedding = VectorField(dimensions=DIMENSIONS, null=True)
    bits = models.GeneratedField(
        expression=models.Func("embedding", function="binary_quantize"),
        output_field=BitField(length=DIMENSIONS),
        db_persist=True,
    )

    class Meta(QueueRow.Meta):
        verbose_name = _("search vector")
        verbose_name_plural = _("search vectors")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "text"], name="searchvector_once", violation_error_message=_("One vector a text.")
            ),
        ]

    def __str__(self) -> str:
        return str(self.text_id)
