"""The own account: name, language, time zone, password, second factor, sessions, and the tenants one works in."""

from typing import Any
from uuid import UUID

import segno
from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants import second_factor as factor
from tenants.errors import DomainError, LockedOut
from tenants.lockout import count_code, forgive_codes
from tenants.login_links import BY_LINK, came_by_link, log_out_everywhere
from tenants.members import leave_as, tenants_of
from tenants.middleware import asks_for_second_factor
from tenants.models import AuthIdentity, User
from tenants.passwords import change_password, confirm_password, set_password
from tenants.throttling import client_address
from tenants.views.forms import (
    CodeForm,
    FirstCodeForm,
    NewPasswordForm,
    OwnPasswordForm,
    PasswordForm,
    ProfileForm,
    add_refusal,
)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show the account and change what a person says about themselves."""
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=_person(request).pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your account was saved."))
        return redirect("account")
    context = {"form": form, "memberships": tenants_of(_person(request)), "factor": factor.enrolled(_person(request))}
    return _page(request, "account", _("My account"), **context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Set another password: with the old one, or shortly after coming in by a link."""
    person, by_link = _person(request), came_by_link(request.session)
    form = (NewPasswordForm if by_link else PasswordForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _set_password(request, person, form.cleaned_data)
        except DomainError as error:
            add_refusal(form, error)
        else:
            messages.success(request, _("Your password was changed. You are logged out everywhere else."))
            return redirect("admin:index")
    return _page(request, "password", _("Password"), form=form, by_link=by_link)


def _set_password(request: HttpRequest, person: User, values: dict[str, Any]) -> None:
    """Change it, and go on in this session under a new id."""
    if "old_password" in values:
        old, client = values["old_password"], client_address(request)
        change_password(user=person, old=old, new=values["new_password"], client=client)
    else:
        set_password(user=person, new=values["new_password"])
    request.session.pop(BY_LINK, None)
    _stay(request, person)


def _stay(request: HttpRequest, person: User) -> None:
    """Go on in this session, all others have ended; its id is a new one."""
    kept = dict(request.session.items())
    login(request, person)
    for key in kept.keys() - request.session.keys():
        request.session[key] = kept[key]


@login_required
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End every other session, and every token and login link of the person."""
    person = _person(request)
    log_out_everywhere(person)
    _stay(request, person)
    messages.success(request, _("You are logged out everywhere else."))
    return redirect("account")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def leave_tenant(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Ask, then leave the tenant."""
    membership = next((one for one in tenants_of(_person(request)) if one.tenant_id == tenant_id), None)
    if membership is None:
        raise Http404
    if request.method == "GET":
        return _page(request, "leave", _("Leave %(tenant)s") % {"tenant": membership.tenant}, membership=membership)
    try:
        leave_as(_person(request), tenant_id)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("You have left %(tenant)s.") % {"tenant": membership.tenant})
    return redirect("account")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Set up the second factor, renew its recovery codes, or switch it off."""
    person, asked = _person(request), request.POST.get("action")
    own_password = None if came_by_link(request.session) else OwnPasswordForm(request.POST if asked == "begin" else None)
    if asked == "begin" and _is_proved(request, person, own_password):
        factor.begin(person)
        return redirect("account_second_factor")
    in_use, begun = factor.enrolled(person), factor.pending(person)
    acts = asked in ("confirm", "renew", "remove")
    form = (CodeForm if in_use else FirstCodeForm)(request.POST if acts else None)
    codes: list[str] | None = None
    if asked and form.is_valid() and (identity := in_use or begun):
        codes = _act(request, form, identity, asked)
        if asked == "remove" and not form.errors:
            return redirect("account")
    context = {"form": form, "in_use": in_use, "codes": codes, **(_to_scan(begun) if begun else {})}
    context |= {"required": asks_for_second_factor(person), "own_password": own_password}
    return _page(request, "second_factor", _("Second factor"), **context)


def _is_proved(request: HttpRequest, person: User, own_password: OwnPasswordForm | None) -> bool:
    """Whether it is the person who asks: the password is right, or none is asked for shortly after a link."""
    if own_password is None:
        return True
    if not own_password.is_valid():
        return False
    try:
        confirm_password(user=person, password=own_password.cleaned_data["old_password"], client=client_address(request))
    except DomainError as error:
        add_refusal(own_password, error)
    return own_password.is_valid()


def _act(request: HttpRequest, form: CodeForm, identity: AuthIdentity, asked: str) -> list[str] | None:
    """Do what was asked, if the code is right; returns recovery codes to show, known only now."""
    try:
        count_code(identity.user)
    except LockedOut as error:
        add_refusal(form, error)
        return None
    codes = _try(request, identity, asked, form.cleaned_data["code"])
    if codes is None:
        form.add_error("code", _("This code is wrong, or was used already."))
        return None
    forgive_codes(identity.user)
    return codes or None


def _try(request: HttpRequest, identity: AuthIdentity, asked: str, code: str) -> list[str] | None:
    """Return the new recovery codes (none when the factor was removed), or None for a wrong code."""
    if identity.confirmed_at is None:
        codes = factor.confirm(identity, code) if asked == "confirm" else None
        if codes:
            _stay(request, identity.user)
        return codes
    proof = factor.check(identity, code)
    if asked not in ("renew", "remove") or proof is None or not proof.spend():
        return None
    if asked == "renew":
        return factor.renew_recovery_codes(identity)
    factor.remove(identity.user)
    messages.warning(request, _("The second factor is off: your password alone opens your account."))
    return []


def _to_scan(identity: AuthIdentity) -> dict[str, Any]:
    """Return the QR code as an image that stands in the page itself, and the secret to type."""
    address, secret = factor.address_of(identity)
    grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return {"image": segno.make(address, error="m").svg_data_uri(scale=5, border=2), "secret": grouped}


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    everything = {**admin.site.each_context(request), "title": title, **context}
    return render(request, f"tenants/account/{name}.html", everything)
