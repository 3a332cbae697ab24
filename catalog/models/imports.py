"""A catalogue on its way in: the job, and each row of the file as it was understood."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.domains import KnowledgeDomain
from tenants.fields import TenantField, TenantForeignKey
from tenants.models import StoredFile, TenantModel, TenantQuerySet, created_by_field, updated_at_field
from tenants.queue import QueueRow


class ImportMappingQuerySet(TenantQuerySet):
    """Reads of column mappings."""

    def named(self, name: str) -> "ImportMapping | None":
        """Return the mapping of this name, or of this id."""
        try:
            is_it = models.Q(name=name) | models.Q(pk=UUID(name))
        except ValueError:
            is_it = models.Q(name=name)
        return cast("ImportMapping | None", self.filter(is_it).first())


class ImportMapping(TenantModel):
    """What the columns of a business's own files mean. A file whose header has the same names is read by it again."""

    class Decimals(models.TextChoices):
        """What stands before the decimals of a number; the other one groups thousands."""

        PLAIN = "plain", _("1234.50, without thousands")
        POINT = "point", "1,234.50"
        COMMA = "comma", "1.234,50"

    name = models.CharField(_("name"), max_length=100)
    columns = models.JSONField(_("columns"), help_text=_("By the file's column: ours, or empty for one that is left out."))
    decimals = models.CharField(
        _("numbers"), max_length=16, choices=Decimals, default=Decimals.PLAIN, db_default=Decimals.PLAIN
    )
    signature = models.CharField(
        _("header"),
        max_length=64,
        editable=False,
        help_text="Of the folded names, in any order: catalog/imports/mapping.py.",
    )
    updated_at = updated_at_field()

    objects: ClassVar = ImportMappingQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="importmapping_name_once",
                violation_error_message=_("A mapping with this name exists already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportJob(QueueRow):
    """One import. The worker stages the file (nothing is changed), a person or the job itself has it applied."""

    class Status(models.TextChoices):
        """Where the import stands (``QueueRow.state`` says whether a worker has something to do)."""

        PENDING = "pending", _("Waiting")
        STAGING = "staging", _("Reading")
        STAGED = "staged", _("Ready to apply")
        APPLYING = "applying", _("Applying")
        COMPLETED = "completed", _("Completed")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        UNDOING = "undoing", _("Undoing")
        UNDONE = "undone", _("Undone")

    class SourceType(models.TextChoices):
        """Where the rows come from."""

        FILE = "file_upload", _("File")
        API = "api", _("API")
        WEB = "web", _("Product pages")

    class Mapping(models.TextChoices):
        """How columns are understood."""

        AUTO = "auto", _("Recognise")
        SHOPIFY = "shopify", "Shopify"
        BACKROOM = "backroom", "Backroom"
        SALEOR = "saleor", "Saleor"
        WEB = "web", _("Product pages")
        SAVED = "saved", _("Own columns")

    class DuplicateSku(models.TextChoices):
        """What happens to a SKU that a different variant of the file already has."""

        ERROR = "error", _("Report an error")
        SUFFIX = "suffix", _("Add a number")

    class Missing(models.TextChoices):
        """What happens to offerings that earlier imports of the same format brought, and that this file has not."""

        KEEP = "keep", _("Leave them as they are")
        ARCHIVE = "archive", _("Archive them")

    keeps_runs: ClassVar[bool] = True
    run_related: ClassVar[tuple[str, ...]] = ("source_file",)

    source_type = models.CharField(_("source"), max_length=16, choices=SourceType, default=SourceType.FILE)
    source_file = TenantForeignKey(
        StoredFile, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("file")
    )
    mapping = models.CharField(_("format"), max_length=16, choices=Mapping, default=Mapping.AUTO)
    column_mapping = TenantForeignKey(
        ImportMapping,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("column mapping"),
        help_text=_("With the format “Own columns”."),
    )
    understood = models.JSONField(
        _("understood"),
        default=dict,
        db_default={},
        editable=False,
        help_text="How the file was read: its columns, what was guessed and left out; lists and locations it makes.",
    )
    decimals = models.CharField(
        _("how numbers are written"),
        max_length=8,
        choices=ImportMapping.Decimals,
        default="",
        db_default="",
        blank=True,
        help_text=_("In a table, a file of Shopify too; JSON has numbers of its own. Empty: as the file proves it."),
    )
    currency = models.CharField(_("currency"), max_length=3)
    domain = models.ForeignKey(
        KnowledgeDomain, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("domain")
    )
    on_duplicate_sku = models.CharField(_("duplicate SKUs"), max_length=16, choices=DuplicateSku, default=DuplicateSku.ERROR)
    source = models.CharField(
        _("where it comes from"),
        max_length=63,
        default="",
        db_default="",
        blank=True,
        help_text=_(
            "Such as a supplier. Offerings not in the file are looked for among those of the same source and format."
        ),
    )
    missing = models.CharField(
        _("offerings not in the file"), max_length=16, choices=Missing, default=Missing.KEEP, db_default=Missing.KEEP
    )
    may_archive_many = models.BooleanField(
        _("archive many"), default=False, db_default=False, help_text=_("Even if the file lacks much of what there is.")
    )
    format = models.CharField(
        _("format of the file"),
        max_length=16,
        default="",
        db_default="",
        blank=True,
        editable=False,
        help_text="As it was recognised.",
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING, db_default=Status.PENDING, editable=False
    )
    auto_apply = models.BooleanField(
        _("apply at once"),
        default=False,
        db_default=False,
        editable=False,
        help_text="Without a person's look at the preview.",
    )
    progress = models.PositiveSmallIntegerField(
        _("progress in percent"), default=0, db_default=0, editable=False, help_text="Of the step it is in."
    )
    counts = models.JSONField(
        _("counts"),
        default=dict,
        db_default={},
        editable=False,
        help_text="total, rows, errors and warnings, while it runs.",
    )
    summary = models.JSONField(_("summary"), default=dict, db_default={}, editable=False)
    error_log = models.TextField(_("error"), blank=True, default="", db_default="", editable=False)
    created_by = created_by_field()
    applied_at = models.DateTimeField(
        _("applied"),
        null=True,
        editable=False,
        help_text="Beginning of the transaction: what it wrote and nobody changed later has this updated_at.",
    )
    updated_at = updated_at_field()

    @property
    def can_be_applied(self) -> bool:
        """Whether it waits for a person: staged, or failed later with everything staged still there."""
        staged = self.status == self.Status.FAILED and "rows" in self.summary and self.applied_at is None
        return staged or self.status == self.Status.STAGED

    @property
    def is_busy(self) -> bool:
        """Whether a worker has it, or will."""
        return self.status in (self.Status.PENDING, self.Status.STAGING, self.Status.APPLYING, self.Status.UNDOING)

    @property
    def can_be_cancelled(self) -> bool:
        """Whether nothing of it is in the catalogue yet, nor about to be."""
        return self.status in (self.Status.PENDING, self.Status.STAGING, self.Status.STAGED)

    @property
    def can_be_restaged(self) -> bool:
        """Whether its file can be read once more in another way."""
        return self.source_type == self.SourceType.FILE and not self.is_busy

    @property
    def can_be_mapped(self) -> bool:
        """Whether a person may still say what the columns of its file mean, which are none of ours."""
        return self.can_be_restaged and bool(self.understood.get("columns")) and self.applied_at is None

    @property
    def can_be_undone(self) -> bool:
        """Whether it is applied, by a version that remembers what was there before."""
        return self.status in (self.Status.COMPLETED, self.Status.FAILED) and self.applied_at is not None

    class Meta(QueueRow.Meta):
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]

    def task_type(self) -> str:
        """Return ``import_catalog``, or what it is taken back by."""
        return "undo_import" if self.status == self.Status.UNDOING else "import_catalog"

    def run_input(self) -> dict[str, Any]:
        """Return what is read, and how."""
        return {"source": self.source_type, "file": str(self), "mapping": self.mapping, "currency": self.currency}

    def __str__(self) -> str:
        return self.source_file.name if self.source_file else f"{self.get_source_type_display()} {self.created_at:%Y-%m-%d}"


class ImportRowQuerySet(TenantQuerySet):
    """Reads of imported rows."""

    def with_warnings(self) -> "ImportRowQuerySet":
        """Narrow to the rows that are applied with a correction."""
        return self.exclude(outcome=ImportRow.Outcome.ERROR).exclude(problems=[])


class ImportRow(TenantModel):
    """One row as it was understood: what it will do, and what is wrong with it. Kept, so that it can be fixed."""

    class Outcome(models.TextChoices):
        """What applying the row does."""

        CREATE = "create", _("New")
        CHANGE = "change", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        ARCHIVE = "archive", _("Archived")
        ERROR = "error", _("Error")

    class Kind(models.TextChoices):
        """What the row describes."""

        VARIANT = "variant", _("Variant")
        IMAGE = "image", _("Image")
        MISSING = "missing", _("Not in the file")

    tenant = TenantField(referenced=False)
    job = TenantForeignKey(ImportJob, on_delete=models.CASCADE, related_name="rows", verbose_name=_("import"))
    row = models.PositiveIntegerField(_("row in the file"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    handle = models.CharField(_("handle"), max_length=255, blank=True)
    sku = models.CharField(_("SKU"), max_length=255, blank=True)
    data = models.JSONField(
        _("as understood"),
        default=dict,
        help_text=_("Parts offering, variant, image; what the file does not say is not there."),
    )
    problems = models.JSONField(_("problems"), default=list, help_text=_("Each: level, column, value, code, message."))
    outcome = models.CharField(_("effect"), max_length=16, choices=Outcome, blank=True)
    changes = models.JSONField(
        _("changes"), default=dict, db_default={}, help_text=_("By what changes: value before and after.")
    )

    objects: ClassVar = ImportRowQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        ordering = ["job", "row"]
        indexes = [
            models.Index(fields=["tenant", "job", "row"], name="importrow_of_job"),
            models.Index(fields=["tenant", "job", "outcome"], name="importrow_by_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.row}: {self.sku or self.handle}"

    @property
    def first_problem(self) -> dict[str, str]:
        """The problem that counts: the first error, else the first warning, else nothing."""
        return next(iter(sorted(self.problems, key=lambda problem: problem["level"] != "error")), {})


class ImportChange(TenantModel):
    """One row of the catalogue that an import made (``before`` is null) or changed: what undoing it goes by.

    What hangs on an offering or a variant that the import made has no line of its own. Kinds and columns:
    ``catalog/imports/statements/undoing.py``.
    """

    tenant = TenantField(referenced=False)
    job = TenantForeignKey(ImportJob, on_delete=models.CASCADE, related_name="made_changes", verbose_name=_("import"))
    kind = models.CharField(_("kind"), max_length=32, help_text=_("Table of the row, without its prefix."))
    subject_id = models.UUIDField(_("row"))
    before = models.JSONField(_("before"), null=True, help_text=_("The columns that were changed; null: it was made."))

    class Meta(TenantModel.Meta):
        verbose_name = _("change by an import")
        verbose_name_plural = _("changes by imports")
        ordering = ["job", "kind", "subject_id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "job", "kind", "subject_id"], name="importchange_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
