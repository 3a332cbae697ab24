"""Proving once more who sits here, before a page does what nobody should do who only found it open (THREATS ADM-18)."""

import time
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.errors import DomainError
from tenants.lockout import count_code, forgive_codes
from tenants.login_links import came_by_link
from tenants.models import User
from tenants.passwords import confirm_password
from tenants.second_factor import check, enrolled
from tenants.throttling import client_address
from tenants.views.forms import CodeForm, OwnPasswordForm, add_refusal

PROVED = "proved"
"""Where a session says when the person last proved who they are, in seconds since 1970."""
LASTS = 10 * 60  # seconds


def note_proof(request: HttpRequest) -> None:
    """Remember that the person has just proved who they are."""
    request.session[PROVED] = time.time()


def proof_form(request: HttpRequest) -> forms.Form | None:
    """Return what asks for the code of the second factor, or for the password of who has none.

    None for who has logged in, or was asked, within ``LASTS``, or has just come in by a link.
    """
    if time.time() - request.session.get(PROVED, 0) < LASTS or came_by_link(request.session):
        return None
    assert isinstance(request.user, User)
    form = CodeForm if enrolled(request.user) else OwnPasswordForm
    return form(request.POST if request.method == "POST" else None)


def is_proved(request: HttpRequest, form: Any) -> bool:
    """Whether what was typed is right, which is then remembered; else the form says so."""
    if not form.is_valid():
        return False
    assert isinstance(request.user, User)
    try:
        if isinstance(form, CodeForm):
            confirm_code(request.user, form.cleaned_data["code"])
        else:
            password, client = form.cleaned_data["old_password"], client_address(request)
            confirm_password(user=request.user, password=password, client=client)
    except DomainError as error:
        add_refusal(form, error)
        return False
    note_proof(request)
    return True


def confirm_code(user: User, code: str) -> None:
    """Use up a code of the second factor; raises ``DomainError`` (``wrong_code``) and ``LockedOut``."""
    count_code(user)
    identity = enrolled(user)
    proof = check(identity, code) if identity else None
    if proof is None or not proof.spend():
        raise DomainError("wrong_code", _("This code is wrong, or was used already."), field="code")
    forgive_codes(user)
