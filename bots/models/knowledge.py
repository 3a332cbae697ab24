"""What a bot has read: collections of documents, each cut into the chunks that are searched."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from bots.models.bots import Bot
from catalog.models import SearchVector
from tenants.fields import TenantForeignKey
from tenants.models import StoredFile, Tenant, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.notes import told
from tenants.queue import QueueRow

PATH_SEPARATOR = " › "
"""Between the name of a document and its headings, wherever both are shown; the search index writes it, too."""


class KnowledgeCollection(TenantModel):
    """Documents that belong together; a conversation may be limited to some collections."""

    code = models.SlugField(_("code"), max_length=63)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    bot = TenantForeignKey(
        Bot,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="collections",
        verbose_name=_("bot"),
        help_text=_("Empty: every bot answers from it."),
    )
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    class Meta(TenantModel.Meta):
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                name="knowledgecollection_code_once",
                violation_error_message=_("A collection with this code exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KnowledgeDocumentQuerySet(TenantQuerySet):
    """Reads of documents."""

    def with_waiting(self) -> Self:
        """Annotate ``waiting`` with the number of chunks whose vectors are still to be made."""
        chunks = KnowledgeChunk.objects.filter(document=models.OuterRef("pk")).without_vector()
        counted = chunks.order_by().values("document").annotate(number=models.Count("pk")).values("number")
        zero = models.Value(0)
        return self.annotate(waiting=Coalesce(models.Subquery(counted), zero))


class KnowledgeDocument(QueueRow):
    """A file, a text or a web page that a bot may answer from. A worker reads it; the row is its place in the queue.

    A document that cannot be read is ``failed``, and ``failure`` says why. Its chunks are what the bot finds.
    """

    class Source(models.TextChoices):
        """Where the words come from."""

        FILE = "file", _("File")
        TEXT = "text", _("Text")
        URL = "url", _("Web page")

    class Status(models.TextChoices):
        """Where it stands."""

        PENDING = "pending", _("Being read")
        INDEXED = "indexed", _("Indexed")
        FAILED = "failed", _("Failed")

    task: ClassVar[str] = "bots.read_documents"
    put_back_values: ClassVar[dict[str, str]] = {"status": "pending", "failure": ""}

    collection = TenantForeignKey(
        KnowledgeCollection, on_delete=models.CASCADE, related_name="documents", verbose_name=_("collection")
    )
    name = models.CharField(_("name"), max_length=255)
    source = models.CharField(_("source"), max_length=16, choices=Source, default=Source.TEXT, editable=False)
    file = TenantForeignKey(
        StoredFile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("file"),
        help_text=_("Text, Markdown, HTML, PDF, Word (.docx) or Excel (.xlsx)."),
    )
    content = models.TextField(_("text"), blank=True, help_text=_("Plain text or Markdown."))
    url = models.CharField(_("address"), max_length=2000, blank=True, help_text=_("Of a public web page."))
    media_type = models.CharField(_("media type"), max_length=100, blank=True, default="", db_default="", editable=False)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, default="", db_default="", editable=False)
    language = models.CharField(
        _("language"), max_length=8, choices=Tenant.Locale, blank=True, help_text=_("Empty: found by its words.")
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING, editable=False
    )
    failure = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="A note (tenants/notes.py) of why it failed."
    )
    chunk_count = models.PositiveIntegerField(_("chunks"), default=0, db_default=0, editable=False)
    indexed_at = models.DateTimeField(_("indexed"), null=True, blank=True, editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, db_default={}, blank=True)
    created_by = created_by_field()
    updated_at = updated_at_field()

    objects: ClassVar = KnowledgeDocumentQuerySet.as_manager()

    class Meta(QueueRow.Meta):
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(source="file", file__isnull=False, content="", url="")
                | models.Q(source="text", file=None, url="") & ~models.Q(content="")
                | models.Q(source="url", file=None, content="") & ~models.Q(url=""),
                name="knowledgedocument_one_source",
                violation_error_message=_("A document has a file, a text or an address, one of them."),
            ),
        ]
        indexes = [
            *QueueRow.Meta.indexes,
            models.Index(fields=["tenant", "-id"], name="knowledgedocument_newest"),
            models.Index(fields=["tenant", "collection", "-id"], name="knowledgedocument_of"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reason(self) -> str:
        """Why it failed, in the reader's language; empty when it did not."""
        return told(self.failure)


class KnowledgeChunkQuerySet(TenantQuerySet):
    """Reads of chunks."""

    def without_vector(self) -> Self:
        """Narrow to those that are found by their words only, until a worker has made their vector."""
        waiting: Any = SearchVector.objects.filter(kind="document", owner_id=models.OuterRef("pk"))
        return self.filter(models.Exists(waiting.filter(state__in=["pending", "running"])))


class KnowledgeChunk(TenantModel):
    """A piece of a document under its headings, small enough to answer with. The search index follows it by triggers."""

    document = TenantForeignKey(
        KnowledgeDocument, on_delete=models.CASCADE, related_name="chunks", verbose_name=_("document")
    )
    position = models.PositiveIntegerField(_("position"), help_text="In the document, from 0.")
    heading_path = ArrayField(models.TextField(), verbose_name=_("headings"), default=list, blank=True)
    text = models.TextField(_("text"))
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        help_text="Told from its words; empty where these tell none: that of the document.",
    )
    content_hash = models.BinaryField(
        max_length=32, help_text="SHA-256 of headings and text: what is read again and unchanged keeps its row and vector."
    )

    objects: ClassVar = KnowledgeChunkQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "document", "position"],
                name="knowledgechunk_position_once",
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message=_("The document has a chunk at this position already."),
            ),
        ]

    def __str__(self) -> str:
        return PATH_SEPARATOR.join([*self.heading_path, self.text[:80]])
