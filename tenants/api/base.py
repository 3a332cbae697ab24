"""The bases of every API view: see ``docs/api.md`` for how they are used."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import models, transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from tenants import idempotency
from tenants.errors import Malformed, PreconditionFailed, flatten
from tenants.filters import Filter, check_parameters, resolve
from tenants.serializers import StrictSerializer
from tenants.throttling import count_bad_token


class AlreadyAnswered(Exception):
    """The ``Idempotency-Key`` was used before, and this is what was answered then."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class TenantAPIView(APIView):
    """Base of every view: ``Idempotency-Key``, rate-limit headers, strict bodies and queries, permission by declaration."""

    http_method_names = ["get", "head", "post", "patch", "delete"]
    required_permission: str | Mapping[str, str] | None = None
    """``app.verb_model`` this view needs, or one per HTTP method; view sets derive it from their model."""
    verb: str | None = None
    """What an extra action does to its model: ``@action(…, verb="change")``."""
    honours_idempotency_key = True
    replay_without: tuple[str, ...] = ()
    """Fields of an answer that are shown once, and left out when it is repeated."""
    acts_outside = False
    """Whether a POST does what cannot be rolled back, such as a call to the outside: then no transaction stays open
    around it for an ``Idempotency-Key``."""
    _claim: idempotency.Claim | None = None
    _is_overtaken = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check, count; then claim the ``Idempotency-Key``."""
        if "\x00" in request.path:
            raise Http404
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and self.honours_idempotency_key and idempotency.HEADER in request.headers:
            claimed = idempotency.claim(request)
            if isinstance(claimed, HttpResponse):
                raise AlreadyAnswered(claimed)
            self._claim = claimed
            if not self.acts_outside:
                view: Any = self  # the handler is the subclass's
                view.post = partial(self._in_one_transaction, view.post)

    def _in_one_transaction(self, handler: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Act and keep the answer in one transaction: whoever is killed or overtaken in between has done neither."""
        with transaction.atomic():
            response = self.finalize_response(request, handler(request, *args, **kwargs), *args, **kwargs)
            if self._is_overtaken:
                idempotency.refuse_overtaken()
            return response

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls; raises ``AuthenticationFailed``, and ``Throttled`` for an address that goes on guessing."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            count_bad_token(request)
            raise

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        """Answer ``problem+json``, or what was answered before."""
        return exc.response if isinstance(exc, AlreadyAnswered) else super().handle_exception(exc)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Add the rate-limit headers and keep the answer under its ``Idempotency-Key``."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if limits := getattr(getattr(request, "_request", request), "rate_limit", None):
            for name, value in zip(("Limit", "Remaining", "Reset"), limits, strict=True):
                response[f"RateLimit-{name}"] = str(value)
        return self._keep_answer(response)

    def _keep_answer(self, response: HttpResponseBase) -> HttpResponseBase:
        if self._claim:
            claimed, self._claim = self._claim, None
            if isinstance(response, Response):
                response.render()
            self._is_overtaken = not idempotency.finish(claimed, response, leave_out=self.replay_without)
        return response

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401, also where no token is asked for (``auth/``)."""
        return 'Bearer realm="backroom"'

    def read_body(self, serializer_class: type[BaseSerializer[Any]], **context: Any) -> dict[str, Any]:
        """Return the validated body; raises 422."""
        serializer = serializer_class(data=self.request.data, context={"request": self.request, "view": self, **context})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def read_query(self, serializer_class: type[StrictSerializer]) -> dict[str, Any]:
        """Return the validated query parameters; raises ``Malformed`` (400), an unknown reference stays 422."""
        serializer = serializer_class(data=self.request.query_params.dict(), context={"request": self.request})
        check_parameters(self.request, serializer.fields)
        try:
            serializer.is_valid(raise_exception=True)
        except serializers.ValidationError as error:
            problems = list(flatten(error.detail))
            if any(one.code == "unknown_reference" for one in problems):
                raise
            first = problems[0]
            raise Malformed(first.code, first.message, field=first.field) from error
        return dict(serializer.validated_data)


def etag_of(data: Any) -> str:
    """Return the strong ETag of a representation."""
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def check_if_match(request: Request, data: Any) -> None:
    """Raise ``PreconditionFailed`` when ``If-Match`` names another version than the representation ``data``."""
    wanted = request.headers.get("If-Match", "*")
    if wanted.strip() != "*" and etag_of(data) not in parse_etags(wanted):
        raise PreconditionFailed("stale", _("Somebody has changed this since you read it."))


class TenantReadViewSet(TenantAPIView, mixins.ListModelMixin, GenericViewSet):
    """A list and a detail of one model: ``queryset``, ``serializer_class`` and what may be filtered, searched, ordered."""

    filters: ClassVar[Mapping[str, Filter]] = {}
    search_fields: ClassVar[tuple[str, ...]] = ()
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> models.QuerySet:
        """Return the rows of the scope with the relations the answer shows."""
        queryset: models.QuerySet = super().get_queryset()
        serializer_class: Any = self.get_serializer_class()
        paths = serializer_class.references() if hasattr(serializer_class, "references") else ()
        related = [path for path in paths if _is_to_one(queryset.model, path)]
        return (
            queryset.select_related(*related) if related else queryset
        )  # without a name it would follow every key there is

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one row with its ETag."""
        return self.answer(self.get_object())

    def answer(self, row: models.Model, *, status: int = 200) -> Response:
        """Return a row's representation with its ETag."""
        data = self.get_serializer(row).data
        return Response(data, status=status, headers={"ETag": etag_of(data)})


def _is_to_one(model: type[models.Model], path: str) -> bool:
    fields = resolve(model, path)
    return len(fields) == len(path.split("__")) and all(field.many_to_one or field.one_to_one for field in fields)


class TenantViewSet(TenantReadViewSet, mixins.DestroyModelMixin):
    """A whole resource: list, create, retrieve, PATCH (honours ``If-Match``), delete. There is no PUT."""

    def fixed(self) -> dict[str, Any]:
        """Return the values the address gives a new row (its parent); constraints see them."""
        return {}

    def get_serializer_context(self) -> dict[str, Any]:
        """Add ``fixed`` for writes."""
        context = dict(super().get_serializer_context())
        writes = self.request is not None and self.request.method in ("POST", "PATCH")
        return {**context, "fixed": self.fixed()} if writes else context

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a row."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        made: Any = serializer.instance
        return self.answer(self.get_queryset().get(pk=made.pk), status=status.HTTP_201_CREATED)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Save the new row; override to call a service and set ``serializer.instance``."""
        serializer.save(**self.fixed())

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a row, locked, if it is still the version named by ``If-Match``."""
        with transaction.atomic():
            row = self._locked_object()
            check_if_match(request, self.get_serializer(row).data)
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
        return self.answer(self.get_queryset().get(pk=row.pk))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Save the changed row, inside the transaction; override to call a service."""
        serializer.save()

    def _locked_object(self) -> models.Model:
        # The lock is a query of its own: rows of the view's may be grouped or outer-joined, which cannot be locked.
        # Unordered, for an order by another table's columns would lock that one's row, too; and the key stays, so who only
        # refers to this one (an order to a variant) need not wait. Else people wait for each other in a circle.
        row: models.Model = self.get_object()
        list(type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk).order_by().values_list("pk"))
        return self.get_object()
