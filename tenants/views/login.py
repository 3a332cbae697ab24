"""Logging in to the admin: password or a link by mail, then the second factor of those who have one."""

import time
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants.errors import DomainError
from tenants.login_links import BY_LINK, accept_invitation, find_link, request_login_link, spend
from tenants.middleware import SESSION_KEY
from tenants.models import LoginToken, User
from tenants.second_factor import enrolled
from tenants.throttling import LinkThrottle
from tenants.views.forms import CodeForm, LinkForm, LoginForm, add_refusal
from tenants.views.proof import confirm_code, note_proof

HALF_WAY = "half way in"
"""Session key: who has proved the first factor, until when, and where they go."""
MINUTES = 10 * 60  # seconds


class _LogIn(LoginView):
    form_class = LoginForm
    template_name = "tenants/account/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), title=_("Log in"), **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        return enter(self.request, form.get_user(), to=self.get_success_url())


log_in = never_cache(_LogIn.as_view())
"""Address and password."""


def enter(request: HttpRequest, user: User, *, to: str, by_link: bool = False, tenant: UUID | None = None) -> HttpResponse:
    """Let a person in who has proved the first factor; whoever has a second one is asked for it on the next page."""
    way = {"to": to, "by_link": by_link, "tenant": str(tenant) if tenant else None}
    if enrolled(user) is None:
        return _open(request, user, way)
    proved = {"user": str(user.pk), "hash": user.get_session_auth_hash(), "until": time.time() + MINUTES}
    request.session.flush()
    request.session[HALF_WAY] = {**way, **proved}
    return redirect("second_factor_code")


def _open(request: HttpRequest, user: User, way: dict[str, Any]) -> HttpResponse:
    """Begin the session, under a new id."""
    request.session.pop(HALF_WAY, None)
    login(request, user)
    if way["by_link"]:
        request.session[BY_LINK] = time.time()
    else:
        note_proof(request)
    if way["tenant"]:
        request.session[SESSION_KEY] = way["tenant"]
    return redirect(way["to"])


@never_cache
@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the second factor."""
    half_way = request.session.get(HALF_WAY) or {"until": 0}
    user = User.objects.filter(pk=half_way["user"], is_active=True).first() if half_way["until"] > time.time() else None
    if user is None or user.get_session_auth_hash() != half_way["hash"]:
        return redirect("admin:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _is_right(form, user):
        return _open(request, user, half_way)
    return _page(request, "code", _("Second factor"), form=form)


def _is_right(form: CodeForm, user: User) -> bool:
    """Whether the code is right and unused; else the form says so."""
    try:
        confirm_code(user, form.cleaned_data["code"])
    except DomainError as error:
        add_refusal(form, error)
        return False
    return True


@never_cache
@require_http_methods(["GET", "POST"])
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """Send a login link; what is said is the same for every address."""
    form = LinkForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "ask_for_link", _("Login link"), form=form)
    throttle = LinkThrottle()
    if not throttle.allow_request(request, None):
        form.add_error(None, _("Too many links were asked for. Try again later."))
        return _page(request, "ask_for_link", _("Login link"), status=429, form=form)
    request_login_link(email=form.cleaned_data["email"])
    messages.success(request, _("If somebody here has this address, a link is on its way. It is good for 15 minutes."))
    return redirect("admin:login")


@never_cache
@require_http_methods(["GET", "POST"])
def use_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button, whose POST uses the link: a mail scanner that opens every address uses nothing up."""
    link = find_link(token)
    if link is None:
        return _gone(request)
    if request.method == "GET":
        return _page(request, "use_link", _("Welcome"), link=link)
    if link.purpose == LoginToken.Purpose.INVITATION:
        return _accept(request, link)
    if not spend(link):
        return _gone(request)
    assert link.user is not None
    return enter(request, link.user, to="account_password", by_link=True)


def _accept(request: HttpRequest, link: LoginToken) -> HttpResponse:
    """Make the person a member. A link that is good for days logs nobody in who has an account already."""
    accepted = accept_invitation(link)
    if accepted is None:
        return _gone(request)
    membership = accepted.membership
    said = _("You work in %(tenant)s now, as %(role)s.")
    told = said % {"tenant": membership.tenant, "role": membership.get_role_display()}
    if accepted.is_new_person:
        answer = enter(request, membership.user, to="account_password", by_link=True, tenant=membership.tenant_id)
    elif request.user == membership.user:
        request.session[SESSION_KEY] = str(membership.tenant_id)
        answer = redirect("admin:index")
    else:
        answer = redirect("admin:login")
    messages.success(request, told)
    return answer


def _gone(request: HttpRequest) -> HttpResponse:
    return _page(request, "gone", _("This link is not good any more"), status=410, form=LinkForm())


def _page(request: HttpRequest, name: str, title: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Return a page for somebody who is not logged in. Its address may hold a token: no other page is told of it."""
    everything = {**admin.site.each_context(request), "title": title, **context}
    answer = render(request, f"tenants/account/{name}.html", everything, status=status)
    answer["Referrer-Policy"] = "strict-origin"
    return answer
