"""What retrieval reads: two narrow tables that serve every kind of thing a bot can find (DESIGN section 4)."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import BitField, HalfVectorField, VectorField

from tenants.fields import TenantField, TenantForeignKey
from tenants.models import TenantModel, updated_at_field
from tenants.queue import QueueRow
from tenants.text import words

DIMENSIONS = 1536
"""Width of every vector; smaller models are padded with zeros."""

SYNONYM_WORDS = 4
"""A term or synonym has at most so many words: questions are searched for phrases of this length."""


class SearchText(TenantModel):
    """The words of one offering, FAQ or chunk of a document, written by triggers in the transaction of their owner."""

    class Kind(models.TextChoices):
        """What was found."""

        OFFERING = "offering", _("Offering")
        FAQ = "faq", _("FAQ")
        DOCUMENT = "document", _("Document")
        INTENT = "intent", _("Intent")
        ANSWER = "answer", _("Cached answer")

    kind = models.CharField(max_length=16, choices=Kind)
    owner_id = models.UUIDField(help_text="Id of the offering, FAQ, chunk, example of an intent or cached answer.")
    bot_id = models.UUIDField(null=True, help_text="The only bot (of a cached answer: version) that may find it; null: all.")
    language = models.CharField(max_length=8, blank=True, help_text="Of the text; empty: unknown or mixed.")
    title = models.TextField(
        help_text="Name of the offering, question of the FAQ, headings of the document; the example; what was asked."
    )
    body = models.TextField(
        blank=True,
        help_text="Description, attributes and variants without HTML; answer of the FAQ; the chunk; code of the intent.",
    )
    priority = models.IntegerField(default=0, db_default=0)
    content_hash = models.BinaryField(
        max_length=32, help_text="SHA-256 of title and body: a vector with another hash is not served."
    )
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
    """The embedding of a text, computed in the background: the row is its own place in the queue.

    A changed text empties the embedding in the same transaction, so that an old vector is never served.
    ``kind``, ``owner_id`` and ``bot_id`` are the text's, so that the nearest are found without a join.
    """

    task: ClassVar[str] = "catalog.embed_texts"

    tenant = TenantField(referenced=False)
    text = TenantForeignKey(SearchText, on_delete=models.CASCADE, related_name="vectors")
    kind = models.CharField(max_length=16, choices=SearchText.Kind)
    owner_id = models.UUIDField()
    bot_id = models.UUIDField(null=True)
    content_hash = models.BinaryField(
        max_length=32, help_text="Of the text to embed; fences a worker that embedded an older one."
    )
    model = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Vectors of two models never meet."
    )
    # STORAGE PLAIN (set by the migration): out of line, an exact search is 4 times slower.
    embedding = VectorField(
        dimensions=DIMENSIONS, null=True, help_text="Of unit length; null until embedded, or without words."
    )
    # Written with the embedding; STORAGE PLAIN as well. Large tenants are narrowed by them (``catalog.search.signs``).
    bits = BitField(
        length=DIMENSIONS, null=True, help_text="Signs of the embedding along fixed directions; null without one."
    )

    compact = models.GeneratedField(
        expression=models.Func(
            "embedding",
            template="CASE WHEN vector_norm(subvector(%(expressions)s, 257, 1280)) = 0 "
            "THEN subvector(%(expressions)s, 1, 256)::halfvec(256) END",
        ),
        output_field=HalfVectorField(dimensions=256),
        db_persist=True,
        help_text="The numbers of a model that has no more than 256, at half the precision; null for larger ones.",
    )

    class Meta(QueueRow.Meta):
        verbose_name = _("search vector")
        verbose_name_plural = _("search vectors")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "text"], name="searchvector_once", violation_error_message=_("One vector a text.")
            ),
            models.CheckConstraint(
                condition=models.Q(embedding=None) | models.Q(bits__isnull=False),
                name="searchvector_signed",
                violation_error_message="A vector has signs.",
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(  # the nearest by a small model are found in here, without the pages of whole vectors
                fields=["tenant", "kind", "model"],
                include=["text_id", "owner_id", "bot_id", "compact"],
                name="searchvector_near",
                condition=models.Q(compact__isnull=False),
            ),
            models.Index(  # and by a larger one those whose signs are near
                fields=["tenant", "kind", "model"],
                include=["id", "owner_id", "bot_id", "bits"],
                name="searchvector_signs",
                condition=models.Q(embedding__isnull=False, compact__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.text_id)


class SearchSynonym(TenantModel):
    """Words of a tenant's customers that mean the same: ``dế`` is ``điện thoại``. Counts from the next search on."""

    term = models.CharField(_("word or phrase"), max_length=100, help_text=_("What customers say, such as “tivi”."))
    synonyms = ArrayField(
        models.CharField(max_length=100),
        verbose_name=_("means the same as"),
        size=20,
        help_text=_("Separate them by commas, such as “tv, television”."),
    )
    is_two_way = models.BooleanField(
        _("both ways"),
        default=True,
        db_default=True,
        help_text=_("Each of the words finds all others. Off: only the first finds the others, not they it."),
    )
    keys = models.GeneratedField(
        expression=models.Func("term", "synonyms", "is_two_way", function="search_synonym_keys"),
        output_field=ArrayField(models.TextField()),
        db_persist=True,
        help_text="The words, folded, at which the rest is looked for.",
    )
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")
        ordering = ["term"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "term"],
                name="searchsynonym_term_once",
                violation_error_message=_("This word has synonyms already."),
            ),
            models.CheckConstraint(
                condition=models.Q(synonyms__len__gt=0),
                name="searchsynonym_some",
                violation_error_message=_("Give at least one synonym."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} {'↔' if self.is_two_way else '→'} {', '.join(self.synonyms)}"

    def clean(self) -> None:
        """Refuse what has no word, or too many: it would never be found in a question."""
        wrong = {
            name: _phrase_problem()
            for name, phrases in (("term", [self.term]), ("synonyms", self.synonyms or []))
            if not all(0 < len(words(phrase)) <= SYNONYM_WORDS for phrase in phrases)
        }
        if wrong:
            raise ValidationError(wrong)


def _phrase_problem() -> ValidationError:
    message: Any = _("Each must be a phrase of 1 to %(most)s words.")
    return ValidationError(message, code="invalid_phrase", params={"most": SYNONYM_WORDS})
