"""What sounds like a question that is answered, and is another one, must not get its answer: least of all a yes to something else.

A tailor's house with a table of who sews what, and one of what is lent; neither is the place where the rules were found.
"""

from collections.abc import Callable
from typing import Any

import pytest

from bots.documents import create_document
from bots.models import Bot, Faq, KnowledgeCollection
from bots.services import activate_version, create_version
from catalog.models import Offering
from catalog.search.embedding import embed_due_texts
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

FAQS = [
    ("Có may dây kéo không?", "Có, may dây kéo 40.000đ một cái.", "vi"),
    ("Có nhận sửa gấp không?", "Có, sửa trong ngày, thu thêm 30%.", "vi"),
    ("Tiệm mở cửa lúc mấy giờ?", "Thứ Hai đến thứ Bảy 8:00–19:00, Chủ nhật 9:00–15:00.", "vi"),
]

TAILORS = """# Thợ may

| Thợ | Việc | Ngày làm |
|---|---|---|
| Cô Sen | Áo dài | Thứ Hai, thứ Tư |
| Chú Tâm | Vest | Thứ Sáu |
| Cô Huệ | Váy cưới | Thứ Bảy |
"""


@pytest.fixture
def ask_tailor(api: Any, saigon: Business) -> Callable[..., Any]:
    """Say something in a conversation of its own, after something else; return the last answer."""
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=Bot.objects.create(code="tailor", name="Tailor")))
        for question, answer, language in FAQS:
            Faq.objects.create(question=question, answer=answer, language=language)
        for name in ("Áo dài lụa", "Vest nam"):
            sell(name, "clothes", "900000", 4)
        Offering.objects.filter(pk=sell("Khóa thêu tay", "courses", "500000", 1).offering_id).update(offering_type="service")
        create_document(
            collection=KnowledgeCollection.objects.create(code="staff", name="Staff"), name="Thợ", content=TAILORS
        )
        embed_due_texts()

    def asked(*messages: str) -> Any:
        session = api(saigon).post("sessions/", {"bot": "tailor", "channel": "web"}).json()["id"]
        for message in messages:
            answer = api(saigon).post(f"sessions/{session}/turns/", {"message": message}).json()
        return answer

    return asked


@pytest.fixture
def talk(ask_tailor: Callable[..., Any]) -> Callable[..., str]:
    """Say something, after something else; return the words of the answer, empty for “I am not sure”."""

    def said(*messages: str) -> str:
        answer = ask_tailor(*messages)
        return "" if answer["decision"]["tier"] == "handoff" else answer["reply"]["message"]

    return said


def test_a_word_typed_with_diacritics_is_that_word_alone(talk: Callable[..., str]) -> None:
    assert "40.000" in talk("có may dây kéo không ạ")
    assert "40.000" in talk("co may day keo khong")
    assert not talk("có máy dạy kèo không")


def test_a_yes_to_something_else_is_not_said(talk: Callable[..., str]) -> None:
    assert talk("có sửa gấp không ạ").startswith("Có, sửa trong ngày")
    for other in ("có sửa đồng hồ gấp không", "có may nút áo không", "có nhận giặt gấp không"):
        assert not talk(other).startswith("Có"), other
    assert "15:00" in talk("tiệm mở cửa lúc mấy giờ", "còn chủ nhật thì sao")


def test_who_is_named_is_told_of_and_nobody_else(talk: Callable[..., str]) -> None:
    assert "Thứ Sáu" in talk("chú Tâm làm ngày nào")
    told = talk("cô Huệ làm ngày nào")
    assert "Thứ Bảy" in told
    assert not [other for other in ("Sen", "Tâm") if other in told]
    assert not talk("thầy Sau làm ngày nào")
    assert not talk("cô Loan làm ngày nào")
    assert "Vest" not in talk("cô Sen có may vest không")


def test_whether_something_is_so_is_answered_by_no_price(talk: Callable[..., str]) -> None:
    assert "500.000" in talk("khóa thêu tay giá bao nhiêu")
    for question in ("shop có bán máy thêu tay không", "học thêu tay có cần mua chỉ không"):
        assert "500.000" not in talk(question), question


def test_what_is_counted_must_be_what_is_sold(talk: Callable[..., str]) -> None:
    assert "1.800.000" in talk("2 áo dài lụa bao nhiêu tiền")
    told = talk("3 buổi thêu tay bao nhiêu tiền")
    assert "1.500.000" not in told
    assert talk("ok") == talk("có") != ""
    assert not talk("ok").isascii()


def test_who_complains_is_told_a_sorry(ask_tailor: Callable[..., Any]) -> None:
    for complaint in ("The fitting was terrible and the man was rude", "Dịch vụ quá tệ, thợ làm hỏng áo của tôi"):
        answer = ask_tailor(complaint)
        assert "not sure" not in answer["reply"]["message"]
        assert "chưa chắc" not in answer["reply"]["message"]
        assert answer["reply"]["ui_metadata"]["quick_replies"][0]["action"] == "escalate"
