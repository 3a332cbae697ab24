"""The API of telling insights: who is told by rule, what was told to whom, and who wants no more."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from reports.distribution import send_insight
from reports.models import Insight, InsightDelivery, InsightOptOut, InsightSubscription
from reports.models.insight_deliveries import DeliveryStatus
from reports.models.subscriptions import Channel, RecipientType
from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.errors import Malformed
from tenants.filters import Filter
from tenants.models import Membership, User
from tenants.schema import example
from tenants.serializers import ChoiceField, IdRelatedField, StrictSerializer, TenantSerializer, TextField
from vault.models import EventDestination

MOST_RECIPIENTS = 100


class InsightDeliverySerializer(TenantSerializer):
    """Insights on their way to one recipient. Once handed on, ``status`` is that of its mail or webhook message.

    ``insight`` is null for a digest, and for a mail that tells several: ``insights`` has them all. Those that are not found
    any more keep their id here.
    """

    insight = serializers.SerializerMethodField()
    insights = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    recipient = TextField(read_only=True)
    distribution_method = ChoiceField(Channel.choices, source="channel", read_only=True)
    status = ChoiceField(DeliveryStatus.choices, read_only=True)
    attempts = serializers.IntegerField(source="attempt", read_only=True)
    error = TextField(source="why", read_only=True, help_text="What went wrong last, or why nothing was sent.")

    class Meta:
        model = InsightDelivery
        fields = (
            *("id", "insight", "insights", "recipient_type", "recipient", "distribution_method", "frequency", "status"),
            *("attempts", "error", "due_at", "sent_at", "read_at", "email", "event_delivery", "created_at"),
        )
        read_only_fields = fields

    def get_insight(self, delivery: InsightDelivery) -> str | None:
        """Return the one insight that it tells."""
        return str(delivery.insights[0]) if len(delivery.insights) == 1 else None


@example(
    "Tell two people",
    {
        "insight": "0198f2f4-8b7a-7c41-9d3e-2a6f1f0e9c11",
        "recipient_type": "address",
        "recipients": ["an@example.com", "binh@example.com"],
        "distribution_method": "email",
    },
)
class SendInsightSerializer(StrictSerializer):
    """Whom to tell of an insight now.

    ``recipients`` are roles; people, by address or id; addresses; or event destinations, by name, address or id.
    """

    insight = IdRelatedField(queryset=Insight.objects.all())
    recipient_type = ChoiceField(RecipientType.choices)
    recipients = serializers.ListField(child=TextField(max_length=1000), min_length=1, max_length=MOST_RECIPIENTS)
    distribution_method = ChoiceField(Channel.choices)


class SentInsightSerializer(SendInsightSerializer):
    """What was asked for, and the delivery to each recipient."""

    insight = serializers.UUIDField()  # type: ignore[assignment]
    deliveries = InsightDeliverySerializer(many=True)


def _with_status(queryset: Any, value: str) -> Any:
    if value not in DeliveryStatus.values:
        choices = ", ".join(DeliveryStatus.values)
        raise Malformed("invalid_choice", _("Choose one of: %(choices)s.") % {"choices": choices}, field="status")
    return queryset.filter(status=value)


def _of_insight(queryset: Any, value: str) -> Any:
    try:
        return queryset.filter(insights__contains=[UUID(value)])
    except ValueError:
        raise Malformed("invalid", _("This is no id."), field="insight") from None


class InsightDeliveryViewSet(TenantReadViewSet):
    """Who was told of which insights, one row for each recipient. ``?status=``; ``?insight=``; ``?recipient_type=``."""

    queryset = InsightDelivery.objects.all()
    serializer_class = InsightDeliverySerializer
    filters: ClassVar[dict[str, Filter]] = {
        "status": _with_status,
        "insight": _of_insight,
        "recipient_type": "recipient_type",
        "distribution_method": "channel",
        "address": "address",
    }

    def get_queryset(self) -> models.QuerySet:
        """Return the deliveries with how they stand."""
        rows: Any = super().get_queryset()
        found: models.QuerySet = rows.with_status().select_related("user", "destination")
        return found

    @extend_schema(request=SendInsightSerializer, responses={201: SentInsightSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell recipients of an insight now. Who was told of it by this way already is not told again: see ``retry/``."""
        values = self.read_body(SendInsightSerializer)
        channel = values.pop("distribution_method")
        made = send_insight(**values, channel=channel, created_by=author_of(request))
        rows = self.get_queryset().filter(pk__in=[one.pk for one in made]).order_by("id")
        asked = {**values, "insight": values["insight"].pk, "distribution_method": channel, "deliveries": rows}
        return Response(SentInsightSerializer(asked, context=self.get_serializer_context()).data, status=201)

    @extend_schema(request=None, responses=InsightDeliverySerializer)
    @action(detail=True, methods=["post"], verb="change")
    def retry(self, request: Request, pk: str) -> Response:
        """Send it once more: failed, given up, not sent or unclear. 409 ``not_ended`` for others."""
        delivery = self.get_object()
        delivery.send_again()
        return self.answer(self.get_queryset().get(pk=delivery.pk))


@example(
    "The worst at once, by e-mail, but not at night",
    {
        "recipient_type": "role",
        "role": "owner",
        "channel": "email",
        "min_score": 70,
        "frequency": "at_once",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
    },
)
class InsightSubscriptionSerializer(TenantSerializer):
    """Who is told of new insights by rule. Of ``role``, ``user``, ``address`` and ``destination`` the one of its type."""

    user = IdRelatedField(queryset=User.objects.all(), required=False, allow_null=True, help_text="A member.")
    destination = IdRelatedField(queryset=EventDestination.objects.all(), required=False, allow_null=True)
    recipient_type = ChoiceField(RecipientType.choices)
    channel = ChoiceField(Channel.choices)
    insight_types = serializers.ListField(child=ChoiceField(Insight.Type.choices), required=False, max_length=6)

    class Meta:
        model = InsightSubscription
        fields = (
            *("id", "recipient_type", "role", "user", "address", "destination", "channel", "min_score", "insight_types"),
            *("frequency", "digest_at", "digest_on", "quiet_from", "quiet_until", "language", "time_zone", "is_active"),
            *("created_at", "updated_at"),
        )

    def get_fields(self) -> dict[str, Any]:
        """Let only members be named."""
        fields: dict[str, Any] = super().get_fields()
        if "request" in self.context:
            fields["user"].queryset = User.objects.filter(pk__in=Membership.objects.values("user"))
        return fields


class InsightSubscriptionViewSet(TenantViewSet):
    """Who is told of new insights by rule: from which score on, of which types, by which way, how soon."""

    queryset = InsightSubscription.objects.all()
    serializer_class = InsightSubscriptionSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "recipient_type": "recipient_type",
        "channel": "channel",
        "is_active": "is_active",
        "address": "address",
    }

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it with its author."""
        serializer.save(created_by=author_of(self.request))


@example("Somebody asks by telephone", {"address": "an@example.com"})
class InsightOptOutSerializer(TenantSerializer):
    """An address that gets no mails about insights."""

    class Meta:
        model = InsightOptOut
        fields = ("id", "address", "created_at")


class InsightOptOutViewSet(TenantViewSet):
    """Addresses that have unsubscribed; DELETE has mails go there again, so do it only when its owner asks for it."""

    http_method_names = ["get", "post", "delete", "head"]
    queryset = InsightOptOut.objects.all()
    serializer_class = InsightOptOutSerializer
    filters: ClassVar[dict[str, Filter]] = {"address": "address"}
