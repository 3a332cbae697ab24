"""The vault in one file, encrypted to a passphrase: for a backup, and for another installation with other master keys.

The form: ``BACKROOM-VAULT-1`` and a newline, 16 bytes of salt, then pieces of 4 bytes of length and one credential
as JSON under AES-256-GCM. The key is scrypt's (RFC 7914, N = 2^17, r = 8, p = 1) of the passphrase. A piece's nonce is
its number, its associated data say whether it is the last (after Rogaway's STREAM): a file that is cut short, put
together anew or continued does not open.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from tenants.actor import Actor, ActorKind, current_actor
from tenants.audit import put_back
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope
from vault.crypto import CredentialUnreadable
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse, TenantKey
from vault.schemas import unpack
from vault.services import holds_secret, rotate_credential, store_credential
from vault.startup import forget_unused_keys

MAGIC = b"BACKROOM-VAULT-1\n"
COST = 2**17
"""scrypt's N: what each guess of a passphrase costs."""
SALT_BYTES, LONGEST_PIECE, BATCH = 16, 16_000_000, 500
SHORTEST_PASSPHRASE = 12
MORE, LAST = b"more", b"last"
PLAIN = ("provider", "kind", "label", "is_active", "allowed_hosts", "metadata")


class NotABackup(DomainError):
    """The file is no export of a vault, was damaged or cut short, or the passphrase is another. Nothing was stored."""

    def __init__(self) -> None:
        super().__init__("not_a_backup", _("The passphrase is not the one of this file, or the file is damaged."))


@dataclass
class Summary:
    """What an import did, or an export holds."""

    credentials: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Ids of credentials that do not open here: they are not in the file."""
    refused: list[dict[str, str]] = field(default_factory=list)
    """Credentials of the file that may not be stored here, such as one for an address inside another network."""
    unknown_tenants: list[str] = field(default_factory=list)
    """Slugs that this installation does not have: their credentials were left out."""
    unknown_bots: list[str] = field(default_factory=list)
    """Codes of bots that their tenant does not have here: what they were granted was left out."""


def check_passphrase(passphrase: str) -> str:
    """Return it; raises ``DomainError`` for one too short to stand between a stolen file and every secret."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        said = _("A passphrase has at least %(count)s characters.") % {"count": SHORTEST_PASSPHRASE}
        raise DomainError("passphrase_too_short", said)
    return passphrase


@sensitive_variables("passphrase")
def export_vault(target: IO[bytes], *, passphrase: str) -> Summary:
    """Write every tenant's credentials; each is on record as a use."""
    summary = Summary()
    _write(target, (_packed(row) for row in _all_rows(summary)), check_passphrase(passphrase))
    return summary


def _packed(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode()


def _all_rows(summary: Summary) -> Iterator[dict[str, Any]]:
    with platform_scope(reason="every tenant's secrets are backed up"):
        tenants = list(Tenant.objects.order_by("slug"))
    for tenant in tenants:
        after = UUID(int=0)
        while True:
            # Never over a yield: who takes the rows must not find itself in a tenant's scope.
            with tenant_scope(tenant):
                batch, after = _batch(tenant.slug, after, summary)
            yield from batch
            if after is None:
                break


def _batch(slug: str, after: UUID, summary: Summary) -> tuple[list[dict[str, Any]], Any]:
    live = CredentialSecret.objects.select_related("key", "credential").prefetch_related("credential__grants__bot")
    live = live.filter(ciphertext__isnull=False, pk__gt=after)
    found, rows, uses = list(live.order_by("pk")[:BATCH]), [], []
    old = set(put_back(Credential.objects.filter(secrets__in=found)).values_list("pk", flat=True))
    for secret in found:
        try:
            if secret.credential_id in old:
                raise CredentialUnreadable
            rows.append(_row(slug, secret))
            uses.append(_use(secret))
            summary.credentials += 1
        except CredentialUnreadable:
            summary.unreadable.append(str(secret.credential_id))
    CredentialUse.objects.bulk_create(uses)
    return rows, found[-1].pk if len(found) == BATCH else None


@sensitive_variables()
def _row(slug: str, secret: CredentialSecret) -> dict[str, Any]:
    credential, key = secret.credential, secret.key
    assert key is not None
    packed = key.data_key().open(bytes(secret.ciphertext or b""), credential.secret_place(secret.version))
    expires = credential.expires_at
    return {
        "tenant": slug,
        "id": str(credential.pk),
        **{name: getattr(credential, name) for name in PLAIN},
        "expires_at": expires.isoformat() if expires else None,
        "grants": [_granted(grant) for grant in credential.grants.all()],
        "secret": unpack(packed),
    }


def _granted(grant: CredentialGrant) -> dict[str, str | None]:
    ends = grant.expires_at.isoformat() if grant.expires_at else None
    return {"role": grant.role, "bot": grant.bot.code if grant.bot else None, "expires_at": ends}


def _use(secret: CredentialSecret) -> CredentialUse:
    actor = current_actor() or Actor(ActorKind.SYSTEM)
    return CredentialUse(
        credential_id=secret.credential_id,
        label=secret.credential.label,
        version=secret.version,
        actor_kind=actor.kind,
        actor_id=actor.id,
        why=gettext_noop("back up the vault"),
    )


@sensitive_variables("passphrase", "rows", "row")
def import_vault(source: IO[bytes], *, passphrase: str) -> Summary:
    """Store what the file holds: new credentials, and new secrets for those that are here. A second import changes nothing.

    The file is read to its end first, so that a damaged one stores nothing. Data keys that no master key opens any more
    (a database restored beside other master keys) are replaced. Raises ``NotABackup``.
    """
    rows = [json.loads(piece) for piece in _read(source, passphrase)]
    summary = Summary(credentials=len(rows))
    for slug in sorted({row["tenant"] for row in rows}):
        with platform_scope(reason="a backup names its tenants"):
            tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            summary.unknown_tenants.append(slug)
            continue
        with tenant_scope(tenant):
            _import_tenant([row for row in rows if row["tenant"] == slug], summary)
    forget_unused_keys()
    return summary


@sensitive_variables("rows", "row")
def _import_tenant(rows: Iterable[dict[str, Any]], summary: Summary) -> None:
    with transaction.atomic():
        _retire_lost_key()
        for row in rows:
            try:
                with transaction.atomic():
                    _import(row, summary)
            except DomainError as error:
                told = {name: row[name] for name in ("tenant", "id", "label")}
                summary.refused.append({**told, "code": error.code, "message": error.message})
        TenantKey.objects.filter(retired_at__isnull=False, secrets=None).delete()


def _retire_lost_key() -> None:
    current = TenantKey.objects.select_for_update().filter(retired_at=None).first()
    if current is None:
        return
    try:
        current.data_key()
    except CredentialUnreadable:
        TenantKey.objects.filter(pk=current.pk).update(retired_at=Now())


@sensitive_variables("row")
def _import(row: dict[str, Any], summary: Summary) -> None:
    found = Credential.objects.filter(pk=row["id"]).first()
    expires = datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None
    if found is None:
        made = store_credential(
            **{name: row[name] for name in PLAIN if name in row},
            secret=row["secret"],
            expires_at=expires,
            pk=UUID(row["id"]),
        )
        # Only with a new one: of one that was here, somebody may have taken a grant back since.
        _grant(made, row.get("grants", []), summary)
        summary.created += 1
    elif _holds(found, row["secret"]):
        summary.unchanged += 1
    else:
        rotate_credential(found, secret=row["secret"])
        summary.changed += 1


def _grant(credential: Credential, grants: Iterable[dict[str, Any]], summary: Summary) -> None:
    bots: Any = CredentialGrant.bot.field.related_model.objects  # type: ignore[attr-defined]
    for grant in grants:
        bot = bots.filter(code=grant["bot"]).first() if grant["bot"] else None
        if grant["bot"] and bot is None:
            summary.unknown_bots.append(grant["bot"])
            continue
        ends = datetime.fromisoformat(grant["expires_at"]) if grant["expires_at"] else None
        CredentialGrant.objects.create(credential=credential, role=grant["role"], bot=bot, expires_at=ends)


@sensitive_variables("secret")
def _holds(credential: Credential, secret: dict[str, Any]) -> bool:
    try:
        return holds_secret(credential, secret)
    except CredentialUnreadable:
        return False


@sensitive_variables("passphrase", "key")
def _key(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=COST, r=8, p=1).derive(passphrase.encode()))


@sensitive_variables("pieces", "passphrase", "piece")
def _write(target: IO[bytes], pieces: Iterable[bytes], passphrase: str) -> None:
    salt = secrets.token_bytes(SALT_BYTES)
    cipher = _key(passphrase, salt)
    target.write(MAGIC + salt)
    number = 0
    for piece in pieces:
        _write_piece(target, cipher.encrypt(_nonce(number), piece, MAGIC + salt + MORE))
        number += 1
    _write_piece(target, cipher.encrypt(_nonce(number), b"", MAGIC + salt + LAST))


def _write_piece(target: IO[bytes], sealed: bytes) -> None:
    target.write(len(sealed).to_bytes(4, "big") + sealed)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


@sensitive_variables()
def _read(source: IO[bytes], passphrase: str) -> Iterator[bytes]:
    head = source.read(len(MAGIC) + SALT_BYTES)
    if not head.startswith(MAGIC) or len(head) != len(MAGIC) + SALT_BYTES:
        raise NotABackup
    cipher, number = _key(passphrase, head[len(MAGIC) :]), 0
    while True:
        length = int.from_bytes(source.read(4), "big")
        sealed = source.read(length) if length <= LONGEST_PIECE else b""
        try:
            yield cipher.decrypt(_nonce(number), sealed, head + MORE)
            number += 1
        except (InvalidTag, ValueError):
            break
    try:
        cipher.decrypt(_nonce(number), sealed, head + LAST)
    except (InvalidTag, ValueError):
        raise NotABackup from None
    if source.read(1):
        raise NotABackup
