"""Reads n8n's export of credentials, encrypted or decrypted, and keeps what is in it (PROTOCOLS 2.1)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tenants.errors import DomainError
from vault.models import Credential
from vault.schemas import check_secret
from vault.services import holds_secret, rotate_credential, store_credential

SALTED = b"Salted__"
"""How OpenSSL begins what it encrypts with a password; 8 bytes of salt follow."""

FIELDS = {
    "apiKey": "api_key",
    "accessToken": "api_key",
    "user": "username",
    "password": "password",
    "host": "host",
    "port": "port",
    "baseUrl": "base_url",
    "url": "base_url",
    "organizationId": "organization",
}
TYPES: dict[str, tuple[str, str]] = {
    "openAiApi": ("openai", "api_key"),
    "anthropicApi": ("anthropic", "api_key"),
    "facebookGraphApi": ("facebook_page", "api_key"),
    "n8nApi": ("n8n", "api_key"),
    "smtp": ("smtp", "basic"),
    "imap": ("imap", "basic"),
    "httpBasicAuth": ("custom", "basic"),
}
"""n8n's types that have a home of their own here; every other one is kept whole, as ``custom``."""


class NotAnExport(DomainError):
    """The file is not n8n's export, or the key is not the one it was encrypted with. Nothing was stored."""

    def __init__(self, message: str) -> None:
        super().__init__("not_an_export", message)


@dataclass
class Summary:
    """What an import did; ``errors`` names what could not be kept."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """One credential of the export, in the clear."""

    id: str
    name: str
    type: str
    data: dict[str, Any] = field(repr=False)


@sensitive_variables("entries", "key", "text")
def import_export(text: bytes, *, key: str = "") -> Summary:
    """Keep every credential of the export in the scope's tenant, all or nothing; a second import changes nothing.

    ``key`` is N8N_ENCRYPTION_KEY, needed for the encrypted form. Raises ``NotAnExport``.
    """
    entries, summary = list(_read(text, key)), Summary()
    with transaction.atomic():
        for entry in entries:
            try:
                with transaction.atomic():
                    _keep(entry, summary)
            except (DomainError, ValidationError, DataError, RecursionError) as error:
                summary.errors.append({"id": entry.id, "name": entry.name, **_told(error)})
    return summary


def _told(error: Exception) -> dict[str, str]:
    """Return code and message of what went wrong with one credential."""
    if isinstance(error, DomainError):
        return {"code": error.code, "message": error.message}
    if isinstance(error, ValidationError):
        return {"code": "invalid", "message": " ".join(error.messages)}
    return {"code": "out_of_range", "message": _("A value is out of range.")}  # nested too deeply, or with a NUL


def _read(text: bytes, key: str) -> Iterator[Entry]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        rows = None
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"id", "name", "type", "data"} <= set(row) for row in rows
    ):
        raise NotAnExport(_("This is not what “n8n export:credentials” writes."))
    for row in rows:
        data = row["data"] if isinstance(row["data"], dict) else _decrypted(str(row["data"]), key)
        yield Entry(str(row["id"]), str(row["name"])[:200], str(row["type"])[:100], data)


@sensitive_variables()
def _decrypted(text: str, key: str) -> dict[str, Any]:
    """Undo OpenSSL's ``enc -aes-256-cbc -md md5``: key and IV by EVP_BytesToKey, MD5, one round."""
    if not key:
        raise NotAnExport(_("The export is encrypted: its key (N8N_ENCRYPTION_KEY) is needed."))
    try:
        raw = base64.b64decode(text, validate=True)
        if not raw.startswith(SALTED):
            raise ValueError
        derived = _bytes_to_key(key.encode(), raw[8:16])
        decryptor = Cipher(AES(derived[:32]), CBC(derived[32:])).decryptor()
        unpadder = PKCS7(128).unpadder()
        plain = unpadder.update(decryptor.update(raw[16:]) + decryptor.finalize()) + unpadder.finalize()
        data = json.loads(plain)
    except (ValueError, binascii.Error, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise NotAnExport(_("The key is not the one this export was encrypted with, or the file is damaged."))
    return data


def _bytes_to_key(password: bytes, salt: bytes) -> bytes:
    derived = block = b""
    while len(derived) < 48:
        block = hashlib.md5(block + password + salt, usedforsecurity=False).digest()
        derived += block
    return derived[:48]


@sensitive_variables("secret")
def _keep(entry: Entry, summary: Summary) -> None:
    provider, kind, secret = _translated(entry)
    found = Credential.objects.filter(metadata__n8n__id=entry.id, provider=provider, kind=kind).first()
    if found is None:
        metadata = {"n8n": {"id": entry.id, "type": entry.type}}
        store_credential(provider=provider, kind=kind, label=entry.name or entry.type, secret=secret, metadata=metadata)
        summary.created += 1
    elif holds_secret(found, secret):
        summary.unchanged += 1
    else:
        rotate_credential(found, secret=secret)
        summary.changed += 1


@sensitive_variables("secret")
def _translated(entry: Entry) -> tuple[str, str, dict[str, Any]]:
    """Return provider, kind and secret; what does not fit the own type of a service to the last field is kept whole."""
    provider, kind = TYPES.get(entry.type, ("custom", "custom"))
    given = {name: value for name, value in entry.data.items() if value not in ("", None)}
    secret = {FIELDS[name]: value for name, value in given.items() if name in FIELDS}
    if _has_tls(given):
        secret["security"] = "tls"
        del given["secure"]
    if kind != "custom" and len(secret) - ("security" in secret) == len(given):
        try:
            check_secret(provider, kind, secret)
            return provider, kind, secret
        except DomainError:
            pass
    return "custom", "custom", entry.data


def _has_tls(data: Mapping[str, Any]) -> bool:
    return "host" in data and data.get("secure") is True
