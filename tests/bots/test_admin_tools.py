"""Tools, settings and memories as the people in the shop see them."""

import html
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from bots.models import Bot, BotMemory, BotSetting, Tool
from tests.conftest import Business, in_tenant
from tests.outside import http_server
from tests.tenants.admin_pages import browser, form_of, text_of
from vault.services import store_credential

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "description": "The order's number"},
        "size": {"type": "integer"},
        "colour": {"enum": ["red", "blue"]},
        "gift": {"type": "boolean"},
    },
    "required": ["number"],
}


@pytest.fixture
def owner(saigon: Business) -> Client:
    return browser(saigon.owner)


@pytest.fixture
def bot(saigon: Business) -> Bot:
    with in_tenant(saigon.tenant):
        found: Bot = Bot.objects.create(code="shop", name="Shop")
        return found


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:bots_{name}", args=args)


def body(**changes: Any) -> dict[str, Any]:
    return {
        "code": "tracking",
        "name": "Tracking",
        "description": "",
        "kind": "http",
        "method": "GET",
        "url": "https://api.example.com/orders/{{ number }}",
        "headers": "{}",
        "body": "",
        "timeout_seconds": "10",
        "parameters": json.dumps(SCHEMA),
        "effect": "reads",
        "is_active": "on",
        "script": "",
        "function": "",
        **changes,
    }


@pytest.mark.parametrize(
    "text",
    [
        *('{"a": NaN}', '{"a": 1e400}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a": 1, "a": 2}'),
        '{"a":' * 3000 + "1" + "}" * 3000,
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("field", ["body", "headers", "parameters"])
def test_json_that_cannot_be_kept_is_refused_at_its_field_and_shown_again(
    owner: Client, saigon: Business, field: str, text: str
) -> None:
    refused = owner.post(url("tool_add"), body(**{field: text}))
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors.as_data()[field][0].code == "invalid"
    assert text in html.unescape(refused.content.decode())
    with in_tenant(saigon.tenant):
        assert not Tool.objects.exists()


def test_a_tool_is_written_in_a_form_and_refused_at_its_field(owner: Client, saigon: Business) -> None:
    shown = owner.get(url("tool_add")).content.decode()
    assert 'x-model.fill="kind"' in shown
    assert 'x-model.fill="function"' not in shown  # a word of JavaScript: the page would break
    refused = owner.post(url("tool_add"), body(url="https://{{ number }}/"))
    assert refused.status_code == 200
    assert "url" in refused.context["adminform"].form.errors  # type: ignore[index]
    assert owner.post(url("tool_add"), body()).status_code == 302
    with in_tenant(saigon.tenant):
        tool = Tool.objects.get()
        assert (tool.parameters, tool.created_by) == (SCHEMA, saigon.owner)
    sent = {**form_of(owner.get(url("tool_change", tool.pk))), "timeout_seconds": "5"}
    assert owner.post(url("tool_change", tool.pk), sent).status_code == 302
    with in_tenant(saigon.tenant):
        assert Tool.objects.get().timeout_seconds == 5


def test_a_trial_asks_for_the_parameters_and_shows_request_and_answer(
    owner: Client, saigon: Business, loopback_allowed: None
) -> None:
    with http_server() as server:
        server.headers, server.body = {"Content-Type": "application/json"}, b'{"state": "<b>on its way</b>"}'
        with in_tenant(saigon.tenant):
            secret = store_credential(provider="custom", kind="api_key", label="Key", secret={"api_key": "sk-123456789"})
            tool = Tool.objects.create(
                code="tracking",
                name="Tracking",
                parameters=SCHEMA,
                credential=secret,
                url=f"http://127.0.0.1:{server.port}/orders/{{{{ number }}}}",
            )
        page = url("tool_try_out", tool.pk)
        assert "The order&#x27;s number" in owner.get(page).content.decode()
        filled = {"argument_number": "7", "argument_size": "3", "argument_colour": '"red"', "argument_gift": "true"}
        shown = text_of(owner.post(page, {**filled, "show": "1"}))
        sent = re.search(r"/orders/7\?(\S+)", shown)
        assert sent
        assert set(sent[1].split("&amp;")) == {"size=3", "colour=red", "gift=true"}
        assert server.received == []
        tried = owner.post(page, {**filled, "send": "1"}).content.decode()
    assert "&lt;b&gt;on its way" in tried
    assert "sk-123456789" not in tried
    assert len(server.received) == 1
    assert "argument_number" in owner.post(page, {"send": "1"}).context["form"].errors  # type: ignore[index]
    assert len(server.received) == 1


def test_an_operator_chooses_no_credential(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        secret = store_credential(provider="custom", kind="api_key", label="Key", secret={"api_key": "sk-123456789"})
        tool = Tool.objects.create(code="t", name="T", url="https://api.example.com/", credential=secret)
    client = browser(saigon.operator)
    sent = {**form_of(client.get(url("tool_change", tool.pk))), "url": "https://evil.example/"}
    assert client.post(url("tool_change", tool.pk), sent).status_code == 200
    client.post(url("tool_add"), body(credential=str(secret.pk)))
    with in_tenant(saigon.tenant):
        assert Tool.objects.get(code="t").url == "https://api.example.com/"
        assert Tool.objects.get(code="tracking").credential is None


def test_settings_are_edited_on_the_page_of_their_bot(owner: Client, saigon: Business, bot: Bot) -> None:
    sent = form_of(owner.get(url("bot_change", bot.pk)))
    new = {"settings-TOTAL_FORMS": "1", "settings-0-key": "max-cards", "settings-0-value_type": "integer"}
    refused = owner.post(url("bot_change", bot.pk), {**sent, **new, "settings-0-text": "many"})
    assert refused.status_code == 200
    with in_tenant(saigon.tenant):
        assert not BotSetting.objects.exists()
    assert owner.post(url("bot_change", bot.pk), {**sent, **new, "settings-0-text": "5"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert BotSetting.objects.get().value == 5


def test_a_config_comes_in_and_goes_out_on_the_page_of_its_bot(owner: Client, saigon: Business, bot: Bot) -> None:
    def upload(text: str) -> Any:
        file = SimpleUploadedFile("config.csv", text.encode())
        return owner.post(url("bot_import_config", bot.pk), {"file": file}, follow=True)

    said = text_of(upload("name,value\nbot-name,Mai\nllm-key,sk-123456789\n"))
    assert "New: 1" in said
    assert "llm-key" in said
    assert "sk-123456789" not in said
    assert "rows.2.name" in text_of(upload("name,value\nbad key,1\n"))
    assert owner.get(url("bot_export_config", bot.pk)).content.decode().splitlines() == ["name,value", "bot-name,Mai"]
    with in_tenant(saigon.tenant):
        assert BotSetting.objects.count() == 1


def test_what_a_bot_remembers_is_listed_and_changed(owner: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        memory = BotMemory.objects.create(bot=bot, key="hours", value="9-21")
    listed = owner.get(url("bot_memories", bot.pk), follow=True)
    assert "9-21" in listed.content.decode()
    sent = {**form_of(owner.get(url("botmemory_change", memory.pk))), "value": "9-18"}
    assert owner.post(url("botmemory_change", memory.pk), sent).status_code == 302
    with in_tenant(saigon.tenant):
        assert BotMemory.objects.get().value == "9-18"
