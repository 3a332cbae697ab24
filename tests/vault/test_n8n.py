"""n8n's export of credentials comes in, in both forms, once."""

import base64
import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import Business, in_tenant
from vault.models import Credential
from vault.services import reveal

pytestmark = pytest.mark.django_db

KEY = "n8n-encryption-key-of-32-letters"
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "Chat": ("openAiApi", {"apiKey": "sk-openai-0123456789", "url": "https://api.openai.com/v1", "organizationId": ""}),
    "Gửi thư": ("smtp", {"user": "mai", "password": "mật khẩu", "host": "mail.example", "port": 465, "secure": True}),
    "Header": ("httpHeaderAuth", {"name": "X-Key", "value": "header value"}),
    "Drive": ("googleDriveOAuth2Api", {"clientId": "i", "clientSecret": "s", "oauthTokenData": {"refresh_token": "r"}}),
    "Odd": ("openAiApi", {"something": "else"}),
}
KEPT = {
    "Chat": ("openai", "api_key", {"api_key": "sk-openai-0123456789", "base_url": "https://api.openai.com/v1"}),
    "Gửi thư": (
        "smtp",
        "basic",
        {"username": "mai", "password": "mật khẩu", "host": "mail.example", "port": 465, "security": "tls"},
    ),
    "Header": ("custom", "custom", DATA["Header"][1]),
    "Drive": ("custom", "custom", DATA["Drive"][1]),
    "Odd": ("custom", "custom", DATA["Odd"][1]),
}


def by_openssl(data: dict[str, Any]) -> str:
    """Encrypt as n8n does, with the program n8n's form was checked against."""
    command = ["openssl", "enc", "-aes-256-cbc", "-md", "md5", "-salt", "-pass", f"pass:{KEY}"]
    done = subprocess.run(command, input=json.dumps(data).encode(), capture_output=True, check=True)
    return base64.b64encode(done.stdout).decode()


def exported(folder: Path, *, encrypted: bool, **changes: dict[str, Any]) -> Path:
    rows = []
    for number, (name, (kind, data)) in enumerate(DATA.items()):
        plain = {**data, **changes.get(name, {})}
        rows.append({"id": f"n8nId{number}", "name": name, "type": kind, "data": by_openssl(plain) if encrypted else plain})
        rows[-1] |= {"isManaged": False, "createdAt": "2026-01-01T00:00:00.000Z"}
    file = folder / "credentials.json"
    file.write_text(json.dumps(rows))
    (folder / "key").write_text(KEY + "\n")
    return file


def imported(business: Business, file: Path, *, key: Path | None = None) -> dict[str, Any]:
    out = StringIO()
    call_command("import_n8n_credentials", business.tenant.slug, str(file), key_file=key, stdout=out)
    for secret in ("sk-openai", "mật khẩu", "header value"):
        assert secret not in out.getvalue()
    return json.loads(out.getvalue())


def kept(business: Business) -> dict[str, Any]:
    with in_tenant(business.tenant):
        rows = Credential.objects.all()
        return {row.label: (row.provider, row.kind, reveal(row, why="test")) for row in rows}


@pytest.mark.parametrize("encrypted", [True, False])
def test_both_forms_are_kept_and_a_second_import_changes_nothing(saigon: Business, tmp_path: Path, encrypted: bool) -> None:
    file = exported(tmp_path, encrypted=encrypted)
    key = tmp_path / "key" if encrypted else None
    assert imported(saigon, file, key=key) == {"created": 5, "changed": 0, "unchanged": 0, "errors": []}
    assert kept(saigon) == KEPT
    assert imported(saigon, file, key=key) == {"created": 0, "changed": 0, "unchanged": 5, "errors": []}


def test_a_secret_that_changed_there_is_replaced_here(saigon: Business, tmp_path: Path) -> None:
    imported(saigon, exported(tmp_path, encrypted=False))
    again = imported(saigon, exported(tmp_path, encrypted=False, Header={"value": "header value 2"}))
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 1, 4)
    assert kept(saigon)["Header"][2] == {"name": "X-Key", "value": "header value 2"}
    with in_tenant(saigon.tenant):
        assert Credential.objects.get(label="Header").version == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not what"),
        ('[{"id": 1}]', "not what"),
        ("[1]", "not what"),
        (None, "is needed"),
        ("wrong key", "not the one"),
        ("damaged", "not the one"),
    ],
)
def test_what_is_no_export_or_does_not_open_stores_nothing(
    saigon: Business, tmp_path: Path, text: str | None, said: str
) -> None:
    file = exported(tmp_path, encrypted=True)
    key: Path | None = tmp_path / "key"
    if text is None:
        key = None
    elif text == "wrong key":
        (tmp_path / "key").write_text("another")
    elif text == "damaged":
        rows = json.loads(file.read_text())
        file.write_text(json.dumps([*rows[:-1], {**rows[-1], "data": rows[-1]["data"][:40]}]))
    else:
        file.write_text(text)
    with pytest.raises(CommandError, match=said):
        imported(saigon, file, key=key)
    assert kept(saigon) == {}


def test_what_cannot_be_kept_is_named_and_the_rest_is_kept(saigon: Business, tmp_path: Path) -> None:
    file = exported(tmp_path, encrypted=False, Header={"value": "x" * 70_000})
    out = StringIO()
    with pytest.raises(CommandError, match="1 credentials could not"):
        call_command("import_n8n_credentials", saigon.tenant.slug, str(file), stdout=out)
    report = json.loads(out.getvalue())
    assert [(error["name"], error["code"]) for error in report["errors"]] == [("Header", "too_large")]
    assert set(kept(saigon)) == set(KEPT) - {"Header"}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("openAiApi", {"apiKey": "sk-openai-0123456789", "headerName": "X-Team", "headerValue": "header value"}),
        ("openAiApi", {"apiKey": "sk-openai-0123456789", "baseUrl": "https://a.example", "url": "https://b.example"}),
        ("smtp", {"user": "mai", "password": "mật khẩu", "host": "mail.example", "secure": False}),
        ("httpBasicAuth", {"user": "mai", "password": "mật khẩu", "realm": "shop"}),
    ],
)
def test_a_type_with_a_field_that_has_no_place_here_is_kept_whole(
    saigon: Business, tmp_path: Path, kind: str, data: dict[str, Any]
) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps([{"id": "1", "name": "One", "type": kind, "data": data}]))
    assert imported(saigon, file)["created"] == 1
    assert kept(saigon) == {"One": ("custom", "custom", data)}


def test_what_the_database_would_not_take_is_told_and_the_rest_is_kept(saigon: Business, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "name": "Nul\x00", "type": "x", "data": {"value": "header value"}},
        {"id": "2", "name": "", "type": "", "data": {"value": "header value"}},
        {"id": "3", "name": "Good", "type": "x", "data": {"value": "header value"}},
    ]
    file, out = tmp_path / "credentials.json", StringIO()
    file.write_text(json.dumps(rows))
    with pytest.raises(CommandError, match="2 credentials could not"):
        call_command("import_n8n_credentials", saigon.tenant.slug, str(file), stdout=out)
    report = json.loads(out.getvalue())
    told = [(error["id"], error["code"]) for error in report["errors"]]
    assert told == [("1", "out_of_range"), ("2", "invalid")]
    assert set(kept(saigon)) == {"Good"}
