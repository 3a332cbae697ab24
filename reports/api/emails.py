"""E-mail: messages as they are written, and each copy on its way."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, NoReturn
from zoneinfo import ZoneInfo

from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from reports.bounces import note_bounces
from reports.emails import MOST_ATTACHED, Attachment, cancel_email, delete_email, queue_email, write_email
from reports.letters import render_template
from reports.models import EmailDelivery, EmailMessage, EmailTemplate, Mailbox
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.errors import Malformed
from tenants.filters import Filter
from tenants.models import Tenant
from tenants.parsers import StrictJSONParser, UploadParser
from tenants.schema import example
from tenants.scope import current_tenant_id
from tenants.serializers import (
    ChoiceField,
    CodeRelatedField,
    IdRelatedField,
    ObjectField,
    StrictSerializer,
    TenantSerializer,
    TextField,
)


class EmailParser(UploadParser):
    """A form with attachments."""

    most_bytes = MOST_ATTACHED + 2_000_000


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "media_type": {"type": "string"},
            "content": {"type": "string", "format": "byte", "writeOnly": True},
            "size": {"type": "integer", "readOnly": True},
            "file": {"type": "string", "format": "uuid", "readOnly": True},
        },
        "required": ["name"],
    }
)
class AttachmentField(serializers.Field):
    """A file: an upload of a form, or ``{name, content, media_type?}`` with the content in base64."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": gettext_lazy("Send a file, or its name and its content in base64."),
    }

    def to_internal_value(self, data: Any) -> Attachment:
        """Return the file."""
        if isinstance(data, UploadedFile):
            return Attachment(data.name or "file", data.content_type or "", data.chunks())
        if not isinstance(data, Mapping) or not {"name", "content"} <= set(data) <= {"name", "content", "media_type"}:
            self._refuse()
        if not all(isinstance(value, str) and value for value in data.values()):
            self._refuse()
        try:
            content = base64.b64decode(data["content"], validate=True)
        except (binascii.Error, ValueError):
            self._refuse()
        return Attachment(data["name"], data.get("media_type", ""), [content])

    def _refuse(self) -> NoReturn:
        self.fail("invalid")

    def to_representation(self, value: Any) -> dict[str, Any]:
        """Return what is known of the file."""
        file = value.file
        return {"file": str(file.pk), "name": file.name, "media_type": file.media_type, "size": file.size}


class AttachmentsField(serializers.ListField):
    """The files of a message."""

    child = AttachmentField()

    def get_attribute(self, instance: EmailMessage) -> list[Any]:
        """Return the rows."""
        return list(instance.attachments.all())


def _addresses(help_text: str, **options: Any) -> serializers.ListField:
    return serializers.ListField(child=TextField(max_length=1000), help_text=help_text, **options)


class TenantTimeField(serializers.DateTimeField):
    """A moment; one without a zone is by the clock of the business."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", "Not before then. Without a zone it is by the clock of the business.")
        super().__init__(**options)

    def default_timezone(self) -> ZoneInfo:
        """Return the zone of what has none."""
        return ZoneInfo(Tenant.objects.get(pk=current_tenant_id()).time_zone)

    def to_representation(self, value: Any) -> Any:
        """Return it in UTC, as every moment is told."""
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@example(
    "A mail to two people",
    {
        "subject": "Your order is on its way",
        "body": "Hello An,\n\nyour parcel left us today.",
        "to": ["An Nguyen <an@example.com>"],
        "cc": ["sales@example.com"],
        "status": "queued",
    },
)
class EmailSerializer(TenantSerializer):
    """A message. ``deliveries`` counts its copies by how they stand; one address gets one copy."""

    to = _addresses("Each one address, with a name or without.", required=False)
    cc = _addresses("Copies.", required=False)
    bcc = _addresses("Blind copies: in no header.", required=False)
    html = TextField(required=False, allow_blank=True, help_text="Scripts, forms and style sheets are taken out.")
    attachments = AttachmentsField(required=False, help_text="In a form: files. Up to 20 MB in all.")
    mailbox = IdRelatedField(queryset=Mailbox.objects.all(), required=False, allow_null=True)
    send_at = TenantTimeField(required=False, allow_null=True)
    status = ChoiceField(EmailMessage.Status.choices, required=False, help_text="queued sends it. Without it: draft.")
    template = CodeRelatedField(queryset=EmailTemplate.objects.all(), write_only=True, required=False)
    values = ObjectField(write_only=True, required=False, help_text="What stands for the names of the template.")
    language = ChoiceField(["vi", "en"], write_only=True, required=False, help_text="Of the template; else the tenant's.")
    deliveries = serializers.SerializerMethodField()

    class Meta:
        model = EmailMessage
        fields = (
            *("id", "subject", "body", "html", "template", "values", "language"),
            *("to", "cc", "bcc", "reply_to", "attachments", "mailbox", "priority"),
            *("send_at", "status", "message_id", "queued_at", "deliveries", "created_at", "updated_at"),
        )
        read_only_fields = ("message_id", "queued_at")

    def to_internal_value(self, data: Any) -> Any:
        """Take the texts from the template, where one is named; what is written beside it counts."""
        if isinstance(data, Mapping) and data.get("template"):
            self.fields["subject"].required = self.fields["body"].required = False
        values = super().to_internal_value(data)
        given = {name: values.pop(name, None) for name in ("template", "values", "language")}
        if given["template"] is None:
            return values
        texts = render_template(given["template"], values=given["values"] or {}, language=given["language"] or "")
        return {**texts, **values}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check it as the draft that it is until it is sent."""
        values = {name: value for name, value in attrs.items() if name != "status"}
        return {**super().validate(values), **{name: attrs[name] for name in attrs if name == "status"}}

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_deliveries(self, email: Any) -> dict[str, int]:
        """Return how many copies there are, and how they stand."""
        ended = {"sent": email.sent, "failed": email.failed, "unknown": email.unclear, "cancelled": email.given_up}
        return {"all": email.copies, "open": email.copies - sum(ended.values()), **ended}


class EmailViewSet(TenantViewSet):
    """E-mails. A draft is changed by PATCH and deleted; ``status: queued`` or ``send/`` has it sent."""

    queryset = EmailMessage.objects.all()
    serializer_class = EmailSerializer
    parser_classes = (StrictJSONParser, EmailParser)
    filters: ClassVar[dict[str, Filter]] = {"status": "status", "mailbox": "mailbox", "message_id": "message_id"}
    search_fields = ("subject",)

    def get_queryset(self) -> models.QuerySet:
        """Return the messages with their files and counts."""
        return super().get_queryset().with_counts().prefetch_related("attachments__file")  # type: ignore[attr-defined]

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it, and have it sent if that is asked for."""
        self._write(serializer, created_by=author_of(self.request))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Change a draft; 409 ``not_draft`` for what is on its way."""
        self._write(serializer, email=serializer.instance)

    def _write(self, serializer: BaseSerializer[Any], **of: Any) -> None:
        values = dict(serializer.validated_data)
        is_queued = values.pop("status", EmailMessage.Status.DRAFT) == EmailMessage.Status.QUEUED
        serializer.instance = write_email(**values, **of, is_queued=is_queued)

    def perform_destroy(self, instance: EmailMessage) -> None:
        """Delete a draft, or what was cancelled in time; 409 ``not_draft`` for what was sent or is on its way."""
        delete_email(email=instance)

    @extend_schema(request=None, responses=EmailSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def send(self, request: Request, pk: str) -> Response:
        """Have a draft sent: each recipient gets a delivery. 409 ``not_draft``, 422 ``no_recipients``."""
        return self._answered(queue_email(email=self.get_object()))

    @extend_schema(request=None, responses=EmailSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def cancel(self, request: Request, pk: str) -> Response:
        """Give up the deliveries that are not begun."""
        email = self.get_object()
        cancel_email(email=email)
        return self._answered(email)

    def _answered(self, email: EmailMessage) -> Response:
        return self.answer(self.get_queryset().get(pk=email.pk), status=status.HTTP_200_OK)


class EmailDeliverySerializer(TenantSerializer):
    """One copy on its way. ``unknown``: the connection broke after the text was handed over, so it may have been sent."""

    recipient = TextField(source="address", read_only=True)
    recipient_type = ChoiceField(EmailDelivery.Kind.choices, source="kind", read_only=True)
    status = ChoiceField(EmailDelivery.Status.choices, read_only=True)
    attempts = serializers.IntegerField(source="attempt", read_only=True)
    error = TextField(source="problem", read_only=True, help_text="What went wrong last.")
    last_attempt = serializers.DateTimeField(source="begun_at", read_only=True)

    class Meta:
        model = EmailDelivery
        fields = (
            *("id", "email", "recipient", "recipient_type", "status", "attempts", "error", "priority", "due_at"),
            *("last_attempt", "sent_at", "bounced_at", "created_at"),
        )
        read_only_fields = fields


def _with_status(queryset: Any, value: str) -> Any:
    if value not in EmailDelivery.Status.values:
        choices = ", ".join(EmailDelivery.Status.values)
        raise Malformed("invalid_choice", _("Choose one of: %(choices)s.") % {"choices": choices}, field="status")
    return queryset.with_status(value)


@example(
    "A mail that came back",
    {
        "message": "From: MAILER-DAEMON@mx.example.com\r\nTo: hello@harbour-homes.example\r\nSubject: Undelivered\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        "Final-Recipient: rfc822; an@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    },
)
class BounceSerializer(StrictSerializer):
    """A mail as it was received, headers and all."""

    message = TextField(max_length=1_000_000, trim_whitespace=False)


class BouncedSerializer(StrictSerializer):
    """How many deliveries it was about."""

    failed = serializers.IntegerField()


class EmailDeliveryViewSet(TenantReadViewSet):
    """The copies of messages: one for each recipient.

    ``?status=``, ``?email=``, ``?recipient=``, ``?since=`` and ``?until=`` (of ``created_at``).
    """

    queryset = EmailDelivery.objects.select_related("tenant")
    serializer_class = EmailDeliverySerializer
    filters: ClassVar[dict[str, Filter]] = {
        "status": _with_status,
        "email": "email",
        "recipient": "address",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }

    @extend_schema(request=BounceSerializer, responses=BouncedSerializer)
    @action(detail=False, methods=["post"], verb="change")
    def bounces(self, request: Request) -> Response:
        """Hand in a mail that came back (RFC 3464): the deliveries it is about become ``failed``. Others change nothing."""
        values = self.read_body(BounceSerializer)
        return Response({"failed": note_bounces(values["message"].encode("utf-8", "surrogateescape"))})

    @extend_schema(request=None, responses=EmailDeliverySerializer)
    @action(detail=True, methods=["post"], verb="change")
    def retry(self, request: Request, pk: str) -> Response:
        """Send it once more, with the same Message-ID: failed, given up or unclear. 409 ``not_ended`` for others."""
        delivery = self.get_object()
        delivery.send_again()
        return self.answer(self.get_queryset().get(pk=delivery.pk))


@example(
    "A parcel has left",
    {
        "code": "parcel-sent",
        "name": "A parcel has left",
        "subject_en": "Your order {{ number }} is on its way",
        "body_en": "Hello {{ name }},\n\nyour parcel left us today.",
        "subject_vi": "Đơn hàng {{ number }} đang được giao",
        "body_vi": "Chào {{ name }},\n\nkiện hàng của bạn đã được gửi hôm nay.",
    },
)
class EmailTemplateSerializer(TenantSerializer):
    """A text with names in double braces, in Vietnamese, in English or in both."""

    class Meta:
        model = EmailTemplate
        fields = (
            *("id", "code", "name", "subject_vi", "body_vi", "html_vi", "subject_en", "body_en", "html_en"),
            *("created_at", "updated_at"),
        )


class EmailTemplateViewSet(TenantViewSet):
    """Texts that mails are made of."""

    queryset = EmailTemplate.objects.all()
    serializer_class = EmailTemplateSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code"}
    search_fields = ("code", "name")

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it with its author."""
        serializer.save(created_by=author_of(self.request))
