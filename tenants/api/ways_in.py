"""Logging in and out: by password, by one-time link, by refresh token."""

from typing import Any

from django.contrib.auth.models import update_last_login
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from tenants.api.base import TenantAPIView
from tenants.auth import find_membership
from tenants.errors import DomainError
from tenants.lockout import count_attempt, count_code, forgive_attempts, forgive_codes
from tenants.login_links import accept_invitation, find_link, request_login_link, spend
from tenants.models import AuthIdentity, LoginToken, Membership, Tenant, User
from tenants.passwords import check_password
from tenants.schema import example
from tenants.scope import platform_scope
from tenants.second_factor import Proof, check, enrolled
from tenants.serializers import StrictSerializer
from tenants.services import issue_tokens
from tenants.throttling import LinkThrottle, client_address


@example(
    "A person of several tenants",
    {"email": "mai@example.com", "password": "correct horse battery", "tenant": "saigon-gadgets"},
)
class LoginSerializer(StrictSerializer):
    """Who, and for people of several tenants, where."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)
    tenant = serializers.CharField(max_length=63, required=False)
    otp = serializers.CharField(max_length=40, required=False, help_text="The app's code, or a recovery code.")


@example("The refresh token of the last answer", {"refresh": "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.kZ1f"})
class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4096)


class TokensSerializer(StrictSerializer):
    """A pair of tokens: ``access`` for 15 minutes, ``refresh`` for 14 days and one use."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class AuthView(TenantAPIView):
    """Base of the ways in: no token is asked for, and no answer is kept."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    honours_idempotency_key = False


def _logged_in(membership: Membership, *, by_link: bool = False) -> Response:
    """Answer tokens to somebody who has just come in, and note when that was."""
    update_last_login(User, membership.user)
    return _tokens(membership, by_link=by_link)


def _tokens(membership: Membership, *, by_link: bool = False) -> Response:
    refresh = issue_tokens(membership, by_link=by_link)
    return Response({"access": str(refresh.access_token), "refresh": str(refresh)}, headers={"Cache-Control": "no-store"})


class TokenView(AuthView):
    """Log in."""

    @extend_schema(request=LoginSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Exchange address and password for tokens; 422 ``tenant_required`` names the tenants to choose from.

        401 ``otp_required`` asks for the code of a second factor as well; 429 ``locked_out`` for patience.
        """
        values = self.read_body(LoginSerializer)
        attempt = {"email": values["email"], "client": client_address(request)}
        count_attempt(**attempt)
        user = check_password(email=values["email"], password=values["password"])
        if user is None:
            raise AuthenticationFailed
        forgive_attempts(**attempt)
        proof = _proof(enrolled(user), values.get("otp"))
        membership = _membership(user, values.get("tenant"))
        _spend_proof(proof)
        return _logged_in(membership)


def _proof(identity: AuthIdentity | None, code: str | None) -> Proof | None:
    """Return what proves the second factor, None when the person has none; raises 401 without a right code."""
    if identity is None:
        return None
    if not code:
        raise AuthenticationFailed(_("Send the code of your authenticator app as well."), "otp_required")
    count_code(identity.user)
    proof = check(identity, code)
    if proof is None:
        raise AuthenticationFailed
    forgive_codes(identity.user)
    return proof


def _spend_proof(proof: Proof | None) -> None:
    if proof and not proof.spend():
        raise AuthenticationFailed


def _membership(user: User, slug: str | None) -> Membership:
    """Return the membership to log in with; raises 401 without any, 422 when there is a choice to make."""
    with platform_scope(reason="a person's own tenants"):
        mine = Membership.objects.filter(user=user, tenant__status=Tenant.Status.ACTIVE).select_related("user", "tenant")
        by_slug = {membership.tenant.slug: membership for membership in mine.order_by("tenant__slug")}
    if not by_slug:
        raise AuthenticationFailed
    if slug is None and len(by_slug) > 1:
        message = _("Choose one of your tenants: %s") % ", ".join(by_slug)
        raise DomainError("tenant_required", message, field="tenant", tenants=list(by_slug))
    if slug is not None and slug not in by_slug:
        raise DomainError("unknown_reference", _("You belong to no such tenant."), field="tenant")
    membership = by_slug[slug] if slug else next(iter(by_slug.values()))
    # Whoever was checked may have got another password, or been logged out everywhere, in this very moment.
    if membership.user.get_session_auth_hash() != user.get_session_auth_hash():
        raise AuthenticationFailed
    return membership


def _refresh_token(text: str) -> RefreshToken | None:
    try:
        return RefreshToken(text)  # type: ignore[arg-type]
    except TokenError:
        return None


def _spend(token: RefreshToken) -> bool:
    """End the token; False when it was ended before, maybe a moment ago by another request."""
    answer: Any = token.blacklist()  # get_or_create's pair, although annotated as the row
    return bool(answer[1])


class RefreshView(AuthView):
    """Stay logged in."""

    @extend_schema(request=RefreshSerializer, responses=TokensSerializer)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for new tokens."""
        token = _refresh_token(self.read_body(RefreshSerializer)["refresh"])
        membership = token and find_membership(token)
        if not token or not membership:
            raise AuthenticationFailed
        with transaction.atomic():
            if not _spend(token):
                raise AuthenticationFailed
            return _tokens(membership)


class RevokeView(AuthView):
    """Log out."""

    @extend_schema(request=RefreshSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """End a refresh token; one that is not valid anyway is no error."""
        token = _refresh_token(self.read_body(RefreshSerializer)["refresh"])
        if token:
            token.blacklist()
        return Response(status=status.HTTP_204_NO_CONTENT)


@example("Where to send the link", {"email": "mai@example.com"})
class LinkRequestSerializer(StrictSerializer):
    """Whose mailbox."""

    email = serializers.EmailField(max_length=254)


class LinkView(AuthView):
    """Forgotten password."""

    throttle_classes = (LinkThrottle,)

    @extend_schema(request=LinkRequestSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        """Send a login link, if somebody has this address; the answer is the same if nobody has."""
        request_login_link(email=self.read_body(LinkRequestSerializer)["email"])
        return Response(status=status.HTTP_202_ACCEPTED)


@example("The last part of the link in the mail", {"token": "q3hVb0mZ1Yw8K2u9xN4tR7sJ5cL6fD0aGpEiHoTlUrk"})
class RedeemSerializer(StrictSerializer):
    """The token of a link, and what a login asks for beside it."""

    token = serializers.CharField(max_length=200)
    tenant = serializers.CharField(max_length=63, required=False)
    otp = serializers.CharField(max_length=40, required=False, help_text="The app's code, or a recovery code.")


class AcceptedSerializer(StrictSerializer):
    """An invitation accepted by who has an account: log in as ever, to the tenant named here."""

    accepted = serializers.BooleanField()
    tenant = serializers.CharField()


class RedeemView(AuthView):
    """Use a link from a mail."""

    @extend_schema(request=RedeemSerializer, responses={200: TokensSerializer, 201: AcceptedSerializer})
    def post(self, request: Request) -> Response:
        """Exchange the token of a login link or an invitation, once, for tokens; 422 leaves the link as it is.

        An invitation makes who has an account already a member (201) and logs them in by no other way than their own.
        """
        values = self.read_body(RedeemSerializer)
        link = find_link(values["token"])
        if link is None:
            raise AuthenticationFailed
        if link.purpose == LoginToken.Purpose.INVITATION:
            return _accept(link)
        assert link.user is not None
        proof = _proof(enrolled(link.user), values.get("otp"))
        membership = _membership(link.user, values.get("tenant"))
        _spend_proof(proof)
        if not spend(link):
            raise AuthenticationFailed
        return _logged_in(membership, by_link=True)


def _accept(link: LoginToken) -> Response:
    """Answer tokens to somebody new. A link that is good for days logs nobody in who has an account already."""
    accepted = accept_invitation(link)
    if accepted is None:
        raise AuthenticationFailed
    if accepted.is_new_person:
        return _logged_in(accepted.membership, by_link=True)
    answer = {"accepted": True, "tenant": accepted.membership.tenant.slug}
    return Response(answer, status=status.HTTP_201_CREATED)
