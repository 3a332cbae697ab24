"""One-time links: asking for one, and using it. ``tenants/mail.py`` makes and sends the tokens between the two.

Whoever asks, known or not, causes the same work here; the sender drops what is for nobody.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.db.models.functions import Now

from tenants.actor import Actor, ActorKind, acting, current_actor
from tenants.mail import wake_sender
from tenants.models import LoginToken, Membership, User, hash_token
from tenants.scope import platform_scope, tenant_scope

MOST_LINKS, IN = 3, timedelta(minutes=15)
"""Login links that one mailbox may be sent: more are not written down, and answered alike."""
BY_LINK = "by_link"
"""Where a session or token says when the person came in by a link, in seconds since 1970."""
FRESH = 15 * 60
"""Seconds after that in which a password may be set without the old one."""
KEPT = timedelta(days=30)
"""How long used, dropped, failed and expired links stay on record."""
Purpose = LoginToken.Purpose


def request_login_link(*, email: str) -> None:
    """Have a login link sent, if somebody active has that address; tells nothing about it."""
    address = email.strip().lower()
    asked = LoginToken.objects.filter(email=address, purpose=Purpose.LOGIN, created_at__gt=Now() - IN)
    with platform_scope(reason="a login link is asked for"), transaction.atomic():
        _wait_for_others(address)
        if asked.count() < MOST_LINKS:
            LoginToken.objects.create(purpose=Purpose.LOGIN, email=address)
        wake_sender()


def _wait_for_others(address: str) -> None:
    """Take turns with whoever asks for the same mailbox at once, until the transaction ends: each counts all before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"login link {address}"])


def find_link(token: str) -> LoginToken | None:
    """Return the link that this token opens now, with its person (None: nobody yet) and tenant, or None."""
    with platform_scope(reason="a link names its person and tenant"):
        usable = LoginToken.objects.usable().select_related("invited_to", "user")
        link: LoginToken | None = usable.filter(token_hash=hash_token(token)).first()
        if link is None:
            return None
        # Not the person the mail was for: an address may change hands between sending and using.
        link.user = User.objects.filter(email=link.email).first()
    blocked = link.user is not None and not link.user.is_active
    return None if blocked or (link.user is None and link.purpose == Purpose.LOGIN) else link


def came_by_link(held: Mapping[str, Any]) -> bool:
    """Whether a session or token was made by a link of this very moment: its owner has just proved to read the mailbox."""
    return bool(time.time() - held.get(BY_LINK, 0) < FRESH)


def spend(link: LoginToken) -> bool:
    """Use the link up, and with it the other login links of the mailbox; False when somebody was quicker."""
    mine = LoginToken.objects.filter(pk=link.pk, token_hash=link.token_hash, used_at=None, expires_at__gt=Now())
    if mine.update(used_at=Now()) != 1:
        return False
    if link.purpose == Purpose.LOGIN:
        forget_links_of(link.email)
    return True


def forget_links_of(email: str) -> None:
    """End every login link of the mailbox that is still out."""
    LoginToken.objects.filter(email=email, purpose=Purpose.LOGIN, used_at=None).update(used_at=Now())


def log_out_everywhere(person: User, also: Iterable[str] = ()) -> None:
    """End every session, token and login link of the person; ``also`` saves other columns of theirs with it."""
    with transaction.atomic():
        person.end_sessions(also=also)
        forget_links_of(person.email)


class Accepted(NamedTuple):
    """Who has joined, and whether the invitation made the person."""

    membership: Membership
    is_new_person: bool


def accept_invitation(link: LoginToken) -> Accepted | None:
    """Use an invitation up: the person, made if new, is a member from now on; None when somebody was quicker.

    Who is a member already keeps the role. The tenant's scope is opened here.
    """
    assert link.invited_to is not None
    with tenant_scope(link.invited_to), transaction.atomic():
        if not spend(link):
            return None
        # Without a password of the own: whoever is new sets one, or goes on using links.
        user, is_new = User.objects.get_or_create(email=link.email, defaults={"password": make_password(None)})
        with acting(_as_person(user)):
            membership, _joined = Membership.objects.get_or_create(user=user, defaults={"role": link.role})
        LoginToken.objects.filter(pk=link.pk).update(user=user)
        return Accepted(Membership.objects.select_related("user", "tenant").get(pk=membership.pk), is_new)


def _as_person(user: User) -> Actor:
    """Whoever accepts acts for themselves, though nobody was logged in when the request began."""
    before = current_actor()
    return Actor(ActorKind.USER, user.pk, before.request_id if before else None)


def forget_old_links() -> int:
    """Delete what nobody can use any more and nobody will ask about; returns how many."""
    with platform_scope(reason="old login links are forgotten"):
        return int(LoginToken.objects.ended(before=Now() - KEPT).delete()[0])
