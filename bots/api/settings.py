"""The API of what a bot is set up with, and of what it remembers."""

from typing import Any, ClassVar

from django.db import models
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots.api.bots import bot_of
from bots.memories import remember
from bots.models import BotMemory, BotSetting
from bots.settings import MOST_BYTES, MOST_SETTINGS, check_setting, export_config, import_config, type_of
from catalog.models import Customer
from tenants.api import TenantViewSet
from tenants.auth import of_bound_bot
from tenants.errors import Conflict
from tenants.filters import Filter
from tenants.parsers import UploadParser
from tenants.schema import example
from tenants.serializers import IdRelatedField, StrictSerializer, TenantSerializer, TextField


@example("How many cards a bot shows", {"key": "max-cards", "value": 5})
class BotSettingSerializer(TenantSerializer):
    """A setting, addressed by its key. Without ``value_type`` the type is that of the value."""

    value = serializers.JSONField()

    class Meta:
        model = BotSetting
        fields = ("id", "key", "value", "value_type", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")
        extra_kwargs: ClassVar = {"value_type": {"required": False}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a value of another type than the setting has, and secrets."""
        stored = self.instance if isinstance(self.instance, BotSetting) else None
        key = attrs.get("key", stored.key if stored else "")
        value = attrs.get("value", stored.value if stored else None)
        attrs.setdefault("value_type", stored.value_type if stored else type_of(value))
        check_setting(key=key, value_type=attrs["value_type"], value=value)
        return super().validate(attrs)


class ConfigFileSerializer(StrictSerializer):
    """General Bots' ``config.csv``: the columns ``name`` and ``value``."""

    file = serializers.FileField()


class ConfigUploadParser(UploadParser):
    """A form with a ``config.csv``."""

    most_bytes = MOST_BYTES


class SkippedRowSerializer(serializers.Serializer[Any]):
    """A row that was left out."""

    row = serializers.IntegerField()
    name = serializers.CharField()
    reason = serializers.CharField()


class ConfigImportSerializer(serializers.Serializer[Any]):
    """What came of an import; rows that look like secrets are left out and belong into a credential."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = SkippedRowSerializer(many=True)


class OfBotViewSet(TenantViewSet):
    """What belongs to the bot in the address."""

    def get_queryset(self) -> models.QuerySet:
        """Return the rows of the bot named by the address."""
        return super().get_queryset().filter(of_bound_bot(self.request.user), bot__code=self.kwargs["code"])

    def fixed(self) -> dict[str, Any]:
        """Return the bot; 404 for an unknown one."""
        return {"bot": bot_of(self)}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer the rows; 404 for an unknown bot."""
        bot_of(self)
        return super().list(request, *args, **kwargs)


class BotSettingViewSet(OfBotViewSet):
    """Typed settings of a bot, by key; also as General Bots' ``config.csv``."""

    queryset = BotSetting.objects.all()
    serializer_class = BotSettingSerializer
    lookup_field = "key"
    filters: ClassVar[dict[str, Filter]] = {"value_type": "value_type"}
    search_fields = ("key",)
    ordering = ("key",)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save it, if there is room."""
        bot = bot_of(self)
        if BotSetting.objects.filter(bot=bot).count() >= MOST_SETTINGS:
            raise Conflict("too_many", _("A bot has up to %(most)d settings.") % {"most": MOST_SETTINGS})
        serializer.save(bot=bot)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False, methods=["get"], filter_backends=[], pagination_class=None)
    def export(self, request: Request, code: str) -> HttpResponse:
        """Return the settings as ``config.csv``; imported again it changes nothing."""
        answer = HttpResponse(export_config(bot_of(self)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="config.csv"'
        return answer

    @extend_schema(request={"multipart/form-data": ConfigFileSerializer}, responses=ConfigImportSerializer)
    @action(
        detail=False,
        methods=["post"],
        verb="change",
        url_path="import",
        filter_backends=[],
        pagination_class=None,
        parser_classes=[ConfigUploadParser],
    )
    def import_file(self, request: Request, code: str) -> Response:
        """Set what a ``config.csv`` says, all or nothing; what it does not name stays."""
        bot = bot_of(self)
        file = self.read_body(ConfigFileSerializer)["file"]
        return Response(ConfigImportSerializer(import_config(bot=bot, data=file.read())).data)


@example("What a customer likes", {"key": "favourite_colour", "value": "red", "expires_at": "2030-01-31T00:00:00Z"})
class BotMemorySerializer(TenantSerializer):
    """Something remembered, for one customer or (without ``customer``) for everybody."""

    customer = IdRelatedField(queryset=Customer.objects.all(), required=False, allow_null=True)
    value = TextField(max_length=10_000, allow_blank=True, trim_whitespace=False)

    class Meta:
        model = BotMemory
        fields = ("id", "key", "value", "customer", "expires_at", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave the constraints to ``remember``, which replaces what is there."""
        return attrs


class ChangedMemorySerializer(BotMemorySerializer):
    """Another value or another time; key and customer stay."""

    customer = IdRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = BotMemory
        fields = BotMemorySerializer.Meta.fields
        read_only_fields = ("key", "created_at", "updated_at")


class BotMemoryViewSet(OfBotViewSet):
    """What a bot remembers. POST sets it: 201 for something new, 200 in the place of what was there under the key."""

    queryset = BotMemory.objects.all()
    serializer_class = BotMemorySerializer
    filters: ClassVar[dict[str, Filter]] = {"key": "key", "customer": "customer"}
    search_fields = ("key",)
    ordering = ("key", "id")

    def get_queryset(self) -> models.QuerySet:
        """Return what has not expired."""
        rows: Any = super().get_queryset()
        return rows.live()

    def get_serializer_class(self) -> Any:
        """Leave key and customer of a stored one as they are."""
        return ChangedMemorySerializer if self.action == "partial_update" else BotMemorySerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remember something."""
        bot, body = bot_of(self), self.read_body(BotMemorySerializer)
        is_known = self.get_queryset().filter(customer=body.get("customer"), key=body["key"]).exists()
        row = remember(bot=bot, **body)
        return self.answer(row, status=status.HTTP_200_OK if is_known else status.HTTP_201_CREATED)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Remember another value, or for another time."""
        row: Any = serializer.instance
        said = {"value": row.value, "expires_at": row.expires_at, **serializer.validated_data}
        remember(bot=row.bot, key=row.key, customer=row.customer, value=said["value"], expires_at=said["expires_at"])
