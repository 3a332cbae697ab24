"""Who belongs to a tenant, and in which role. A tenant always keeps an owner; only owners make and unmake owners."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.errors import Conflict, DomainError, NotAllowed
from tenants.mail import can_be_sent_to, wake_sender
from tenants.models import LoginToken, Membership, User
from tenants.roles import Role, role_permissions
from tenants.scope import current_tenant_id, platform_scope, tenant_scope

PAUSE = timedelta(minutes=1)
"""Between two mails of one invitation."""


def may_make_owners(who: object) -> bool:
    """Whether the caller may make and unmake owners: an owner, or platform staff; never a program."""
    return isinstance(who, User) and (who.is_superuser or who.role() == Role.OWNER)


def check_may_make_owners(who: object, *roles: str) -> None:
    """Raise ``NotAllowed`` when one of the roles is the owner's and the caller may not give or take it."""
    if Role.OWNER in roles and not may_make_owners(who):
        raise NotAllowed("not_an_owner", _("Only an owner can do this."), field="role")


def invite(*, email: str, role: str, by: object) -> LoginToken:
    """Have an invitation to the scope's tenant sent to that address, whether or not somebody is known under it.

    Who has been invited and has not answered is sent a new link, with this role. ``by`` is who asks: a person or a key.
    Raises ``DomainError`` (``invalid``, ``already_member``), ``Conflict`` (``too_soon``) and ``NotAllowed``.
    """
    check_may_make_owners(by, role)
    address = email.strip().lower()
    if not can_be_sent_to(address):
        raise DomainError("invalid", _("No mail can be sent to this address."), field="email")
    if Membership.objects.filter(user__email=address).exists():
        raise DomainError("already_member", _("This person is a member already."), field="email")
    key = {"invited_to_id": current_tenant_id(), "email": address, "purpose": LoginToken.Purpose.INVITATION}
    inviter = by if isinstance(by, User) else None
    with transaction.atomic():
        link, made = LoginToken.objects.get_or_create(**key, used_at=None, defaults={"role": role, "created_by": inviter})
        if not made:
            check_may_make_owners(by, link.role)
            LoginToken.objects.filter(pk=link.pk).update(role=role, created_by=inviter)
            send_again(link)
        wake_sender()
    link.refresh_from_db()
    return link


def send_again(link: LoginToken) -> None:
    """Have a pending invitation sent once more, with a new link; the old one is worth nothing from now on.

    Raises ``Conflict`` (``too_soon``) within a minute of the last mail.
    """
    recent = timezone.now() - PAUSE
    waiting = link.state in (LoginToken.State.WAITING, LoginToken.State.SENDING)
    if (link.sent_at and link.sent_at > recent) or (waiting and link.attempt == 0 and link.created_at > recent):
        raise Conflict("too_soon", _("This invitation was sent a moment ago. Try again in a minute."))
    LoginToken.objects.filter(pk=link.pk, used_at=None).update(
        state=LoginToken.State.WAITING,
        token_hash=None,
        expires_at=None,
        sent_at=None,
        lease_until=None,
        attempt=0,
        due_at=Now(),
        last_error="",
    )
    wake_sender()


def revoke_invitation(link: LoginToken) -> None:
    """Take a pending invitation back: its link opens nothing any more."""
    LoginToken.objects.filter(pk=link.pk, used_at=None).delete()


def change_role(membership: Membership, *, role: str, by: object) -> None:
    """Give a member another role; raises ``Conflict`` (``last_owner``) and ``NotAllowed``."""
    if role == membership.role:
        return
    check_may_make_owners(by, role, membership.role)
    with transaction.atomic():
        if role != Role.OWNER and _is_last_owner(membership):
            raise Conflict("last_owner", _("A tenant keeps at least one owner."), field="role")
        membership.role = role
        membership.save(update_fields=["role"])
        _take_back_invitations(membership.user, role)


def remove_member(membership: Membership, *, by: object) -> None:
    """Take a person out of the tenant, from the next request on; raises ``Conflict`` (``last_owner``) and ``NotAllowed``."""
    if membership.user != by:  # whoever leaves needs nobody's leave
        check_may_make_owners(by, membership.role)
    with transaction.atomic():
        if _is_last_owner(membership):
            raise Conflict("last_owner", _("A tenant keeps at least one owner."))
        membership.delete()
        _take_back_invitations(membership.user, None)


def _take_back_invitations(by: User, role: str | None) -> None:
    """Delete what the person, whose role (None: no member) now is this, has sent and could not send any more."""
    sent = LoginToken.objects.invitations(current_tenant_id()).filter(created_by=by)
    if by.is_superuser or role == Role.OWNER:
        return
    may_invite = role is not None and "tenants.add_logintoken" in role_permissions(role)
    (sent.filter(role=Role.OWNER) if may_invite else sent).delete()


def leave(person: User) -> None:
    """Take oneself out of the scope's tenant; raises ``Conflict`` (``last_owner``) and ``DomainError`` (``not_a_member``)."""
    membership = Membership.objects.select_related("user").filter(user=person).first()
    if membership is None:
        raise DomainError("not_a_member", _("You do not belong to this tenant."))
    remove_member(membership, by=person)


def tenants_of(person: User) -> list[Membership]:
    """Return the person's memberships, with their tenants, by name."""
    with platform_scope(reason="a person's own tenants"):
        return list(Membership.objects.filter(user=person).select_related("tenant").order_by("tenant__name"))


def leave_as(person: User, tenant_id: UUID) -> None:
    """Take oneself out of any own tenant, whichever is worked in now; raises ``DomainError``."""
    with tenant_scope(tenant_id):
        leave(person)


def _is_last_owner(membership: Membership) -> bool:
    # The lock makes two owners who remove each other wait for one another.
    owners = Membership.objects.select_for_update().filter(role=Role.OWNER).order_by("id")
    return {owner.pk for owner in owners} == {membership.pk}
