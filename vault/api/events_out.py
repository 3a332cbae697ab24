"""Events out: the destinations of a tenant, and every delivery to them."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api import TenantReadViewSet, TenantViewSet
from tenants.auth import author_of
from tenants.events import EVENT_KINDS, TOLD_BY_RULE
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import TenantSerializer, TextField
from vault.deliveries import send_test
from vault.events_out import create_destination, remove_destination, rotate_destination_secret
from vault.models import EventDelivery, EventDestination


@example(
    "Orders only",
    {"name": "Bookkeeping", "url": "https://example.com/hooks/backroom", "kinds": ["order.created", "order.cancelled"]},
)
class EventDestinationSerializer(TenantSerializer):
    """Where events go. ``kinds`` left empty means all. What a rule tells (``insight.found``, ``insight.digest``) comes
    whatever they are. ``secret`` is in the answers of creating and rotating only."""

    kinds = serializers.ListField(
        child=TextField(max_length=60), required=False, help_text=f"Of: {', '.join((*EVENT_KINDS, *TOLD_BY_RULE))}"
    )
    state = serializers.SerializerMethodField(help_text="active, failing, paused (by you) or disabled (by itself)")
    disabled_reason = TextField(source="why_disabled", read_only=True)

    class Meta:
        model = EventDestination
        fields: tuple[str, ...] = (
            *("id", "name", "url", "kinds", "is_active", "state", "failing_since", "disabled_at", "disabled_reason"),
            *("previous_secret_until", "created_at", "updated_at"),
        )
        read_only_fields = ("failing_since", "disabled_at", "previous_secret_until")

    def get_state(self, destination: EventDestination) -> str:
        """Return how it stands."""
        return destination.state()


class SignedDestinationSerializer(EventDestinationSerializer):
    """With the signing secret, which is shown this once."""

    secret = TextField(read_only=True)

    class Meta(EventDestinationSerializer.Meta):
        fields: tuple[str, ...] = (*EventDestinationSerializer.Meta.fields, "secret")


class EventDeliverySerializer(TenantSerializer):
    """One event on its way to one destination. ``state``: pending, running, done or failed (given up)."""

    last_error = TextField(source="problem", read_only=True)

    class Meta:
        model = EventDelivery
        fields = (
            *("id", "destination", "event_id", "kind", "state", "attempt", "due_at", "tried_at", "status_code"),
            *("latency_ms", "last_error", "answer", "created_at"),
        )
        read_only_fields = fields


class EventDestinationViewSet(TenantViewSet):
    """Addresses that are told what happens, by signed messages (Standard Webhooks; see ``docs/vault.md``)."""

    queryset = EventDestination.objects.all()
    serializer_class = EventDestinationSerializer
    filters: ClassVar[dict[str, Filter]] = {"is_active": "is_active"}
    search_fields = ("name", "url")
    replay_without = ("secret",)

    @extend_schema(responses={201: SignedDestinationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a destination; the answer shows its signing secret, once."""
        values = self.read_body(EventDestinationSerializer)
        made, secret = create_destination(**values, created_by=author_of(request))
        return self._with_secret(made, secret, status=status.HTTP_201_CREATED)

    def _with_secret(self, destination: EventDestination, secret: str, *, status: int = 200) -> Response:
        answer = self.answer(self.get_queryset().get(pk=destination.pk), status=status)
        answer.data["secret"] = secret
        return answer

    def perform_destroy(self, instance: EventDestination) -> None:
        """Delete it with its deliveries and secrets."""
        remove_destination(destination=instance)

    @extend_schema(request=None, responses=SignedDestinationSerializer)
    @action(detail=True, methods=["post"], verb="change", url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Make a new secret and show it once; for 24 hours messages are signed with the one before as well."""
        destination = self.get_object()
        secret = rotate_destination_secret(destination=destination, created_by=author_of(request))
        return self._with_secret(destination, secret)

    @extend_schema(request=None, responses=EventDeliverySerializer)
    @action(detail=True, methods=["post"], verb="change", acts_outside=True)
    def test(self, request: Request, pk: str) -> Response:
        """Send a ``ping`` at once, whether active or not, and answer how it went; 409 ``in_progress`` beside another test."""
        return Response(EventDeliverySerializer(send_test(destination=self.get_object())).data)


class EventDeliveryViewSet(TenantReadViewSet):
    """What was sent where, what came back, and what is still to be tried."""

    queryset = EventDelivery.objects.all()
    serializer_class = EventDeliverySerializer
    filters: ClassVar[dict[str, Filter]] = {
        "destination": "destination",
        "state": "state",
        "kind": "kind",
        "event_id": "event_id",
    }

    @extend_schema(request=None, responses=EventDeliverySerializer)
    @action(detail=True, methods=["post"], verb="change")
    def retry(self, request: Request, pk: str) -> Response:
        """Send it once more, delivered or given up; 409 ``not_ended`` while it is on its way."""
        delivery = self.get_object()
        delivery.send_again()
        return self.answer(self.get_queryset().get(pk=delivery.pk))
