"""Storing and replacing secrets, and ``reveal``: the one door through which plain text leaves the vault."""

import hmac
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tenants.actor import Actor, ActorKind, current_actor
from tenants.errors import Conflict, DomainError, NotAllowed, TooMany
from tenants.events import record_event
from tenants.models import PLATFORM_ID, User, new_ids
from tenants.roles import Role, role_allows
from tenants.scope import current_tenant_id, platform_scope
from vault.crypto import CredentialUnreadable, unwrap
from vault.data_keys import current_data_key
from vault.destinations import read_url
from vault.models import Credential, CredentialGrant, CredentialSecret
from vault.models.credentials import reference_name
from vault.schemas import check_secret, destination_of, hint_of, pack, unpack

CHANGED = ["version", "hint", "destination", "refresh_state", "refresh_error", "updated_at"]
"""What a new secret changes in its credential."""

logger = logging.getLogger(__name__)


class NotGranted(DomainError):
    """The credential is not there, not active, or not for this caller or tenant: one answer for all, 404."""

    status = 404

    def __init__(self) -> None:
        super().__init__("not_granted", _("There is no such credential to use."))


@sensitive_variables("secret", "packed")
def store_credential(
    *,
    provider: str,
    kind: str,
    label: str,
    secret: dict[str, Any],
    expires_at: datetime | None = None,
    created_by: User | None = None,
    person: User | None = None,
    metadata: dict[str, Any] | None = None,
    allowed_hosts: Sequence[str] = (),
    is_active: bool = True,
    pk: UUID | None = None,
) -> Credential:
    """Keep a new secret in the scope's tenant; ``pk`` is that of a credential which is restored.

    Raises ``InvalidSecret`` (422 by field), ``TooLarge`` (413) and Django's ``ValidationError``.
    """
    credential = Credential(
        pk=pk or new_ids(1)[0], provider=provider, kind=kind, label=label, expires_at=expires_at, is_active=is_active
    )
    credential.created_by, credential.person, credential.metadata = created_by, person, metadata or {}
    credential.allowed_hosts = list(allowed_hosts)
    credential.full_clean(exclude=["person", "created_by"])
    packed = check_secret(provider, kind, secret)
    credential.hint, credential.destination = hint_of(kind, secret), destination_of(secret)
    # Of one that was here before the versions go on: none ever comes twice, so an old copy is known for what it is.
    credential.version = credential.last_version() + 1 if pk else 1
    with transaction.atomic():
        credential.save(force_insert=True)
        _write_version(credential, packed, created_by)
    return credential


@sensitive_variables("secret", "packed")
def rotate_credential(
    credential: Credential, *, secret: dict[str, Any], created_by: User | None = None, **times: datetime | None
) -> Credential:
    """Put a new secret in the place of the old one, which is wiped; nobody needs to know the old one.

    ``times``: ``access_expires_at`` and ``refresh_expires_at`` of the new version. Raises as ``store_credential``.
    """
    packed = check_secret(credential.provider, credential.kind, secret)
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(pk=credential.pk)
        CredentialSecret.objects.filter(credential=row, ciphertext__isnull=False).update(
            ciphertext=None, key=None, fingerprint=None
        )
        row.version = row.last_version() + 1
        row.hint, row.destination = hint_of(row.kind, secret), destination_of(secret)
        row.refresh_state, row.refresh_error, row.refresh_lease_until = "", "", None
        row.save(update_fields=[*CHANGED, "refresh_lease_until"])
        _write_version(row, packed, created_by, **times)
    credential.refresh_from_db(fields=CHANGED)
    return row


@sensitive_variables("secret", "packed")
def holds_secret(credential: Credential, secret: dict[str, Any]) -> bool:
    """Whether the stored secret is this one: by its fingerprint, so that nothing is read and no use is on record."""
    row = CredentialSecret.objects.select_related("key").filter(credential=credential, version=credential.version).first()
    if row is None or row.key is None or row.fingerprint is None:
        return False
    mine = row.key.data_key().fingerprint(pack(secret), credential.secret_place(0))
    return hmac.compare_digest(mine, bytes(row.fingerprint))


def check_unbound(credential: Credential) -> None:
    """Raise ``Conflict`` (``signs_events``) for the secret of an event destination, which alone replaces it, with overlap."""
    if credential.signs_events:
        raise Conflict("signs_events", _("It signs events. Replace it where the event destination is."))


def check_end(expires_at: datetime | None, stored: Credential | CredentialGrant | None) -> None:
    """Refuse an end that is over when a person writes it; one that is stored already may pass and stay."""
    is_new = stored is None or expires_at != stored.expires_at
    if expires_at and is_new and expires_at <= timezone.now():
        raise DomainError("in_the_past", _("This moment is over already."), field="expires_at")


def delete_credential(credential: Credential) -> None:
    """Delete a credential that nothing uses; raises ``Conflict`` (``in_use``) that names where it is used."""
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(pk=credential.pk)
        if used := row.references():
            where = [reference_name(one) for one in used]
            said = _("It is still used: %(where)s.") % {
                "where": ", ".join(f"{one['kind']} “{one['name']}”" for one in where)
            }
            raise Conflict("in_use", said, where=where)
        row.delete()


@sensitive_variables("packed")
def _write_version(
    credential: Credential, packed: bytes, created_by: User | None, **times: datetime | None
) -> CredentialSecret:
    data_key = current_data_key()
    return CredentialSecret.objects.create(
        credential=credential,
        version=credential.version,
        key_id=data_key.id,
        ciphertext=data_key.seal(packed, credential.secret_place(credential.version)),
        # Of no version: the same secret is recognised when it comes again to this row, and in no other row.
        fingerprint=data_key.fingerprint(packed, credential.secret_place(0)),
        created_by=created_by,
        **times,
    )


# One message in autocommit: what is read is exactly what the use on record says, and without the record nothing is read.
# What is refused is on record as well; of a credential that the tenant does not have there is nothing to tell but the id.
REVEAL = """
WITH recent AS (
    SELECT count(*) FILTER (WHERE outcome <> 'limited') >= %(most)s AS is_over,
           coalesce(bool_or(outcome = 'limited'), false) AS is_told
    FROM (
        SELECT outcome FROM vault_credentialuse
        WHERE %(most)s::int IS NOT NULL AND tenant_id = %(tenant)s AND actor_kind = %(actor_kind)s
          AND actor_id = %(actor_id)s::uuid AND id > (SELECT uuidv7(interval '-1 minute'))
        UNION ALL
        SELECT outcome FROM vault_credentialuse
        WHERE %(most)s::int IS NOT NULL AND tenant_id = %(tenant)s AND actor_kind = %(actor_kind)s
          AND %(actor_id)s::uuid IS NULL AND actor_id IS NULL AND id > (SELECT uuidv7(interval '-1 minute'))
        LIMIT %(most)s::int + 20
    ) uses
), member AS (
    SELECT role FROM tenants_membership WHERE tenant_id = %(tenant)s AND user_id = %(person)s::uuid
), granted AS (
    SELECT c.id, c.label, c.version, s.ciphertext, k.id AS key_id, k.wrapped,
           c.allowed_hosts = '{}' OR (hosts <> '{}' AND hosts <@ c.allowed_hosts::text[]) AS is_allowed,
           -- A later version was used here before: somebody put an old copy back. One look at the newest use.
           c.version < coalesce((
               SELECT used.version FROM vault_credentialuse used
               WHERE used.tenant_id = %(tenant)s AND used.credential_id = c.id AND used.outcome = 'used'
               ORDER BY used.id DESC LIMIT 1), 0) AS is_put_back
    FROM vault_credential c
    JOIN vault_credentialsecret s ON s.tenant_id = c.tenant_id AND s.credential_id = c.id AND s.version = c.version
    JOIN vault_tenantkey k ON k.tenant_id = s.tenant_id AND k.id = s.key_id
    JOIN tenants_tenant t ON t.id = %(tenant)s AND t.status = 'active'
    CROSS JOIN LATERAL (
        SELECT array_remove(ARRAY[lower(regexp_replace(c.destination, ':[0-9]+$', '')), %(to)s::text], '') AS hosts
    ) AS sent_to
    WHERE c.tenant_id = %(owner)s AND c.tenant_id IN (%(tenant)s, %(platform)s) AND c.id = %(id)s
      AND c.is_active AND s.ciphertext IS NOT NULL
      AND (%(owner)s <> %(tenant)s OR (%(bot)s::uuid IS NULL AND (%(person)s::uuid IS NULL
          OR EXISTS (SELECT FROM tenants_user u WHERE u.id = %(person)s::uuid AND u.is_superuser)
          OR EXISTS (SELECT FROM member WHERE role = ANY(%(managers)s))))
        OR EXISTS (
          SELECT FROM vault_credentialgrant g
          WHERE g.tenant_id = c.tenant_id AND g.credential_id = c.id AND (g.expires_at IS NULL OR g.expires_at > now())
            AND (g.bot_id = %(bot)s::uuid OR (%(bot)s::uuid IS NULL AND g.role IN (SELECT role FROM member)))))
), found AS (
    SELECT granted.* FROM granted, recent WHERE is_allowed AND NOT is_put_back AND recent.is_over IS NOT TRUE
), told AS (
    SELECT id, label, version, 'used' AS outcome FROM found
    UNION ALL
    SELECT %(id)s, COALESCE(c.label, ''), COALESCE(c.version, 0), CASE WHEN recent.is_over THEN 'limited' ELSE 'refused' END
    FROM recent JOIN tenants_tenant t ON t.id = %(tenant)s
    LEFT JOIN vault_credential c ON c.tenant_id = %(owner)s AND c.id = %(id)s
    WHERE NOT EXISTS (SELECT FROM found) AND NOT (recent.is_over IS TRUE AND recent.is_told)
), written AS (
    INSERT INTO vault_credentialuse
        (tenant_id, credential_id, label, version, outcome, is_platform, actor_kind, actor_id, bot_id, why, run)
    SELECT %(tenant)s, id, label, version, outcome, %(owner)s <> %(tenant)s AND %(owner)s = %(platform)s,
           %(actor_kind)s, %(actor_id)s::uuid, %(bot)s::uuid, %(why)s, %(run)s::uuid
    FROM told
)
SELECT coalesce(recent.is_over, false), recent.is_told, (SELECT is_allowed FROM granted),
       (SELECT is_put_back FROM granted), found.version, found.ciphertext, found.key_id, found.wrapped
FROM recent LEFT JOIN found ON true
"""

UNLIMITED = frozenset({ActorKind.SYSTEM, ActorKind.COMMAND})
"""Who works at the machine itself."""
OF_JOBS = 10
"""Jobs, all of a tenant together, may use secrets so many times as often as a person."""


def reveal(
    credential: Credential, *, why: str, run: UUID | None = None, bot_id: UUID | None = None, to: str = ""
) -> dict[str, Any]:
    """Return the plain secret for one use, and put the use on record. The only door; its callers are listed in a test.

    A refusal is on record too, unless the caller's transaction is rolled back by it.

    With ``bot_id`` it needs a live grant to the bot; else, where a person acts who may not change credentials, one to
    the person's role. A job or command for no bot needs none. A credential of the platform serves every active tenant,
    all its people and bots; it is read in a scope of its own, so before the caller opens ``atomic``. ``why`` is kept as
    given, up to 200 characters. One round trip.

    ``to`` is the address it is sent to, where the secret itself does not say. A credential with ``allowed_hosts`` is
    given for these alone, and not at all where nobody says. In a minute one actor is given up to
    ``VAULT_USES_PER_MINUTE`` secrets, give or take those asked for at the same moment.

    Raises ``NotGranted`` (404: gone, inactive, another tenant's, not granted, tenant suspended), ``NotAllowed`` (403
    ``destination_not_allowed``), ``TooMany`` (429 ``too_many_uses``) and ``CredentialUnreadable`` (409; also of one that
    was put back to an older version than the tenant has used).
    """
    tenant, host = current_tenant_id(), read_url(to).host if to else ""
    is_over, is_told, is_allowed, is_put_back, *found = _read(
        credential, tenant, {"why": why[:200], "run": run, "bot": bot_id, "to": host}
    )
    if is_over:
        _refuse_more(credential, is_told)
    if is_allowed is False:
        raise NotAllowed("destination_not_allowed", _("This credential may not be sent there."))
    if is_put_back:
        logger.error("credential_put_back: credential %s is older than its newest use", credential.pk)
        raise CredentialUnreadable
    if found[0] is None:
        raise NotGranted
    return _opened(credential, *found)


@sensitive_variables("packed")
def _opened(credential: Credential, version: int, ciphertext: bytes, key_id: UUID, wrapped: bytes) -> dict[str, Any]:
    try:
        place = credential.secret_place(version)
        packed = unwrap(bytes(wrapped), tenant=place.tenant, key=key_id).open(bytes(ciphertext), place)
    except CredentialUnreadable:
        logger.error("credential_unreadable: version %s of credential %s", version, credential.pk)
        raise
    return unpack(packed)


def _refuse_more(credential: Credential, is_told: bool) -> NoReturn:
    """Raise ``TooMany``; the first one in a minute raises the alarm as well, as an event."""
    most, actor = _most(_actor_now()), _actor_now()
    if not is_told:
        data = {"label": credential.label, "actor_kind": actor.kind.value, "actor_id": str(actor.id or ""), "limit": most}
        record_event("credential.rate_exceeded", subject=credential, data=data)
    said = _("More than %(most)s secrets were used within a minute.") % {"most": most}
    raise TooMany("too_many_uses", said, seconds=60)


def _most(actor: Actor) -> int | None:
    """Return how many secrets an actor is given in a minute; None for any number."""
    if actor.kind in UNLIMITED:
        return None
    return int(settings.VAULT_USES_PER_MINUTE) * (OF_JOBS if actor.kind == ActorKind.TASK else 1)


def _read(credential: Credential, tenant: UUID, use: dict[str, Any]) -> Any:
    owner = credential.tenant_id
    values = {"tenant": tenant, "owner": owner, "platform": PLATFORM_ID, "id": credential.pk, **use, **_actor()}
    if owner == tenant or owner != PLATFORM_ID:
        return _execute(values)
    with platform_scope(reason="a credential of the platform serves every tenant"):
        return _execute(values)


def _execute(values: dict[str, Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(REVEAL, values)
        return cursor.fetchone()


def _actor_now() -> Actor:
    return current_actor() or Actor(ActorKind.SYSTEM)


def _actor() -> dict[str, Any]:
    actor = _actor_now()
    person = actor.id if actor.kind == ActorKind.USER else None
    managers = [role for role in Role.values if role_allows(role, "vault", "change", "credential")]
    asks = {"actor_kind": actor.kind.value, "actor_id": actor.id, "person": person, "managers": managers}
    return {**asks, "most": _most(actor)}


def find_credential(*, provider: str, kinds: Sequence[str] = Credential.Kind.values) -> Credential | None:
    """Return the tenant's newest active credential of a provider (and of these kinds), else the platform's, else None.

    Reads the platform's rows in a scope of their own: call it before ``atomic``.
    """
    own = _newest(provider, kind__in=kinds)
    if own is not None or current_tenant_id() == PLATFORM_ID:
        return own
    with platform_scope(reason="credentials of the platform serve every tenant"):
        return _newest(provider, kind__in=kinds, tenant_id=PLATFORM_ID)


def _newest(provider: str, **only: Any) -> Credential | None:
    found: Credential | None = Credential.objects.filter(provider=provider, is_active=True, **only).order_by("-id").first()
    return found
