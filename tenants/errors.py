"""What can go wrong, told once: the exceptions services raise, and the one handler that answers ``problem+json``.

A service of any app raises ``DomainError`` (422) or one of its few children; the admin shows the message, a command
prints it, and the API answers ``{"type","title","status","detail","code","errors":[{"field","code","message"}]}``.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, RequestDataTooBig
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import BaseConstraint, ProtectedError, RestrictedError, UniqueConstraint
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
COLLISIONS = ("40P01", "40001")
"""SQLSTATE of a deadlock and of a serialization failure: two wrote the same rows crosswise, and one was rolled back."""
FOREIGN_KEY_VIOLATION, UNIQUE_VIOLATION, CHECK_VIOLATION, EXCLUSION_VIOLATION = "23503", "23505", "23514", "23P01"


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field; ``field`` is a dotted path (``lines.0.sku``), None for the whole."""

    field: str | None
    code: str
    message: str


class DomainError(Exception):
    """A request that is well formed and cannot be done as it stands: 422. ``extra`` goes into the answer as it is."""

    status = 422

    def __init__(self, code: str, message: str, *, field: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.extra = code, message, field, extra
        self.problems: list[FieldProblem] = [FieldProblem(field, code, message)] if field else []


class Malformed(DomainError):
    """A request that cannot be read, such as an unknown query parameter: 400."""

    status = 400


class NotAllowed(DomainError):
    """The caller may work here, but not do this: 403."""

    status = 403


class Conflict(DomainError):
    """The request does not fit the present state: 409. ``seconds`` after which it may, when that is known."""

    status = 409

    def __init__(
        self, code: str, message: str, *, field: str | None = None, seconds: int | None = None, **extra: Any
    ) -> None:
        super().__init__(code, message, field=field, **extra)
        self.seconds = seconds


class InProgress(Conflict):
    """The same is being done right now: 409 ``in_progress``. ``seconds`` after which to ask again."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__("in_progress", message, seconds=seconds)


class PreconditionFailed(DomainError):
    """``If-Match`` names an older version: 412."""

    status = 412


class TooMany(DomainError):
    """Too much at once: 429. ``seconds`` after which to try again."""

    status = 429

    def __init__(self, code: str, message: str, *, seconds: int) -> None:
        super().__init__(code, message)
        self.seconds = seconds


class LockedOut(TooMany):
    """Too many failed logins. ``seconds`` until the next attempt is judged."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__("locked_out", message, seconds=seconds)


class TooLarge(DomainError):
    """A body or a file above its limit: 413."""

    status = 413


class UnsupportedKind(DomainError):
    """A file that is of no kind that is read here: 415."""

    status = 415


class Collision(DomainError):
    """Somebody else wrote the same rows crosswise in this moment, and nothing was done: 503, to be sent again."""

    status = 503


def collision_of(exc: Exception) -> Collision | None:
    """Return what to tell of a deadlock or a serialization failure; None for every other error of the database."""
    if getattr(exc.__cause__, "sqlstate", None) not in COLLISIONS:
        return None
    return Collision("busy", _("Others changed the same in this moment, so nothing was done. Try again."))


def problem_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """Answer any exception of an API view; what nobody foresaw is logged and told as a bare 500."""
    answer = _answer_of(exc)
    if answer is None:
        logger.exception("unexpected error in the API", exc_info=exc)
        return problem(500, "error", _("Something went wrong here. It has been logged."))
    for header, value in _headers_of(exc).items():
        answer[header] = value
    return answer


def problem(
    status: int, code: str, detail: str, problems: Sequence[FieldProblem] = (), extra: Mapping[str, Any] | None = None
) -> HttpResponse:
    """Return an ``application/problem+json`` answer. Not a REST framework one: it must not depend on the renderer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(detail),
        "code": code,
        "errors": [asdict(one) for one in problems],
        **(extra or {}),
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, json_dumps_params={"ensure_ascii": False})


def _answer_of(exc: Exception) -> HttpResponse | None:
    match exc:
        case DomainError():
            return problem(exc.status, exc.code, exc.message, exc.problems, exc.extra)
        case exceptions.ValidationError():
            return _invalid(list(flatten(exc.detail)))
        case DjangoValidationError():
            return _invalid(list(_flatten_django(exc)))
        case ObjectDoesNotExist():
            logger.warning("gone meanwhile: %s", exc)  # somebody deleted it after the address was looked up
            return _answer_of(Http404())
        case Http404():
            return problem(404, "not_found", _("There is nothing here."))
        case DjangoPermissionDenied():
            return problem(403, "permission_denied", _("You may not do this."))
        case exceptions.APIException():
            return problem(exc.status_code, _code_of(exc), _first_message(exc.detail))
        case RequestDataTooBig():
            return problem(413, "too_large", _("The body is too large."))
    return _database_answer(exc)


def _database_answer(exc: Exception) -> HttpResponse | None:
    match exc:
        case ProtectedError() | RestrictedError():
            return problem(409, "in_use", _("Other rows still refer to this."))
        case IntegrityError():
            return _integrity_answer(exc)
        case DataError():
            return _invalid([FieldProblem(None, "out_of_range", _("A value is out of range."))])
        case OperationalError() if collision := collision_of(exc):
            logger.warning("rolled back beside another request: %s", exc)
            return problem(collision.status, collision.code, collision.message)
        case OperationalError() | InterfaceError():
            logger.error("the database does not answer: %s", exc)
            return problem(503, "unavailable", _("The database does not answer. Try again."))
    return None


def _invalid(problems: list[FieldProblem]) -> HttpResponse:
    codes = {one.code for one in problems}
    code = codes.pop() if len(codes) == 1 else "invalid"
    detail = problems[0].message if len(problems) == 1 else _("Some fields are not valid.")
    return problem(422, code, detail, problems)


def _code_of(exc: exceptions.APIException) -> str:
    codes = exc.get_codes()
    return {"parse_error": "malformed"}.get(codes, codes) if isinstance(codes, str) else exc.default_code


def _first_message(detail: Any) -> str:
    while isinstance(detail, (dict, list)):
        detail = next(iter(detail.values() if isinstance(detail, dict) else detail), "")
    return str(detail)


def _headers_of(exc: Exception) -> dict[str, str]:
    if isinstance(exc, exceptions.Throttled):
        return {"Retry-After": str(max(1, int(getattr(exc, "wait", None) or 1)))}
    if isinstance(exc, (TooMany, Conflict)) and exc.seconds is not None:
        return {"Retry-After": str(exc.seconds)}
    if isinstance(exc, (OperationalError, InterfaceError)):
        return {"Retry-After": "1"}
    header = getattr(exc, "auth_header", None)
    return {"WWW-Authenticate": header} if header else {}


def flatten(detail: Any, path: tuple[str, ...] = ()) -> Iterator[FieldProblem]:
    """Turn REST framework's nested errors into a flat list."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from flatten(value, path if key == "non_field_errors" else (*path, str(key)))
    elif isinstance(detail, list):
        nested = any(isinstance(one, (dict, list)) for one in detail)
        for index, one in enumerate(detail):
            yield from flatten(one, (*path, str(index)) if nested else path)
    else:
        yield FieldProblem(".".join(path) or None, detail.code, str(detail))


def _flatten_django(exc: DjangoValidationError) -> Iterator[FieldProblem]:
    by_field = exc.error_dict if hasattr(exc, "error_dict") else {NON_FIELD_ERRORS: exc.error_list}
    for field, errors in by_field.items():
        for one in errors:
            yield FieldProblem(None if field == NON_FIELD_ERRORS else field, one.code or "invalid", " ".join(one.messages))


def constraint_problem(constraint: BaseConstraint) -> FieldProblem:
    """Tell a broken constraint of a model: its only field beside the tenant, and its own message."""
    unique = isinstance(constraint, UniqueConstraint)
    fields = [name for name in getattr(constraint, "fields", ()) if name != "tenant"]
    message = str(constraint.get_violation_error_message())
    return FieldProblem(fields[0] if len(fields) == 1 else None, "unique" if unique else "invalid", message)


@cache
def _constraints() -> dict[str, BaseConstraint]:
    return {constraint.name: constraint for model in apps.get_models() for constraint in model._meta.constraints}


def integrity_problem(exc: IntegrityError) -> FieldProblem | None:
    """Tell what only the database could see (two writers at once); None for what no request should be able to do."""
    cause = exc.__cause__
    state, name = getattr(cause, "sqlstate", None), getattr(getattr(cause, "diag", None), "constraint_name", None)
    if name in _constraints() and state in (UNIQUE_VIOLATION, CHECK_VIOLATION, EXCLUSION_VIOLATION):
        return constraint_problem(_constraints()[name])
    if state == FOREIGN_KEY_VIOLATION:
        return FieldProblem(None, "in_use", _("A row this refers to is gone, or other rows still refer to this."))
    return FieldProblem(None, "unique", _("This exists already.")) if state == UNIQUE_VIOLATION else None


def _integrity_answer(exc: IntegrityError) -> HttpResponse | None:
    found = integrity_problem(exc)
    if found and found.code == "in_use":
        return problem(409, found.code, found.message)
    return _invalid([found]) if found else None


@csrf_exempt
def unknown_route(request: HttpRequest) -> HttpResponse:
    """Answer addresses under ``/api/`` that do not exist."""
    return problem(404, "not_found", _("There is nothing at this address. Addresses end with a slash."))


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler400``: a forged host, a suspicious request."""
    return problem(400, "malformed", _("Bad request.")) if _is_api(request) else defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``, for what happens outside a view."""
    if not _is_api(request):
        return defaults.server_error(request)
    return problem(500, "error", _("Something went wrong here. It has been logged."))
