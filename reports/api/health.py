"""The API of the installation's health."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from reports.health import summary
from reports.models import HealthCheck, HealthState
from tenants.api import TenantReadViewSet
from tenants.filters import Filter


class HealthCheckSerializer(serializers.ModelSerializer[HealthCheck]):
    """The state of one part of the installation."""

    state = serializers.ChoiceField(choices=HealthState.choices, source="shown_state", read_only=True)
    message = serializers.CharField(source="said", read_only=True)

    class Meta:
        model = HealthCheck
        fields = ("id", "name", "state", "since", "value", "unit", "message", "checked_at")
        read_only_fields = fields


class HealthSummarySerializer(serializers.Serializer[Any]):
    """How many parts there are, and how they are."""

    total = serializers.IntegerField()
    healthy = serializers.IntegerField()
    warnings = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment] # the contract's word, which a serializer has for itself
    off = serializers.IntegerField(help_text="Parts that this installation does without.")


class HealthCheckViewSet(TenantReadViewSet):
    """How the installation is: database, Redis, worker, beat, queues, mail, models, disk, audit."""

    queryset = HealthCheck.objects.all()
    serializer_class = HealthCheckSerializer
    filters: ClassVar[dict[str, Filter]] = {"name": "name"}
    ordering = ("name",)

    @extend_schema(responses=HealthSummarySerializer, parameters=[])
    @action(detail=False, methods=["get"])
    def summary(self, request: Request) -> Response:
        """Count the checks by their states."""
        return Response(summary(HealthCheck.objects.all()))
