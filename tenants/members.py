"""Who belongs to a tenant, and in which role. A tenant always keeps an owner."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.models import Membership
from tenants.roles import Role
from tenants.services import find_or_make_person


@dataclass(frozen=True)
class NewMember:
    """A membership, and the password when the person is new here (known only now)."""

    membership: Membership
    password: str | None


def add_member(*, email: str, role: str) -> NewMember:
    """Let the person of that address into the scope's tenant, all or nothing.

    Raises ``DomainError`` (``already_member``) and Django's ``ValidationError``.
    """
    with transaction.atomic():
        person, password = find_or_make_person(email, None)
        if Membership.objects.filter(user=person).exists():
            raise DomainError("already_member", _("This person is a member already."), field="email")
        return NewMember(Membership.objects.create(user=person, role=role), password)


def change_role(membership: Membership, *, role: str) -> None:
    """Give a member another role; raises ``DomainError`` (``last_owner``)."""
    with transaction.atomic():
        if role != Role.OWNER:
            _keep_an_owner(membership)
        membership.role = role
        membership.save(update_fields=["role"])


def remove_member(membership: Membership) -> None:
    """Take a person out of the tenant, from the next request on; raises ``DomainError`` (``last_owner``)."""
    with transaction.atomic():
        _keep_an_owner(membership)
        membership.delete()


def _keep_an_owner(leaving: Membership) -> None:
    # The lock makes two owners who remove each other wait for one another.
    owners = Membership.objects.select_for_update().filter(role=Role.OWNER).order_by("id")
    if {owner.pk for owner in owners} == {leaving.pk}:
        raise DomainError("last_owner", _("A tenant keeps at least one owner."), field="role")
