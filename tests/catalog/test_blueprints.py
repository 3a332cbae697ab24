"""The blueprints: what platform staff may write into them, what is shipped, and what they make of values."""

import importlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

import catalog
from catalog.limits import check_limits
from catalog.models import AttributeDefinition, KnowledgeDomain, Offering, OfferingVersion, Variant
from tenants.scope import platform_scope
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import code
from tests.tenants.admin_pages import browser, page
from tests.test_hostile_input import NAUGHTY

pytestmark = pytest.mark.django_db

Api = Callable[..., ApiClient]
SHIPPED = json.loads((Path(catalog.__file__).parent / "fixtures" / "domains.json").read_text(encoding="utf-8"))


@pytest.fixture
def platform() -> Iterator[None]:
    """Act as the platform's staff do."""
    with platform_scope(reason="test set-up"):
        yield


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    return api(saigon, saigon.operator)


def problems(response: Any) -> set[tuple[str, str]]:
    return {(one["field"], one["code"]) for one in response.json()["errors"]}


def define(**fields: Any) -> AttributeDefinition:
    """Make a definition of the domain ``test`` as platform staff do."""
    with platform_scope(reason="test set-up"):
        domain, _made = KnowledgeDomain.objects.get_or_create(code="test", defaults={"name": "Test"})
        return AttributeDefinition.objects.create(domain=domain, **{"key": "x", "name": "X", **fields})


WRONG_LIMITS = [
    ("number", {"min": 5, "max": 1}),
    ("number", {"min": "5"}),
    ("number", {"max": True}),
    ("number", {"min": None}),
    ("number", {"enum": ["1"]}),
    ("number", {"enum": []}),
    ("number", {"pattern": "[0-9]"}),
    ("text", {"min": 1}),
    ("text", {"enum": "red"}),
    ("text", {"enum": [1, 2]}),
    ("text", {"enum": ["red", None]}),
    ("text", {"pattern": ""}),
    ("text", {"pattern": 5}),
    ("text", {"pattern": "a" * 501}),
    ("text", {"minimum": 1}),
    ("boolean", {"enum": [True]}),
    ("json", {"pattern": "a"}),
    ("text", ["red"]),
    ("text", "red"),
]
NOT_IN_SQL = [  # what only Python sees
    ("text", {"enum": ["red", "red"]}),
    ("text", {"enum": [" red"]}),
    ("text", {"pattern": "["}),
    ("text", {"pattern": "(?=a)b"}),
    ("text", {"pattern": r"(a)\1"}),
    ("text", {"pattern": "((((a{100}){100}){100}){100})"}),
    ("number", {"max": 1e300}),
    ("number", {"min": 0.00001}),
]
RIGHT_LIMITS = [
    ("number", {}),
    ("number", {"min": -5.5, "max": -5.5}),
    ("number", {"enum": [1, 2.5]}),
    ("text", {"enum": ["đỏ", "red"]}),
    ("text", {"pattern": "^[0-9]+ ?(GB|TB)$"}),
    ("text", {"pattern": "(a+)+$"}),
    ("boolean", {}),
    ("json", {}),
]


class TestLimits:
    """What a value may be is checked where it is written down."""

    @pytest.mark.parametrize(("value_type", "limits"), WRONG_LIMITS + NOT_IN_SQL, ids=str)
    @pytest.mark.usefixtures("platform")
    def test_limits_that_no_value_can_be_held_against_are_refused(self, value_type: str, limits: Any) -> None:
        domain = KnowledgeDomain.objects.get(code="fashion")
        definition = AttributeDefinition(
            domain=domain, key="new", name="New", value_type=value_type, value_constraint=limits
        )
        with pytest.raises(ValidationError) as refused:
            definition.full_clean()
        assert set(refused.value.message_dict) <= {"value_constraint", "__all__"}

    @pytest.mark.parametrize(("value_type", "limits"), WRONG_LIMITS, ids=str)
    @pytest.mark.usefixtures("platform")
    def test_the_database_refuses_them_too(self, value_type: str, limits: Any) -> None:
        domain = KnowledgeDomain.objects.get(code="fashion")
        with pytest.raises(IntegrityError, match="attributedefinition_limits"), transaction.atomic():
            AttributeDefinition.objects.create(
                domain=domain, key="new", name="New", value_type=value_type, value_constraint=limits
            )
        assert not AttributeDefinition.objects.filter(key="new").exists()

    @pytest.mark.parametrize(("value_type", "limits"), RIGHT_LIMITS, ids=str)
    @pytest.mark.usefixtures("platform")
    def test_others_are_kept(self, value_type: str, limits: Any) -> None:
        domain = KnowledgeDomain.objects.get(code="fashion")
        definition = AttributeDefinition(
            domain=domain, key="new", name="New", value_type=value_type, value_constraint=limits
        )
        definition.full_clean()
        definition.save()
        definition.refresh_from_db()
        assert definition.value_constraint == limits

    def test_the_platform_s_page_says_what_is_wrong_and_keeps_what_was_there(self, root: Any) -> None:
        staff = browser(root)
        definition = AttributeDefinition.objects.get(domain__code="electronics", key="power")
        address = page("catalog_attributedefinition_change", definition.pk)
        form = {"name": "Power", "name_vi": "", "semantic_type": "physical", "unit": "W", "is_required": ""}
        refused = staff.post(address, {**form, "least": "5", "most": "1"})
        assert refused.status_code == 200
        assert "The least must not be above the most." in refused.content.decode()
        definition.refresh_from_db()
        assert definition.value_constraint == {"min": 0, "max": 10000}
        assert staff.post(address, {**form, "least": "5"}).status_code == 302
        definition.refresh_from_db()
        assert definition.value_constraint == {"min": 5}

    @pytest.mark.parametrize(
        "change", [{"key": "watts"}, {"value_type": "text"}, {"scope": "variant"}, {"domain": "fashion"}]
    )
    @pytest.mark.usefixtures("platform")
    def test_what_values_rely_on_stays(self, change: dict[str, Any]) -> None:
        definition = AttributeDefinition.objects.get(domain__code="electronics", key="weight")
        values = {**change, "value_constraint": {}}
        if "domain" in change:
            values["domain"] = KnowledgeDomain.objects.get(code="fashion")
        with pytest.raises(IntegrityError, match="stay"), transaction.atomic():
            AttributeDefinition.objects.filter(pk=definition.pk).update(**values)
        for name, value in values.items():
            setattr(definition, name, value)
        with pytest.raises(ValidationError, match="Make another attribute"):
            definition.full_clean()
        definition.refresh_from_db()
        assert (definition.key, definition.value_type, definition.scope) == ("weight", "number", "offering")

    def test_a_definition_with_values_is_not_deleted(self, client: ApiClient, saigon: Business) -> None:
        made = client.post(
            "offerings/",
            {"code": "x", "offering_type": "physical", "domain": "electronics", "name": "X", "attributes": {"power": 1}},
        )
        assert made.status_code == 201
        with platform_scope(reason="test"), pytest.raises(ProtectedError):
            AttributeDefinition.objects.get(domain__code="electronics", key="power").delete()
        assert client.get(f"offerings/{made.json()['id']}/").json()["attributes"] == {"power": 1}


class TestShipped:
    """The industries of the box."""

    def test_every_industry_is_there_in_both_languages(self) -> None:
        wanted = {"electronics", "fashion", "real_estate", "finance", "education", "beauty", "auto"}
        assert {entry["code"] for entry in SHIPPED} == wanted
        assert wanted <= set(KnowledgeDomain.objects.values_list("code", flat=True))
        for domain in KnowledgeDomain.objects.filter(code__in=wanted).prefetch_related("attribute_definitions"):
            rows = list(domain.attribute_definitions.all())
            assert all((domain.name, domain.name_vi))
            assert {row.scope for row in rows} == {"offering", "variant"}, domain.code
            assert len(rows) >= 10, domain.code
            for row in rows:
                assert all((row.name, row.name_vi)), row.key
                row.full_clean()

    def test_the_file_s_limits_are_right(self) -> None:
        for entry in SHIPPED:
            for one in entry["attributes"]:
                check_limits(one["value_type"], one["value_constraint"])
            keys = [one["key"] for one in entry["attributes"]]
            assert len(keys) == len(set(keys))

    def test_loading_again_adds_what_is_missing_and_touches_nothing_else(self) -> None:
        load = importlib.import_module("catalog.migrations." + _migration("domains")).load_missing
        with platform_scope(reason="test set-up"):
            KnowledgeDomain.objects.filter(code="beauty").delete()
            KnowledgeDomain.objects.filter(code="auto").update(name="Cars of ours", status="archived")
            AttributeDefinition.objects.filter(domain__code="auto", key="trim").delete()
            AttributeDefinition.objects.filter(domain__code="auto", key="make").update(name="Brand")
        load(apps, None)
        beauty = KnowledgeDomain.objects.get(code="beauty")
        assert (beauty.name_vi, beauty.attribute_definitions.count()) == ("Làm đẹp", 14)
        auto = KnowledgeDomain.objects.get(code="auto")
        assert (auto.name, auto.status) == ("Cars of ours", "archived")
        assert auto.attribute_definitions.get(key="make").name == "Brand"
        assert not auto.attribute_definitions.filter(key="trim").exists()


def _migration(name: str) -> str:
    folder = Path(catalog.__file__).parent / "migrations"
    return next(path.stem for path in folder.glob(f"*_{name}.py"))


class TestValues:
    """Values against their definitions, at the door."""

    @pytest.mark.parametrize(
        ("definition", "right", "wrong"),
        [
            ({"value_type": "number"}, [0, -1, 12.5, "12.5", 10**14], ["", "10,5", "1e5", "１２", "1_000", "NaN", 1e-9, 10**15, True, [1]]),
            ({"value_type": "number", "value_constraint": {"min": 1, "max": 3}}, [1, 3], [0.9999, 3.0001, -1]),
            ({"value_type": "number", "value_constraint": {"enum": [1, 2.5]}}, [1, 2.5, "2.5"], [2]),
            ({"value_type": "text"}, ["đỏ", "x" * 10_000], ["", "  ", 5, True, ["red"], "x" * 10_001]),
            ({"value_type": "text", "value_constraint": {"enum": ["red", "đỏ"]}}, ["red", " đo\u0309 "], ["Red", "blue"]),
            ({"value_type": "text", "value_constraint": {"pattern": "[0-9]+ ?GB"}}, ["64 GB", "8GB"], ["64 GB!", "a 64 GB", "64 gb"]),
            ({"value_type": "boolean"}, [True, False], ["true", 1, 0, "yes", []]),
            ({"value_type": "json"}, [[1], {"a": {"b": 1}}, "text", 5, False], ["x" * 100_001]),
        ],
        ids=lambda value: str(value)[:60],
    )  # fmt: skip
    def test_a_value_fits_or_is_named(
        self, client: ApiClient, saigon: Business, definition: dict[str, Any], right: list[Any], wrong: list[Any]
    ) -> None:
        define(**definition)
        body = {"code": "lamp", "offering_type": "physical", "domain": "test", "name": "Lamp"}
        for value in wrong:
            refused = client.post("offerings/", {**body, "attributes": {"x": value}})
            assert refused.status_code == 422, (value, refused.content)
            assert problems(refused) == {("attributes.x", "invalid")}, value
        with in_tenant(saigon.tenant):
            assert not Offering.objects.exists()
        for number, value in enumerate(right):
            made = client.post("offerings/", {**body, "code": f"lamp-{number}", "attributes": {"x": value}})
            assert made.status_code == 201, (value, made.content)

    def test_a_pattern_takes_no_longer_for_a_text_made_to_be_slow(self, client: ApiClient) -> None:
        define(value_constraint={"pattern": "(a+)+$"})
        body = {"code": "lamp", "offering_type": "physical", "domain": "test", "name": "Lamp"}
        began = time.monotonic()
        assert client.post("offerings/", {**body, "attributes": {"x": "a" * 9_999 + "!"}}).status_code == 422
        assert time.monotonic() - began < 2

    def test_an_option_is_required_of_what_is_on_sale(self, client: ApiClient, saigon: Business) -> None:
        define(key="size", name="Size", scope="variant", is_required=True)
        variants = [{"sku": "A", "attributes": {"size": "M"}}, {"sku": "B"}]
        body = {"code": "tee", "offering_type": "physical", "domain": "test", "name": "Tee", "variants": variants}
        made = client.post("offerings/", body).json()
        address = f"offerings/{made['id']}/versions/1/activate/"
        refused = client.post(address)
        assert problems(refused) == {("variants.1.attributes.size", "required")}
        assert client.get(f"offerings/{made['id']}/").json()["status"] == "draft"
        second = made["variants"][1]["id"]
        assert client.patch(f"variants/{second}/", {"attributes": {"size": "L"}}).status_code == 200
        assert client.post(address).status_code == 200
        refused = client.patch(f"variants/{second}/", {"attributes": {}})
        assert problems(refused) == {("attributes.size", "required")}
        refused = client.post("variants/", {"offering": made["id"], "sku": "C"})
        assert problems(refused) == {("attributes.size", "required")}
        assert client.patch(f"variants/{second}/", {"attributes": {}, "status": "archived"}).status_code == 200
        with in_tenant(saigon.tenant):
            assert Variant.objects.count() == 2

    def test_an_archived_domain_takes_nothing_new(self, client: ApiClient, saigon: Business) -> None:
        body = {"code": "car", "offering_type": "asset", "name": "Car"}
        kept = client.post("offerings/", {**body, "code": "old", "domain": "auto"}).json()
        with platform_scope(reason="test set-up"):
            KnowledgeDomain.objects.filter(code="auto").update(status="archived")
        refused = client.post("offerings/", {**body, "domain": "auto"})
        assert problems(refused) == {("domain", "archived")}
        assert client.patch(f"offerings/{kept['id']}/", {"name": "Older"}).status_code == 200
        other = client.post("offerings/", body).json()
        assert problems(client.patch(f"offerings/{other['id']}/", {"domain": "auto"})) == {("domain", "archived")}
        with in_tenant(saigon.tenant):
            assert OfferingVersion.objects.filter(offering__code="car").count() == 1


class TestFiling:
    """Category, tags and the key of another system: one spelling each, and found by it."""

    BODY: dict[str, Any] = {"code": "lamp", "offering_type": "physical", "name": "Lamp"}

    def test_they_are_kept_in_one_spelling(self, client: ApiClient) -> None:
        filed = {"category": "  Đèn bàn ", "tags": [" New ", "new", "Me\u0301", "Mé"], "identity_key": " A-1 "}
        made = client.post("offerings/", {**self.BODY, **filed})
        assert made.status_code == 201, made.content
        shown = made.json()
        assert (shown["category"], shown["tags"], shown["identity_key"]) == ("Đèn bàn", ["New", "Mé"], "A-1")
        for query in ({"category": "Đèn bàn "}, {"tag": "Me\u0301"}, {"identity_key": "A-1"}):
            assert [one["code"] for one in client.get("offerings/", query).json()["results"]] == ["lamp"], query
        assert client.get("offerings/", {"tag": "Old"}).json()["results"] == []
        changed = client.patch(f"offerings/{shown['id']}/", {"tags": ["b", "B", "a"], "category": " "}).json()
        assert (changed["tags"], changed["category"], changed["version"]) == (["b", "a"], "", 1)

    def test_an_identity_key_is_used_once_in_a_business(
        self, client: ApiClient, api: Api, saigon: Business, harbour: Business
    ) -> None:
        assert client.post("offerings/", {**self.BODY, "identity_key": "A-1"}).status_code == 201
        for key in ("A-1", " A-1"):
            refused = client.post("offerings/", {**self.BODY, "code": "other", "identity_key": key})
            assert refused.status_code == 422
            assert refused.json()["code"] == "unique"
        for other in ("b", "c"):
            assert client.post("offerings/", {**self.BODY, "code": other, "identity_key": ""}).status_code == 201
        assert api(harbour).post("offerings/", {**self.BODY, "identity_key": "A-1"}).status_code == 201
        with in_tenant(saigon.tenant):
            assert Offering.objects.filter(identity_key="A-1").count() == 1

    def test_too_much_is_refused(self, client: ApiClient, saigon: Business) -> None:
        image = {"url": "https://img.example/a.jpg"}
        for wrong, problem in (
            ({"tags": [f"t{number}" for number in range(101)]}, ("tags", "too_many")),
            ({"tags": ["t" * 101]}, ("tags.0", "max_length")),
            ({"category": "c" * 201}, ("category", "max_length")),
            ({"images": [image, image]}, ("images.1.url", "duplicate_image")),
        ):
            refused = client.post("offerings/", {**self.BODY, **wrong})
            assert refused.status_code == 422
            assert problem in problems(refused)
        with in_tenant(saigon.tenant):
            assert not Offering.objects.exists()

    def test_images_keep_their_order(self, client: ApiClient) -> None:
        images = [{"url": f"https://img.example/{name}.jpg", "alt": name} for name in ("b", "a", "c")]
        made = client.post("offerings/", {**self.BODY, "images": images}).json()
        assert made["images"] == images
        changed = client.patch(f"offerings/{made['id']}/", {"images": images[::-1]}).json()
        assert (changed["images"], changed["version"]) == (images[::-1], 1)


def test_the_function_behind_the_database_s_check_agrees_with_python(db: None) -> None:
    with connection.cursor() as cursor:
        for value_type, limits in [*WRONG_LIMITS, *RIGHT_LIMITS]:
            cursor.execute("SELECT catalog_limits_fit(%s, %s::jsonb)", [value_type, json.dumps(limits)])
            assert cursor.fetchone()[0] is ((value_type, limits) in RIGHT_LIMITS), limits


def test_whatever_is_written_into_an_offering_is_kept_or_refused(client: ApiClient) -> None:
    define(key="x")
    define(key="y", value_type="json")
    define(key="z", scope="variant")
    body = {"offering_type": "physical", "domain": "test", "name": "Lamp"}
    for turn, text in enumerate(NAUGHTY):
        for part in parts_with(text)[turn % 3 :: 3]:
            answer = client.post("offerings/", {**body, "code": code("lamp"), **part})
            assert answer.status_code in (201, 400, 422), (part, answer.content)
        for name in ("category", "tag", "identity_key"):
            assert client.get("offerings/", {name: text}).status_code in (200, 400), text


def parts_with(text: str) -> list[dict[str, Any]]:
    """Return what may be said of an offering, with the text wherever one may stand."""
    return [
        {"attributes": {"x": text}},
        {"attributes": {"y": [text, {text: text}]}},
        {"attributes": {text: 1}},
        {"translations": {"en": {"name": text, "description": text}}},
        {"translations": {text: {"name": "Lamp"}}},
        {"tags": [text]},
        {"category": text, "identity_key": text},
        {"variants": [{"sku": code("SKU"), "attributes": {"z": text, text: text}}]},
        {"images": [{"url": "https://img.example/a.jpg", "alt": text}]},
        {"metadata": {text: text}},
    ]
