"""The API of what bots have read: collections, documents, and the chunks a bot sees of them."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots.documents import Upload, change_document, create_document, delete_collection, delete_documents, read_again
from bots.models import Bot, KnowledgeChunk, KnowledgeCollection, KnowledgeDocument
from bots.reading.limits import MAX_CONTENT_CHARACTERS, MAX_FILE_BYTES
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of, bound_bot
from tenants.filters import Filter
from tenants.parsers import StrictJSONParser, UploadParser
from tenants.schema import example
from tenants.serializers import CodeRelatedField, TenantSerializer, TextField

ONE_SOURCE = ("upload", "content", "url")


class DocumentUploadParser(UploadParser):
    """A form with one document."""

    most_bytes = MAX_FILE_BYTES


@example("What the shop promises", {"code": "policies", "name": "Policies", "bot": "shop"})
class CollectionSerializer(TenantSerializer):
    """Documents that belong together; without bot every bot answers from them."""

    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False, allow_null=True)

    class Meta:
        model = KnowledgeCollection
        fields = ("id", "code", "name", "description", "bot", "metadata", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")


@example(
    "A text",
    {"collection": "policies", "name": "Returns", "content": "# Returns\n\nGoods may be returned within 30 days."},
)
class DocumentSerializer(TenantSerializer):
    """A document: a text (``content``), a web page (``url``) or, in a form, a ``file``. ``reason`` says why it failed."""

    collection = CodeRelatedField(queryset=KnowledgeCollection.objects.all())
    name = TextField(max_length=255, required=False, help_text="Of a file: by default its own.")
    file = serializers.FileField(
        source="upload", required=False, write_only=True, max_length=1000, help_text="Text, HTML, PDF, .docx or .xlsx."
    )
    file_name = TextField(source="file.name", read_only=True, default=None, allow_null=True)
    url = TextField(max_length=2000, required=False)
    reason = TextField(read_only=True)
    chunks = serializers.IntegerField(source="chunk_count", read_only=True)

    class Meta:
        model = KnowledgeDocument
        fields: tuple[str, ...] = (
            *("id", "collection", "name", "source", "file", "file_name", "url", "media_type", "sha256", "language"),
            *("status", "reason", "chunks", "indexed_at", "metadata", "created_at", "updated_at"),
        )
        read_only_fields = ("source", "media_type", "sha256", "status", "indexed_at", "created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for one source; the model's own check is the service's, which fills the columns of it."""
        given = [name for name in ONE_SOURCE if attrs.get(name)]
        if len(given) > 1:
            raise serializers.ValidationError(
                {given[1].replace("upload", "file"): [_("Give a file, a text or an address, one of them.")]}, code="invalid"
            )
        if self.instance is None and not given:
            raise serializers.ValidationError({"content": [_("This field is required.")]}, code="required")
        if self.instance is None and "name" not in attrs:
            if "upload" not in attrs:
                raise serializers.ValidationError({"name": [_("This field is required.")]}, code="required")
            attrs["name"] = (attrs["upload"].name or "file")[:255]
        return attrs


class WholeDocumentSerializer(DocumentSerializer):
    """A document with its text, where it is one."""

    content = TextField(max_length=MAX_CONTENT_CHARACTERS, required=False, help_text="Plain text or Markdown.")

    class Meta(DocumentSerializer.Meta):
        fields = (*DocumentSerializer.Meta.fields, "content")


class ChunkSerializer(TenantSerializer):
    """A piece of a document as the bot sees it."""

    headings = serializers.ListField(source="heading_path", child=serializers.CharField(), read_only=True)

    class Meta:
        model = KnowledgeChunk
        fields = ("id", "position", "headings", "text")
        read_only_fields = fields


class CollectionViewSet(TenantViewSet):
    """Collections of documents. Deleting one deletes all that is in it."""

    queryset = KnowledgeCollection.objects.all()
    serializer_class = CollectionSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "bot": "bot__code"}
    search_fields = ("code", "name")

    def get_queryset(self) -> models.QuerySet:
        """Return the collections the caller may see: a key bound to a bot sees what that bot answers from."""
        return super().get_queryset().filter(_used_by(bound_bot(self.request.user), "bot"))

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save, with whom it is from."""
        serializer.save(created_by=author_of(self.request))

    def perform_destroy(self, instance: KnowledgeCollection) -> None:
        """Delete the collection with its documents."""
        delete_collection(collection=instance)


class DocumentViewSet(TenantViewSet):
    """Documents. A text is found at once; a file or a page is ``pending`` until a worker has read it."""

    queryset = KnowledgeDocument.objects.select_related("file")
    serializer_class = WholeDocumentSerializer
    parser_classes = (StrictJSONParser, DocumentUploadParser)
    filters: ClassVar[dict[str, Filter]] = {
        "collection": "collection__code",
        "status": "status",
        "source": "source",
        "language": "language",
    }
    search_fields = ("name",)

    def get_serializer_class(self) -> Any:
        """Leave the texts out of lists."""
        return DocumentSerializer if self.action == "list" else WholeDocumentSerializer

    def get_queryset(self) -> models.QuerySet:
        """Return the documents the caller may see."""
        documents = super().get_queryset().filter(_used_by(bound_bot(self.request.user), "collection__bot"))
        return documents.defer("content") if self.action == "list" else documents

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it, and have it read."""
        serializer.instance = create_document(created_by=author_of(self.request), **_with_upload(serializer.validated_data))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Change it; what is given anew is read anew."""
        document: Any = serializer.instance
        change_document(document=document, **_with_upload(serializer.validated_data))

    def perform_destroy(self, instance: KnowledgeDocument) -> None:
        """Delete it with its file, chunks and vectors."""
        delete_documents(documents=[instance])

    @extend_schema(request=None, responses=WholeDocumentSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def reindex(self, request: Request, pk: str) -> Response:
        """Read it once more, such as a page that was changed. Chunks that stay the same keep their vectors."""
        document = read_again(document=self.get_object())
        return self.answer(self.get_queryset().get(pk=document.pk))


class ChunkViewSet(TenantReadViewSet):
    """The chunks of a document, in their order: what the bot sees."""

    http_method_names = ["get", "head"]
    queryset = KnowledgeChunk.objects.all()
    serializer_class = ChunkSerializer
    ordering = ("position",)

    def get_queryset(self) -> models.QuerySet:
        """Return the chunks of the document named by the address; an unknown one is 404."""
        if "document" not in self.kwargs:
            return super().get_queryset()
        used = _used_by(bound_bot(self.request.user), "collection__bot")
        try:
            document = KnowledgeDocument.objects.filter(used).only("pk").get(pk=self.kwargs["document"])
        except (KnowledgeDocument.DoesNotExist, ValueError, ValidationError) as error:
            raise Http404 from error
        return super().get_queryset().filter(document=document)


def _used_by(bot_id: Any, path: str) -> models.Q:
    return models.Q(**{path: bot_id}) | models.Q(**{path: None}) if bot_id else models.Q()


def _with_upload(values: Any) -> dict[str, Any]:
    """Return what the service takes: the file of a form as its bytes and name."""
    given = dict(values)
    if file := given.pop("upload", None):
        given["upload"] = Upload(file.chunks(), file.name or "file", file.content_type or "")
    return given
