"""Who may work in a tenant, seen from the admin."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.utils import timezone

from tenants.mail import send_due_links
from tenants.members import invite
from tenants.models import PLATFORM_ID, ApiKey, AuthIdentity, LoginToken, Membership, StoredFile, Tenant, User
from tenants.scope import platform_scope
from tenants.services import issue_api_key
from tenants.storage import store_file
from tests.conftest import ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of
from tests.tenants.test_second_factor import enrol

pytestmark = pytest.mark.django_db


def roles(business: Business) -> dict[str, str]:
    with in_tenant(business.tenant):
        return dict(Membership.objects.values_list("user__email", "role"))


def membership(business: Business, user: User) -> Membership:
    with in_tenant(business.tenant):
        return Membership.objects.get(user=user)


def invitations(business: Business) -> list[tuple[str, str, str]]:
    """Return address, role and stage of the pending ones."""
    with in_tenant(business.tenant):
        links = LoginToken.objects.invitations(business.tenant.pk)
        return [(link.email, link.role, link.stage()) for link in links]


def test_an_owner_invites_a_person_by_mail(saigon: Business) -> None:
    owner = browser(saigon.owner)
    form = {"email": "New@Saigon.example", "role": "operator"}
    assert owner.get(page("tenants_membership_add")).url == page("tenants_logintoken_add")
    assert owner.post(page("tenants_logintoken_add"), form).status_code == 302
    assert invitations(saigon) == [("new@saigon.example", "operator", "waiting")]
    assert "new@saigon.example" not in roles(saigon)
    send_due_links()
    assert mail.outbox[0].to == ["new@saigon.example"]
    listed = text_of(owner.get(page("tenants_logintoken_changelist")))
    assert "new@saigon.example Operator Sent" in listed


def test_who_is_invited_may_do_the_least_unless_somebody_chooses_more(saigon: Business) -> None:
    form = browser(saigon.owner).get(page("tenants_logintoken_add")).content.decode()
    chosen = re.findall(r'<option value="(\w*)"\s+selected', form)
    assert chosen == ["analyst"]


def test_nobody_who_is_in_is_invited(saigon: Business) -> None:
    answer = browser(saigon.owner).post(page("tenants_logintoken_add"), {"email": saigon.analyst.email, "role": "owner"})
    assert "member already" in text_of(answer)
    assert invitations(saigon) == []


def test_an_administrator_invites_no_owner(saigon: Business) -> None:
    answer = browser(saigon.admin).post(page("tenants_logintoken_add"), {"email": "x@y.example", "role": "owner"})
    assert "Only an owner" in text_of(answer)
    assert invitations(saigon) == []


def test_an_invitation_is_sent_again_after_a_minute_and_can_be_taken_back(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        link = invite(email="new@saigon.example", role="analyst", by=saigon.owner)
    send_due_links()
    owner, again = browser(saigon.owner), page("tenants_logintoken_resend", link.pk)
    assert "a moment ago" in text_of(owner.post(again, follow=True))
    LoginToken.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    assert "is sent a new link" in text_of(owner.post(again, follow=True))
    send_due_links()
    assert len(mail.outbox) == 2
    owner.post(page("tenants_logintoken_delete", link.pk), {"post": "yes"})
    assert invitations(saigon) == []
    token = re.search(r"/login-link/([\w-]+)/", mail.outbox[1].body)[1]
    assert ApiClient().post("auth/login-link/redeem/", {"token": token}).status_code == 401


def test_a_tenant_sees_its_own_invitations_only(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        link = invite(email="secret@harbour.example", role="analyst", by=harbour.owner)
    owner = browser(saigon.owner)
    assert "secret@harbour" not in owner.get(page("tenants_logintoken_changelist")).content.decode()
    for address in (page("tenants_logintoken_change", link.pk), page("tenants_logintoken_delete", link.pk)):
        assert owner.post(address, {"post": "yes"}).status_code in (302, 403)
    assert owner.post(page("tenants_logintoken_resend", link.pk)).status_code == 302
    assert invitations(harbour) == [("secret@harbour.example", "analyst", "waiting")]


def test_the_last_owner_can_be_neither_demoted_nor_removed(saigon: Business) -> None:
    owner, row = browser(saigon.owner), membership(saigon, saigon.owner)
    demoted = owner.post(page("tenants_membership_change", row.pk), {"role": "analyst"}, follow=True)
    removed = owner.post(page("tenants_membership_delete", row.pk), {"post": "yes"}, follow=True)
    assert "at least one owner" in text_of(demoted)
    assert "at least one owner" in text_of(removed)
    assert roles(saigon)[saigon.owner.email] == "owner"


def test_an_administrator_can_neither_make_nor_remove_an_owner(saigon: Business) -> None:
    before = roles(saigon)
    admin = browser(saigon.admin)
    me, owner = membership(saigon, saigon.admin), membership(saigon, saigon.owner)
    assert "Only an owner" in text_of(admin.post(page("tenants_membership_change", me.pk), {"role": "owner"}))
    assert admin.post(page("tenants_membership_delete", owner.pk), {"post": "yes"}).status_code == 403
    assert roles(saigon) == before


def test_a_removed_member_is_out_at_once(saigon: Business) -> None:
    operator = browser(saigon.operator)
    assert operator.get(page("tenants_membership_changelist")).status_code == 200
    browser(saigon.owner).post(page("tenants_membership_delete", membership(saigon, saigon.operator).pk), {"post": "yes"})
    assert operator.get(page("tenants_membership_changelist"), follow=True).redirect_chain
    assert saigon.operator.email not in roles(saigon)


@pytest.mark.parametrize("name", ["membership", "logintoken", "apikey", "user"])
def test_an_operator_grants_nothing(saigon: Business, name: str) -> None:
    before = roles(saigon)
    answer = browser(saigon.operator).post(
        page(f"tenants_{name}_add"), {"email": "x@y.example", "role": "owner", "name": "n"}
    )
    assert answer.status_code == 403
    assert (roles(saigon), User.objects.filter(email="x@y.example").exists()) == (before, False)


def test_an_api_key_is_shown_once_works_and_can_be_revoked(saigon: Business) -> None:
    owner = browser(saigon.owner)
    shown = owner.post(page("tenants_apikey_add"), {"name": "shop", "scopes": "tenant:read"}, follow=True).content.decode()
    key = re.search(r"brk_[\w-]{30,}", shown)[0]
    with in_tenant(saigon.tenant):
        row = ApiKey.objects.get(name="shop")
    again = owner.get(page("tenants_apikey_change", row.pk)).content.decode()
    assert key not in again
    assert ApiClient(key).get("tenant/").status_code == 200
    owner.post(page("tenants_apikey_change", row.pk), {"tenants_apikey_revoke": "1"})
    assert ApiClient(key).get("tenant/").status_code == 401


def test_a_scope_that_means_nothing_is_refused(saigon: Business) -> None:
    answer = browser(saigon.owner).post(page("tenants_apikey_add"), {"name": "shop", "scopes": "everything:maybe"})
    assert "There is no such scope: everything:maybe" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not ApiKey.objects.filter(name="shop").exists()


def test_a_tenant_keeps_its_own_settings_but_not_its_plan(saigon: Business) -> None:
    owner = browser(saigon.owner)
    assert owner.get(page("tenants_tenant_changelist")).url == page("tenants_tenant_change", saigon.tenant.pk)
    form = {"name": "Saigon Two", "locale": "en", "time_zone": "Asia/Tokyo", "currency": "usd", "plan": "enterprise"}
    assert owner.post(page("tenants_tenant_change", saigon.tenant.pk), form).status_code == 302
    with in_tenant(saigon.tenant):
        stored = Tenant.objects.get()
    assert (stored.name, stored.time_zone, stored.currency, stored.plan) == ("Saigon Two", "Asia/Tokyo", "USD", "free")


def test_an_operator_reads_the_settings_only(saigon: Business) -> None:
    operator = browser(saigon.operator)
    assert operator.get(page("tenants_tenant_change", saigon.tenant.pk)).status_code == 200
    assert operator.post(page("tenants_tenant_change", saigon.tenant.pk), {"name": "Mine"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Tenant.objects.get().name == "Saigon"


def test_an_owner_sees_no_people_of_other_tenants(saigon: Business, harbour: Business) -> None:
    listed = text_of(browser(saigon.owner).get(page("tenants_user_changelist")))
    assert saigon.analyst.email in listed
    assert harbour.analyst.email not in listed
    assert browser(saigon.owner).get(page("tenants_user_change", harbour.analyst.pk)).status_code == 302


def test_passwords_cannot_be_guessed_through_filters(saigon: Business) -> None:
    answers = [
        browser(saigon.owner).get(page("tenants_user_changelist"), {"password__startswith": letter}, follow=True)
        for letter in ("p", "no hash begins so")
    ]
    assert [answer.redirect_chain[0][0] for answer in answers] == [page("tenants_user_changelist")] * 2
    assert text_of(answers[0]) == text_of(answers[1])


def test_platform_staff_keep_accounts(saigon: Business) -> None:
    root = browser(User.objects.create_superuser("root@backroom.example"))
    shown = root.post(page("tenants_user_add"), {"email": "two@backroom.example"}, follow=True).content.decode()
    user = User.objects.get(email="two@backroom.example")
    assert user.check_password(re.search(r"<code[^>]*>([^<]+)</code>", shown)[1])
    form = {"email": user.email, "is_active": "on", "tenants_user_new_password": "1"}
    shown = root.post(page("tenants_user_change", user.pk), form, follow=True).content.decode()
    user.refresh_from_db()
    assert user.check_password(re.search(r"<code[^>]*>([^<]+)</code>", shown)[1])


def test_platform_staff_suspend_and_resume_a_tenant_after_being_asked(saigon: Business) -> None:
    root, operator = browser(User.objects.create_superuser("root@backroom.example")), browser(saigon.operator)
    suspend, resume = (page(f"tenants_tenant_{verb}", saigon.tenant.pk) for verb in ("suspend", "resume"))
    assert "Suspend this tenant?" in text_of(root.get(suspend))
    assert operator.get(page("tenants_membership_changelist")).status_code == 200
    assert "Saigon is suspended" in text_of(root.post(suspend, follow=True))
    assert "no tenant that is active now" in text_of(operator.get(page("index")))
    assert "not possible as it stands now" in text_of(root.post(suspend, follow=True))
    assert "Saigon goes on" in text_of(root.post(resume, follow=True))
    assert operator.get(page("tenants_membership_changelist")).status_code == 200


def test_an_owner_suspends_nobody_and_nobody_the_platform(saigon: Business) -> None:
    root = browser(User.objects.create_superuser("root@backroom.example"))
    assert browser(saigon.owner).post(page("tenants_tenant_suspend", saigon.tenant.pk)).status_code == 403
    assert "cannot be suspended" in text_of(root.post(page("tenants_tenant_suspend", PLATFORM_ID), follow=True))
    with platform_scope(reason="test"):
        assert not Tenant.objects.filter(status="suspended").exists()


def test_platform_staff_log_a_person_out_everywhere_and_take_a_lost_second_factor_away(saigon: Business) -> None:
    enrol(saigon.operator)
    root, person = browser(User.objects.create_superuser("root@backroom.example")), browser(saigon.operator)
    token, pk = saigon.token(saigon.operator), saigon.operator.pk
    assert "End all sessions?" in text_of(root.get(page("tenants_user_end_sessions", pk)))
    assert person.get(page("index")).status_code == 200
    root.post(page("tenants_user_end_sessions", pk))
    assert person.get(page("index")).status_code == 302
    assert ApiClient(token).get("me/").status_code == 401
    assert AuthIdentity.objects.exists()
    assert browser(saigon.owner).post(page("tenants_user_remove_second_factor", pk)).status_code == 403
    assert AuthIdentity.objects.exists()
    root.post(page("tenants_user_remove_second_factor", pk))
    assert not AuthIdentity.objects.exists()


def test_a_key_is_replaced_in_the_admin_with_an_hour_of_overlap(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        row, old = issue_api_key(name="shop")
    answer = browser(saigon.owner).post(page("tenants_apikey_change", row.pk), {"tenants_apikey_rotate": "1"}, follow=True)
    new = re.search(r"brk_[\w-]{30,}", answer.content.decode())[0]
    assert {ApiClient(key).get("tenant/").status_code for key in (old, new)} == {200}
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get(pk=row.pk).expires_at is not None
    again = browser(saigon.owner).post(page("tenants_apikey_change", row.pk), {"tenants_apikey_rotate": "1"}, follow=True)
    assert "taken the place" in text_of(again)
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.filter(name="shop").count() == 2


def test_a_file_is_sent_to_its_own_tenant_only(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        file = store_file([b"a,b\n"], name="Bảng giá.csv", media_type="text/csv", limit=100)
    try:
        answer = browser(saigon.analyst).get(f"/files/{file.pk}/")
        assert b"".join(answer.streaming_content) == b"a,b\n"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert browser(harbour.owner).get(f"/files/{file.pk}/").status_code == 404
        with in_tenant(saigon.tenant):
            assert StoredFile.objects.filter(pk=file.pk).exists()
    finally:
        default_storage.delete(f"{saigon.tenant.pk}/{file.pk}")
