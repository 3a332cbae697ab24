"""Passwords: is it right, and setting another one."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.lockout import count_attempt, forgive_attempts
from tenants.login_links import log_out_everywhere
from tenants.models import User


def check_password(*, email: str, password: str) -> User | None:
    """Return the active person of that address and password; takes the same time when there is none."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None or not user.has_usable_password():
        make_password(password)
        return None
    return user if user.check_password(password) else None


def change_password(*, user: User, old: str, new: str, client: str) -> None:
    """Replace the own password by one's own hand; raises ``DomainError`` and ``LockedOut``. Ends all sessions."""
    confirm_password(user=user, password=old, client=client)
    set_password(user=user, new=new)


def replace_password(*, user: User, old: str | None, new: str, client: str, by_link: bool) -> None:
    """Change the own password through the API; raises as ``change_password``.

    Without the old one (``DomainError`` ``required``) only shortly after coming in by a link, or where there is none.
    """
    if old is not None:
        change_password(user=user, old=old, new=new, client=client)
    elif by_link or not user.has_usable_password():
        set_password(user=user, new=new)
    else:
        raise DomainError("required", _("Send your old password as well, or come in by a login link."), field="old_password")


def confirm_password(*, user: User, password: str, client: str) -> None:
    """Let a person prove once more who they are; raises ``DomainError`` (``wrong_password``) and ``LockedOut``."""
    count_attempt(email=user.email, client=client)
    if check_password(email=user.email, password=password) is None:
        raise DomainError("wrong_password", _("This is not your password."), field="old_password")
    forgive_attempts(email=user.email, client=client)


def set_password(*, user: User, new: str) -> None:
    """Give a person another password; sessions, tokens and login links that are out end. Raises ``DomainError``."""
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise DomainError("weak_password", " ".join(error.messages), field="new_password") from error
    user.set_password(new)
    log_out_everywhere(user, also=["password"])
