"""Pages by cursor: a signed position in the order of the list, so that page 1,000 costs what page 1 does."""

import json
import re
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from tenants.errors import Malformed
from tenants.filters import requested_ordering, resolve
from tenants.scope import current_tenant_id

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class _Serializer(signing.JSONSerializer):
    """Writes times (to the microsecond), ids and decimals of a position as text; the model's fields read them back."""

    def dumps(self, obj: Any) -> bytes:
        return json.dumps(obj, separators=(",", ":"), default=str).encode()


class TenantCursorPagination(BasePagination):
    """Orders by the view's ``ordering`` (or ``?ordering=``), then the id. The fields must not be null.

    A cursor is signed for one tenant, one path and one order; any other is 400 ``invalid_cursor``.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page asked for."""
        self.url = request.build_absolute_uri()
        self.salt = f"cursor:{current_tenant_id()}:{request.path}"
        self.order = requested_ordering(request, view)
        size = _page_size(request)
        backward, position = self._read(request.query_params.get("cursor"), queryset.model)
        order = [_turned(one) for one in self.order] if backward else list(self.order)
        rows = queryset.order_by(*order)
        if position is not None:
            rows = rows.filter(_after(order, position))
        found = list(rows[: size + 1])
        more, self.page = len(found) > size, found[:size]
        if backward:
            self.page.reverse()
        self.has_next = bool(self.page) and (backward or more)
        self.has_previous = bool(self.page) and (more if backward else position is not None)
        return self.page

    def _read(self, cursor: str | None, model: type[models.Model]) -> tuple[bool, list[Any] | None]:
        """Return direction and position; raises ``Malformed`` unless we made the cursor, for this very list."""
        if cursor is None:
            return False, None
        try:
            order, backward, values = signing.loads(cursor, salt=self.salt, serializer=_Serializer)
            if tuple(order) != self.order:
                raise signing.BadSignature("another order")
            fields = [resolve(model, name.removeprefix("-"))[-1] for name in self.order]
            return backward, [field.to_python(value) for field, value in zip(fields, values, strict=True)]
        except (signing.BadSignature, ValueError, TypeError, DjangoValidationError) as error:
            raise Malformed("invalid_cursor", _("This cursor is not valid here."), field="cursor") from error

    def _link(self, row: Any, *, backward: bool) -> str:
        values = [_value(row, name.removeprefix("-")) for name in self.order]
        cursor = signing.dumps([self.order, backward, values], salt=self.salt, serializer=_Serializer)
        return str(replace_query_param(remove_query_param(self.url, "cursor"), "cursor", cursor))

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with links to its neighbours."""
        next_link = self._link(self.page[-1], backward=False) if self.has_next else None
        previous = self._link(self.page[0], backward=True) if self.has_previous else None
        return Response({"results": data, "next": next_link, "previous": previous})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page for OpenAPI."""
        link = {"type": "string", "format": "uri", "nullable": True}
        properties = {"results": schema, "next": link, "previous": link}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters for OpenAPI."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Malformed("invalid", _("From 1 to %(most)s.") % {"most": MAX_PAGE_SIZE}, field="page_size")
    return int(text)


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def _after(order: list[str], position: list[Any]) -> models.Q:
    """Return the rows behind ``position``: the first field beyond it, or equal and the rest behind."""
    name, sign = order[0].removeprefix("-"), "lt" if order[0].startswith("-") else "gt"
    beyond = models.Q(**{f"{name}__{sign}": position[0]})
    if len(order) == 1:
        return beyond
    # The first clause alone would do; together with the outer bound the index can seek.
    bound = models.Q(**{f"{name}__{sign}e": position[0]})
    return bound & (beyond | models.Q(**{name: position[0]}) & _after(order[1:], position[1:]))
