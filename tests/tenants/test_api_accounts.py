"""Logging in, the own account and tenant, members and API keys, through HTTP."""

from django.test import Client

from tenants.models import Membership, User
from tenants.passwords import set_password
from tenants.scope import platform_scope
from tests.conftest import PASSWORD, in_tenant


def log_in(email, password=PASSWORD, **more):
    return Client().post(
        "/api/v1/auth/token/", {"email": email, "password": password, **more}, content_type="application/json"
    )


def test_a_person_logs_in_by_address_and_password_and_may_then_ask_who_they_are(api, saigon):
    answer = log_in("OWNER@saigon.example")
    assert answer.status_code == 200
    me = api(answer.json()["access"]).get("me/").json()
    assert (me["email"], me["role"], me["tenant"]) == ("owner@saigon.example", "owner", "saigon")


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(saigon):
    wrong, unknown = log_in("owner@saigon.example", "wrong"), log_in("nobody@saigon.example", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert wrong["WWW-Authenticate"].startswith("Bearer")


def test_a_person_of_two_tenants_must_choose_once_the_password_is_right(saigon, harbour):
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="analyst")
    answer = log_in("owner@saigon.example")
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["tenants"]) == ("tenant_required", ["harbour", "saigon"])
    assert log_in("owner@saigon.example", "wrong").status_code == 401
    chosen = log_in("owner@saigon.example", tenant="harbour")
    assert Client().get("/api/v1/me/", headers=bearer(chosen)).json()["role"] == "analyst"


def test_a_login_that_a_changed_password_overtakes_opens_nothing(saigon, monkeypatch):
    def overtaken(_user):
        set_password(user=User.objects.get(pk=saigon.owner.pk), new="staple in the wet grass")

    monkeypatch.setattr("tenants.api.ways_in.enrolled", overtaken)
    assert log_in("owner@saigon.example").status_code == 401
    monkeypatch.undo()
    assert log_in("owner@saigon.example", "staple in the wet grass").status_code == 200


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def test_a_tenant_one_does_not_belong_to_is_no_tenant(saigon, harbour):
    foreign, unknown = (log_in("owner@saigon.example", tenant=slug) for slug in ("harbour", "nowhere"))
    assert foreign.status_code == 422
    assert foreign.content == unknown.content


def test_someone_without_a_tenant_cannot_log_in(outsider, root):
    assert log_in(outsider.email).status_code == 401
    assert log_in(root.email).status_code == 401


def test_a_suspended_tenant_lets_nobody_in(api, saigon):
    token = saigon.token(saigon.operator)
    with platform_scope(reason="test"):
        saigon.tenant.status = "suspended"
        saigon.tenant.save()
    assert log_in("owner@saigon.example").status_code == 401
    assert api(token).get("me/").status_code == 401
    assert api(saigon.key).get("members/").status_code == 401


def test_a_removed_member_is_out_at_once(api, saigon):
    token = saigon.token(saigon.operator)
    assert api(token).get("me/").status_code == 200
    with in_tenant(saigon.tenant):
        Membership.objects.filter(user=saigon.operator).delete()
    assert api(token).get("me/").status_code == 401


def test_a_refresh_token_serves_once(api, saigon):
    refresh = log_in("owner@saigon.example").json()["refresh"]
    first = api().post("auth/token/refresh/", {"refresh": refresh})
    assert first.status_code == 200
    assert api(first.json()["access"]).get("me/").status_code == 200
    assert api().post("auth/token/refresh/", {"refresh": refresh}).status_code == 401


def test_a_revoked_refresh_token_is_worth_nothing(api, saigon):
    refresh = log_in("owner@saigon.example").json()["refresh"]
    assert api().post("auth/token/revoke/", {"refresh": refresh}).status_code == 204
    assert api().post("auth/token/refresh/", {"refresh": refresh}).status_code == 401
    assert api().post("auth/token/revoke/", {"refresh": "nonsense"}).status_code == 204


def test_a_refresh_token_opens_no_door_by_itself(api, saigon):
    refresh = log_in("owner@saigon.example").json()["refresh"]
    assert api(refresh).get("me/").status_code == 401


def test_an_owner_renames_the_tenant_and_an_operator_does_not(api, saigon):
    assert api(saigon, saigon.operator).patch("tenant/", {"name": "Taken"}).status_code == 403
    assert api(saigon, saigon.analyst).get("tenant/").json()["name"] == "Saigon"
    assert api(saigon, saigon.owner).patch("tenant/", {"name": "Saigon Gadgets"}).json()["name"] == "Saigon Gadgets"


def test_slug_plan_and_status_of_the_tenant_are_not_for_sale(api, saigon):
    answer = api(saigon, saigon.owner).patch("tenant/", {"plan": "enterprise", "slug": "other", "status": "suspended"})
    assert answer.status_code == 422
    assert {(one["field"], one["code"]) for one in answer.json()["errors"]} == {
        ("plan", "unknown_field"),
        ("slug", "unknown_field"),
        ("status", "unknown_field"),
    }
    assert api(saigon.key).get("tenant/").json()["plan"] == "free"


def test_people_change_their_own_names_and_nothing_else_of_themselves(api, saigon):
    me = api(saigon, saigon.analyst)
    assert me.patch("me/", {"first_name": "Mai", "locale": "vi"}).json()["first_name"] == "Mai"
    assert me.patch("me/", {"is_superuser": True, "email": "x@y.example"}).status_code == 422
    assert User.objects.get(pk=saigon.analyst.pk).is_superuser is False


def test_a_key_has_no_account_page(api, saigon):
    answer = api(saigon.key).get("me/")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_principal")


def test_members_are_listed_for_everyone_of_the_tenant_only(api, saigon, harbour):
    rows = api(saigon, saigon.analyst).get("members/").json()["results"]
    assert {row["email"] for row in rows} == {f"{role}@saigon.example" for role in ("owner", "admin", "operator", "analyst")}
    assert [row["role"] for row in api(saigon.key).get("members/", {"search": "ÁDMIN"}).json()["results"]] == ["admin"]


def test_people_change_their_password_with_the_old_one_and_all_their_tokens_end(api, saigon):
    me, new = api(saigon, saigon.analyst), "staple in the wet grass"
    assert me.post("me/password/", {"old_password": "wrong", "new_password": new}).json()["code"] == "wrong_password"
    assert me.post("me/password/", {"old_password": PASSWORD, "new_password": "short"}).json()["code"] == "weak_password"
    assert log_in(saigon.analyst.email).status_code == 200
    assert me.post("me/password/", {"old_password": PASSWORD, "new_password": new}).status_code == 204
    assert me.get("me/").status_code == 401
    assert log_in(saigon.analyst.email).status_code == 401
    assert log_in(saigon.analyst.email, new).status_code == 200


def test_people_have_a_time_zone_of_their_own(api, saigon):
    me = api(saigon, saigon.analyst)
    assert me.patch("me/", {"time_zone": "Mars/Olympus"}).status_code == 422
    assert me.patch("me/", {"time_zone": "Europe/Paris"}).json()["time_zone"] == "Europe/Paris"
