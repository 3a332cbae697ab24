"""The admin of what bots have read: collections with their documents, uploads, and what a bot sees of each."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import linebreaksbr, truncatechars
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from bots.documents import (
    Upload,
    change_document,
    create_document,
    create_documents,
    delete_collection,
    delete_documents,
    read_again,
)
from bots.models import PATH_SEPARATOR, KnowledgeCollection, KnowledgeDocument
from bots.reading.limits import MAX_CONTENT_CHARACTERS, MAX_FILE_BYTES
from tenants.admin import TenantAdmin, asks_first
from tenants.admin.uploads import SeveralFilesField
from tenants.errors import DomainError
from vault.outbound import check_url

CHUNKS_SHOWN = 100
MOST_FILES = 50
STATUS_LABELS = {"indexed": "success", "failed": "danger", "pending": "info"}


class DocumentInline(TabularInline):
    """The documents of a collection, to look at; each has a page of its own."""

    model = KnowledgeDocument
    tab = True
    extra = 0
    fields = ("name", "source", "language", "status_label", "chunk_count", "updated_at")
    readonly_fields = fields
    show_change_link = True
    can_delete = False
    per_page = 50
    ordering = ("-id",)
    verbose_name_plural = _("documents")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the documents without their texts."""
        return super().get_queryset(request).select_related("collection").defer("content")

    @display(description=_("status"), label=STATUS_LABELS)
    def status_label(self, document: KnowledgeDocument) -> tuple[str, str]:
        """Show the status as a label."""
        return document.status, document.get_status_display()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A document is added on its own page."""
        return False


@admin.register(KnowledgeCollection)
class KnowledgeCollectionAdmin(TenantAdmin):
    """Collections: documents that belong together."""

    list_display = ("name", "code", "bot", "documents", "failed", "updated_at")
    list_filter = ("bot",)
    list_select_related = ("bot",)
    search_fields = ("name", "code")
    fieldsets = ((None, {"fields": (("name", "code"), "description", "bot")}),)
    inlines = (DocumentInline,)
    actions_detail = ("add_documents",)
    actions_row = ("add_documents",)
    empty_message = _(
        "A bot answers out of documents as well: price lists, terms, manuals. Begin with a collection of them."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the collections with how much is in them."""
        is_failed = Q(documents__status=KnowledgeDocument.Status.FAILED)
        counted = super().get_queryset(request).annotate(document_count=Count("documents"))
        return counted.annotate(failed_count=Count("documents", filter=is_failed))

    @display(description=_("documents"), ordering="document_count")
    def documents(self, collection: Any) -> int:
        """Show how many documents are in it."""
        return collection.document_count

    @display(description=_("failed"), ordering="failed_count")
    def failed(self, collection: Any) -> int:
        """Show how many of them could not be read."""
        return collection.failed_count

    @action(description=_("Add documents"), icon="upload_file", permissions=["add_documents"])
    def add_documents(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Open the form for new documents of this collection."""
        return redirect(f"{reverse('admin:bots_knowledgedocument_add')}?collection={object_id}")

    def has_add_documents_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may add documents."""
        return request.user.has_perm("bots.add_knowledgedocument")

    def save_model(self, request: HttpRequest, obj: KnowledgeCollection, form: ModelForm, change: bool) -> None:
        """Save, with who made it."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: KnowledgeCollection) -> None:
        """Delete it with all that is in it."""
        delete_collection(collection=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Delete the chosen ones with all that is in them."""
        for collection in queryset:
            delete_collection(collection=collection)


class DocumentFilesField(SeveralFilesField):
    """Files, none of them too large."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files; raises ``ValidationError`` for too many or too large ones."""
        files = super().clean(data, initial)
        if any(file.size > MAX_FILE_BYTES for file in files):
            raise ValidationError(_("A file is larger than 25 MB."), code="too_large")
        return files


class DocumentForm(forms.ModelForm):
    """A document: files, a text or an address, one of them; on a document there is, what it is to be from now on."""

    uploads = DocumentFilesField(
        label=_("Files"),
        required=False,
        most=MOST_FILES,
        help_text=_("Text, Markdown, HTML, PDF, Word (.docx) or Excel (.xlsx), up to 25 MB each."),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Customers see it where the bot names its source. Empty: the name of the file."),
    )

    class Meta:
        model = KnowledgeDocument
        fields = ("collection", "name", "language", "content", "url")

    def clean_content(self) -> str:
        """Refuse what is too long to be read at once."""
        content = str(self.cleaned_data["content"])
        if len(content) > MAX_CONTENT_CHARACTERS:
            raise ValidationError(_("The text is too long. Upload it as a file."), code="too_long")
        return content

    def clean_url(self) -> str:
        """Refuse an address that is never called."""
        url = str(self.cleaned_data["url"]).strip()
        try:
            if url:
                check_url(url)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from error
        return url

    def clean(self) -> dict[str, Any]:
        """Ask for one source, and for a name where no file has one."""
        given: dict[str, Any] = super().clean() or {}
        sources = [name for name in ("uploads", "content", "url") if given.get(name)]
        if len(sources) != 1 and not self.errors:
            raise ValidationError(_("Give files, a text or an address, one of them."), code="one_source")
        if not given.get("name") and sources != ["uploads"] and not self.errors:
            self.add_error("name", ValidationError(_("This field is required."), code="required"))
        return given

    def uploaded(self) -> list[Upload]:
        """Return the files as the service takes them."""
        return [Upload(file.chunks(), file.name, file.content_type or "") for file in self.cleaned_data.get("uploads") or ()]


class DocumentChangeForm(DocumentForm):
    """A document there is: nothing need be given anew."""

    uploads = DocumentFilesField(
        label=_("Another file in its place"),
        required=False,
        most=MOST_FILES,
        help_text=_("Up to 25 MB."),
    )

    def clean(self) -> dict[str, Any]:
        """Keep the source unless another one is given."""
        if len(self.cleaned_data.get("uploads") or ()) > 1:
            self.add_error("uploads", ValidationError(_("One file takes the place of the document."), code="one_file"))
        shown = {"text": "content", "url": "url"}.get(self.instance.source)
        if shown and not self.cleaned_data.get(shown) and shown not in self.errors:
            self.add_error(shown, ValidationError(_("This field is required."), code="required"))
        return self.cleaned_data

    def new_source(self) -> dict[str, Any]:
        """Return what the document is to be from now on, if that changes."""
        if uploads := self.uploaded():
            return {"upload": uploads[0]}
        for name in ("url", "content"):
            value = self.cleaned_data.get(name)
            if name in self.changed_data and value:
                return {name: value}
        return {}


@admin.register(KnowledgeDocument)
class KnowledgeDocumentAdmin(TenantAdmin):
    """Documents, how far they are read, and what the bot sees of them."""

    list_display = ("name", "collection", "kind", "language", "status_label", "progress", "why", "updated_at")
    list_filter = ("status", "collection", "source", "language")
    list_select_related = ("collection", "file")
    search_fields = ("name",)
    ordering = ("-id",)
    export_fields = (
        "id",
        "name",
        "collection",
        "source",
        "url",
        "language",
        "status",
        "reason",
        "chunk_count",
        "updated_at",
    )
    change_form_template = "bots/admin/document.html"
    actions_detail = ("read_again",)
    actions = ("export", "read_chosen_again")
    empty_message = _(
        "What you upload here, your bots can answer from: they give the passage that fits, and name the document."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the documents with how many of their chunks wait for a vector."""
        return super().get_queryset(request).with_waiting()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the form."""
        about = {"fields": (("collection", "language"), "name")}
        if obj is None:
            return [(None, about), (_("Where the words come from"), {"fields": ("uploads", "content", "url")})]
        given = {"text": ["content"], "url": ["url"], "file": ["file_name"]}[obj.source]
        if obj.file and self.has_change_permission(request, obj):
            given.append("uploads")
        return [(None, about), (_("Where the words come from"), {"fields": given})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is only shown."""
        return ("file_name",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form for new documents, or for the one there is."""
        if obj is None or self.has_change_permission(request, obj):
            kwargs["form"] = DocumentChangeForm if obj else DocumentForm
        return super().get_form(request, obj, change=change, **kwargs)

    @display(description=_("file"))
    def file_name(self, document: KnowledgeDocument) -> str:
        """Show the file's own name."""
        return document.file.name if document.file else ""

    @display(description=_("source"), ordering="source")
    def kind(self, document: KnowledgeDocument) -> str:
        """Show where the words come from, and of a file its ending."""
        ending = document.file.name.rpartition(".")[2].upper() if document.file and "." in document.file.name else ""
        return ending[:5] or str(document.get_source_display())

    @display(description=_("status"), ordering="status", label=STATUS_LABELS)
    def status_label(self, document: KnowledgeDocument) -> tuple[str, str]:
        """Show the status as a label."""
        return document.status, document.get_status_display()

    @display(description=_("chunks"), ordering="chunk_count")
    def progress(self, document: Any) -> str:
        """Show how many chunks there are, and how many of them are found by their meaning, too."""
        done = document.chunk_count - document.waiting
        return f"{done} / {document.chunk_count}" if document.waiting else str(document.chunk_count)

    @display(description=_("reason"))
    def why(self, document: KnowledgeDocument) -> str:
        """Show why it failed."""
        return truncatechars(document.reason, 80)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the form, and above it what the bot sees of the document."""
        document = self.get_object(request, object_id) if object_id else None
        context = {**(_seen(document) if document else {}), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: KnowledgeDocument, form: Any, change: bool) -> None:
        """Keep what was given, and have it read; each of several files is a document."""
        fields = {name: form.cleaned_data[name] for name in ("collection", "language")}
        name = form.cleaned_data["name"]
        if change:
            change_document(document=obj, name=name or obj.name, **fields, **form.new_source())
            return
        fields["created_by"] = request.user
        uploads = form.uploaded()
        if len(uploads) > 1:
            made = create_documents(uploads=uploads, **fields)[-1]
        elif uploads:
            made = create_document(name=name or uploads[0].name[:255], upload=uploads[0], **fields)
        else:
            source = {key: form.cleaned_data[key] for key in ("content", "url")}
            made = create_document(name=name, **source, **fields)
        obj.pk, obj.name = made.pk, made.name
        request.made_several = len(uploads) > 1  # type: ignore[attr-defined] # for the answer

    def response_add(
        self, request: HttpRequest, obj: KnowledgeDocument, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the document being read; of several, all of the collection."""
        if getattr(request, "made_several", False):
            return redirect(
                f"{reverse('admin:bots_knowledgedocument_changelist')}?collection__id__exact={obj.collection_id}"
            )
        return redirect("admin:bots_knowledgedocument_change", obj.pk)

    @action(description=_("Read it again"), icon="refresh", permissions=["change"])
    @asks_first
    def read_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have the document read once more, such as a page that was changed."""
        read_again(document=KnowledgeDocument.objects.get(pk=object_id))
        return redirect("admin:bots_knowledgedocument_change", object_id)

    @admin.action(description=_("Read them again"), permissions=["change"])
    def read_chosen_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Have the chosen documents read once more."""
        for document in KnowledgeDocument.objects.filter(pk__in=[one.pk for one in queryset]):
            read_again(document=document)

    def delete_model(self, request: HttpRequest, obj: KnowledgeDocument) -> None:
        """Delete it with its file, chunks and vectors."""
        delete_documents(documents=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Delete the chosen ones with their files, chunks and vectors."""
        delete_documents(documents=queryset)


def _seen(document: Any) -> dict[str, Any]:
    """Return what the page shows above the form: how far it is, and the chunks."""
    chunks = document.chunks.all()[:CHUNKS_SHOWN]
    total, done = document.chunk_count, document.chunk_count - document.waiting
    rows = [
        [chunk.position + 1, PATH_SEPARATOR.join(chunk.heading_path) or "–", linebreaksbr(chunk.text)] for chunk in chunks
    ]
    told = gettext("%(done)d of %(total)d chunks are found by their meaning as well as by their words.")
    return {
        "document": document,
        "is_busy": document.status == KnowledgeDocument.Status.PENDING or bool(document.waiting),
        "chunks": {"headers": ["#", gettext("Headings"), gettext("Text")], "rows": rows},
        "more_chunks": max(0, total - CHUNKS_SHOWN),
        "progress_title": gettext("Chunks"),
        "progress": round(100 * done / total) if total else 100,
        "progress_text": told % {"done": done, "total": total},
    }
