"""Keys of programs over HTTP: shown once, no mightier than who makes them, rotated and revoked."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from bots.models import Bot
from runtime.models import Session
from tenants.keys import SCOPE_GROUPS
from tenants.models import ApiKey
from tenants.services import issue_api_key
from tests.conftest import in_tenant
from tests.rows import make_row


def test_the_key_is_shown_once_opens_the_door_and_is_closed_at_once(api, saigon):
    owner = api(saigon, saigon.owner)
    made = owner.post("api-keys/", {"name": "site"})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith(made.json()["prefix"])
    assert api(key).get("tenant/").status_code == 200
    shown = owner.get(f"api-keys/{made.json()['id']}/")
    assert key not in shown.content.decode()
    assert "key" not in shown.json()
    assert owner.delete(f"api-keys/{made.json()['id']}/").status_code == 204
    assert api(key).get("tenant/").status_code == 401


def test_a_repeated_creation_of_a_key_leaves_the_key_out(api, saigon):
    owner = api(saigon, saigon.owner)
    first = owner.post("api-keys/", {"name": "site"}, Idempotency_Key="k1")
    again = owner.post("api-keys/", {"name": "site"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert {**again.json(), "key": first.json()["key"]} == first.json()
    assert "key" not in again.json()
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.filter(name="site").count() == 1


def test_operators_neither_see_nor_make_keys(api, saigon):
    operator = api(saigon, saigon.operator)
    assert operator.get("api-keys/").status_code == 403
    assert operator.post("api-keys/", {"name": "mine"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert not ApiKey.objects.filter(name="mine").exists()


def test_a_key_cannot_make_a_mightier_key(api, saigon):
    narrow = api(saigon, saigon.owner).post("api-keys/", {"name": "narrow", "scopes": ["apikey:write"]}).json()["key"]
    assert api(narrow).get("members/").status_code == 403
    answer = api(narrow).post("api-keys/", {"name": "wide"})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_wide")
    assert api(narrow).post("api-keys/", {"name": "same", "scopes": ["apikey:read"]}).status_code == 201


def test_scopes_and_bots_that_do_not_exist_are_refused(api, saigon):
    owner = api(saigon, saigon.owner)
    assert owner.post("api-keys/", {"name": "x", "scopes": ["unicorn:ride"]}).json()["code"] == "unknown_scope"
    assert owner.post("api-keys/", {"name": "x", "bot": "nobody"}).json()["errors"] == [
        {"field": "bot", "code": "unknown_reference", "message": "There is nothing of this name."}
    ]


def test_a_key_that_would_open_nothing_is_refused(api, saigon):
    owner = api(saigon, saigon.owner)
    with in_tenant(saigon.tenant):
        bot = make_row(Bot).code
        before = ApiKey.objects.count()
    over = owner.post("api-keys/", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"})
    nothing = owner.post("api-keys/", {"name": "x", "bot": bot, "scopes": ["members:write"]})
    assert [(one.status_code, one.json()["code"]) for one in (over, nothing)] == [
        (422, "in_the_past"),
        (422, "opens_nothing"),
    ]
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.count() == before


def test_a_read_scope_reads_and_does_not_write(api, saigon):
    key = api(saigon, saigon.owner).post("api-keys/", {"name": "r", "scopes": ["*:read"]}).json()["key"]
    assert api(key).get("tenant/").status_code == 200
    assert api(key).patch("tenant/", {"name": "No"}).status_code == 403


def key_of(api, business, *scopes):
    return api(api(business, business.owner).post("api-keys/", {"name": "k", "scopes": list(scopes)}).json()["key"])


@pytest.mark.parametrize(
    ("scope", "opens", "closed"),
    [
        ("offerings:read", ["offerings/", "variants/", "offerings/search/?q=x"], ["prices/", "customers/"]),
        ("prices:read", ["prices/", "price-lists/", "price-changes/"], ["offerings/"]),
        ("stock:read", ["inventory-items/", "inventory-locations/", "stock-movements/"], ["prices/"]),
        ("sessions:write", ["sessions/"], ["bots/", "faqs/"]),
        ("bots:read", ["bots/", "capabilities/"], ["faqs/", "sessions/"]),
        ("variant:read", ["variants/"], ["offerings/"]),
    ],
)
def test_a_scope_opens_its_part_of_the_api(api, saigon, scope, opens, closed):
    client = key_of(api, saigon, scope)
    assert {path: client.get(path).status_code for path in opens} == dict.fromkeys(opens, 200)
    assert {path: client.get(path).status_code for path in closed} == dict.fromkeys(closed, 403)


def test_offerings_read_tells_the_facts_and_changes_nothing(api, saigon):
    client = key_of(api, saigon, "offerings:read")
    assert client.get("facts/?sku=none").status_code != 403
    assert client.post("offerings/", {}).status_code == 403


def test_sessions_write_talks_and_logs(api, saigon):
    with in_tenant(saigon.tenant):
        session = make_row(Session)
    client = key_of(api, saigon, "sessions:write")
    for part in ("turns", "slots", "decisions", "actions"):
        assert client.get(f"sessions/{session.pk}/{part}/").status_code == 200
        assert client.post(f"sessions/{session.pk}/{part}/", {}).status_code in (201, 422)
    assert client.post(f"sessions/{session.pk}/end/").status_code == 200


@pytest.mark.parametrize("scope", ["offering", "offerings", "offerings:", "offerings:admin", ":read", "Offerings:read", ""])
def test_a_misspelt_scope_is_refused(api, saigon, scope):
    answer = api(saigon, saigon.owner).post("api-keys/", {"name": "typo", "scopes": [scope]})
    assert answer.status_code == 422
    with in_tenant(saigon.tenant):
        assert not ApiKey.objects.filter(name="typo").exists()


def test_the_document_lists_every_scope():
    text = (Path(__file__).resolve().parents[2] / "docs" / "tenants.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+):` \|", text, re.MULTILINE)) == set(SCOPE_GROUPS)


def test_a_key_bound_to_a_bot_neither_makes_nor_sees_keys_nor_people(api, saigon):
    with in_tenant(saigon.tenant):
        bot = make_row(Bot)
        for scopes in ((), ("*:write",), ("api-keys:write",)):
            client = api(issue_api_key(name="bound", bot_id=bot.pk, scopes=scopes)[1])
            assert client.post("api-keys/", {"name": "unbound"}).status_code == 403
            assert {client.get(path).status_code for path in ("api-keys/", "members/", "customers/", "imports/")} == {403}
        assert not ApiKey.objects.filter(name="unbound").exists()


def test_a_key_cannot_loose_another_from_its_bot(api, saigon):
    with in_tenant(saigon.tenant):
        row, _key = issue_api_key(name="bound", bot_id=make_row(Bot).pk)
    narrow = key_of(api, saigon, "api-keys:write")
    assert narrow.patch(f"api-keys/{row.pk}/", {"bot": None}).json()["code"] == "too_wide"
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get(pk=row.pk).bot_id


def test_a_key_revoked_twice_was_closed_the_first_time(api, saigon):
    owner = api(saigon, saigon.owner)
    made = owner.post("api-keys/", {"name": "site"}).json()
    assert owner.delete(f"api-keys/{made['id']}/").status_code == 204
    first = owner.get(f"api-keys/{made['id']}/").json()["revoked_at"]
    assert owner.delete(f"api-keys/{made['id']}/").status_code == 204
    assert owner.get(f"api-keys/{made['id']}/").json()["revoked_at"] == first is not None


def test_a_rotated_key_is_followed_by_one_that_may_do_the_same_and_both_work_for_a_while(api, saigon):
    with in_tenant(saigon.tenant):
        bot = make_row(Bot)
        old, old_key = issue_api_key(name="site", scopes=["tenant:read"], bot_id=bot.pk)
    answer = api(saigon, saigon.owner).post(f"api-keys/{old.pk}/rotate/", {"overlap_seconds": 60})
    new = answer.json()
    assert (answer.status_code, new["name"], new["scopes"], new["bot"]) == (201, "site", ["tenant:read"], bot.code)
    assert {api(key).get("tenant/").status_code for key in (old_key, new["key"])} == {200}
    with in_tenant(saigon.tenant):
        left = ApiKey.objects.get(pk=old.pk).expires_at - timezone.now()
        assert 50 < left.total_seconds() <= 60
        ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert [api(key).get("tenant/").status_code for key in (old_key, new["key"])] == [401, 200]


def test_a_key_rotated_without_overlap_is_out_at_once_and_never_lives_longer_than_it_was_to(api, saigon):
    owner, ends = api(saigon, saigon.owner), timezone.now() + timedelta(minutes=10)
    with in_tenant(saigon.tenant):
        (first, key), (second, _key) = issue_api_key(name="a"), issue_api_key(name="b", expires_at=ends)
    assert owner.post(f"api-keys/{first.pk}/rotate/", {"overlap_seconds": 0}).status_code == 201
    assert api(key).get("tenant/").status_code == 401
    assert owner.post(f"api-keys/{first.pk}/rotate/").json()["code"] == "not_live"
    made = owner.post(f"api-keys/{second.pk}/rotate/", {"overlap_seconds": 86400}).json()
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get(pk=second.pk).expires_at == ends
        life = ApiKey.objects.get(pk=made["id"]).expires_at - timezone.now()
    assert 9 * 60 < life.total_seconds() <= 10 * 60


def test_a_key_is_rotated_once_and_its_successor_keeps_the_whole_life(api, saigon):
    owner = api(saigon, saigon.owner)
    with in_tenant(saigon.tenant):
        old, _key = issue_api_key(name="site")
    new = owner.post(f"api-keys/{old.pk}/rotate/").json()
    answer = owner.post(f"api-keys/{old.pk}/rotate/")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_rotated")
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.filter(name="site").count() == 2
        assert ApiKey.objects.get(pk=new["id"]).expires_at is None
    assert owner.post(f"api-keys/{new['id']}/rotate/").status_code == 201


def test_a_key_makes_none_that_outlives_it(api, saigon):
    ends = timezone.now() + timedelta(hours=1)
    with in_tenant(saigon.tenant):
        own, text = issue_api_key(name="short", expires_at=ends)
        other, _key = issue_api_key(name="long")
    short, later = api(text), (ends + timedelta(seconds=1)).isoformat()
    answers = [
        short.post("api-keys/", {"name": "new", "expires_at": later}),
        short.post("api-keys/", {"name": "new"}),
        short.patch(f"api-keys/{own.pk}/", {"expires_at": later}),
        short.patch(f"api-keys/{own.pk}/", {"expires_at": None}),
    ]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(422, "too_long")}
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get(pk=own.pk).expires_at == ends
        assert not ApiKey.objects.filter(name="new").exists()
    assert short.post("api-keys/", {"name": "new", "expires_at": ends.isoformat()}).status_code == 201
    made = [short.post(f"api-keys/{row.pk}/rotate/").json()["id"] for row in (own, other)]
    with in_tenant(saigon.tenant):
        assert set(ApiKey.objects.filter(pk__in=made).values_list("expires_at", flat=True)) == {ends}


def test_a_key_that_is_over_is_not_brought_back(api, saigon):
    owner, gone = api(saigon, saigon.owner), timezone.now() - timedelta(seconds=1)
    with in_tenant(saigon.tenant):
        (expired, key), (revoked, _key) = issue_api_key(name="a", expires_at=gone), issue_api_key(name="b")
        revoked.revoke()
    for row in (expired, revoked):
        answer = owner.patch(f"api-keys/{row.pk}/", {"expires_at": None, "name": "again"})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_live")
    assert api(key).get("tenant/").status_code == 401


def test_a_narrow_key_rotates_no_wider_one(api, saigon):
    with in_tenant(saigon.tenant):
        wide, _key = issue_api_key(name="wide")
    assert key_of(api, saigon, "api-keys:write").post(f"api-keys/{wide.pk}/rotate/").json()["code"] == "too_wide"
    with in_tenant(saigon.tenant):
        assert ApiKey.objects.get(pk=wide.pk).expires_at is None


def test_a_repeated_rotation_makes_one_key_and_does_not_show_it_again(api, saigon):
    with in_tenant(saigon.tenant):
        old, _key = issue_api_key(name="site")
    owner = api(saigon, saigon.owner)
    first, again = (owner.post(f"api-keys/{old.pk}/rotate/", Idempotency_Key="r1").json() for _ in range(2))
    assert first["id"] == again["id"]
    assert "key" not in again
