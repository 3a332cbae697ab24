"""The second factor: codes of an authenticator app (TOTP, RFC 6238, 6 digits every 30 s) and ten recovery codes.

The shared secret is kept encrypted by a key that HKDF-SHA256 derives from the first of ``VAULT_KEYS``: AES-256-GCM with
a random nonce, the person's id as associated data. Stored form: 1 (version), length and text of the key's id, 12 bytes
of nonce, ciphertext with tag. Recovery codes have 80 random bits each, so that their SHA-256 is all that is kept.
"""

import base64
import logging
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection, transaction
from django.db.models import BinaryField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Now
from django.utils import timezone

from tenants.login_links import log_out_everywhere
from tenants.models import AuthIdentity, User, hash_token
from tenants.scope import any_scope

logger = logging.getLogger(__name__)

TOTP = AuthIdentity.Provider.TOTP
STEP = 30  # seconds
WINDOW = 1
"""Steps before and after now whose code is taken: clocks differ."""
TIME_TO_CONFIRM = timedelta(minutes=15)
"""How long a secret that was only begun is shown: whoever sits down at the open page later begins anew."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
VERSION, NONCE = 1, 12
ISSUER = "Backroom"

KEYS_IN_USE = """
SELECT encode(substring(secret FROM 3 FOR get_byte(secret, 1)), 'escape'), count(*)
FROM tenants_authidentity WHERE provider = %s AND length(secret) > 2 GROUP BY 1
"""


class Unreadable(Exception):
    """The secret cannot be decrypted: its key is gone, or the bytes were changed."""


@dataclass(frozen=True)
class Proof:
    """A right code that was not used up yet: the step of an app's code, or the hash of a recovery code."""

    identity: AuthIdentity
    step: int | None = None
    code_hash: bytes | None = None

    def spend(self) -> bool:
        """Use the code up; False when it, or a later one, was used already."""
        mine = AuthIdentity.objects.filter(pk=self.identity.pk)
        with any_scope(reason="a person's own second factor"):
            if self.step is not None:
                return mine.filter(Q(last_step=None) | Q(last_step__lt=self.step)).update(last_step=self.step) == 1
            used = Value(self.code_hash, output_field=BinaryField())
            rest = Func(F("recovery_codes"), used, function="array_remove")
            return mine.filter(recovery_codes__contains=[self.code_hash]).update(recovery_codes=rest) == 1


def enrolled(user: User) -> AuthIdentity | None:
    """Return the person's second factor, if one was set up to its end."""
    return _of(user).filter(confirmed_at__isnull=False).first()


def pending(user: User) -> AuthIdentity | None:
    """Return the second factor the person has begun to set up a moment ago."""
    return _of(user).filter(confirmed_at=None, created_at__gt=Now() - TIME_TO_CONFIRM).first()


def _of(user: User) -> QuerySet[AuthIdentity]:
    return AuthIdentity.objects.select_related("user").filter(user=user, provider=TOTP)


def begin(user: User) -> None:
    """Make a new secret to set up, in place of one that was only begun; one that is in use stays."""
    fresh = {"secret": _seal(user.pk, pyotp.random_base32().encode())}
    with any_scope(reason="a person's own second factor"):
        if not _of(user).filter(confirmed_at=None).update(**fresh, created_at=Now()):
            AuthIdentity.objects.get_or_create(user=user, provider=TOTP, defaults=fresh)


def address_of(identity: AuthIdentity) -> tuple[str, str]:
    """Return the ``otpauth://`` address that apps read from a QR code, and the secret to type instead."""
    secret = _open(identity.user_id, bytes(identity.secret)).decode()
    return pyotp.TOTP(secret).provisioning_uri(name=identity.user.email, issuer_name=ISSUER), secret


def confirm(identity: AuthIdentity, code: str) -> list[str] | None:
    """Switch the second factor on by its first code; returns the recovery codes, known only now, or None.

    Every session, token and login link of the person ends: none of them was proved by it.
    """
    step = _step_of(identity, code)
    if step is None:
        return None
    codes, hashes = _new_recovery_codes()
    now = {"confirmed_at": timezone.now(), "last_step": step, "recovery_codes": hashes}
    with any_scope(reason="a person's own second factor"), transaction.atomic():
        mine = AuthIdentity.objects.filter(pk=identity.pk, confirmed_at=None, secret=bytes(identity.secret))
        if mine.update(**now) != 1:
            return None
        log_out_everywhere(identity.user)
    return codes


def renew_recovery_codes(identity: AuthIdentity) -> list[str]:
    """Replace the recovery codes; returns the new ones, known only now."""
    codes, hashes = _new_recovery_codes()
    with any_scope(reason="a person's own second factor"):
        AuthIdentity.objects.filter(pk=identity.pk).update(recovery_codes=hashes)
    return codes


def remove(user: User) -> None:
    """Take the second factor away."""
    with any_scope(reason="a second factor is taken away"):
        AuthIdentity.objects.filter(user=user, provider=TOTP).delete()


def check(identity: AuthIdentity, code: str) -> Proof | None:
    """Return the proof that a code of the app or a recovery code is; ``Proof.spend`` decides whether it still serves."""
    if (step := _step_of(identity, code)) is not None:
        return Proof(identity, step=step)
    hashed = hash_token(_bare(code).upper())
    return Proof(identity, code_hash=hashed) if hashed in {bytes(one) for one in identity.recovery_codes} else None


def rewrap() -> tuple[int, list[UUID]]:
    """Encrypt every secret by the first of ``VAULT_KEYS`` that is not yet. Safe to break off and repeat.

    Returns how many, and the ids of those that cannot be read: they stay as they are.
    """
    done, unreadable = 0, []
    with any_scope(reason="the vault's keys are rotated"):
        for identity in AuthIdentity.objects.filter(provider=TOTP).iterator(chunk_size=500):
            try:
                done += _rewrap_one(identity)
            except Unreadable:
                unreadable.append(identity.pk)
    return done, unreadable


def _rewrap_one(identity: AuthIdentity) -> int:
    old = bytes(identity.secret)
    if _key_id(old) == next(iter(settings.VAULT_KEYS)):
        return 0
    new = _seal(identity.user_id, _open(identity.user_id, old))
    return AuthIdentity.objects.filter(pk=identity.pk, secret=old).update(secret=new)


def keys_in_use() -> dict[str, int]:
    """Return how many secrets name each of ``VAULT_KEYS``."""
    with any_scope(reason="the vault's keys are rotated"), connection.cursor() as cursor:
        cursor.execute(KEYS_IN_USE, [TOTP.value])
        return dict(cursor.fetchall())


def _step_of(identity: AuthIdentity, code: str) -> int | None:
    """Return the time step whose code this is, or None; steps that were used are none."""
    try:
        totp = pyotp.TOTP(_open(identity.user_id, bytes(identity.secret)).decode())
    except Unreadable:
        logger.exception("the second factor of user %s cannot be read", identity.user_id)
        return None
    now, bare = int(time.time()) // STEP, _bare(code).encode()
    for step in range(now - WINDOW, now + WINDOW + 1):
        unused = identity.last_step is None or step > identity.last_step
        if secrets.compare_digest(totp.generate_otp(step).encode(), bare) and unused:
            return step
    return None


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "")


def _new_recovery_codes() -> tuple[list[str], list[bytes]]:
    bare = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    shown = ["-".join(code[start : start + 4] for start in range(0, len(code), 4)).lower() for code in bare]
    return shown, [hash_token(code) for code in bare]


def _cipher(key_id: str) -> AESGCM:
    key = settings.VAULT_KEYS.get(key_id)
    if key is None:
        raise Unreadable
    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=b"backroom second factor").derive(key))


def _seal(user_id: UUID, secret: bytes) -> bytes:
    key_id, nonce = next(iter(settings.VAULT_KEYS)), secrets.token_bytes(NONCE)
    name = key_id.encode()
    sealed = _cipher(key_id).encrypt(nonce, secret, user_id.bytes)
    return bytes([VERSION, len(name)]) + name + nonce + sealed


def _key_id(stored: bytes) -> str:
    if len(stored) < 2 or stored[0] != VERSION:
        raise Unreadable
    return stored[2 : 2 + stored[1]].decode(errors="replace")


def _open(user_id: UUID, stored: bytes) -> bytes:
    key_id = _key_id(stored)
    begin = 2 + stored[1]
    try:
        return _cipher(key_id).decrypt(stored[begin : begin + NONCE], stored[begin + NONCE :], user_id.bytes)
    except (InvalidTag, ValueError) as error:
        raise Unreadable from error
