"""What a secret consists of, per provider and kind: JSON schemas as data, and how a secret that does not fit is told.

Texts are kept exactly as given: nothing is trimmed or normalised. No message repeats a value.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tenants.errors import DomainError, FieldProblem, TooLarge
from vault.destinations import DestinationForbidden, check_url, read_url

MOST_BYTES = 65 * 1024
"""Of a whole secret as JSON: a value of 64 KB and its name."""
SHORTEST_HINTED = 16  # characters: four of a shorter secret would be too large a part of it
HINTED = {"api_key": "api_key", "basic": "password", "oauth2": "client_secret"}
"""By kind: the field whose last four characters are the hint. Of a custom secret it is the only text, if it has one."""

TEXT = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
SECURITY = {"enum": ["tls", "starttls", "none"]}
BASE_URL = {"base_url": TEXT}
MAIL_SERVER = {"host": {"type": "string", "pattern": r"^[^\s/@]+$"}, "port": PORT, "security": SECURITY}

KINDS: dict[str, dict[str, Any]] = {
    "api_key": {"required": ["api_key"], "properties": {"api_key": TEXT}},
    "basic": {"required": ["username", "password"], "properties": {"username": TEXT, "password": TEXT}},
    "oauth2": {
        "required": ["client_id", "client_secret"],
        "properties": {
            **dict.fromkeys(("client_id", "client_secret", "access_token", "refresh_token", "scope"), TEXT),
            "token_url": BASE_URL["base_url"],
        },
    },
    "custom": {"properties": {}},
}
"""What every provider's secret of a kind has. ``custom`` is any object."""

PROVIDERS: dict[str, dict[str, Any]] = {
    "openai": {**BASE_URL, "organization": TEXT, "project": TEXT},
    "anthropic": BASE_URL,
    "flowise": BASE_URL,
    "n8n": BASE_URL,
    "activepieces": {**BASE_URL, "project_id": TEXT},
    "facebook_page": {**BASE_URL, "page_id": TEXT, "app_id": TEXT, "app_secret": TEXT, "verify_token": TEXT},
    "zalo_oa": {**BASE_URL, "oa_id": TEXT, "oa_secret_key": TEXT},
    "smtp": MAIL_SERVER,
    "imap": MAIL_SERVER,
    "custom": {},
}
"""What a provider's secret may have beside that; a provider ``custom`` may have anything."""


class InvalidSecret(DomainError):
    """A secret of the wrong shape: 422, with every wrong field (``secret.api_key``)."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        one = len(problems) == 1
        super().__init__(
            problems[0].code if one else "invalid", problems[0].message if one else _("Some fields are not valid.")
        )
        self.problems = problems


def schema_of(provider: str, kind: str) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a secret."""
    base = KINDS[kind]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": base.get("required", []),
        "properties": {**base["properties"], **PROVIDERS[provider]},
        "additionalProperties": "custom" in (provider, kind),
        "minProperties": 1,
    }


@sensitive_variables("secret", "packed")
def check_secret(provider: str, kind: str, secret: dict[str, Any]) -> bytes:
    """Return the secret as it is sealed (JSON in UTF-8); raises ``InvalidSecret`` (422), ``TooLarge`` (413)
    and ``DestinationForbidden`` (422) for an address inside."""
    packed = pack(secret)
    if len(packed) > MOST_BYTES:
        raise TooLarge("too_large", _("A secret has at most 64 KB."), field="secret")
    schema = schema_of(provider, kind)
    found = Draft202012Validator(schema).iter_errors(secret)
    if problems := [problem for error in found for problem in _problems(error)]:
        raise InvalidSecret(sorted(problems, key=lambda problem: problem.field or ""))
    for name in {"base_url", "token_url"} & set(secret) & set(schema["properties"]):
        check_url(secret[name], field=f"secret.{name}")
    return packed


def pack(secret: dict[str, Any]) -> bytes:
    """Return the bytes of a secret; equal secrets have equal bytes."""
    return json.dumps(secret, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> dict[str, Any]:
    """Return the secret of ``pack``."""
    secret: dict[str, Any] = json.loads(packed.decode("utf-8", "surrogatepass"))
    return secret


def _problems(error: ValidationError) -> list[FieldProblem]:
    path = ["secret", *map(str, error.absolute_path)]
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return [FieldProblem(".".join([*path, missing[0]]), "required", _("This field is required."))] if missing else []
        case "additionalProperties":
            known = error.schema["properties"]
            text = _("There is no such field to write.")
            return [
                FieldProblem(".".join([*path, name]), "unknown_field", text) for name in error.instance if name not in known
            ]
        case "minLength" | "minProperties":
            return [FieldProblem(".".join(path), "blank", _("This field may not be blank."))]
        case "enum":
            choices = ", ".join(map(str, error.validator_value))
            return [FieldProblem(".".join(path), "invalid_choice", _("Choose one of: %(choices)s.") % {"choices": choices})]
        case "type":
            wanted = {
                "string": _("Write a text."),
                "integer": _("Write a whole number."),
                "object": _("Write a JSON object."),
            }
            return [FieldProblem(".".join(path), "invalid", wanted[error.validator_value])]
    return [FieldProblem(".".join(path), "invalid", _("This is not a valid value."))]


def hint_of(kind: str, secret: dict[str, Any]) -> str:
    """Return the last four characters of what people would recognise; empty for a short or unprintable value."""
    texts = [value for value in secret.values() if isinstance(value, str)]
    value = secret.get(HINTED[kind], "") if kind in HINTED else texts[0] if len(texts) == 1 else ""
    tail = value[-4:]
    return tail if len(value) >= SHORTEST_HINTED and tail.isascii() and tail.isprintable() else ""


def destination_of(secret: dict[str, Any]) -> str:
    """Return the host (and port) the secret is sent to, as far as the secret itself names it."""
    url, host, port = secret.get("base_url") or secret.get("token_url"), secret.get("host"), secret.get("port")
    if isinstance(url, str):
        return urlsplit(url).netloc[:300] if _is_plain(url) else ""
    if not isinstance(host, str) or not host.isprintable():
        return ""
    return (f"{host}:{port}" if isinstance(port, int) else host)[:300]


def _is_plain(url: str) -> bool:
    """Whether the address shows nothing but an address: a custom secret may hold a name and password in it."""
    try:
        read_url(url)
    except DestinationForbidden:
        return False
    return True
