"""Bringing in tenants, keys and tokens: what commands, the API and the demo share."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from tenants.errors import Conflict, DomainError
from tenants.login_links import BY_LINK
from tenants.models import PLATFORM_ID, ApiKey, Membership, Tenant, TenantDeletion, User, new_ids
from tenants.roles import Role
from tenants.scope import platform_scope, tenant_scope

NEW_TENANT_STEPS: list[Callable[[Tenant], None]] = []
"""What apps to the right add to a new tenant (catalog: channel, price list, location). Each appends its function in
its ``AppConfig.ready``; they run in the scope and the transaction of ``create_tenant``."""


@dataclass(frozen=True)
class NewTenant:
    """A tenant, its owner, and the password when it had to be made (known only now)."""

    tenant: Tenant
    owner: User
    password: str | None


def create_tenant(
    *,
    slug: str,
    name: str,
    owner_email: str,
    password: str | None = None,
    currency: str = "VND",
    locale: str = "vi",
    time_zone: str = "Asia/Ho_Chi_Minh",
) -> NewTenant:
    """Make a tenant with its owner and what the apps give every new tenant, all or nothing.

    A person with that address is reused and keeps the own password; a new one without ``password`` gets a random one.
    Raises ``DomainError`` (``slug_taken``) and Django's ``ValidationError``.
    """
    with platform_scope(reason="is the slug free"):
        if Tenant.objects.filter(slug=slug).exists():
            raise DomainError("slug_taken", _("There is a tenant “%(slug)s” already.") % {"slug": slug}, field="slug")
    # The scope comes before the transaction, so the id must be known before the row.
    tenant = Tenant(id=new_ids(1)[0], slug=slug, name=name, currency=currency, locale=locale, time_zone=time_zone)
    tenant.full_clean()
    with tenant_scope(tenant), transaction.atomic():
        tenant.save(force_insert=True)
        owner, made = find_or_make_person(owner_email, password)
        Membership.objects.create(user=owner, role=Role.OWNER)
        for step in NEW_TENANT_STEPS:
            step(tenant)
    return NewTenant(tenant, owner, made)


def set_tenant_status(*, tenant_id: UUID, status: str) -> Tenant:
    """Suspend or resume a tenant, from the next request and the next row of work on; nothing is lost.

    Raises ``DomainError`` (``platform``): the platform's own tenant cannot be suspended; and ``Conflict`` (``being_deleted``):
    one that is being deleted is not resumed.
    """
    if tenant_id == PLATFORM_ID:
        raise DomainError("platform", _("The platform itself cannot be suspended."))
    with tenant_scope(PLATFORM_ID):
        if status == Tenant.Status.ACTIVE and TenantDeletion.objects.filter(deleted_id=tenant_id).exists():
            raise Conflict("being_deleted", _("This tenant is being deleted."))
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        tenant.status = status
        tenant.save(update_fields=["status", "updated_at"])
    return tenant


def find_or_make_person(email: str, password: str | None) -> tuple[User, str | None]:
    """Return the person of that address, made if new, and the password if it was made up here."""
    if found := User.objects.filter(email=email.strip().lower()).first():
        return found, None
    made = None if password else secrets.token_urlsafe(15)
    user = User(email=email.strip().lower(), password=make_password(password or made))
    user.full_clean()
    user.save()
    return user, made


def issue_api_key(
    *,
    name: str,
    scopes: Sequence[str] = (),
    bot_id: UUID | None = None,
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a way in for a program, in the scope's tenant; returns the row and the key, which is known only now.

    Raises Django's ``ValidationError`` for a name or scope that is none.
    """
    key = ApiKey(name=name, scopes=list(scopes), bot_id=bot_id, expires_at=expires_at, created_by=created_by)
    text = key.make_key()
    key.full_clean()
    key.save()
    return key, text


def rotate_api_key(
    key: ApiKey, *, overlap: timedelta, created_by: User | None = None, latest: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key that may do the same; the old one goes on for ``overlap``, never beyond its own end.

    A key that was to live for a while is followed by one that lives as long, but not beyond ``latest``. Returns the new
    row and the key, which is known only now. Raises ``Conflict`` for a key that opens nothing any more (``not_live``) or
    has its successor already (``already_rotated``).
    """
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if old.state() != "live":
            raise Conflict("not_live", _("This key opens nothing any more: make another."))
        if old.rotated_at is not None:
            raise Conflict("already_rotated", _("Another key has taken the place of this one: replace that."))
        now, ends = timezone.now(), old.expires_at
        new_ends = [end for end in (ends and now + (ends - old.created_at), latest) if end]
        new = issue_api_key(
            name=old.name,
            scopes=old.scopes,
            bot_id=old.bot_id,
            expires_at=min(new_ends, default=None),
            created_by=created_by,
        )
        old.expires_at, old.rotated_at = min(now + overlap, ends) if ends else now + overlap, now
        old.save(update_fields=["expires_at", "rotated_at"])
    return new


def issue_tokens(membership: Membership, *, by_link: bool = False) -> RefreshToken:
    """Make a refresh token (its ``access_token`` beside it) for one person in one tenant.

    Both carry the refresh token's id, so that they end together, and the epoch in which all the person's tokens end;
    ``by_link`` writes down when the person came in by a link from a mail. What is refreshed carries that no more.
    """
    token: RefreshToken = RefreshToken.for_user(membership.user)
    token["tenant"] = str(membership.tenant_id)
    token["session"] = token["jti"]
    token["epoch"] = membership.user.session_epoch
    if by_link:
        token[BY_LINK] = int(time.time())
    return token


def forget_expired_tokens() -> int:
    """Delete the records of refresh tokens that open nothing any more, revoked or not; returns how many."""
    return OutstandingToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]
