"""The flow of a version in the admin: fields and rows, put together to what the API takes, and taken apart again."""

from typing import Any

import pytest

from bots.models import Bot, BotVersion
from bots.services import activate_version, create_version
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page

pytestmark = pytest.mark.django_db

FLOW: dict[str, Any] = {
    "default_state": "idle",
    "greeting": {"vi": "Chào bạn!", "en": "Hello!", "fr": "Bonjour"},
    "quick_replies": ["Giao hàng", "Đổi trả"],
    "idle_minutes": 60,
    "steps": {
        "idle": {"next": ["browsing"]},
        "browsing": {"on": ["tier:catalog", "intent:buy"], "timeout_minutes": 30, "on_timeout": "idle"},
    },
    "max_cards": 5,
}


@pytest.fixture
def bot(saigon: Business) -> Bot:
    with in_tenant(saigon.tenant):
        return Bot.objects.create(code="shop", name="Shop")


@pytest.fixture
def operator(saigon: Business) -> Any:
    return browser(saigon.operator, saigon.tenant)


def filled(answer: Any, **changed: str) -> dict[str, str]:
    """Return what a browser sends that shows the form, with what was typed over it."""
    form = answer.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields if name not in ("steps", "capabilities", "flow_config")}
    rows = form.initial.get("steps", [])
    steps = {f"steps-{number}-{field}": text for number, row in enumerate(rows) for field, text in row.items()}
    sent |= {"flow_config": form["flow_config"].value(), "steps-count": str(len(rows) + 3), **steps}
    return {name: "" if value is None else str(value) for name, value in {**sent, **changed}.items()}


def test_a_flow_is_taken_apart_and_put_together_without_a_loss(operator: Any, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot, flow_config=FLOW)
    address = page("bots_botversion_change", version.pk)
    shown = operator.get(address)
    assert 'value="tier:catalog, intent:buy"' in shown.content.decode()
    assert operator.post(address, filled(shown, idle_minutes="45")).status_code == 302
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().flow_config == {**FLOW, "idle_minutes": 45}


def test_a_new_version_begins_with_the_flow_of_the_last_one_and_steps_are_added_in_rows(
    operator: Any, saigon: Business, bot: Bot
) -> None:
    with in_tenant(saigon.tenant):
        create_version(bot=bot, flow_config={"greeting": "Hi"})
    shown = operator.get(page("bots_botversion_add"), {"bot": str(bot.pk)})
    rows = {
        "steps-0-name": "idle",
        "steps-0-next": "paying, ended",
        "steps-2-name": "paying",
        "steps-2-timeout_minutes": "5",
    }
    asked = filled(shown, greeting_vi="", default_state="idle", quick_replies_vi=" A \n\nB", **rows)
    assert operator.post(page("bots_botversion_add"), asked).status_code == 302
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get(version=2).flow_config == {
            "greeting": {"en": "Hi"},
            "quick_replies": ["A", "B"],
            "default_state": "idle",
            "steps": {"idle": {"next": ["paying", "ended"]}, "paying": {"timeout_minutes": 5}},
        }


def test_quick_replies_are_written_in_two_languages_and_read_back(operator: Any, saigon: Business, bot: Bot) -> None:
    shown = operator.get(page("bots_botversion_add"), {"bot": str(bot.pk)})
    typed = filled(shown, quick_replies_vi="Giá", quick_replies_en="Price\nStock")
    assert operator.post(page("bots_botversion_add"), typed).status_code == 302
    with in_tenant(saigon.tenant):
        version = BotVersion.objects.get()
        assert version.flow_config == {"quick_replies": {"vi": ["Giá"], "en": ["Price", "Stock"]}}
    again = filled(operator.get(page("bots_botversion_change", version.pk)))
    assert (again["quick_replies_vi"], again["quick_replies_en"]) == ("Giá", "Price\nStock")


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"steps-0-name": "idle", "steps-0-next": "nowhere"}, "steps", "nowhere"),
        ({"steps-0-name": "a b"}, "steps", "letters"),
        ({"steps-0-next": "idle"}, "steps", "a name of its own"),
        ({"steps-0-name": "idle", "steps-1-name": "idle"}, "steps", "a name of its own"),
        ({"steps-0-name": "idle", "steps-0-timeout_minutes": "soon"}, "steps", "whole number"),
        ({"steps-0-name": "idle", "steps-0-timeout_minutes": "9" * 30}, "steps", "43200"),
        ({"steps-0-name": "idle", "steps-0-on": "tier:magic"}, "steps", "order_placed"),
        ({"idle_minutes": "0"}, "idle_minutes", "1"),
        ({"quick_replies_vi": "x" * 81}, "quick_replies_vi", "80"),
        ({"default_state": "a b"}, "default_state", "letters"),
        ({"flow_config": '{"tools": 1}'}, "flow_config", "array"),
        ({"flow_config": "["}, "flow_config", "JSON"),
        ({"flow_config": "[1]", "greeting_vi": "x"}, "flow_config", "object"),
        ({"steps-count": "nonsense", "flow_config": '{"steps": 7}'}, "steps", "object"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_kept(
    operator: Any, saigon: Business, bot: Bot, typed: dict[str, str], field: str, said: str
) -> None:
    shown = operator.get(page("bots_botversion_add"), {"bot": str(bot.pk)})
    refused = operator.post(page("bots_botversion_add"), filled(shown, **typed))
    assert refused.status_code == 200
    errors = refused.context["adminform"].form.errors
    assert said in str(errors.get(field)), errors
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.exists()


def test_a_version_that_spoke_shows_its_flow_in_words(operator: Any, saigon: Business, bot: Bot) -> None:
    hostile = {**FLOW, "greeting": "<script>alert(1)</script>"}
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot, flow_config=hostile)
        activate_version(version=version)
    shown = operator.get(page("bots_botversion_change", version.pk)).content.decode()
    assert "30 min → idle" in shown
    assert "Ends after 60 minutes of silence." in shown
    assert "<script>alert" not in shown
