"""Intents: told by examples through the API and the admin, and recorded on the turn."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bots.models import Bot, Intent, IntentExample
from catalog.models import SearchText
from runtime.models import Turn
from tests.conftest import Business, in_tenant
from tests.runtime.conftest import begin, messages_to_database, shop  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db

WHERE = {
    "code": "order_status",
    "name": "Where is it?",
    "examples": [
        "Where is my order?",
        "When will my parcel arrive?",
        "Has my order been shipped yet?",
        "Đơn hàng của tôi tới đâu rồi?",
        "Bao giờ tôi nhận được hàng?",
    ],
}
COMPLAINT = {
    "code": "complaint",
    "name": "Complains",
    "examples": [
        "I am not satisfied at all",
        "This is broken, I want to complain",
        "Tôi muốn khiếu nại",
        "Hàng bị lỗi, tôi rất bực mình",
    ],
}


def test_an_intent_is_kept_with_its_examples_and_the_language_of_each(api: Any, saigon: Business) -> None:
    made = api(saigon).post("intents/", WHERE)
    assert (made.status_code, made.json()["examples"]) == (201, WHERE["examples"])
    with in_tenant(saigon.tenant):
        assert list(IntentExample.objects.values_list("language", flat=True)) == ["en", "en", "en", "vi", "vi"]
        found = SearchText.objects.filter(kind="intent")
        assert set(found.values_list("title", "body")) == {(text, "order_status") for text in WHERE["examples"]}


def test_changing_examples_keeps_those_that_are_said_again(api: Any, saigon: Business) -> None:
    client = api(saigon)
    intent = client.post("intents/", WHERE).json()
    with in_tenant(saigon.tenant):
        kept = IntentExample.objects.get(text="Where is my order?").pk
    changed = client.patch(f"intents/{intent['id']}/", {"examples": ["Where is my order?", " Track my parcel "]})
    assert changed.json()["examples"] == ["Where is my order?", "Track my parcel"]
    with in_tenant(saigon.tenant):
        assert IntentExample.objects.get(text="Where is my order?").pk == kept
        assert set(SearchText.objects.values_list("title", flat=True)) == {"Where is my order?", "Track my parcel"}
    assert client.patch(f"intents/{intent['id']}/", {"name": "Status"}).json()["examples"] == changed.json()["examples"]


def test_an_intent_that_is_switched_off_renamed_or_deleted_is_found_so(api: Any, saigon: Business) -> None:
    client = api(saigon)
    address = f"intents/{client.post('intents/', WHERE).json()['id']}/"

    def bodies() -> set[str]:
        with in_tenant(saigon.tenant):
            return set(SearchText.objects.filter(kind="intent").values_list("body", flat=True))

    client.patch(address, {"code": "tracking"})
    assert bodies() == {"tracking"}
    client.patch(address, {"is_active": False})
    assert bodies() == set()
    client.patch(address, {"is_active": True})
    assert bodies() == {"tracking"}
    assert client.delete(address).status_code == 204
    assert bodies() == set()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": "order status"}, "code"),
        ({"examples": ["x" * 501]}, "examples"),
        ({"examples": "Where is it?"}, "examples"),
        ({"bot": "nobody"}, "bot"),
        ({"threshold": 1}, "threshold"),
    ],
)
def test_a_wrong_intent_is_refused(api: Any, saigon: Business, wrong: dict[str, Any], field: str) -> None:
    refused = api(saigon).post("intents/", WHERE | wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"].split(".")[0]) == (422, field)
    with in_tenant(saigon.tenant):
        assert not Intent.objects.exists()
        assert not IntentExample.objects.exists()


def test_a_code_is_taken_once_a_tenant(api: Any, saigon: Business, harbour: Business) -> None:
    assert api(saigon).post("intents/", WHERE).status_code == 201
    assert api(saigon).post("intents/", WHERE).status_code == 422
    assert api(harbour).post("intents/", WHERE).status_code == 201


@pytest.fixture
def heard(api: Any, saigon: Business, begin: Callable[..., dict[str, Any]]) -> Callable[[str], str]:  # noqa: F811
    """Say something in a conversation of a shop that knows two intents; return the intent on the turn."""
    for intent in (WHERE, COMPLAINT):
        assert api(saigon).post("intents/", intent).status_code == 201
    session = begin()["id"]

    def said(message: str) -> str:
        answer = api(saigon).post(f"sessions/{session}/turns/", {"message": message})
        assert answer.status_code == 201
        with in_tenant(saigon.tenant):
            return Turn.objects.get(pk=answer.json()["turn"]["id"]).intent

    return said


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("where's my order", "order_status"),
        ("don hang cua toi toi dau roi", "order_status"),
        ("has my order been shipped", "order_status"),
        ("i want to complain, it is broken", "complaint"),
        ("toi muon khieu nai ve hang bi loi", "complaint"),
        ("what is the capital of France", ""),
        ("trời hôm nay đẹp quá", ""),
    ],
)
def test_the_nearest_intent_is_recorded_on_the_turn_or_none(heard: Callable[[str], str], message: str, intent: str) -> None:
    assert heard(message) == intent


def test_an_intent_of_another_bot_or_tenant_is_never_heard(
    api: Any,
    saigon: Business,
    harbour: Business,
    begin: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    with in_tenant(saigon.tenant):
        Bot.objects.create(code="other", name="Other")
    api(saigon).post("intents/", WHERE | {"bot": "other"})
    api(harbour).post("intents/", WHERE)
    answer = api(saigon).post(f"sessions/{begin()['id']}/turns/", {"message": "Where is my order?"})
    with in_tenant(saigon.tenant):
        assert Turn.objects.get(pk=answer.json()["turn"]["id"]).intent == ""


def test_telling_the_intent_costs_no_message_to_the_database(
    api: Any,
    saigon: Business,
    begin: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    client, session = api(saigon), begin()["id"]

    def cost() -> int:
        with messages_to_database() as sent:
            client.post(f"sessions/{session}/turns/", {"message": "Where is my order?"})
        return len(sent)

    cost()
    without = cost()
    client.post("intents/", WHERE)
    assert cost() == without


def test_in_the_admin_examples_are_lines(client: Client, saigon: Business) -> None:
    client.force_login(saigon.owner)
    page = "/admin/bots/intent/add/"
    form = {"code": "refund", "name": "Refund", "description": "", "bot": "", "is_active": "on", "metadata": "{}"}
    assert client.post(page, form | {"examples": "I want my money back\n\nTrả lại tiền cho tôi\n"}).status_code == 302
    with in_tenant(saigon.tenant):
        intent = Intent.objects.get()
        assert intent.wordings == ["I want my money back", "Trả lại tiền cho tôi"]
    page = f"/admin/bots/intent/{intent.pk}/change/"
    assert "I want my money back\nTrả lại tiền cho tôi" in client.get(page).content.decode()
    refused = client.post(page, form | {"examples": "x" * 501})
    assert "Line 1 has more than 500 characters." in refused.content.decode()
    with in_tenant(saigon.tenant):
        assert IntentExample.objects.count() == 2
