"""Offerings, versions and variants over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import AttributeValue, Offering, OfferingVersion, Variant
from tests.conftest import ApiClient, Business, in_tenant

Api = Callable[..., ApiClient]

LAMP: dict[str, Any] = {
    "code": "desk-lamp",
    "offering_type": "physical",
    "domain": "electronics",
    "category": "Lighting",
    "tags": ["new", "desk"],
    "name": "Desk lamp",
    "description": "<p>Bright</p><script>alert(1)</script>",
    "attributes": {"brand": "Lumora", "power": 12.5, "water_resistant": False},
    "images": [{"url": "https://img.example/lamp.jpg", "alt": "The lamp"}],
    "variants": [
        {"sku": "LAMP-W", "name": "White", "attributes": {"color": "white", "finish": "matt"}},
        {"sku": "LAMP-B", "name": "Black", "inventory_policy": "continue"},
    ],
}


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    return api(saigon, saigon.operator)


def problems(response: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in response.json()["errors"]}


def test_one_request_makes_offering_version_and_variants(client: ApiClient) -> None:
    response = client.post("offerings/", LAMP)
    assert response.status_code == 201, response.content
    made = response.json()
    assert (made["status"], made["version"], made["name"], made["domain"]) == ("draft", 1, "Desk lamp", "electronics")
    assert made["description"] == "<p>Bright</p>"
    assert made["attributes"] == {"brand": "Lumora", "power": 12.5, "water_resistant": False}
    assert [(one["sku"], one["inventory_policy"], one["position"]) for one in made["variants"]] == [
        ("LAMP-W", "deny", 0),
        ("LAMP-B", "continue", 1),
    ]
    assert made["images"] == [{"url": "https://img.example/lamp.jpg", "alt": "The lamp"}]
    assert client.get(f"offerings/{made['id']}/").json() == made


def test_a_wrong_attribute_is_named_and_nothing_is_made(client: ApiClient, saigon: Business) -> None:
    wrong = {"brand": 5, "power": -1, "water_resistant": "yes", "device_type": "spaceship", "colour": "red"}
    response = client.post("offerings/", {**LAMP, "attributes": wrong})
    assert response.status_code == 422
    assert problems(response) == {
        ("attributes.brand", "invalid"),
        ("attributes.power", "invalid"),
        ("attributes.water_resistant", "invalid"),
        ("attributes.device_type", "invalid"),
        ("attributes.colour", "unknown_attribute"),
    }
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()


def test_options_the_domain_knows_are_checked_and_others_kept(client: ApiClient) -> None:
    variants = [{"sku": "X", "attributes": {"storage": "plenty", "finish": "matt"}}]
    response = client.post("offerings/", {**LAMP, "variants": variants})
    assert problems(response) == {("variants.0.attributes.storage", "invalid")}


def test_a_code_or_sku_is_used_once_in_a_business(client: ApiClient, api: Api, harbour: Business) -> None:
    assert client.post("offerings/", LAMP).status_code == 201
    again = client.post("offerings/", {**LAMP, "variants": []})
    assert again.status_code == 422
    assert problems(again) == {("code", "unique")}
    other = client.post("offerings/", {**LAMP, "code": "other"})
    assert problems(other) == {("variants.0.sku", "unique"), ("variants.1.sku", "unique")}
    assert api(harbour).post("offerings/", LAMP).status_code == 201


def test_a_sku_stands_once_in_a_body(client: ApiClient, saigon: Business) -> None:
    client.post("offerings/", {"code": "old", "name": "Old", "offering_type": "physical", "variants": [{"sku": "A"}]})
    refused = client.post("offerings/", {**LAMP, "variants": [{"sku": "B"}, {"sku": "B"}, {"sku": "C"}, {"sku": "A"}]})
    assert refused.status_code == 422
    assert problems(refused) == {("variants.1.sku", "duplicate_sku"), ("variants.3.sku", "unique")}
    with in_tenant(saigon.tenant):
        assert Offering.objects.get().code == "old"


def test_many_variants_cost_no_more_queries_than_one(client: ApiClient) -> None:
    def cost(count: int) -> int:
        variants = [{"sku": f"{count}-{one}", "attributes": {"storage": "64 GB"}} for one in range(count)]
        with CaptureQueriesContext(connection) as queries:
            made = client.post("offerings/", {**LAMP, "code": f"lamp-{count}", "variants": variants})
        assert made.status_code == 201, made.content
        return len(queries)

    assert cost(50) == cost(1) <= 28


@pytest.mark.parametrize(
    "body",
    [
        {"code": "x"},
        {**LAMP, "tenant": "harbour"},
        {**LAMP, "status": "active"},
        {**LAMP, "domain": "nonsense"},
        {**LAMP, "bot": "nobody"},
        {**LAMP, "images": [{"url": "javascript:alert(1)"}]},
        {**LAMP, "images": ["javascript:alert(1)"]},
        {**LAMP, "images": [{"url": "ftp://img.example/x.jpg"}]},
        {**LAMP, "variants": [{"sku": ""}]},
        {**LAMP, "variants": [{"sku": "A"}, {"sku": "A"}]},
        {**LAMP, "attributes": ["brand"]},
        {**LAMP, "name": " "},
    ],
)
def test_a_body_that_cannot_be_is_refused(client: ApiClient, saigon: Business, body: dict[str, Any]) -> None:
    assert client.post("offerings/", body).status_code == 422
    with in_tenant(saigon.tenant):
        assert not Offering.objects.exists()
        assert not Variant.objects.exists()


def test_activating_puts_an_offering_on_sale_and_archives_the_version_before(client: ApiClient) -> None:
    made = client.post("offerings/", LAMP).json()
    address = f"offerings/{made['id']}/versions/"
    assert client.post(f"{address}1/activate/").json()["status"] == "active"
    draft = client.post(address, {"name": "Better lamp"})
    assert draft.status_code == 201, draft.content
    assert (draft.json()["version"], draft.json()["status"]) == (2, "draft")
    assert draft.json()["attributes"] == made["attributes"]
    assert client.get(f"offerings/{made['id']}/").json()["name"] == "Desk lamp"
    client.post(f"{address}2/activate/")
    assert client.get(f"offerings/{made['id']}/").json()["name"] == "Better lamp"
    assert [(one["version"], one["status"]) for one in client.get(address).json()["results"]] == [
        (2, "active"),
        (1, "archived"),
    ]
    assert client.post(f"{address}1/activate/").status_code == 200  # and back


def test_what_the_domain_requires_is_asked_for_when_it_goes_on_sale(client: ApiClient) -> None:
    made = client.post("offerings/", {**LAMP, "attributes": {"power": 5}}).json()
    response = client.post(f"offerings/{made['id']}/versions/1/activate/")
    assert response.status_code == 422
    assert problems(response) == {("attributes.brand", "required")}
    assert client.get(f"offerings/{made['id']}/").json()["status"] == "draft"


def test_changed_words_make_a_new_version_and_other_changes_do_not(client: ApiClient) -> None:
    made = client.post("offerings/", LAMP).json()
    address = f"offerings/{made['id']}/"
    client.post(f"{address}versions/1/activate/")
    bare = client.patch(address, {"images": ["https://img.example/1.jpg", {"url": "https://img.example/2.jpg"}]}).json()
    assert [one["url"] for one in bare["images"]] == ["https://img.example/1.jpg", "https://img.example/2.jpg"]
    assert client.patch(address, {"category": "Lamps", "images": []}).json()["version"] == 1
    changed = client.patch(address, {"name": "Desk lamp 2", "attributes": {"brand": "Other"}}).json()
    assert (changed["version"], changed["name"], changed["attributes"]) == (2, "Desk lamp 2", {"brand": "Other"})
    assert (changed["category"], changed["images"], changed["status"]) == ("Lamps", [], "active")
    assert client.patch(address, {"variants": []}).status_code == 422


@pytest.fixture
def on_sale(client: ApiClient) -> str:
    """The address of an active lamp."""
    made = client.post("offerings/", LAMP).json()
    client.post(f"offerings/{made['id']}/versions/1/activate/")
    return f"offerings/{made['id']}/"


def test_another_domain_makes_a_version_with_the_attributes_it_knows(client: ApiClient, on_sale: str) -> None:
    changed = client.patch(on_sale, {"domain": "fashion"})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["version"], changed.json()["domain"]) == (2, "fashion")
    assert changed.json()["attributes"] == {"brand": "Lumora"}  # fashion has a brand, and no power
    assert client.patch(on_sale, {"domain": "fashion"}).json()["version"] == 2
    without = client.patch(on_sale, {"domain": None}).json()
    assert (without["version"], without["attributes"], without["status"]) == (3, {}, "active")


def test_another_domain_asks_for_what_it_requires_and_changes_nothing_without(
    client: ApiClient, on_sale: str, saigon: Business
) -> None:
    before = client.get(on_sale).json()
    refused = client.patch(on_sale, {"domain": "real_estate", "category": "Flats"})
    assert refused.status_code == 422
    assert {code for _field, code in problems(refused)} == {"required"}
    wrong = client.patch(on_sale, {"domain": "real_estate", "attributes": {"brand": "Lumora"}})
    assert ("attributes.brand", "unknown_attribute") in problems(wrong)
    assert client.get(on_sale).json() == before
    with in_tenant(saigon.tenant):
        assert OfferingVersion.objects.count() == 1


def test_another_domain_comes_with_its_attributes(client: ApiClient, on_sale: str) -> None:
    changed = client.patch(on_sale, {"domain": "fashion", "attributes": {"brand": "Other"}}).json()
    assert (changed["version"], changed["domain"], changed["attributes"]) == (2, "fashion", {"brand": "Other"})


def test_a_stale_copy_does_not_overwrite(client: ApiClient) -> None:
    made = client.post("offerings/", LAMP)
    address, tag = f"offerings/{made.json()['id']}/", made["ETag"]
    assert client.patch(address, {"category": "A"}, If_Match=tag).status_code == 200
    assert client.patch(address, {"category": "B"}, If_Match=tag).status_code == 412
    assert client.get(address).json()["category"] == "A"


def test_an_archived_offering_is_kept(client: ApiClient) -> None:
    made = client.post("offerings/", LAMP).json()
    archived = client.post(f"offerings/{made['id']}/archive/").json()
    assert (archived["status"], archived["is_archived"]) == ("archived", True)
    assert client.delete(f"offerings/{made['id']}/").status_code == 405
    assert [one["code"] for one in client.get("offerings/", {"status": "archived"}).json()["results"]] == ["desk-lamp"]


def test_variants_are_added_changed_and_archived(client: ApiClient) -> None:
    made = client.post("offerings/", LAMP).json()
    added = client.post("variants/", {"offering": made["id"], "sku": "LAMP-R", "attributes": {"storage": "64 GB"}})
    assert added.status_code == 201, added.content
    address = f"variants/{added.json()['id']}/"
    assert client.patch(address, {"attributes": {"storage": "plenty"}}).status_code == 422
    assert client.patch(address, {"status": "archived", "name": "Red"}).json()["status"] == "archived"
    assert client.patch(address, {"offering": made["id"]}).status_code == 422
    assert len(client.get("variants/", {"offering": made["id"]}).json()["results"]) == 3


def test_a_list_costs_the_same_queries_however_long(client: ApiClient) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("offerings/").status_code == 200
        return len(queries)

    client.post("offerings/", LAMP)
    few = cost()
    for number in range(5):
        variants = [{"sku": f"{number}-A"}, {"sku": f"{number}-B"}]
        client.post("offerings/", {**LAMP, "code": f"lamp-{number}", "variants": variants})
    assert cost() == few


def test_offerings_are_filtered_and_searched_by_name(client: ApiClient) -> None:
    client.post("offerings/", {**LAMP, "name": "Đèn bàn"})
    client.post("offerings/", {"code": "loan", "offering_type": "financial", "name": "Loan", "tags": ["money"]})

    def codes(**params: str) -> list[str]:
        return [one["code"] for one in client.get("offerings/", params).json()["results"]]

    assert codes(search="den ban") == ["desk-lamp"]
    assert codes(domain="electronics") == codes(tag="desk") == codes(category="Lighting") == ["desk-lamp"]
    assert codes(offering_type="financial") == codes(code="loan") == ["loan"]
    assert codes(ordering="code") == ["desk-lamp", "loan"]
    assert client.get("offerings/", {"name": "x"}).status_code == 400


def test_another_business_sees_and_changes_nothing(client: ApiClient, api: Api, harbour: Business, saigon: Business) -> None:
    made = client.post("offerings/", LAMP).json()
    foreign = api(harbour)
    variant = made["variants"][0]["id"]
    for answer in (
        foreign.get(f"offerings/{made['id']}/"),
        foreign.patch(f"offerings/{made['id']}/", {"name": "x"}),
        foreign.post(f"offerings/{made['id']}/archive/"),
        foreign.get(f"offerings/{made['id']}/versions/"),
        foreign.post(f"offerings/{made['id']}/versions/", {"name": "x"}),
        foreign.post(f"offerings/{made['id']}/versions/1/activate/"),
        foreign.patch(f"variants/{variant}/", {"name": "x"}),
    ):
        assert answer.status_code == 404
    refused = foreign.post("variants/", {"offering": made["id"], "sku": "MINE"})
    assert problems(refused) == {("offering", "unknown_reference")}
    with in_tenant(saigon.tenant):
        assert (OfferingVersion.objects.count(), Variant.objects.count(), AttributeValue.objects.count()) == (1, 2, 3)


def test_an_analyst_reads_and_changes_nothing(api: Api, saigon: Business, client: ApiClient) -> None:
    made = client.post("offerings/", LAMP).json()
    analyst = api(saigon, saigon.analyst)
    assert analyst.get(f"offerings/{made['id']}/").status_code == 200
    assert analyst.post("offerings/", {**LAMP, "code": "x"}).status_code == 403
    assert analyst.post(f"offerings/{made['id']}/archive/").status_code == 403
    assert analyst.post(f"offerings/{made['id']}/versions/1/activate/").status_code == 403


def test_a_malformed_id_is_not_found(client: ApiClient) -> None:
    for path in ("offerings/nonsense/", "offerings/nonsense/versions/", "variants/1/", f"offerings/{'9' * 40}/versions/1/"):
        assert client.get(path).status_code == 404


def test_domains_and_their_attributes_are_read_and_not_written(client: ApiClient) -> None:
    codes = {one["code"] for one in client.get("domains/").json()["results"]}
    assert {"electronics", "fashion", "real_estate", "finance"} <= codes
    found = client.get("attribute-definitions/", {"domain": "electronics", "scope": "variant"}).json()["results"]
    assert "storage" in {one["key"] for one in found}
    assert client.post("domains/", {"code": "x"}).status_code in (403, 405)
