"""Bots, their versions and FAQs through the API."""

from typing import Any

import pytest

from bots.models import Bot, BotVersion, Faq
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(api: Any, saigon: Business) -> Any:
    """Saigon's API client, with a bot called shop."""
    client = api(saigon)
    assert client.post("bots/", {"code": "shop", "name": "Shop"}).status_code == 201
    return client


def test_a_bot_is_addressed_by_its_code(shop: Any) -> None:
    assert shop.get("bots/shop/").json()["name"] == "Shop"
    assert shop.patch("bots/shop/", {"name": "Corner shop"}).json()["name"] == "Corner shop"
    assert shop.get("bots/other/").status_code == 404


def test_a_code_is_taken_once_a_tenant(shop: Any, api: Any, harbour: Business) -> None:
    refused = shop.post("bots/", {"code": "shop", "name": "Another"})
    assert refused.status_code == 422
    assert api(harbour).post("bots/", {"code": "shop", "name": "Ours"}).status_code == 201


def test_versions_are_numbered_and_only_the_activated_one_speaks(shop: Any) -> None:
    first = shop.post("bots/shop/versions/", {"system_prompt": "Be kind.", "capabilities": ["price_lookup"]})
    assert (first.status_code, first.json()["version"], first.json()["is_active"]) == (201, 1, False)
    assert first.json()["capabilities"] == ["price_lookup"]
    shop.post("bots/shop/versions/", {"system_prompt": "Be brief."})
    assert shop.post("bots/shop/versions/2/activate/").json()["is_active"] is True
    assert shop.get("bots/shop/").json()["active_version"] == 2
    shop.post("bots/shop/versions/1/activate/")
    active = [(one["version"], one["is_active"]) for one in shop.get("bots/shop/versions/").json()["results"]]
    assert active == [(2, False), (1, True)]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"capabilities": ["fly"]}, "capabilities", "unknown_reference"),
        ({"version": 7}, "version", "unknown_field"),
        ({"is_active": True}, "is_active", "unknown_field"),
    ],
)
def test_a_version_that_asks_too_much_is_refused(shop: Any, saigon: Business, body: Any, field: str, code: str) -> None:
    refused = shop.post("bots/shop/versions/", body)
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert (error["field"].split(".")[0], error["code"]) == (field, code)
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.exists()


def test_versions_of_an_unknown_bot_do_not_exist(shop: Any, api: Any, harbour: Business) -> None:
    assert shop.get("bots/nobody/versions/").status_code == 404
    assert api(harbour).get("bots/shop/versions/").status_code == 404
    assert api(harbour).post("bots/shop/versions/", {}).status_code == 404


def test_deleting_a_bot_archives_it_and_it_cannot_be_activated(shop: Any, saigon: Business) -> None:
    shop.post("bots/shop/versions/", {})
    assert shop.delete("bots/shop/").status_code == 204
    assert shop.get("bots/shop/").json()["status"] == "archived"
    assert shop.post("bots/shop/versions/1/activate/").json()["code"] == "bot_archived"
    with in_tenant(saigon.tenant):
        assert not BotVersion.objects.filter(is_active=True).exists()


def test_a_faq_is_found_at_once_by_the_bots_it_serves(shop: Any) -> None:
    shop.post("bots/", {"code": "other", "name": "Other"})
    faq = {"question": "Bao lâu thì tôi nhận được hàng?", "answer": "Từ 2 đến 4 ngày.", "language": "vi", "bot": "shop"}
    assert shop.post("faqs/", faq).status_code == 201
    found = shop.get("bots/shop/search/", {"q": "bao lau nhan duoc hang"}).json()["results"]
    assert (found[0]["kind"], found[0]["title"], found[0]["text"]) == ("faq", faq["question"], faq["answer"])
    assert set(found[0]["parts"]) == {"vector", "text", "priority"}
    assert shop.get("bots/other/search/", {"q": "bao lau nhan duoc hang"}).json()["results"] == []


@pytest.mark.parametrize("params", [{}, {"q": "x", "limit": "101"}, {"q": "x", "limit": "0"}, {"q": "x", "sort": "id"}])
def test_a_search_that_makes_no_sense_is_malformed(shop: Any, params: dict[str, str]) -> None:
    assert shop.get("bots/shop/search/", params).status_code == 400


def test_faqs_come_in_bulk(shop: Any, saigon: Business) -> None:
    items = [{"question": f"Question {n}?", "answer": "Answer.", "language": "en"} for n in range(50)]
    made = shop.post("faqs/bulk/", {"items": items}).json()["items"]
    with in_tenant(saigon.tenant):
        assert {one["id"] for one in made} == {str(pk) for pk in Faq.objects.values_list("pk", flat=True)}
    assert len(made) == 50


def test_a_bulk_costs_the_same_however_many_faqs_name_a_bot(shop: Any, django_assert_max_num_queries: Any) -> None:
    faq = {"question": "Question?", "answer": "Answer.", "language": "en", "bot": "shop"}
    with django_assert_max_num_queries(8):
        made = shop.post("faqs/bulk/", {"items": [faq] * 100}).json()["items"]
    assert {one["bot"] for one in made} == {"shop"}
    assert len(made) == 100


@pytest.mark.parametrize("value", [[], [1], "text", 7, True, None])
def test_what_holds_an_object_takes_nothing_else(shop: Any, saigon: Business, value: Any) -> None:
    faq = {"question": "Q?", "answer": "A.", "language": "en"}
    requests = {
        "bots/": {"code": "x", "name": "X", "metadata": value},
        "bots/shop/versions/": {"flow_config": value},
        "faqs/": {**faq, "metadata": value},
        "customers/": {"name": "X", "metadata": value},
    }
    for path, body in requests.items():
        refused = shop.post(path, body)
        assert refused.status_code == 422, path
        assert refused.json()["errors"][0]["field"] in ("metadata", "flow_config")
    assert shop.patch("bots/shop/", {"metadata": value}).status_code == 422
    assert shop.patch("bots/shop/", {"metadata": {"shelf": [1]}}).json()["metadata"] == {"shelf": [1]}
    with in_tenant(saigon.tenant):
        assert not (BotVersion.objects.exists())
        assert not (Faq.objects.exists())


def test_one_bad_faq_of_a_bulk_is_named_and_none_is_added(shop: Any, saigon: Business) -> None:
    good = {"question": "Good?", "answer": "Yes.", "language": "en"}
    refused = shop.post("faqs/bulk/", {"items": [good, {**good, "bot": "nobody"}, {**good, "colour": "red"}]})
    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {"items.1.bot", "items.2.colour"}
    with in_tenant(saigon.tenant):
        assert not Faq.objects.exists()


def test_a_faq_names_nothing_of_another_tenant(shop: Any, api: Any, harbour: Business) -> None:
    api(harbour).post("bots/", {"code": "homes", "name": "Homes"})
    refused = shop.post("faqs/", {"question": "Q?", "answer": "A.", "language": "en", "bot": "homes"})
    assert refused.json()["errors"] == [
        {"field": "bot", "code": "unknown_reference", "message": "There is nothing of this name."}
    ]


def test_an_analyst_reads_bots_and_changes_none(shop: Any, api: Any, saigon: Business) -> None:
    analyst = api(saigon, saigon.analyst)
    assert analyst.get("bots/").status_code == 200
    assert analyst.post("bots/", {"code": "x", "name": "X"}).status_code == 403
    assert analyst.post("faqs/", {"question": "Q?", "answer": "A.", "language": "en"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Bot.objects.count() == 1


def test_the_capabilities_of_the_platform_are_listed(shop: Any) -> None:
    codes = [one["code"] for one in shop.get("capabilities/").json()["results"]]
    assert codes == ["create_order", "offering_search", "order_status", "price_lookup", "stock_check"]


def test_a_list_costs_the_same_however_long_it_is(shop: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        shop.post("bots/", {"code": f"bot-{number}", "name": "Bot"})
        shop.post(f"bots/bot-{number}/versions/", {"capabilities": ["price_lookup", "stock_check"]})
    with django_assert_max_num_queries(4):
        assert len(shop.get("bots/").json()["results"]) == 6
    with django_assert_max_num_queries(5):
        shop.get("bots/bot-1/versions/")


@pytest.fixture
def bound(shop: Any, api: Any, saigon: Business) -> Any:
    """The client of a key bound to the bot called shop, beside which there is one called other."""
    shop.post("bots/", {"code": "other", "name": "Other"})
    for code in ("shop", "other"):
        shop.post(f"bots/{code}/versions/", {})
    with in_tenant(saigon.tenant):
        return api(issue_api_key(name="shop", bot_id=Bot.objects.get(code="shop").pk)[1])


def test_a_key_bound_to_a_bot_sees_no_other_bot(bound: Any) -> None:
    assert [one["code"] for one in bound.get("bots/").json()["results"]] == ["shop"]
    assert bound.get("bots/shop/").status_code == 200
    assert bound.get("bots/shop/versions/1/").status_code == 200
    assert bound.get("bots/shop/search/", {"q": "x"}).status_code == 200
    for path in ("", "versions/", "versions/1/"):
        assert bound.get(f"bots/other/{path}").status_code == 404, path
    assert bound.get("bots/other/search/", {"q": "x"}).status_code == 404


def test_a_key_bound_to_a_bot_reads_its_faqs_and_those_of_every_bot(bound: Any, shop: Any) -> None:
    made = {}
    for bot in ("shop", "other", None):
        faq = {"question": f"Of {bot}?", "answer": "Yes.", "language": "en", "bot": bot}
        made[bot] = shop.post("faqs/", faq).json()["id"]
    assert {one["bot"] for one in bound.get("faqs/").json()["results"]} == {"shop", None}
    statuses = {bot: bound.get(f"faqs/{pk}/").status_code for bot, pk in made.items()}
    assert statuses == {"shop": 200, "other": 404, None: 200}
    assert len(shop.get("faqs/").json()["results"]) == 3


def test_a_key_bound_to_a_bot_writes_no_bots_and_no_faqs(bound: Any, saigon: Business) -> None:
    assert bound.patch("bots/shop/", {"name": "Mine"}).status_code == 403
    assert bound.post("bots/shop/versions/", {}).status_code == 403
    assert bound.post("faqs/", {"question": "Q?", "answer": "A.", "language": "en"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Bot.objects.get(code="shop").name == "Shop"
        assert BotVersion.objects.count() == 2
        assert not Faq.objects.exists()
