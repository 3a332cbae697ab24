"""The request of a tool that calls a server: its templates checked when it is saved, and filled in for a call.

Parameters stand in double braces and are written so that they stay where they are: percent-encoded in the address, without
line breaks in headers, as values of their own type in the body. The host is never a parameter.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from bots.placeholders import PLACEHOLDER, check_placeholders, fill, placeholders
from tenants.errors import DomainError, FieldProblem
from vault.calls import SECRET
from vault.destinations import DestinationForbidden
from vault.outbound import check_headers, check_url

JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SECRET_HEADERS = frozenset({"authorization", "cookie", "x-api-key", "api-key", "apikey", "x-auth-token"})
"""Headers whose value is a secret, and so has to come from the vault."""
MOST_HEADERS = 20
KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True)
class ToolRequest:
    """A request ready to be sent, but for the secret: headers still say ``{{ secret.api_key }}``."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def shown(self) -> dict[str, Any]:
        """Return the request for people to read."""
        headers = {name: SECRET.sub("[…]", value) for name, value in self.headers.items()}
        return {
            "method": str(self.method),
            "url": self.url,
            "headers": headers,
            "body": self.content.decode(errors="replace"),
        }


class InvalidArguments(DomainError):
    """Arguments that do not fit the tool's schema, or that its address cannot hold: 422 by field, and nothing was called."""

    def __init__(self, found: list[FieldProblem]) -> None:
        super().__init__("invalid_arguments", found[0].message)
        self.problems = found


def check_request(*, url: str, headers: Any, body: Any, known: Collection[str]) -> None:
    """Refuse templates that no call could be made of, with the field and, in a text, the position.

    Raises ``UnknownPlaceholder``, ``DestinationForbidden`` and ``DomainError``: all 422.
    """
    check_placeholders(url, known=known, field="url")
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    if "{{" in authority or "://" not in url or "#" in url:
        raise DestinationForbidden(_("Write the host itself; parameters may follow after it."), field="url")
    check_url(PLACEHOLDER.sub("x", url), field="url")
    _check_headers(headers, known)
    if body is not None and not isinstance(body, dict):
        raise DomainError("not_an_object", _("Write a JSON object."), field="body")
    for text in _texts(body):
        check_placeholders(text, known=known, field="body")


def _check_headers(headers: Any, known: Collection[str]) -> None:
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise DomainError("invalid", _("Write a JSON object of texts."), field="headers")
    if len(headers) > MOST_HEADERS or len(json.dumps(headers)) > 8192:
        raise DomainError("too_large", _("This is too large."), field="headers")
    for name, value in headers.items():
        check_placeholders(SECRET.sub("", value), known=known, field="headers")
        if name.lower() in SECRET_HEADERS and not SECRET.search(value):
            said = _("Keep what opens the server in a credential, and write {{ secret.… }} here.")
            raise DomainError("secret_in_header", said, field="headers")
        try:
            check_headers("GET", {name: PLACEHOLDER.sub("x", value)})
        except DestinationForbidden as error:
            raise DomainError("header_forbidden", error.message, field="headers") from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def names_in(text: str) -> set[str]:
    """Return the parameters that a text names."""
    return {one.name for one in placeholders(text)}


def build_request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: dict[str, Any] | None,
    arguments: dict[str, Any],
    key: str = "",
) -> ToolRequest:
    """Return the request for these arguments; ``key`` goes along so that a server does not act twice.

    Raises ``InvalidArguments`` for what would lead to another address, or would not fit into a header.
    """
    left = {name: value for name, value in arguments.items() if name not in names_in(url)}
    left = {
        name: value
        for name, value in left.items()
        if not any(name in names_in(SECRET.sub("", one)) for one in headers.values())
    }
    target = _url(url, arguments)
    content = b""
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), JSON_TYPE)
    sent = {name: _header(value, arguments) for name, value in headers.items()}
    if body is not None or (method in WITH_BODY and left):
        filled = _filled(body, arguments) if body is not None else left
        content = _encoded(filled, kind)
        sent |= {"Content-Type": kind} if "content-type" not in {name.lower() for name in sent} else {}
    elif left:
        target += ("&" if "?" in target else "?") + urlencode({name: _text(value) for name, value in left.items()})
    return ToolRequest(method, target, {**sent, **({KEY_HEADER: key} if key else {})}, content)


def _url(url: str, arguments: dict[str, Any]) -> str:
    path, question, query = url.partition("?")
    filled = fill(path, lambda name: _in_path(name, arguments))
    return filled + question + fill(query, lambda name: quote(_text(arguments.get(name)), safe=""))


def _in_path(name: str, arguments: dict[str, Any]) -> str:
    """Return a part of the path: never nothing and never dots, which would lead elsewhere."""
    text = _text(arguments.get(name))
    if not text.strip(".") or len(text) > 500:
        raise InvalidArguments([FieldProblem(f"arguments.{name}", "invalid", _("This cannot stand in an address."))])
    return quote(text, safe="")


def _header(template: str, arguments: dict[str, Any]) -> str:
    """Return a header's value, in which the vault will find the parts of the secret that the tool names and no others."""
    filled = fill(template, lambda name: _in_header(name, arguments))
    if SECRET.findall(filled) != SECRET.findall(template):  # two parameters side by side may name one
        raise _not_in_header(next(name for name in names_in(SECRET.sub("", template))))
    return filled


def _in_header(name: str, arguments: dict[str, Any]) -> str:
    if name.startswith("secret."):
        return "{{ " + name + " }}"  # filled in by the vault
    text = _text(arguments.get(name))
    if not text.isascii() or (text and not text.isprintable()):
        raise _not_in_header(name)
    return text


def _not_in_header(name: str) -> InvalidArguments:
    return InvalidArguments([FieldProblem(f"arguments.{name}", "invalid", _("This cannot stand in a header."))])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


ABSENT = object()


def _filled(template: Any, arguments: dict[str, Any]) -> Any:
    """Fill a body in: a text that is one name alone becomes the value itself, and goes where there is none."""
    if isinstance(template, dict):
        found = {name: _filled(inner, arguments) for name, inner in template.items()}
        return {name: value for name, value in found.items() if value is not ABSENT}
    if isinstance(template, list):
        return [value for inner in template if (value := _filled(inner, arguments)) is not ABSENT]
    if not isinstance(template, str):
        return template
    alone = PLACEHOLDER.fullmatch(template)
    return arguments.get(alone[1], ABSENT) if alone else fill(template, lambda name: _text(arguments.get(name)))


def _encoded(body: Any, kind: str) -> bytes:
    if kind.partition(";")[0].strip().lower() == FORM_TYPE:
        return urlencode({name: _text(value) for name, value in body.items()}).encode()
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
