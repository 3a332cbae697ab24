"""The platform's pages of blueprints: attributes and their limits as fields."""

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from catalog.admin.forms.attributes import definition_field
from catalog.models import AttributeDefinition, KnowledgeDomain
from tenants.models import User
from tests.conftest import Business
from tests.tenants.admin_pages import browser, form_of, page, text_of


@pytest.fixture
def platform(root: User) -> Client:
    return browser(root)


def of(key: str) -> AttributeDefinition:
    return AttributeDefinition.objects.get(domain__code="electronics", key=key)


def address_of(definition: AttributeDefinition) -> str:
    return page("catalog_attributedefinition_change", definition.pk)


@pytest.mark.parametrize(
    ("key", "typed", "limits"),
    [
        ("power", {"least": "0.5", "most": "20"}, {"min": 0.5, "max": 20}),
        ("power", {"least": "", "most": ""}, {}),
        ("power", {"least": "", "most": "", "choices": "5\n10.5\n"}, {"enum": [5, 10.5]}),
        ("brand", {"choices": "Lumora\n  Kestrix \n\n"}, {"enum": ["Lumora", "Kestrix"]}),
        ("brand", {"pattern": "[A-Z].*"}, {"pattern": "[A-Z].*"}),
    ],
)
def test_limits_are_typed_into_fields(platform: Client, key: str, typed: dict[str, str], limits: dict[str, Any]) -> None:
    answer = platform.post(address_of(of(key)), {**form_of(platform.get(address_of(of(key)))), **typed})
    assert answer.status_code == 302, answer.context["errors"]
    assert of(key).value_constraint == limits
    shown = form_of(platform.get(address_of(of(key))))
    assert str(shown["most"]) == str(limits.get("max", ""))


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("power", {"least": "9", "most": "1"}),
        ("power", {"pattern": "[0-9]"}),
        ("power", {"least": "", "most": "", "choices": "many"}),
        ("brand", {"least": "1"}),
        ("brand", {"pattern": "["}),
        ("brand", {"choices": "red\nred"}),
    ],
)
def test_limits_that_fit_no_value_are_refused_and_kept_on_the_page(
    platform: Client, key: str, typed: dict[str, str]
) -> None:
    before = of(key).value_constraint
    answer = platform.post(address_of(of(key)), {**form_of(platform.get(address_of(of(key)))), **typed})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert {name: form_of(answer)[name] for name in typed} == typed
    assert of(key).value_constraint == before


def test_attributes_are_edited_on_the_page_of_their_domain(platform: Client) -> None:
    domain = KnowledgeDomain.objects.get(code="electronics")
    address = page("catalog_knowledgedomain_change", domain.pk)
    data = form_of(platform.get(address))
    number = int(data["attribute_definitions-TOTAL_FORMS"])
    position = next(index for index in range(number) if data[f"attribute_definitions-{index}-key"] == "power")
    new = {"key": "noise", "name": "Noise", "value_type": "number", "scope": "offering", "semantic_type": "physical"}
    new |= {"unit": "dB", "least": "0", "most": "120"}
    added = {f"attribute_definitions-{number}-{name}": value for name, value in new.items()}
    changed = {f"attribute_definitions-{position}-most": "50", f"attribute_definitions-{position}-key": "watts"}
    total = {"attribute_definitions-TOTAL_FORMS": str(number + 1)}
    answer = platform.post(address, {**data, **changed, **added, **total})
    assert answer.status_code == 302, answer.context["errors"]
    assert of("power").value_constraint == {"min": 0, "max": 50}  # and its key stays
    assert (of("noise").unit, of("noise").value_constraint) == ("dB", {"min": 0, "max": 120})


def test_a_domain_is_made_together_with_its_attributes(platform: Client) -> None:
    address = page("catalog_knowledgedomain_add")
    shown = platform.get(address)
    row = shown.context["inline_admin_formsets"][0].formset.empty_form
    blank = {field.html_name: field.value() or "" for field in row}  # as a browser copies it, hidden fields too
    typed = [
        {"key": "minutes", "name": "Duration", "value_type": "number", "scope": "offering", "unit": "min"},
        {"key": "warranty", "name": "Warranty", "value_type": "number", "scope": "offering", "least": "9", "most": "1"},
    ]
    data = {**form_of(shown), "code": "dental", "name": "Dental clinic", "attribute_definitions-TOTAL_FORMS": "2"}
    for number, one in enumerate(typed):
        copied = {name.replace("__prefix__", str(number)): value for name, value in blank.items()}
        data |= copied | {f"attribute_definitions-{number}-{name}": value for name, value in one.items()}
    refused = platform.post(address, data)
    assert "Row 2: The least must not be above the most." in text_of(refused)
    assert not KnowledgeDomain.objects.filter(code="dental").exists()
    forged = {**data, "attribute_definitions-0-id": "another", "attribute_definitions-1-least": "1"}
    forged["attribute_definitions-1-most"] = "9"
    answer = platform.post(address, forged)
    assert "Row 1: “another” is not a valid UUID." in text_of(answer)
    made = platform.post(address, {**forged, "attribute_definitions-0-id": ""})
    assert made.status_code == 302, made.context["errors"]
    keys = AttributeDefinition.objects.filter(domain__code="dental").values_list("key", flat=True)
    assert set(keys) == {"minutes", "warranty"}


def test_a_tenant_reads_the_limits_and_changes_none(saigon: Business) -> None:
    owner = browser(saigon.owner)
    assert "10000" in text_of(owner.get(address_of(of("power"))))
    assert owner.post(address_of(of("power")), {"least": "1"}).status_code == 403
    assert of("power").value_constraint["min"] == 0


def test_choices_have_names_in_vietnamese_line_by_line(platform: Client, saigon: Business) -> None:
    definition = of("device_type")
    assert definition.choices_vi["phone"] == "Điện thoại"  # as it was shipped
    typed = form_of(platform.get(address_of(definition)))
    assert typed["labels"].splitlines()[:2] == ["Điện thoại", "Máy tính bảng"]
    two = {**typed, "choices": "phone\ntablet\nradio", "labels": "\nBảng"}
    assert platform.post(address_of(definition), two).status_code == 302
    assert of("device_type").choices_vi == {"tablet": "Bảng"}
    refused = platform.post(address_of(definition), {**two, "labels": "1\n2\n3\n4"})
    assert "There are not so many choices." in text_of(refused)
    assert of("device_type").choices_vi == {"tablet": "Bảng"}
    with translation.override("vi"):
        assert [label for _value, label in definition_field(of("device_type")).choices] == ["–", "Phone", "Bảng", "Radio"]
