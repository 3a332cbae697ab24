"""When a token ends: forged, of another installation, expired, revoked a moment ago. Every way out is the same 401."""

from datetime import timedelta

import jwt
import pytest
from django.conf import settings as live_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken

from tenants.models import ApiKey, Membership
from tenants.services import forget_expired_tokens, issue_api_key, issue_tokens
from tests.conftest import ApiClient, in_tenant

pytestmark = pytest.mark.django_db


def tokens_of(business, person):
    with in_tenant(business.tenant):
        return issue_tokens(Membership.objects.select_related("user").get(user=person))


def signed(business, key=None, **claims):
    """Return an access token of the owner with other claims, or signed by another key."""
    payload = {**tokens_of(business, business.owner).access_token.payload, **claims}
    return jwt.encode(payload, key or live_settings.SECRET_KEY, algorithm="HS256")


def revoked(business):
    refresh = tokens_of(business, business.owner)
    access = str(refresh.access_token)
    assert ApiClient(access).get("me/").status_code == 200
    assert ApiClient().post("auth/token/revoke/", {"refresh": str(refresh)}).status_code == 204
    return access


def ended(business):
    access = str(tokens_of(business, business.owner).access_token)
    business.owner.end_sessions()
    return access


def of_removed_member(business):
    access = str(tokens_of(business, business.operator).access_token)
    with in_tenant(business.tenant):
        Membership.objects.filter(user=business.operator).delete()
    return access


def revoked_key(business):
    with in_tenant(business.tenant):
        row, key = issue_api_key(name="x")
        assert ApiClient(key).get("tenant/").status_code == 200
        row.revoke()
    return key


def expired_key(business):
    with in_tenant(business.tenant):
        return issue_api_key(name="x", expires_at=timezone.now() - timedelta(seconds=1))[1]


def of_suspended(business):
    access = business.token(business.owner)
    with in_tenant(business.tenant):
        business.tenant.status = "suspended"
        business.tenant.save()
    return access


BAD = {
    "nonsense": lambda business: "nonsense",
    "three parts": lambda business: "a.b.c",
    "unsigned": lambda business: jwt.encode(tokens_of(business, business.owner).access_token.payload, None, "none"),
    "of another installation": lambda business: signed(business, key="another installation's secret key, as long as ours"),
    "expired": lambda business: signed(business, exp=int(timezone.now().timestamp()) - 1),
    "without claims": lambda business: str(AccessToken()),
    "of nobody": lambda business: signed(business, user_id="01890000-0000-7000-8000-000000000000"),
    "of no tenant": lambda business: signed(business, tenant="01890000-0000-7000-8000-000000000000"),
    "with a number for a person": lambda business: signed(business, user_id=7),
    "with a list for a session": lambda business: signed(business, epoch=["x"]),
    "a refresh token": lambda business: str(tokens_of(business, business.owner)),
    "revoked a moment ago": revoked,
    "ended with all sessions": ended,
    "of a removed member": of_removed_member,
    "of a suspended tenant": of_suspended,
    "an unknown key": lambda business: "brk_" + "x" * 43,
    "a cut key": lambda business: business.key[:-1],
    "a revoked key": revoked_key,
    "an expired key": expired_key,
    "an unknown conversation": lambda business: "brs_" + "x" * 43,
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_worth_nothing_is_told_in_one_shape(saigon, name):
    answer, none = ApiClient(BAD[name](saigon)).get("bots/"), ApiClient().get("bots/")
    assert answer.status_code == none.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == none["WWW-Authenticate"]
    assert set(answer.json()) == set(none.json())
    assert answer.json()["code"] == "authentication_failed"
    assert answer.content == ApiClient("nonsense").get("bots/").content


@pytest.mark.parametrize("cookie", ["", "x" * 32, "../../etc/passwd", "gAAAA" * 20])
def test_a_forged_session_cookie_opens_neither_the_admin_nor_the_api(saigon, cookie):
    forged = Client()
    forged.cookies["sessionid"] = cookie
    assert forged.get("/admin/").status_code == 302
    assert forged.get("/api/v1/me/").status_code == 401


def test_an_admin_session_is_no_way_into_the_api(saigon):
    person = Client()
    person.force_login(saigon.owner)
    assert person.get("/api/v1/me/").status_code == 401


def test_a_refresh_token_ends_with_all_sessions(api, saigon):
    refresh = str(tokens_of(saigon, saigon.owner))
    assert api(saigon, saigon.owner).post("me/end-sessions/").status_code == 204
    answer = api().post("auth/token/refresh/", {"refresh": refresh})
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert api().post("auth/token/", {"email": saigon.owner.email, "password": "correct horse battery"}).status_code == 200


def test_a_token_made_right_after_all_others_ended_is_good(saigon):
    saigon.owner.end_sessions()
    assert ApiClient(str(tokens_of(saigon, saigon.owner).access_token)).get("me/").status_code == 200


def test_ending_all_sessions_ends_those_of_browsers(saigon):
    person = Client()
    person.force_login(saigon.owner)
    assert person.get("/admin/").status_code == 200
    saigon.owner.end_sessions()
    assert person.get("/admin/").status_code == 302


def test_a_person_is_known_by_one_query_and_a_key_by_one(api, saigon):
    with in_tenant(saigon.tenant):
        ApiKey.objects.update(last_used_at=timezone.now())
    for token in (saigon.key, saigon.token(saigon.owner)):
        client = api(token)
        with CaptureQueriesContext(connection) as asked:
            assert client.get("tenant/").status_code == 200
        assert len(asked) == 2, [one["sql"] for one in asked]  # who it is, and the tenant that was asked for


def test_the_use_of_a_key_is_written_once_a_minute(api, saigon):
    with CaptureQueriesContext(connection) as first:
        api(saigon.key).get("tenant/")
    with CaptureQueriesContext(connection) as second:
        api(saigon.key).get("tenant/")
    written = [one["sql"] for one in (*first, *second) if "UPDATE" in one["sql"]]
    assert len(written) == 1


def test_records_of_expired_tokens_go(saigon):
    tokens_of(saigon, saigon.owner)
    tokens_of(saigon, saigon.analyst)
    OutstandingToken.objects.filter(user=saigon.owner).update(expires_at=timezone.now())
    assert forget_expired_tokens() == 1
    assert OutstandingToken.objects.filter(user=saigon.analyst).exists()
