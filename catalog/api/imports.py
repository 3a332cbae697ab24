"""Imports: hand a file or rows in, watch it being staged, look at every row, have it applied."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.imports.file_kinds import check_kind
from catalog.imports.given_rows import rows_as_json
from catalog.imports.jobs import cancel, create_job, error_of, request_apply, request_undo
from catalog.imports.limits import MAX_FILE_BYTES, MAX_PAGES, MAX_URL_CHARACTERS
from catalog.imports.problems import message_of
from catalog.imports.product_pages import addresses_as_file
from catalog.imports.restaging import restage
from catalog.imports.saved_mappings import chosen_mapping
from catalog.imports.summary import in_order, told_summary
from catalog.models import ImportJob, ImportMapping, ImportRow, KnowledgeDomain
from catalog.models.imports import ImportRowQuerySet
from tenants.api import TenantReadViewSet
from tenants.auth import author_of
from tenants.errors import Malformed
from tenants.filters import Filter
from tenants.models import Tenant
from tenants.parsers import StrictJSONParser, UploadParser
from tenants.schema import example
from tenants.scope import current_tenant_id
from tenants.serializers import ChoiceField, CodeRelatedField, StrictSerializer, TenantSerializer, TextField

MOST_ROWS = 10_000


class ImportUploadParser(UploadParser):
    """A form with one catalogue file."""

    most_bytes = MAX_FILE_BYTES


class ImportSerializer(TenantSerializer):
    """An import and how far it is. ``summary`` tells what it would do once staged, and what it did once completed."""

    file = TextField(source="source_file.name", read_only=True)
    domain = CodeRelatedField(read_only=True, allow_null=True)
    error = serializers.SerializerMethodField(help_text="Why it failed, or why it was not applied or undone.")
    decimals = TextField(read_only=True, help_text="plain, point or comma; empty: as the file or its mapping says.")
    counts = serializers.DictField(read_only=True, help_text="total, rows, errors and warnings read so far")
    understood = serializers.DictField(
        read_only=True, help_text="How the file was read, and which lists and locations it makes"
    )
    summary = serializers.SerializerMethodField()

    class Meta:
        model = ImportJob
        fields = (
            *(
                "id",
                "status",
                "source_type",
                "file",
                "mapping",
                "decimals",
                "currency",
                "domain",
                "on_duplicate_sku",
                "source",
            ),
            *(
                "missing",
                "may_archive_many",
                "progress",
                "counts",
                "understood",
                "summary",
                "error",
                "created_at",
                "applied_at",
                "updated_at",
            ),
        )
        read_only_fields = fields

    def get_summary(self, job: ImportJob) -> dict[str, Any]:
        """Return the summary in the contract's order; nothing before it is staged."""
        return in_order({**told_summary(job.summary), "status": job.status}) if job.summary else {}

    def get_error(self, job: ImportJob) -> str:
        """Return it in the reader's language."""
        return error_of(job)


@example(
    "Rows",
    {
        "source_type": "api",
        "currency": "VND",
        "rows": [{"code": "desk-lamp", "name": "Desk lamp", "sku": "LAMP-W", "price": "250000", "stock_qty": 3}],
    },
)
class NewImportSerializer(StrictSerializer):
    """A file (multipart), or rows (JSON) with the columns of our own CSV. Nothing is applied before ``apply/``."""

    source_type = ChoiceField(["file_upload", "api", "web"], required=False)
    file = serializers.FileField(required=False, max_length=1000)
    rows = serializers.ListField(
        child=serializers.DictField(allow_empty=False), required=False, min_length=1, max_length=MOST_ROWS
    )
    urls = serializers.ListField(
        child=TextField(max_length=MAX_URL_CHARACTERS),
        required=False,
        min_length=1,
        max_length=MAX_PAGES,
        help_text="Product pages with JSON-LD of schema.org's Product.",
    )
    mapping = TextField(
        default="auto", max_length=100, help_text="auto, shopify, backroom, saleor, web, or a saved mapping by name or id."
    )
    decimals = ChoiceField(
        ImportMapping.Decimals.choices,
        required=False,
        help_text="How a file of your own writes numbers: plain, point (1,234.50) or comma (1.234,50).",
    )
    currency = TextField(required=False, max_length=3, help_text="Of prices without one; by default the tenant's.")
    domain = CodeRelatedField(queryset=KnowledgeDomain.objects.filter(status="active"), required=False, allow_null=True)
    on_duplicate_sku = ChoiceField(ImportJob.DuplicateSku.choices, default="error")
    source = TextField(  # type: ignore[assignment] # the base has an option of this name
        required=False, max_length=63, help_text="Such as a supplier: missing offerings are looked for among its own."
    )
    missing = ChoiceField(ImportJob.Missing.choices, default="keep", help_text="What the file has no more.")
    may_archive_many = serializers.BooleanField(default=False, help_text="Even if the file lacks more than a fifth.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for a file, rows or addresses, and for what ``source_type`` says."""
        wanted = {"file_upload": "file", "api": "rows", "web": "urls"}.get(attrs.pop("source_type", ""))
        given = [name for name in ("file", "rows", "urls") if name in attrs]
        missing = wanted if wanted and wanted not in given else None if given else "file"
        if missing:
            raise serializers.ValidationError({missing: [_("This field is required.")]}, code="required")
        if len(given) > 1:
            raise serializers.ValidationError(
                {given[1]: [_("Give a file, rows or addresses, one of them.")]}, code="invalid"
            )
        if attrs.get("decimals") and given != ["file"]:
            raise serializers.ValidationError(
                {"decimals": [_("Only a file may write numbers in its own way.")]}, code="invalid"
            )
        return attrs


@example("Archive many, knowingly", {"may_archive_many": True})
class ApplySerializer(StrictSerializer):
    """A body is needed only to confirm."""

    may_archive_many = serializers.BooleanField(default=False, help_text="Even if the file lacks more than a fifth.")


@example("By a saved mapping", {"mapping": "Supplier North"})
class RestageSerializer(StrictSerializer):
    """How the file is to be read now."""

    mapping = TextField(default="auto", max_length=100, help_text="A format, or a saved mapping by name or id.")


class ImportViewSet(TenantReadViewSet):
    """Imports. Make one, wait until its status is ``staged``, look at its rows, then apply it: all of it or nothing."""

    queryset = ImportJob.objects.all()
    serializer_class = ImportSerializer
    parser_classes = (StrictJSONParser, ImportUploadParser)
    filters: ClassVar[dict[str, Filter]] = {"status": "status", "source_type": "source_type"}

    @extend_schema(request=NewImportSerializer, responses={201: ImportSerializer})
    def create(self, request: Request) -> Response:
        """Keep a file, rows or addresses and have them staged in the background.

        415 ``binary_file``, ``broken_workbook``, ``web_page`` or ``not_as_named`` for what is no table, whatever its name.
        """
        values = self.read_body(NewImportSerializer)
        values |= chosen_mapping(values.pop("mapping"))
        source = _source(**{name: values.pop(name, None) for name in ("file", "rows", "urls")})
        currency = values.pop("currency", "") or Tenant.objects.values_list("currency", flat=True).get(
            pk=current_tenant_id()
        )
        job = create_job(**{**values, **source}, currency=currency.upper(), created_by=author_of(request), reuse=True)
        return self.answer(self.get_queryset().get(pk=job.pk), status=status.HTTP_201_CREATED)

    @extend_schema(request=ApplySerializer, responses=ImportSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def apply(self, request: Request, pk: str) -> Response:
        """Write a staged import into the catalogue, in the background; 409 ``not_staged`` in any other state.

        409 ``too_many_archived``: the file lacks more than a fifth of its source's offerings, and nobody confirmed that.
        """
        return self.answer(request_apply(job=self.get_object(), **self.read_body(ApplySerializer)))

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def undo(self, request: Request, pk: str) -> Response:
        """Make the catalogue what it was before a completed import, in the background; 409 ``not_completed``.

        409 ``changed_since`` when something it wrote was changed or used later; ``changed`` names the first of these.
        """
        return self.answer(request_undo(job=self.get_object()))

    @extend_schema(request=RestageSerializer, responses={201: ImportSerializer})
    @action(detail=True, methods=["post"], verb="add")
    def restage(self, request: Request, pk: str) -> Response:
        """Read the file once more, by another mapping, as a new import; one that waits to be applied is cancelled.

        409 ``not_restageable`` while it is read or applied, and for what was no file.
        """
        job = restage(job=self.get_object(), created_by=author_of(request), **self.read_body(RestageSerializer))
        return self.answer(self.get_queryset().get(pk=job.pk), status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def cancel(self, request: Request, pk: str) -> Response:
        """Give up an import of which nothing is applied yet; 409 ``not_cancellable`` in any other state."""
        return self.answer(cancel(job=self.get_object()))


def _source(
    *, file: UploadedFile | None, rows: Sequence[Mapping[str, Any]] | None, urls: list[str] | None
) -> dict[str, Any]:
    """Return the file that is kept of what was given, and how it is to be read if that is not for the caller to say."""
    if file is not None:
        check_kind(file, file.name or "")
        return {"chunks": file.chunks(), "name": file.name or "file.csv"}
    if rows is not None:
        own = {"mapping": ImportJob.Mapping.BACKROOM, "source_type": ImportJob.SourceType.API}
        return {"chunks": rows_as_json(rows), "name": "rows.json", **own}
    web = {"mapping": ImportJob.Mapping.WEB, "source_type": ImportJob.SourceType.WEB}
    return {"chunks": [addresses_as_file(urls or [])], "name": "pages.txt", **web}


@extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {"type": "string"}})
class CellsField(serializers.DictField):
    """The cells of a row as written."""


class ImportRowSerializer(TenantSerializer):
    """A row of the file: what it does, what changes, and its first problem. ``cells`` are kept for errors, to be fixed."""

    state = serializers.CharField(source="outcome", read_only=True)
    column = TextField(source="first_problem.column", read_only=True, default=None, allow_null=True)
    value = TextField(source="first_problem.value", read_only=True, default=None, allow_null=True)
    code = TextField(source="first_problem.code", read_only=True, default=None, allow_null=True)
    message = serializers.SerializerMethodField()
    problems = serializers.SerializerMethodField()
    changes = serializers.DictField(read_only=True, help_text="By what changes: value before and after.")
    cells = CellsField(source="data.cells", read_only=True, default=None)
    values = serializers.SerializerMethodField(
        help_text="By part (offering, variant, image) what the row says, as it was understood. A part with an error is left out."
    )

    class Meta:
        model = ImportRow
        fields = (
            *("id", "row", "state", "kind", "handle", "sku", "column", "value", "code", "message", "problems"),
            *("changes", "cells", "values"),
        )
        read_only_fields = fields
        extra_kwargs = {
            "row": {
                "help_text": "In the file, whose header is row 1. Rows of JSON are counted from 1, each further variant or "
                "picture within one as a row of its own."
            }
        }

    def get_values(self, row: ImportRow) -> dict[str, dict[str, Any]]:
        """Return the parts of the row that can be applied."""
        parts = {name: row.data[name] for name in ("offering", "variant", "image") if row.data.get(name)}
        return {name: {key: value for key, value in part.items() if key != "is_broken"} for name, part in parts.items()}

    def get_message(self, row: ImportRow) -> str | None:
        """Return what the first problem says, in the reader's language."""
        return message_of(row.first_problem) if row.first_problem else None

    def get_problems(self, row: ImportRow) -> list[dict[str, str]]:
        """Return every problem: level, column, value, code and message."""
        names = ("level", "column", "value", "code")
        return [{**{name: one.get(name, "") for name in names}, "message": message_of(one)} for one in row.problems]


def _in_state(queryset: models.QuerySet, value: str) -> models.QuerySet:
    assert isinstance(queryset, ImportRowQuerySet)
    if value not in (*ImportRow.Outcome.values, "warning"):
        raise Malformed("invalid_choice", _("This is none of the choices."), field="state")
    return queryset.with_warnings() if value == "warning" else queryset.filter(outcome=value)


class ImportRowViewSet(TenantReadViewSet):
    """The rows of an import. ``?state=`` create, change, unchanged, error or warning (applied with a correction)."""

    http_method_names = ["get", "head"]
    queryset = ImportRow.objects.all()
    serializer_class = ImportRowSerializer
    filters: ClassVar[dict[str, Filter]] = {"state": _in_state, "sku": "sku", "handle": "handle"}
    ordering_fields = ("row",)
    ordering = ("row",)

    def get_queryset(self) -> models.QuerySet:
        """Return the rows of the import in the address; an unknown one is 404."""
        if "job" not in self.kwargs:
            return super().get_queryset()
        try:
            job = ImportJob.objects.only("pk").get(pk=self.kwargs["job"])
        except (ImportJob.DoesNotExist, ValueError, ValidationError) as error:
            raise Http404 from error
        return super().get_queryset().filter(job=job)
