"""What a model is shown of a message that asks for several things, or for what only a text in the other language tells."""

import pytest

from bots.models import Faq
from tests.runtime.conftest import messages_to_database
from tests.runtime.model.conftest import answers
from tests.runtime.test_turn import sell

TEXTS = [
    ("Gửi xe ở đâu?", "Có bãi giữ xe máy miễn phí trước cửa.", "vi"),
    ("Thanh toán thế nào?", "Nhận thẻ và tiền mặt.", "vi"),
    *((f"Câu hỏi số {number}?", f"Câu trả lời số {number} cho khách hàng.", "vi") for number in range(6)),
]


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("where do I park my motorbike", {"Gửi xe ở đâu?"}),
        ("Giờ mở cửa và chỗ đỗ xe?", {"Cửa hàng mở cửa lúc mấy giờ?", "Gửi xe ở đâu?"}),
        ("can I pay by card and how much is the whitening?", {"Thanh toán thế nào?", "Whitening"}),
        ("do whitening and cleaning together hurt", {"Whitening", "Cleaning"}),
    ],
)
def test_each_thing_asked_about_has_a_source(say, session, endpoint, asked, titles):
    for question, answer, language in TEXTS:
        Faq.objects.create(question=question, answer=answer, language=language)
    for name, amount in (("Whitening", "2500000"), ("Cleaning", "300000")):
        sell(name, "care", amount, 3)
    endpoint.script = [answers("UNKNOWN")]
    say(asked)
    told = endpoint.asked[0].body["messages"][0]["content"]
    assert [title for title in titles if title not in told] == []


def test_what_was_found_is_not_looked_for_again(say, endpoint):
    endpoint.script = [answers("It is a fine backpack."), answers("It is a fine backpack.")]
    with messages_to_database() as known:
        say("Tell me about the Trail Runner Backpack")
    with messages_to_database() as unknown:
        say("Tell me about the moon and about cheese")
    assert len(known) <= len(unknown) <= len(known) + 1
