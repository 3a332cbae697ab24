"""Calls to the outside with a credential: the secret is put into the headers here, and taken out of the answer again.

Whoever calls never holds the secret. A header names what it needs as ``{{ secret.api_key }}``; where none does, the
credential's kind says how it is shown: a key or token as ``Authorization: Bearer …``, name and password as ``Basic``, and a
custom secret of ``name`` and ``value`` (n8n's header authentication) as that header.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tenants.errors import DomainError, NotAllowed
from vault import outbound
from vault.destinations import read_url
from vault.models import Credential
from vault.oauth import access_token
from vault.outbound import Answer, OutboundError
from vault.services import reveal

SECRET = re.compile(r"\{\{[ \t]*secret\.([A-Za-z_][A-Za-z0-9_-]{0,63})[ \t]*\}\}")
"""A part of the secret in the value of a header."""
SHORTEST_HIDDEN = 4
"""Characters: a shorter part of a secret, such as a port, is no secret, and would be found everywhere."""
HIDDEN = "[…]"
NOT_SECRET = frozenset({"base_url", "token_url", "host", "port", "security", "scope", "organization", "project"})
"""Parts of secrets that everybody may see."""


@sensitive_variables("secret", "filled", "hidden")
def call_with_credential(
    method: str,
    url: str,
    *,
    credential: Credential,
    why: str,
    headers: Mapping[str, str],
    content: bytes = b"",
    timeout: float = 10.0,
    max_bytes: int = 1_000_000,
    run: UUID | None = None,
    bot_id: UUID | None = None,
) -> Answer:
    """Call ``url`` with the secret and return the answer without it. Call it outside ``atomic``.

    Raises what ``outbound.request`` and ``reveal`` raise, ``NotAllowed`` (``destination_not_allowed``) where the
    credential names another server, and ``DomainError`` (``no_such_secret``, ``not_sendable``): nothing was sent then.
    """
    _check_destination(credential, url)
    secret = _secret(credential, url, why, run, bot_id)
    filled = _filled(headers, secret)
    hidden = _writings(secret)
    try:
        answer = outbound.request(method, url, headers=filled, content=content, timeout=timeout, max_bytes=max_bytes)
    except OutboundError as error:
        said = _without(str(error).encode(), hidden).decode(errors="replace")
        raise OutboundError(error.kind, said, status=error.status, is_sent=error.is_sent) from None
    return Answer(answer.status, answer.headers, _without(answer.body, hidden))


def _check_destination(credential: Credential, url: str) -> None:
    """Refuse another server than the one the secret names. OAuth's names where tokens are made, which is elsewhere."""
    if not credential.destination or credential.kind == Credential.Kind.OAUTH2:
        return
    if read_url(url).host != read_url(f"https://{credential.destination}").host:
        raise NotAllowed("destination_not_allowed", _("This credential may not be sent there."))


@sensitive_variables("secret")
def _secret(credential: Credential, url: str, why: str, run: UUID | None, bot_id: UUID | None) -> dict[str, Any]:
    use: dict[str, Any] = {"why": why, "run": run, "bot_id": bot_id, "to": url}
    if credential.kind == Credential.Kind.OAUTH2:
        return {"access_token": access_token(credential, **use)}
    return reveal(credential, **use)


@sensitive_variables("secret", "filled")
def _filled(headers: Mapping[str, str], secret: Mapping[str, Any]) -> dict[str, str]:
    named = [name for value in headers.values() for name in SECRET.findall(value)]
    if missing := [name for name in named if not isinstance(secret.get(name), str)]:
        raise DomainError("no_such_secret", _("The credential has no “%(name)s”.") % {"name": missing[0]})
    filled = {name: SECRET.sub(lambda found: secret[found[1]], value) for name, value in headers.items()}
    filled |= {} if named else _usual(secret)
    if not all(value.isascii() and value.isprintable() for value in filled.values()):
        raise DomainError("not_sendable", _("The secret has characters that cannot be sent."))
    return filled


@sensitive_variables("secret", "token", "pair")
def _usual(secret: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that shows a secret of this shape."""
    if token := secret.get("api_key") or secret.get("access_token"):
        return {"Authorization": f"Bearer {token}"}
    if "username" in secret and "password" in secret:
        pair = base64.b64encode(f"{secret['username']}:{secret['password']}".encode())
        return {"Authorization": f"Basic {pair.decode()}"}
    if set(secret) == {"name", "value"}:
        return {str(secret["name"]): str(secret["value"])}
    raise DomainError("no_such_secret", _("Say in a header which part of the secret is sent: {{ secret.… }}."))


@sensitive_variables("secret", "texts", "found")
def _writings(secret: Mapping[str, Any]) -> list[bytes]:
    """Return the secret's texts as an answer might write them, the longest first."""
    texts = [text for name, value in secret.items() if name not in NOT_SECRET for text in _texts(value)]
    if "username" in secret and "password" in secret:
        texts.append(f"{secret['username']}:{secret['password']}")
    found: set[bytes] = set()
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        ways = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], html.escape(text))
        found |= {raw, *(way.encode("utf-8", "surrogatepass") for way in ways)}
        found |= {quote(raw, safe="").encode(), quote_plus(raw).encode(), base64.b64encode(raw)}
        found |= {base64.urlsafe_b64encode(raw), base64.b64encode(raw).rstrip(b"="), raw.hex().encode()}
    return sorted((one for one in found if len(one) >= SHORTEST_HIDDEN), key=len, reverse=True)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) and len(value) >= SHORTEST_HIDDEN else []


def _without(body: bytes, hidden: Iterable[bytes]) -> bytes:
    """Return the body without the secret. JSON may write any letter as an escape, so it is also read and written plainly."""
    body = _replaced(body, hidden)
    try:
        plain = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return body
    cleaned = _replaced(plain, hidden)
    return cleaned if cleaned != plain else body


def _replaced(body: bytes, hidden: Iterable[bytes]) -> bytes:
    for one in hidden:
        body = body.replace(one, HIDDEN.encode())
    return body
