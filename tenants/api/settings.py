"""What a tenant has set, and what a person likes."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenants.api.base import TenantAPIView, check_if_match, etag_of
from tenants.errors import Conflict, DomainError
from tenants.models import Setting, User, UserPreference
from tenants.permissions import IsPerson
from tenants.schema import example
from tenants.second_factor import enrolled
from tenants.serializers import ChoiceField, StrictSerializer, TextField
from tenants.settings import SETTINGS

Held = tuple[Any, str]
"""What holds, and where it comes from."""
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH)


class SettingSerializer(StrictSerializer):
    """One thing that can be set: what holds, where that comes from, and what it is."""

    name = TextField(read_only=True)
    value = serializers.JSONField(read_only=True)
    origin = ChoiceField(["tenant", "platform", "default"], read_only=True)
    default = serializers.JSONField(read_only=True)
    type = ChoiceField(["boolean", "integer", "string"], read_only=True)
    title = TextField(read_only=True)
    description = TextField(read_only=True)


@extend_schema_serializer(many=False)
class SettingListSerializer(StrictSerializer):
    """All settings in the shape of every list; there is only one page."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = SettingSerializer(many=True, read_only=True)


@example("Ask everybody for a second factor", {"value": True})
class NewValueSerializer(StrictSerializer):
    """A value of the setting's own type."""

    value = serializers.JSONField()


class SettingViewSet(TenantAPIView, GenericViewSet):
    """What can be set without a restart. A tenant without a value of its own follows the platform, else the default."""

    queryset = Setting.objects.all()
    serializer_class = SettingSerializer
    pagination_class = None
    filter_backends = ()
    lookup_field = "name"

    @extend_schema(responses=SettingListSerializer)
    def list(self, request: Request) -> Response:
        """Answer every setting."""
        found = [_described(name, Setting.explained(name)) for name in Setting.names()]
        return Response({"next": None, "previous": None, "results": found})

    @extend_schema(parameters=[NAME], responses=SettingSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """Answer one setting."""
        return _answer(name)

    @extend_schema(parameters=[NAME], request=NewValueSerializer, responses=SettingSerializer)
    def partial_update(self, request: Request, name: str) -> Response:
        """Set a value; it holds everywhere within seconds. Of two with the same ``If-Match`` one gets 412."""
        beneath = _known(Setting.beneath, name)
        value = self.read_body(NewValueSerializer)["value"]
        _refuse_to_lock_oneself_out(request, name, value)
        with transaction.atomic():
            check_if_match(request, _described(name, Setting.lock(name) or beneath))
            Setting.put(name, value)
        return _answer(name)

    @extend_schema(parameters=[NAME], responses={204: None})
    def destroy(self, request: Request, name: str) -> Response:
        """Follow the platform again."""
        _known(Setting.beneath, name)
        Setting.reset(name)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _refuse_to_lock_oneself_out(request: Request, name: str, value: object) -> None:
    """Raise ``Conflict``: the API has no way to set a second factor up, and would refuse everything from here on."""
    asks = name == "require_second_factor" and value is True
    if asks and isinstance(request.user, User) and enrolled(request.user) is None:
        said = _("Set up a second factor for yourself first, on the page of your account.")
        raise Conflict("second_factor_first", said, field="value")


def _known(ask: Callable[[str], Held], name: str) -> Held:
    """Return the answer about a setting; raises 404 for one that there is not."""
    if name not in Setting.names():
        raise NotFound
    return ask(name)


def _described(name: str, held: Held) -> dict[str, Any]:
    """Return what a setting is and what holds."""
    kind, (value, origin) = SETTINGS[name], held
    told = {"title": str(kind.label), "description": str(kind.help_text)}
    return {"name": name, "value": value, "origin": origin, "default": kind.default, "type": kind.kind, **told}


def _answer(name: str) -> Response:
    data = _described(name, _known(Setting.explained, name))
    return Response(data, headers={"ETag": etag_of(data)})


class PreferencesView(TenantAPIView):
    """What the person behind the token likes, in every tenant: an object whose keys front ends choose."""

    permission_classes = (IsPerson,)

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {}}}, operation_id="me_preferences_retrieve")
    def get(self, request: Request) -> Response:
        """Answer the preferences."""
        return _preferences(UserPreference.objects.filter(user=_person(request)).first())

    @extend_schema(
        request={"application/json": {"type": "object", "additionalProperties": {}, "example": {"theme": "dark"}}},
        responses={200: {"type": "object", "additionalProperties": {}}},
    )
    def patch(self, request: Request) -> Response:
        """Set the keys given; null takes one away."""
        if not isinstance(request.data, dict):
            raise DomainError("not_an_object", _("Write a JSON object."))
        with transaction.atomic():
            UserPreference.objects.get_or_create(user=_person(request))
            row = UserPreference.objects.select_for_update().get(user=_person(request))
            check_if_match(request, row.preferences)
            row.merge(request.data)
        return _preferences(row)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


def _preferences(row: UserPreference | None) -> Response:
    data = row.preferences if row else {}
    return Response(data, headers={"ETag": etag_of(data)})
