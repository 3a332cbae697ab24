"""Who belongs to a tenant, through the API: inviting, accepting, changing roles, removing, leaving."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from tenants.login_links import KEPT, forget_old_links
from tenants.mail import send_due_links
from tenants.models import AuditEntry, LoginToken, Membership, User
from tenants.scope import platform_scope
from tenants.services import issue_api_key
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db


def roles(business):
    with in_tenant(business.tenant):
        return dict(Membership.objects.values_list("user__email", "role"))


def member(business, person):
    with in_tenant(business.tenant):
        return Membership.objects.get(user=person)


def accept(api, message=None):
    """Use the link of the last mail."""
    send_due_links()
    token = re.search(r"/admin/login-link/([\w-]+)/", mail.outbox[-1].body)[1]
    return api().post("auth/login-link/redeem/", {"token": token})


def test_somebody_new_is_invited_and_joins_by_the_link(api, saigon):
    answer = api(saigon, saigon.owner).post("members/invite/", {"email": "New@Saigon.example", "role": "operator"})
    assert (answer.status_code, answer.json()["state"]) == (201, "waiting")
    assert "new@saigon.example" not in roles(saigon)
    me = api(accept(api).json()["access"]).get("me/").json()
    assert (me["email"], me["role"], me["tenant"]) == ("new@saigon.example", "operator", "saigon")
    assert User.objects.get(email="new@saigon.example").has_usable_password() is False
    assert api(saigon, saigon.owner).get("members/invitations/").json()["results"] == []


def test_the_mail_names_tenant_role_and_inviter_and_speaks_the_receivers_language(api, saigon, harbour):
    harbour.owner.locale, saigon.owner.first_name = "en", "Mai\r\nBcc: x@y.example"
    harbour.owner.save()
    saigon.owner.save()
    api(saigon, saigon.owner).post("members/invite/", {"email": harbour.owner.email, "role": "operator"})
    send_due_links()
    (message,) = mail.outbox
    assert message.subject == "You are invited to Saigon"
    assert "Mai Bcc: x@y.example invites you to work in “Saigon” (Operator)" in message.body
    assert "<script" not in message.alternatives[0][0]


def test_an_existing_person_is_invited_just_the_same_and_keeps_the_other_tenant(api, saigon, harbour):
    owner = api(saigon, saigon.owner)
    known = owner.post("members/invite/", {"email": harbour.analyst.email, "role": "admin"})
    unknown = owner.post("members/invite/", {"email": "new@saigon.example", "role": "admin"})
    assert known.status_code == unknown.status_code == 201
    assert set(known.json()) == set(unknown.json())
    send_due_links()
    answers = {}
    for message in mail.outbox:
        token = re.search(r"/login-link/([\w-]+)/", message.body)[1]
        answers[message.to[0]] = api().post("auth/login-link/redeem/", {"token": token})
    assert answers["new@saigon.example"].json().keys() == {"access", "refresh"}
    mine = answers[harbour.analyst.email]
    assert (mine.status_code, mine.json()) == (201, {"accepted": True, "tenant": "saigon"})
    assert roles(saigon)[harbour.analyst.email] == "admin"
    assert roles(harbour)[harbour.analyst.email] == "analyst"


def test_who_is_in_already_is_not_invited(api, saigon):
    answer = api(saigon, saigon.owner).post("members/invite/", {"email": saigon.analyst.email, "role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (422, "already_member")
    assert not LoginToken.objects.exists()


def test_only_owners_invite_owners_and_no_key_does(api, saigon):
    with in_tenant(saigon.tenant):
        key = issue_api_key(name="all")[1]
    for client in (api(saigon, saigon.admin), api(key)):
        answer = client.post("members/invite/", {"email": "new@saigon.example", "role": "owner"})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_an_owner")
    assert not LoginToken.objects.exists()
    assert api(saigon, saigon.owner).post("members/invite/", {"email": "n@s.example", "role": "owner"}).status_code == 201


def test_an_administrator_cannot_take_an_owners_invitation_over(api, saigon):
    body = {"email": "new@saigon.example", "role": "owner"}
    api(saigon, saigon.owner).post("members/invite/", body)
    answer = api(saigon, saigon.admin).post("members/invite/", {**body, "role": "analyst"})
    assert answer.json()["code"] == "not_an_owner"
    assert LoginToken.objects.get().role == "owner"


def test_inviting_twice_within_a_minute_sends_one_mail(api, saigon):
    owner, body = api(saigon, saigon.owner), {"email": "new@saigon.example", "role": "analyst"}
    assert owner.post("members/invite/", body).status_code == 201
    answer = owner.post("members/invite/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_soon")
    send_due_links()
    assert len(mail.outbox) == 1


def test_a_revoked_invitation_opens_nothing(api, saigon):
    owner = api(saigon, saigon.owner)
    made = owner.post("members/invite/", {"email": "new@saigon.example", "role": "analyst"}).json()
    send_due_links()
    assert owner.get("members/invitations/").json()["results"][0]["state"] == "sent"
    assert owner.delete(f"members/invitations/{made['id']}/").status_code == 204
    assert accept(api).status_code == 401
    assert "new@saigon.example" not in roles(saigon)


def test_an_invitation_to_a_suspended_tenant_waits(api, saigon, root):
    api(saigon, saigon.owner).post("members/invite/", {"email": "new@saigon.example", "role": "analyst"})
    saigon.tenant.status = "suspended"
    with in_tenant(saigon.tenant):
        saigon.tenant.save()
    assert send_due_links() == 0
    saigon.tenant.status = "active"
    with in_tenant(saigon.tenant):
        saigon.tenant.save()
    assert accept(api).status_code == 200


def test_a_role_is_changed_by_whom_it_is_meant_for(api, saigon):
    analyst = member(saigon, saigon.analyst)
    assert api(saigon, saigon.operator).patch(f"members/{analyst.pk}/", {"role": "admin"}).status_code == 403
    assert api(saigon, saigon.admin).patch(f"members/{analyst.pk}/", {"role": "owner"}).json()["code"] == "not_an_owner"
    assert roles(saigon)[saigon.analyst.email] == "analyst"
    answer = api(saigon, saigon.admin).patch(f"members/{analyst.pk}/", {"role": "operator"})
    assert (answer.status_code, answer.json()["role"]) == (200, "operator")
    assert roles(saigon)[saigon.analyst.email] == "operator"


def test_the_last_owner_is_neither_demoted_nor_removed_nor_leaves(api, saigon):
    owner, row = api(saigon, saigon.owner), member(saigon, saigon.owner)
    answers = [
        owner.patch(f"members/{row.pk}/", {"role": "analyst"}),
        owner.delete(f"members/{row.pk}/"),
        owner.post("members/leave/"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "last_owner")] * 3
    assert roles(saigon)[saigon.owner.email] == "owner"


def test_an_administrator_removes_no_owner_but_an_operator(api, saigon):
    admin = api(saigon, saigon.admin)
    assert admin.delete(f"members/{member(saigon, saigon.owner).pk}/").json()["code"] == "not_an_owner"
    token = saigon.token(saigon.operator)
    assert admin.delete(f"members/{member(saigon, saigon.operator).pk}/").status_code == 204
    assert api(token).get("me/").status_code == 401
    assert saigon.operator.email not in roles(saigon)


def test_a_member_leaves_and_is_out_at_once(api, saigon):
    analyst = api(saigon, saigon.analyst)
    assert analyst.post("members/leave/").status_code == 204
    assert analyst.get("me/").status_code == 401
    assert saigon.analyst.email not in roles(saigon)


def invitations(business):
    return set(LoginToken.objects.invitations(business.tenant.pk).values_list("email", flat=True))


def test_who_is_removed_or_leaves_takes_the_own_invitations_along(api, saigon):
    for number, person in enumerate((saigon.admin, saigon.owner)):
        body = {"email": f"new{number}@saigon.example", "role": "analyst"}
        assert api(saigon, person).post("members/invite/", body).status_code == 201
    send_due_links()
    row = member(saigon, saigon.admin)
    assert api(saigon, saigon.owner).delete(f"members/{row.pk}/").status_code == 204
    assert invitations(saigon) == {"new1@saigon.example"}


def test_who_loses_a_role_keeps_the_invitations_that_are_still_allowed(api, saigon):
    admin, owner = member(saigon, saigon.admin), api(saigon, saigon.owner)
    owner.patch(f"members/{admin.pk}/", {"role": "owner"})
    for role in ("owner", "analyst"):
        answer = api(saigon, saigon.admin).post("members/invite/", {"email": f"{role}@new.example", "role": role})
        assert answer.status_code == 201
    owner.patch(f"members/{admin.pk}/", {"role": "admin"})
    assert invitations(saigon) == {"analyst@new.example"}
    owner.patch(f"members/{admin.pk}/", {"role": "operator"})
    assert invitations(saigon) == set()


def told_of_invitations(business):
    with in_tenant(business.tenant):
        entries = AuditEntry.objects.filter(subject_kind="tenants.logintoken").order_by("id")
        return [(one.verb, one.actor_id, {**(one.before or {}), **(one.after or {})}) for one in entries]


def test_invitations_are_audited_and_login_links_and_the_mail_are_not(api, saigon):
    owner, body = api(saigon, saigon.owner), {"email": "new@saigon.example", "role": "operator"}
    made = owner.post("members/invite/", body).json()
    api().post("auth/login-link/", {"email": saigon.owner.email})
    send_due_links()
    assert owner.delete(f"members/invitations/{made['id']}/").status_code == 204
    owner.post("members/invite/", body)
    assert accept(api).status_code == 200
    told = told_of_invitations(saigon)
    assert [verb for verb, _by, _what in told] == ["insert", "delete", "insert", "update"]
    assert [by for _verb, by, _what in told[:3]] == [saigon.owner.pk] * 3
    assert (told[0][2]["email"], told[0][2]["role"]) == ("new@saigon.example", "operator")
    assert "token_hash" not in str(told)
    assert told[3][2].keys() == {"used_at"}
    with platform_scope(reason="test"):
        assert AuditEntry.objects.filter(subject_kind="tenants.logintoken").count() == len(told)


def test_an_invitation_that_is_forgotten_is_told_to_its_own_tenant(saigon):
    old = timezone.now() - KEPT - timedelta(days=1)
    row = {"purpose": "invitation", "invited_to": saigon.tenant, "role": "analyst", "state": "sent", "expires_at": old}
    with in_tenant(saigon.tenant):
        LoginToken.objects.create(email="old@saigon.example", **row)
    assert forget_old_links() == 1
    assert [verb for verb, _by, _what in told_of_invitations(saigon)] == ["insert", "delete"]


def test_nobody_is_made_a_member_without_being_asked(api, saigon, outsider):
    answer = api(saigon, saigon.owner).post("members/", {"user": str(outsider.pk), "role": "admin"})
    assert answer.status_code == 405
    assert outsider.email not in roles(saigon)
