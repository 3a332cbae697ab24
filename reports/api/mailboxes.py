"""The e-mail accounts of a tenant, and what was received by them."""

from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from reports.mailboxes import delete_mailbox, save_mailbox, sync_now, try_mailbox
from reports.models import Mailbox, MailFolder, MailMessage
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import TenantSerializer, TextField


@example("A shop's address", {"name": "Harbour Homes", "address": "hello@harbour-homes.example"})
class MailboxSerializer(TenantSerializer):
    """An account. ``smtp`` and ``imap``: the credentials to send and to read by; servers and passwords are in the vault.

    ``synced_at`` and ``problem`` tell of its reading: when it went well last, and what was wrong the last time.
    """

    synced_at = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()

    class Meta:
        model = Mailbox
        fields = (
            *("id", "name", "address", "smtp", "imap", "is_active", "synced_at", "problem", "metadata"),
            *("created_at", "updated_at"),
        )

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_synced_at(self, mailbox: Mailbox) -> Any:
        """Return when its folders were brought up to date."""
        return next((row.synced_at for row in mailbox.syncs.all()), None)

    @extend_schema_field({"type": "string"})
    def get_problem(self, mailbox: Mailbox) -> str:
        """Return why it could not be read."""
        return next((row.problem for row in mailbox.syncs.all()), "")


class TriedServerSerializer(serializers.Serializer):
    """What a server said to a login; ``code`` is for programs."""

    ok = serializers.BooleanField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()
    latency_ms = serializers.IntegerField()


class TriedMailboxSerializer(serializers.Serializer):
    """What a test found, of each server that the account names."""

    smtp = TriedServerSerializer(required=False)
    imap = TriedServerSerializer(required=False)


class MailboxViewSet(TenantViewSet):
    """E-mail accounts of the tenant's own. One with a credential for IMAP is read every few minutes."""

    queryset = Mailbox.objects.prefetch_related("syncs")
    serializer_class = MailboxSerializer
    filters: ClassVar[dict[str, Filter]] = {"is_active": "is_active", "address": "address"}
    search_fields = ("name", "address")

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it with its author."""
        serializer.instance = save_mailbox(Mailbox(created_by=author_of(self.request), **serializer.validated_data))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save what changed; it is read at once."""
        mailbox: Any = serializer.instance
        for name, value in serializer.validated_data.items():
            setattr(mailbox, name, value)
        save_mailbox(mailbox)

    def perform_destroy(self, instance: Mailbox) -> None:
        """Delete it with what was mirrored of it; 409 while e-mails were written by it."""
        delete_mailbox(instance)

    @extend_schema(request=None, responses=TriedMailboxSerializer)
    @action(detail=True, methods=["post"], verb="change", acts_outside=True)
    def test(self, request: Request, pk: str) -> Response:
        """Log in to its servers; 409 ``nothing_to_test`` without any, ``in_progress`` beside another test."""
        return Response(TriedMailboxSerializer(try_mailbox(self.get_object())).data)

    @extend_schema(request=None, responses={202: MailboxSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def sync(self, request: Request, pk: str) -> Response:
        """Have it read at once, in the background. 409 ``not_read``: switched off, or without a credential for IMAP."""
        mailbox = self.get_object()
        sync_now(mailbox=mailbox)
        return self.answer(self.get_queryset().get(pk=mailbox.pk), status=status.HTTP_202_ACCEPTED)


class MailFolderSerializer(TenantSerializer):
    """A folder as the mail server has it; the counts are the server's. ``problem``: why it could not be read."""

    problem = TextField(read_only=True)

    class Meta:
        model = MailFolder
        fields = (
            *("id", "mailbox", "parent", "name", "path", "special_use", "is_selectable", "message_count", "unread_count"),
            *("problem", "synced_at", "created_at", "updated_at"),
        )
        read_only_fields = fields


class MailFolderViewSet(TenantReadViewSet):
    """The folders of e-mail accounts. ``?mailbox=``; ``?special_use=inbox``."""

    http_method_names = ["get", "head"]
    queryset = MailFolder.objects.all()
    serializer_class = MailFolderSerializer
    filters: ClassVar[dict[str, Filter]] = {"mailbox": "mailbox", "special_use": "special_use"}
    search_fields = ("name",)


class ListedMessageSerializer(TenantSerializer):
    """A received message as lists tell it. ``thread`` is the Message-ID that its conversation began with.

    ``attachments``: ``file`` is null for one that was not kept; by ``content_id`` the HTML shows it.
    ``note``: why only a part of the message is here.
    """

    mailbox = serializers.UUIDField(source="folder.mailbox_id", read_only=True)
    note = TextField(read_only=True)
    attachments = serializers.SerializerMethodField()

    class Meta:
        model = MailMessage
        fields: tuple[str, ...] = (
            *("id", "mailbox", "folder", "uid", "message_id", "in_reply_to", "references", "thread", "subject", "sender"),
            *("to", "cc", "date", "received_at", "is_seen", "flags", "size", "note", "bounced", "attachments", "created_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "media_type": {"type": "string"},
                    "size": {"type": "integer"},
                    "file": {"type": "string", "format": "uuid", "nullable": True},
                    "content_id": {"type": "string"},
                },
            },
        }
    )
    def get_attachments(self, message: MailMessage) -> list[dict[str, Any]]:
        """Return the files, by name, type and size."""
        return [
            {
                "name": one.name,
                "media_type": one.media_type,
                "size": one.size,
                "file": one.file_id,
                "content_id": one.content_id,
            }
            for one in message.attachments.all()
        ]


class MailMessageSerializer(ListedMessageSerializer):
    """A received message. ``html`` runs and fetches nothing: ``images_left_out`` counts the pictures from elsewhere."""

    class Meta(ListedMessageSerializer.Meta):
        fields = (*ListedMessageSerializer.Meta.fields, "text", "html", "images_left_out")
        read_only_fields = fields


class MailMessageViewSet(TenantReadViewSet):
    """Received messages, the newest first; the mail server is the truth, so nothing is changed here. Texts are in the detail.

    ``?mailbox=``, ``?folder=``, ``?is_seen=false``, ``?since=``, ``?until=`` (of ``received_at``), ``?thread=``, ``?message_id=``.
    """

    http_method_names = ["get", "head"]
    queryset = MailMessage.objects.select_related("folder").prefetch_related("attachments")
    serializer_class = MailMessageSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "mailbox": "folder__mailbox",
        "folder": "folder",
        "is_seen": "is_seen",
        "since": "received_at__gte",
        "until": "received_at__lt",
        "thread": "thread",
        "message_id": "message_id",
    }
    search_fields = ("subject", "sender")
    ordering = ("-received_at",)

    def get_queryset(self) -> models.QuerySet:
        """Return the messages; in lists without their texts, which may be long."""
        messages = super().get_queryset()
        return messages.defer("text", "html") if self.action == "list" else messages

    def get_serializer_class(self) -> Any:
        """Return what lists tell, or all of one message."""
        return ListedMessageSerializer if self.action == "list" else MailMessageSerializer
