"""A workshop whose goods have attributes: questions about them are answered with label, value and unit, and never with a price."""

from typing import Any

import pytest
from django.db import transaction

from bots.documents import create_document
from bots.models import Bot, Faq, KnowledgeCollection
from bots.services import activate_version, create_version
from catalog.attributes import attribute_rows, check_offering_attributes
from catalog.models import AttributeDefinition, AttributeValue, KnowledgeDomain, OfferingTranslation
from catalog.search.embedding import embed_due_texts
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

DEFINED = [
    ("warranty", "Warranty", "Bảo hành", "number", "tháng", {}),
    ("duration", "Duration", "Thời gian làm", "number", "phút", {}),
    ("gears", "Number of gears", "Số líp", "number", "", {}),
    ("battery", "Rechargeable", "Sạc được", "boolean", "", {}),
    ("frame", "Frame", "Khung", "text", "", {"steel": "thép", "aluminium": "nhôm"}),
]
SOLD: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "Xe đạp Gió Đồng": ("Field Wind bicycle", "physical", "5500000", {"warranty": 24, "gears": 21, "frame": "aluminium"}),
    "Đèn trước Tia Nắng": ("Sunray front light", "physical", "320000", {"battery": True, "warranty": 12}),
    "Thay lốp": ("Tyre change", "service", "50000", {"duration": 30}),
}
PRICES = (
    "# Workshop\n\n| Mechanic | Days | Fee (đ) |\n|---|---|---|\n| Minh | Monday | 200000 |\n| Lan | Friday | 150000 |\n"
)


@pytest.fixture
def talk(api: Any, saigon: Business) -> Any:
    """Return what holds a conversation: the last of these messages' answer."""
    with platform_scope(reason="tests"), transaction.atomic():
        domain = KnowledgeDomain.objects.create(code="cycling", name="Cycling")
        for key, name, name_vi, kind, unit, choices in DEFINED:
            AttributeDefinition.objects.create(
                domain=domain, key=key, name=name, name_vi=name_vi, value_type=kind, unit=unit, choices_vi=choices
            )
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=Bot.objects.create(code="cycles", name="Cycles")))
        for name, (english, kind, price, values) in SOLD.items():
            offering = sell(name, "", price, 5).offering
            type(offering).objects.filter(pk=offering.pk).update(domain=domain, offering_type=kind)
            version = offering.versions.get()
            AttributeValue.objects.bulk_create(attribute_rows(version, check_offering_attributes(domain, values)))
            OfferingTranslation.objects.create(offering_version=version, language="en", name=english)
        Faq.objects.create(question="Trẻ em có học sửa xe được không?", answer="Có, lớp nhận trẻ từ 8 tuổi.", language="vi")
        create_document(
            collection=KnowledgeCollection.objects.create(code="fees", name="Fees"), name="fees_v2.md", content=PRICES
        )
        embed_due_texts()

    def talked(*messages: str) -> dict[str, Any]:
        session = api(saigon).post("sessions/", {"bot": "cycles", "channel": "web"}).json()["id"]
        answers = [api(saigon).post(f"sessions/{session}/turns/", {"message": one}).json() for one in messages]
        last: dict[str, Any] = answers[-1]
        return last

    return talked


TOLD = {
    "xe đạp gió đồng bảo hành bao lâu?": "Bảo hành: 24 tháng",
    "xe dap gio dong bao hanh may thang": "Bảo hành: 24 tháng",
    "How many gears does the field wind bicycle have?": "Number of gears: 21",
    "what is the frame of the field wind bicycle made of?": "Frame: aluminium",
    "xe đạp gió đồng khung bằng gì": "Khung: nhôm",
    "Is the sunray front light rechargeable?": "Rechargeable: ",
    "đèn trước tia nắng có sạc được không": "Sạc được: ",
    "thay lốp mất bao lâu": "Thời gian làm: 30 phút",
    "thay 3 lốp hết bao nhiêu": "3 × 50.000 ₫ = 150.000 ₫",
    "how much for two field wind bicycles?": "2 × 5,500,000 ₫ = 11,000,000 ₫",
    "what is the fee of mechanic Lan?": "Lan – Days: Friday; Fee: 150,000 ₫",
    "trẻ 10 tuổi học sửa xe được không?": "Có, lớp nhận trẻ từ 8 tuổi.",
}
NEVER = {
    "does the sunray front light have a bell?": "₫",
    "xe đạp gió đồng có chống nước không": "₫",
    "thay lốp còn hàng không": "còn hàng",
    "trẻ 5 tuổi học sửa xe được không?": "Có,",
    "what is the fee of mechanic Lan?": "fees_v2",
}


def test_what_an_attribute_says_is_told_with_its_label_and_unit_and_a_yes_only_where_it_holds(talk) -> None:
    answers = {message: talk(message)["reply"] for message in {**TOLD, **NEVER}}
    said = {message: answer["message"].replace("\xa0", " ") for message, answer in answers.items()}
    assert {message: said[message] for message, part in TOLD.items() if part not in said[message]} == {}
    shown = {message: said[message] + answers[message]["ui_metadata"].get("title", "") for message in NEVER}
    assert {message: shown[message] for message, part in NEVER.items() if part in shown[message]} == {}
    assert "lớp nhận trẻ từ 8 tuổi" in said["trẻ 5 tuổi học sửa xe được không?"].lower()
