"""The envelope: how a secret is stored, and why a stored one fits nowhere else.

AES-256-GCM (NIST SP 800-38D) under a key that is made for this one record: HKDF-SHA256 (RFC 5869) of a longer-lived
key and 32 random bytes, so that no number of records brings two nonces under one key. The associated data name the
tenant, table, row, field and version the envelope belongs to, and its own head: moved, rolled back or relabelled,
it does not open. Two layers use the same form: a master key of ``VAULT_KEYS`` wraps the data key of a tenant, the
data key seals the tenant's records.

Stored form: version (1 byte), algorithm (1), length of the key id (1), key id, salt (32), nonce (12), ciphertext
and tag (16). Whatever is wrong with one is told as ``CredentialUnreadable``, without a detail.
"""

import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

from tenants.errors import DomainError

FORM = bytes((1, 1))
"""Version 1, algorithm 1: AES-256-GCM under a key of HKDF-SHA256. The only one there is."""
KEY_BYTES, SALT_BYTES, NONCE_BYTES, TAG_BYTES = 32, 32, 12, 16
HEAD_BYTES = 3
SHORTEST = HEAD_BYTES + SALT_BYTES + NONCE_BYTES + TAG_BYTES
_LENGTH = Struct(">I").pack
MOST_KEYS_IN_MEMORY = 1024
"""Unwrapped data keys that a process keeps: 32 bytes each."""


class CredentialUnreadable(DomainError):
    """A stored secret does not open. One message for every cause: a detail would help only who damaged it."""

    status = 409

    def __init__(self) -> None:
        super().__init__("credential_unreadable", _("The stored secret cannot be read."))


class Place(NamedTuple):
    """Where an envelope belongs; ``row`` is the id in bytes."""

    tenant: UUID
    table: str
    row: bytes
    field: str
    version: int

    def associated(self, head: bytes) -> bytes:
        """Return the associated data: what may vary in length after its length (4 bytes), so no two places look alike."""
        parts = (head, self.table.encode(), self.row, self.field.encode())
        named = b"".join([_LENGTH(len(part)) + part for part in parts])
        return named + self.tenant.bytes + self.version.to_bytes(8, "big")


@dataclass(frozen=True)
class DataKey:
    """A tenant's data key in the clear, and the id that envelopes name it by. Never stored, never shown."""

    id: UUID
    key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id})"

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Return the envelope of ``plain`` for ``place``."""
        return seal(plain, key_id=self.id.bytes, key=self.key, place=place)

    def open(self, envelope: bytes, place: Place) -> bytes:
        """Return what was sealed; raises ``CredentialUnreadable``."""
        return open_envelope(envelope, key_id=self.id.bytes, key=self.key, place=place)

    def fingerprint(self, plain: bytes, place: Place) -> bytes:
        """Return 32 bytes that are equal for equal secrets of one row, and tell nothing without the key."""
        own = _hkdf(self.key, b"\x00" * SALT_BYTES, b"backroom vault fingerprint")
        return hmac.digest(own, place.associated(b"") + plain, "sha256")


def seal(plain: bytes, *, key_id: bytes, key: bytes, place: Place) -> bytes:
    """Return the envelope of ``plain``; no two of the same text are alike."""
    head = FORM + bytes((len(key_id),)) + key_id
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    cipher = AESGCM(_record_key(key, salt))
    return head + salt + nonce + cipher.encrypt(nonce, plain, place.associated(head))


def open_envelope(envelope: bytes, *, key_id: bytes, key: bytes, place: Place) -> bytes:
    """Return what was sealed for ``place`` with the key of that id; raises ``CredentialUnreadable``."""
    if key_id_of(envelope) != key_id:
        raise CredentialUnreadable
    salted = HEAD_BYTES + len(key_id)
    nonced = salted + SALT_BYTES
    sealed = nonced + NONCE_BYTES
    try:
        cipher = AESGCM(_record_key(key, envelope[salted:nonced]))
        return cipher.decrypt(envelope[nonced:sealed], envelope[sealed:], place.associated(envelope[:salted]))
    except (InvalidTag, ValueError):
        raise CredentialUnreadable from None


def key_id_of(envelope: bytes) -> bytes:
    """Return the id of the key that an envelope names; raises ``CredentialUnreadable`` for what is no envelope of ours."""
    if len(envelope) < SHORTEST or not envelope.startswith(FORM):
        raise CredentialUnreadable
    end = HEAD_BYTES + envelope[2]
    if len(envelope) < SHORTEST + envelope[2]:
        raise CredentialUnreadable
    return envelope[HEAD_BYTES:end]


def first_master_key() -> str:
    """Return the id of the master key that encrypts: the first of ``VAULT_KEYS``."""
    return next(iter(settings.VAULT_KEYS))


def seal_with_master(plain: bytes, *, name: str, place: Place) -> bytes:
    """Return the envelope of ``plain`` under the master key ``name``."""
    return seal(plain, key_id=name.encode(), key=settings.VAULT_KEYS[name], place=place)


def open_with_master(envelope: bytes, place: Place) -> bytes:
    """Return what was sealed with the master key the envelope names; raises ``CredentialUnreadable``."""
    return open_envelope(envelope, key_id=key_id_of(envelope), key=_master(envelope), place=place)


def _master(envelope: bytes) -> bytes:
    key: bytes | None = settings.VAULT_KEYS.get(key_id_of(envelope).decode("utf-8", "replace"))
    if key is None:
        raise CredentialUnreadable
    return key


def wrapped_place(tenant: UUID, key: UUID) -> Place:
    """Return where the wrapped data key ``key`` belongs."""
    return Place(tenant, "vault_tenantkey", key.bytes, "wrapped", 1)


def wrap(data_key: DataKey, *, tenant: UUID) -> bytes:
    """Return the data key under the first master key."""
    return seal_with_master(data_key.key, name=first_master_key(), place=wrapped_place(tenant, data_key.id))


def unwrap(wrapped: bytes, *, tenant: UUID, key: UUID) -> DataKey:
    """Return the data key, from memory when this very envelope was opened before; raises ``CredentialUnreadable``.

    The envelope and the master key are part of what is remembered: a key that was wrapped anew, moved or damaged,
    or a master key that was taken away, is never answered from memory.
    """
    return _unwrap(wrapped, _master(wrapped), tenant, key)


@lru_cache(maxsize=MOST_KEYS_IN_MEMORY)
def _unwrap(wrapped: bytes, master: bytes, tenant: UUID, key: UUID) -> DataKey:
    place = wrapped_place(tenant, key)
    return DataKey(key, open_envelope(wrapped, key_id=key_id_of(wrapped), key=master, place=place))


def _record_key(key: bytes, salt: bytes) -> bytes:
    return _hkdf(key, salt, b"backroom vault record")


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(key)
