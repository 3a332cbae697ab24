"""The commands that bring in tenants and programs."""

import json

import pytest
from django.core.management import CommandError, call_command

from catalog.models import InventoryLocation, PriceList, SalesChannel
from tenants import services
from tenants.models import Membership, Tenant, User
from tenants.scope import platform_scope
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db


def create(capsys, slug="hue", **options):
    call_command("create_tenant", slug, **{"name": "Huế", "owner": "Lan@hue.example", **options})
    return json.loads(capsys.readouterr().out)


def log_in(api, email, password):
    return api().post("auth/token/", {"email": email, "password": password})


def test_a_new_tenant_can_be_logged_in_to(api, capsys):
    made = create(capsys, password="a long password")
    assert "password" not in made
    token = log_in(api, "lan@hue.example", "a long password").json()["access"]
    tenant = api(token).get("tenant/").json()
    assert (tenant["id"], tenant["currency"], tenant["locale"], tenant["time_zone"]) == (
        made["tenant"],
        "VND",
        "vi",
        "Asia/Ho_Chi_Minh",
    )
    assert api(token).get("me/").json()["id"] == made["owner"]


def test_a_password_that_was_made_up_is_printed_once_and_works(api, capsys):
    made = create(capsys)
    assert log_in(api, made["email"], made["password"]).status_code == 200


def test_a_new_tenant_can_sell_at_once(capsys):
    create(capsys)
    with platform_scope(reason="test"):
        tenant = Tenant.objects.get(slug="hue")
    with in_tenant(tenant):
        assert [SalesChannel.objects.get().code, PriceList.objects.get().code, InventoryLocation.objects.get().code] == [
            "web",
            "standard",
            "main",
        ]


def test_a_known_person_is_reused_and_keeps_the_password(api, capsys, saigon):
    made = create(capsys, owner="OWNER@saigon.example", password="another password")
    assert made["owner"] == str(saigon.owner.id)
    assert log_in(api, "owner@saigon.example", "another password").status_code == 401
    with platform_scope(reason="test"):
        assert Membership.objects.filter(user=saigon.owner, role="owner").count() == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"slug": "saigon"}, "saigon"),
        ({"slug": "platform"}, "platform"),
        ({"slug": "not a slug"}, "slug"),
        ({"owner": "nobody"}, "email"),
        ({"currency": "dong"}, "currency"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"locale": "xx"}, "locale"),
        ({"name": ""}, "name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_made(capsys, saigon, options, word):
    with pytest.raises(CommandError) as refused:
        create(capsys, **options)
    assert word in str(refused.value)
    assert "\n" not in str(refused.value)
    with platform_scope(reason="test"):
        assert set(Tenant.objects.values_list("slug", flat=True)) == {"platform", "saigon", "harbour"}
    assert not User.objects.filter(email="lan@hue.example").exists()


def test_a_failing_step_leaves_no_tenant(capsys, monkeypatch):
    def fail(tenant):
        raise RuntimeError("step")

    monkeypatch.setattr(services, "NEW_TENANT_STEPS", [fail])
    with pytest.raises(RuntimeError):
        create(capsys)
    with platform_scope(reason="test"):
        assert not Tenant.objects.filter(slug="hue").exists()
    assert not User.objects.filter(email="lan@hue.example").exists()


def test_an_issued_key_is_printed_alone_and_may_do_all(api, capsys, saigon):
    call_command("issue_api_key", "saigon", name="site")
    key = capsys.readouterr().out
    assert key.startswith("brk_")
    assert key.count("\n") == 1
    assert api(key.strip()).patch("tenant/", {"name": "By key"}).status_code == 200


def test_an_issued_key_may_be_narrow(api, capsys, saigon):
    call_command("issue_api_key", "saigon", name="site", scopes="tenant:read, offering:write")
    key = api(capsys.readouterr().out.strip())
    assert key.get("tenant/").status_code == 200
    assert key.patch("tenant/", {"name": "No"}).status_code == 403
    assert key.get("members/").status_code == 403


@pytest.mark.parametrize(
    ("slug", "options"),
    [
        ("nowhere", {}),
        ("saigon", {"scopes": "unicorn:ride"}),
        ("saigon", {"bot": "nobody"}),
        ("saigon", {"name": "x" * 101}),
    ],
)
def test_a_key_that_cannot_be_is_refused(capsys, saigon, slug, options):
    with pytest.raises(CommandError):
        call_command("issue_api_key", slug, **{"name": "site", **options})
    assert capsys.readouterr().out == ""
