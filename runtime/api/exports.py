"""Conversations as one file."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from bots.models import Bot
from catalog.models import SalesChannel
from runtime.auth import is_own
from runtime.export import FORMATS, export_transcripts
from runtime.models import Session
from tenants.api import TenantAPIView
from tenants.serializers import ChoiceField, CodeRelatedField, StrictSerializer


class ExportQuery(StrictSerializer):
    """Which conversations, and what kind of file."""

    format = ChoiceField(list(FORMATS), default="jsonl")
    bot = CodeRelatedField(queryset=Bot.objects.all(), required=False)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)
    since = serializers.DateTimeField(required=False, help_text="Begun then or later.")
    until = serializers.DateTimeField(required=False, help_text="Begun before.")


WHERE = {"bot": "bot", "channel": "channel", "since": "created_at__gte", "until": "created_at__lt"}


class TranscriptsView(TenantAPIView):
    """Conversations with all that was said, the tier behind every answer and the customers' ratings, the oldest first."""

    required_permission = "runtime.view_session"

    @extend_schema(
        parameters=[ExportQuery],
        responses={(200, media_type): OpenApiTypes.BINARY for media_type, _write in FORMATS.values()},
    )
    def get(self, request: Request) -> FileResponse:
        """Return the file: JSON Lines, one conversation a line, or CSV, one message a line."""
        asked = self.read_query(ExportQuery)
        form = asked.pop("format")
        sessions = Session.objects.filter(is_own(request.user), **{WHERE[name]: value for name, value in asked.items()})
        return export_transcripts(sessions, form)
