"""What OpenAPI says of every operation beside its serializers: problem answers, request headers, the bearer token."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction, OpenApiExample, OpenApiParameter, extend_schema_serializer

from tenants.errors import CONTENT_TYPE

PROBLEM = "Problem"
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "For programs; does not change with the language."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string", "nullable": True, "description": "Dotted path, null for the whole."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "There is nothing of this name.",
        "code": "unknown_reference",
        "errors": [{"field": "bot", "code": "unknown_reference", "message": "There is nothing of this name."}],
    },
}
MEANINGS = {
    "400": "Malformed request or unknown parameter",
    "401": "No token, or one that is not valid",
    "403": "The role or the key may not do this",
    "404": "Not found, or of another tenant",
    "409": "Conflict with the present state (`in_progress`, `session_busy`: send it again, see `Retry-After`)",
    "412": "`If-Match` names an older version",
    "413": "Body too large",
    "415": "Not a media type this understands",
    "422": "Fields that are not valid",
    "429": "Too many requests; see `Retry-After`",
    "503": "The database does not answer",
}


def example(title: str, body: dict[str, Any]) -> Any:
    """Return a decorator for a serializer: a body as somebody would send it, shown at every operation that takes it."""
    return extend_schema_serializer(examples=[OpenApiExample(title, body, request_only=True)])


BEARER = ResolvedComponent(
    name="bearer",
    type=ResolvedComponent.SECURITY_SCHEMA,
    schema={
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`brk_…`), a JWT from `auth/token/`, or a session's token.",
    },
    object="bearer",
)
"""All three travel the same way, so the page asks for one."""


class ProblemAutoSchema(AutoSchema):
    """Adds what the base view does for every operation, so that no view has to say it."""

    def get_override_parameters(self) -> list[Any]:
        """Add ``Idempotency-Key`` to POST and ``If-Match`` to PATCH."""
        parameters = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "honours_idempotency_key", False):
            parameters.append(_header("Idempotency-Key", "The same key and body get the first answer again, for 24 hours."))
        if self.method == "PATCH":
            parameters.append(_header("If-Match", "The ETag of the version you read; 412 when it has changed."))
        return parameters

    def get_auth(self) -> list[Any]:
        """Name the bearer scheme once, though several classes read it."""
        if not self.view.authentication_classes:
            return []
        self.registry.register_on_missing(BEARER)
        return [{BEARER.name: []}]

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        self.registry.register_on_missing(_problem_component())
        content = {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}
        for status in self._problem_statuses():
            bodies.setdefault(status, {"description": MEANINGS[status], "content": content})
        return bodies

    def _problem_statuses(self) -> list[str]:
        statuses = ["400", "429", "503"]
        if self.view.authentication_classes:
            statuses += ["401", "403", "404"]
        if self.method in ("POST", "PATCH"):
            statuses += ["401", "403", "409", "413", "415", "422"]
        if self.method in ("GET", "DELETE"):
            statuses += ["409", "422"]
        if self.method == "PATCH":
            statuses += ["412"]
        return sorted(set(statuses))


def _problem_component() -> ResolvedComponent:
    return ResolvedComponent(name=PROBLEM, type=ResolvedComponent.SCHEMA, schema=PROBLEM_SCHEMA, object=PROBLEM)


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name=name, type=str, location=OpenApiParameter.HEADER, required=False, description=description)
