"""What a bot is set up with: typed values, and General Bots' config.csv read in and written out."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from bots.models import Bot, BotSetting
from bots.settings import read_as
from tenants.models import AuditEntry
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser

pytestmark = pytest.mark.django_db

CONFIG = """name,value
,
bot-name,Trợ lý
theme-color1,#0d2b55
max-cards,5
llm-key,sk-live-0123456789
email-pass,none
llm-url,"http://localhost:8081/v1, then more"

formula,'=1+1
"""


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    client = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    return client


def upload(client: Any, text: str | bytes) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return client.upload("bots/shop/settings/import/", {"file": SimpleUploadedFile("config.csv", data)})


def test_a_setting_has_the_type_of_its_value_and_keeps_it(shop: Any, saigon: Business) -> None:
    for value, kind in [(5, "integer"), (0.5, "number"), (True, "boolean"), ("x", "text"), ({"a": [1]}, "json")]:
        made = shop.post("bots/shop/settings/", {"key": f"one-{kind}", "value": value})
        assert (made.status_code, made.json()["value_type"], made.json()["value"]) == (201, kind, value)
    refused = shop.patch("bots/shop/settings/one-integer/", {"value": "six"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_type")
    assert shop.patch("bots/shop/settings/one-integer/", {"value": 6}).json()["value"] == 6
    assert shop.patch("bots/shop/settings/one-integer/", {"value": "six", "value_type": "text"}).json()["value"] == "six"
    assert shop.delete("bots/shop/settings/one-integer/").status_code == 204
    with in_tenant(saigon.tenant):
        entries = AuditEntry.objects.filter(subject_kind="bots.botsetting").values_list("verb", flat=True)
        assert {"insert", "update", "delete"} == set(entries)


REFUSED = [
    ({"key": "x", "value": None}, "value"),
    ({"key": "a b", "value": 1}, "key"),
    ({"key": "export", "value": 1}, "key"),
    ({"key": "x", "value": "y" * 10_001}, "value"),
    ({"key": "x", "value": "7", "value_type": "integer"}, "value"),
    ({"key": "llm-key", "value": "sk-live-0123456789"}, "value"),
    ({"key": "openaiApiKey", "value": "sk-live-0123456789"}, "value"),
    ({"key": "llm", "value": {"model": "x", "api_key": "sk-live-0123456789"}}, "value"),
    ({"key": "llm-key", "value": ["sk-live-0123456789"]}, "value"),
    ({"key": "x"}, "value"),
    ({"value": 1}, "key"),
]


def test_a_setting_that_makes_no_sense_or_is_a_secret_is_refused(shop: Any, saigon: Business) -> None:
    for body, field in REFUSED:
        refused = shop.post("bots/shop/settings/", body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), body
    with in_tenant(saigon.tenant):
        assert not BotSetting.objects.exists()


def test_a_key_is_set_once_a_bot(shop: Any) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    for bot, status in (("shop", 201), ("shop", 422), ("other", 201), ("nobody", 404)):
        assert shop.post(f"bots/{bot}/settings/", {"key": "max-cards", "value": 5}).status_code == status


def test_a_config_is_read_in_without_its_secrets_and_read_again_changes_nothing(shop: Any, saigon: Business) -> None:
    shop.post("bots/shop/settings/", {"key": "max-cards", "value": 3})
    first = upload(shop, CONFIG)
    assert first.status_code == 200, first.content
    assert {name: first.json()[name] for name in ("created", "changed", "unchanged")} == {
        "created": 5,
        "changed": 1,
        "unchanged": 0,
    }
    assert [(one["row"], one["name"]) for one in first.json()["skipped"]] == [(6, "llm-key")]
    found = {one["key"]: one["value"] for one in shop.get("bots/shop/settings/").json()["results"]}
    assert found == {
        "bot-name": "Trợ lý",
        "theme-color1": "#0d2b55",
        "max-cards": 5,
        "email-pass": "none",
        "llm-url": "http://localhost:8081/v1, then more",
        "formula": "=1+1",
    }
    assert "sk-live" not in str(found)
    assert upload(shop, CONFIG).json()["unchanged"] == 6


def test_cells_that_a_spreadsheet_adds_are_no_part_of_a_value(shop: Any) -> None:
    assert (
        upload(shop, 'name,value,,\nbot-name,Mai,,\n,,,\nllm-url,"http://x/v1,",,\nempty,,,\nlist,a,b,\n').status_code == 200
    )
    found = {one["key"]: one["value"] for one in shop.get("bots/shop/settings/").json()["results"]}
    assert found == {"bot-name": "Mai", "llm-url": "http://x/v1,", "empty": "", "list": "a,b"}


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', "[1e400]", '{"a": 1, "a": 2}', "[" * 70 + "]" * 70, "{"]
)
def test_an_object_that_the_api_would_refuse_is_refused_in_a_file_and_a_form(shop: Any, saigon: Business, text: str) -> None:
    shop.post("bots/shop/settings/", {"key": "object", "value": {"a": 1}})
    quoted = text.replace('"', '""')
    refused = upload(shop, f'name,value\nobject,"{quoted}"\n')
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "rows.2.value")
    with pytest.raises(ValueError):
        read_as("json", text)
    with in_tenant(saigon.tenant):
        assert BotSetting.objects.get().value == {"a": 1}


def test_an_export_is_inert_and_read_in_again_changes_nothing(shop: Any) -> None:
    for key, value in [("formula", "=cmd()"), ("list", [1, "a,b"]), ("on", True), ("words", 'He said "hi"\nand went')]:
        shop.post("bots/shop/settings/", {"key": key, "value": value})
    exported = shop.get("bots/shop/settings/export/")
    text = exported.content.decode()
    assert text.splitlines()[:2] == ["name,value", "formula,'=cmd()"]
    assert exported["Content-Type"].startswith("text/csv")
    again = upload(shop, text).json()
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n" * 200_000,
        "key,value\na,b\n",
        b"\xff\xfe",
        b"name,value\n\x00",
        "name,value\nbad key,1\nfine,2\n",
        "name,value\nmax-cards,many\n",
        "name,value\nlong," + "x" * 10_001,
        "name,value\n" + "".join(f"k{number},1\n" for number in range(501)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_cannot_be_read_changes_nothing(shop: Any, saigon: Business, text: Any) -> None:
    shop.post("bots/shop/settings/", {"key": "max-cards", "value": 3})
    assert upload(shop, text).status_code == 422
    with in_tenant(saigon.tenant):
        assert list(BotSetting.objects.values_list("key", "value")) == [("max-cards", 3)]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(shop: Any, saigon: Business) -> None:
    large = b"name,value\nlong," + b"x" * 1_000_000
    assert upload(shop, large).status_code == 413
    with in_tenant(saigon.tenant):
        address = reverse("admin:bots_bot_import_config", args=[Bot.objects.get().pk])
    shown = browser(saigon.operator).post(address, {"file": SimpleUploadedFile("config.csv", large)})
    assert (shown.status_code, "A config.csv has up to 1 MB." in shown.content.decode()) == (200, True)
    with in_tenant(saigon.tenant):
        assert not BotSetting.objects.exists()


def test_a_wrong_row_is_named_by_its_line(shop: Any) -> None:
    refused = upload(shop, "name,value\nfine,2\n\nbad key,1\n").json()
    assert [one["field"] for one in refused["errors"]] == ["rows.4.name"]


def test_settings_are_one_tenants_and_an_analyst_only_reads(
    shop: Any, api: Any, saigon: Business, harbour: Business
) -> None:
    shop.post("bots/shop/settings/", {"key": "max-cards", "value": 3})
    for path in ("", "max-cards/", "export/"):
        assert api(harbour).get(f"bots/shop/settings/{path}").status_code == 404
        assert api(saigon, saigon.analyst).get(f"bots/shop/settings/{path}").status_code == 200
    assert upload(api(saigon, saigon.analyst), CONFIG).status_code == 403
    assert api(saigon, saigon.analyst).patch("bots/shop/settings/max-cards/", {"value": 4}).status_code == 403
    assert shop.get("bots/shop/settings/max-cards/").json()["value"] == 3


@given(st.sampled_from(["integer", "number", "boolean", "json", "text"]), st.text(max_size=50))
def test_a_text_is_a_value_of_its_type_or_refused(kind: str, text: str) -> None:
    try:
        value = read_as(kind, text)
    except (ValueError, KeyError):
        value = None
    expected = {"integer": int, "number": float, "boolean": bool, "json": dict | list, "text": str}[kind]
    assert value is None or isinstance(value, expected)
