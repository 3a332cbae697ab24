"""Versions of an offering: its words and attributes at one time, in every language."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Offering, OfferingVersion
from catalog.services import activate_version, create_version
from catalog.versions import cancel_activation, schedule_activation, version_diff
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import StrictSerializer, TenantSerializer, TextField

_WORDS = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
    "required": ["name"],
}


@extend_schema_field(
    {
        "type": "object",
        "description": "Words in other languages, by language code; given, they take the place of all there are.",
        "properties": {code: _WORDS for code, _name in settings.LANGUAGES},
        "additionalProperties": False,
        "example": {"en": {"name": "Desk lamp", "description": "Lights your desk."}},
    }
)
class TranslationsField(serializers.Field):
    """The words of a version in other languages: ``{"en": {"name", "description"?}}``."""

    default_error_messages: ClassVar[dict[str, Any]] = {"not_an_object": gettext_lazy("Write a JSON object.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the words by language; an unknown language or field is named."""
        if not isinstance(data, dict):
            self.fail("not_an_object")
        errors: dict[str, Any] = {}
        words: dict[str, Any] = {}
        for language, given in data.items():
            serializer = TranslationSerializer(data=given)
            if language not in dict(settings.LANGUAGES):
                errors[language] = [ErrorDetail(_("There is no such language here."), code="unknown_language")]
            elif serializer.is_valid():
                words[language] = dict(serializer.validated_data)
            else:
                errors[language] = serializer.errors
        if errors:
            raise serializers.ValidationError(errors)
        return words

    def to_representation(self, value: Any) -> dict[str, Any]:
        """Return the words by language."""
        rows = value.all() if value.instance.pk else ()
        return {row.language: {"name": row.name, "description": row.description} for row in rows}


class TranslationSerializer(StrictSerializer):
    """The words of a version in one other language."""

    name = TextField(max_length=500)
    description = TextField(required=False, allow_blank=True, max_length=100_000)


@example("Other words", {"name": "Desk lamp, dimmable", "description": "Lights your desk in three steps."})
class VersionSerializer(TenantSerializer):
    """The words and attributes of an offering at one time; what a new one leaves out it takes over."""

    name = TextField(required=False, max_length=500)
    description = TextField(required=False, allow_blank=True, max_length=100_000)
    attributes = serializers.DictField(required=False)
    translations = TranslationsField(required=False)
    activate_at = serializers.DateTimeField(source="plan.activate_at", default=None, read_only=True, allow_null=True)
    activation_error = serializers.CharField(source="plan.last_error", default="", read_only=True)

    class Meta:
        model = OfferingVersion
        fields = (
            *("id", "offering", "version", "name", "description", "attributes", "translations", "status"),
            *("activate_at", "activation_error", "created_by", "created_at", "updated_at"),
        )
        read_only_fields = ("offering", "version", "status", "created_by")


@example("On Friday evening", {"at": "2030-11-29T18:00:00+07:00"})
class ActivationSerializer(StrictSerializer):
    """When a version goes on sale: now, or at a moment to come."""

    at = serializers.DateTimeField(required=False, help_text="Left out: now.")


class FieldChangeSerializer(StrictSerializer):
    """What one field says in the one version and in the other; null where it is not there."""

    field = serializers.CharField(help_text="A dotted path: name, attributes.brand, translations.en.name.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class VersionDiffSerializer(StrictSerializer):
    """What changes from one version to another."""

    version = serializers.IntegerField()
    other = serializers.IntegerField()
    changes = FieldChangeSerializer(many=True)


class OfferingVersionViewSet(TenantViewSet):
    """Versions of an offering, by number, newest first. One is active: the one customers see."""

    http_method_names = ["get", "head", "post"]
    queryset = OfferingVersion.objects.all()
    serializer_class = VersionSerializer
    filters: ClassVar[dict[str, Filter]] = {"status": "status"}
    ordering = ("-version",)
    lookup_field = "version"
    lookup_value_regex = "[0-9]{1,9}"

    def get_queryset(self) -> models.QuerySet:
        """Return the versions of the offering in the address; an unknown one is 404."""
        rows = super().get_queryset().prefetch_related("translations", "activations")
        return rows.filter(offering=self._offering()) if "offering" in self.kwargs else rows

    def _offering(self) -> Offering:
        try:
            return Offering.objects.get(pk=self.kwargs["offering"])
        except (Offering.DoesNotExist, ValueError, ValidationError) as error:
            raise Http404 from error

    def perform_create(self, serializer: serializers.BaseSerializer[OfferingVersion]) -> None:
        """Make the next draft."""
        offering = self._offering()
        serializer.instance = create_version(
            offering=offering, **serializer.validated_data, created_by=author_of(self.request)
        )

    @extend_schema(request=ActivationSerializer, responses={200: VersionSerializer, 202: VersionSerializer})
    @action(detail=True, methods=["post"], verb="change")
    def activate(self, request: Request, offering: str, version: str) -> Response:
        """Make this the version customers see, now or (202) at a moment to come; an archived one comes back.

        422 ``required`` names the attributes it lacks. A plan is shown as ``activate_at``, and moved by asking again; if it
        cannot be carried out then, or what customers see was changed meanwhile, ``activation_error`` says why.
        """
        asked = self.read_body(ActivationSerializer)
        row = self.get_object()
        if "at" not in asked:
            activate_version(version=row)
            return self.answer(self.get_queryset().get(pk=row.pk))
        schedule_activation(version=row, at=asked["at"], planned_by=author_of(request))
        return self.answer(self.get_queryset().get(pk=row.pk), status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=VersionSerializer)
    @action(detail=True, methods=["post"], verb="change", url_path="cancel-activation")
    def cancel_activation(self, request: Request, offering: str, version: str) -> Response:
        """Take back the plan; 409 ``not_planned`` without one."""
        row = self.get_object()
        cancel_activation(version=row)
        return self.answer(self.get_queryset().get(pk=row.pk))

    @extend_schema(responses=VersionDiffSerializer)
    @action(detail=True, methods=["get"], url_path="diff/(?P<other>[0-9]{1,9})")
    def diff(self, request: Request, offering: str, version: str, other: str) -> Response:
        """Say what changes from the one version to the other, field by field."""
        rows = {row.version: row for row in self.get_queryset().filter(version__in=[version, other])}
        if not {int(version), int(other)} <= rows.keys():
            raise Http404
        changes = version_diff(rows[int(version)], rows[int(other)])
        answer = {"version": int(version), "other": int(other), "changes": changes}
        return Response(VersionDiffSerializer(answer).data)
