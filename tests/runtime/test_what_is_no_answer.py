"""What sounds like a question that is answered, and is another one, must not get its answer: least of all a yes to something else.

A tailor's house with a table of who sews what, and one of what is lent; neither is the place where the rules were found.
"""

from collections.abc import Callable
from typing import Any

import pytest

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.search.embedding import embed_due_texts
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import sell

pytestmark = pytest.mark.django_db

FAQS = [
    ("Có may dây kéo không?", "Có, may dây kéo 40.000đ một cái.", "vi"),
    ("Có nhận sửa gấp không?", "Có, sửa trong ngày, thu thêm 30%.", "vi"),
    ("Tiệm mở cửa lúc mấy giờ?", "Thứ Hai đến thứ Bảy 8:00–19:00, Chủ nhật 9:00–15:00.", "vi"),
]


@pytest.fixture
def talk(api: Any, saigon: Business) -> Callable[..., str]:
    """Say something in a conversation of its own, after something else; return the answer, empty for “I am not sure”."""
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=Bot.objects.create(code="tailor", name="Tailor")))
        for question, answer, language in FAQS:
            Faq.objects.create(question=question, answer=answer, language=language)
        for name in ("Áo dài lụa", "Vest nam"):
            sell(name, "clothes", "900000", 4)
        embed_due_texts()

    def said(*messages: str) -> str:
        session = api(saigon).post("sessions/", {"bot": "tailor", "channel": "web"}).json()["id"]
        for message in messages:
            answer = api(saigon).post(f"sessions/{session}/turns/", {"message": message}).json()
        return "" if answer["decision"]["tier"] == "handoff" else answer["reply"]["message"]

    return said


def test_a_word_typed_with_diacritics_is_that_word_alone(talk: Callable[..., str]) -> None:
    assert "40.000" in talk("có may dây kéo không ạ")
    assert "40.000" in talk("co may day keo khong")
    assert not talk("có máy dạy kèo không")
