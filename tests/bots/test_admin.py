"""Bots, versions and FAQs as the people in the shop see them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bots.models import Bot, BotVersion, Capability, Faq
from bots.services import activate_version, create_version
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(saigon: Business) -> Client:
    client = Client()
    client.force_login(saigon.operator)
    return client


@pytest.fixture
def bot(saigon: Business) -> Bot:
    with in_tenant(saigon.tenant):
        return Bot.objects.create(code="shop", name="Shop")


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:bots_{name}", args=args)


def test_a_new_version_begins_as_a_copy_of_the_newest(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        create_version(bot=bot, system_prompt="Be kind and brief.")
    page = staff.get(staff.get(url("bot_new_version", bot.pk)).url)
    assert "Be kind and brief." in page.content.decode()
    staff.post(url("botversion_add"), {"bot": str(bot.pk), "system_prompt": "Be brief.", "flow_config": "{}"})
    with in_tenant(saigon.tenant):
        assert list(BotVersion.objects.values_list("version", "system_prompt")) == [
            (2, "Be brief."),
            (1, "Be kind and brief."),
        ]


def test_a_draft_saved_as_it_is_shown_keeps_what_it_may_use(staff: Client, saigon: Business, bot: Bot) -> None:
    prices = Capability.objects.get(code="price_lookup")
    with in_tenant(saigon.tenant):
        draft = create_version(bot=bot, system_prompt="Be kind.", capabilities=[prices])
    form = staff.get(url("botversion_change", draft.pk)).context["adminform"].form
    ticked = [one.data["value"] for one in form["capabilities"].subwidgets if one.data["selected"]]
    said = {"system_prompt": "Be brief.", "flow_config": "{}", "capabilities": [str(value) for value in ticked]}
    staff.post(url("botversion_change", draft.pk), said)
    with in_tenant(saigon.tenant):
        draft = BotVersion.objects.get()
        assert (draft.system_prompt, draft.capabilities) == ("Be brief.", [prices])


def test_a_new_version_begins_with_what_the_active_one_has(staff: Client, saigon: Business, bot: Bot) -> None:
    prices = Capability.objects.get(code="price_lookup")
    flow = {"greeting": {"vi": "Shop chào bạn"}, "note": "Nhắc khách để lại số điện thoại"}
    with in_tenant(saigon.tenant):
        active = create_version(bot=bot, system_prompt="Be kind.", flow_config=flow, capabilities=[prices])
        activate_version(version=active)
        create_version(bot=bot, system_prompt="A draft.")
    for address in (staff.get(url("bot_new_version", bot.pk)).url, url("botversion_add")):  # its only bot
        page = staff.get(address)
        form = page.context["adminform"].form
        assert (form["system_prompt"].value(), form["greeting_vi"].value()) == ("Be kind.", "Shop chào bạn")
        assert form["capabilities"].value() == [prices.pk]
        assert "Nhắc khách để lại" in page.content.decode()
    shown = staff.get(url("botversion_change", active.pk)).content.decode()
    assert "Nhắc khách để lại" in shown
    assert "\\u" not in shown


def test_only_what_is_not_active_can_be_activated(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        first, second = create_version(bot=bot), create_version(bot=bot)
        activate_version(version=first)
    pages = [staff.get(url("botversion_change", one.pk)).content.decode() for one in (first, second)]
    assert url("botversion_activate", first.pk) not in pages[0]
    assert url("botversion_activate", second.pk) in pages[1]


def test_a_version_is_copied_and_the_two_are_compared_word_by_word(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        first = create_version(bot=bot, system_prompt="Be kind and brief.", flow_config={"idle_minutes": 30})
    form = staff.get(staff.get(url("botversion_copy", first.pk)).url)
    assert "Be kind and brief." in form.content.decode()
    body = {"bot": str(bot.pk), "system_prompt": "Be rude and brief.", "flow_config": '{"idle_minutes": 60}'}
    staff.post(url("botversion_add"), body)
    compared = staff.get(url("botversion_compare", first.pk)).content.decode()
    assert "<del" in compared
    assert ">kind</del>" in compared
    assert ">rude</ins>" in compared
    assert "Flow: idle_minutes" in compared


@pytest.mark.parametrize(
    ("values", "said"),
    [({"system_prompt": "{{ colour }}"}, "colour"), ({"flow_config": '{"idle_minutes": "x"}'}, "flow_config.idle_minutes")],
)
def test_what_a_version_may_not_say_is_told_at_its_field(
    staff: Client, saigon: Business, bot: Bot, values: dict[str, str], said: str
) -> None:
    shown = staff.post(url("botversion_add"), {"bot": str(bot.pk), "system_prompt": "", "flow_config": "{}", **values})
    assert shown.status_code == 200
    assert said in str(shown.context["adminform"].form.errors[next(iter(values))])  # type: ignore[index]
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.exists()


def test_a_draft_is_changed_on_its_page(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot, system_prompt="Be kind.")
    body = {"bot": str(bot.pk), "system_prompt": "Be brief.", "flow_config": "{}"}
    assert staff.post(url("botversion_change", version.pk), body).status_code == 302
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().system_prompt == "Be brief."


def test_activating_asks_first_and_only_the_button_does_it(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot)
    assert "Activate?" in staff.get(url("botversion_activate", version.pk)).content.decode()
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.get().is_active
    staff.post(url("botversion_activate", version.pk))
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().is_active


def test_a_version_that_spoke_is_read_and_never_changed(staff: Client, saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot, system_prompt="Be kind.")
    staff.post(url("botversion_activate", version.pk))
    body = {"bot": str(bot.pk), "system_prompt": "Be rude.", "flow_config": "{}"}
    assert staff.post(url("botversion_change", version.pk), body).status_code == 403
    with in_tenant(saigon.tenant):
        assert BotVersion.objects.get().system_prompt == "Be kind."


def test_a_version_that_spoke_names_what_it_may_use(staff: Client, saigon: Business, bot: Bot) -> None:
    prices = Capability.objects.get(code="price_lookup")
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot, capabilities=[prices])
        activate_version(version=version)
    said = staff.get(url("botversion_change", version.pk)).content.decode()
    assert prices.name in said
    assert "Capability:" not in said


def test_a_faq_is_written_in_a_form(staff: Client, saigon: Business) -> None:
    body = {"question": "Do you deliver?", "answer": "Yes.", "language": "en", "priority": "0", "is_active": "on"}
    body |= {"review_state": "approved"}
    assert staff.post(url("faq_add"), body).status_code == 302
    with in_tenant(saigon.tenant):
        assert Faq.objects.get().answer == "Yes."


def test_an_analyst_may_not_activate(saigon: Business, bot: Bot) -> None:
    with in_tenant(saigon.tenant):
        version = create_version(bot=bot)
    client = Client()
    client.force_login(saigon.analyst)
    assert client.post(url("botversion_activate", version.pk)).status_code == 403
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.get().is_active


def test_the_page_of_a_version_tells_whether_answers_are_given_again(staff: Client, saigon: Business, bot: Bot) -> None:
    for prompt, said in (
        ("Be kind.", "For a week"),
        ("Today is {{ today }}.", "Until the end of the day"),
        (
            "Greet {{ customer_name }}, we open {{ memory.hours }}.",
            "the instructions name {{ customer_name }}, {{ memory.hours }}",
        ),
    ):
        with in_tenant(saigon.tenant):
            version = create_version(bot=bot, system_prompt=prompt)
        assert said in staff.get(url("botversion_change", version.pk)).content.decode()
