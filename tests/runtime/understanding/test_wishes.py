"""What customers say about themselves and what they want, as they type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.understanding.tokens import Message
from runtime.understanding.wishes import find_wishes

SAID = [
    ("Tôi muốn áo màu đỏ size M", {"colour": "đỏ", "size": "M"}),
    ("ao mau do co M khong shop", {"colour": "đỏ", "size": "M"}),
    ("vì do trời mưa", {}),
    ("red shoes size 42", {"colour": "red", "size": "42"}),
    ("tôi lấy size 9.5, mau den", {"size": "9.5", "colour": "đen"}),
    ("do you have it in navy blue", {"colour": "navy blue"}),
    ("co xl khong", {"size": "XL"}),
    ("co 2 cai khong", {}),
    ("kích thước 50 cm", {}),
    ("giá 10.5 triệu", {}),
    ("quả cam, orange juice", {}),
    ("màu cam", {"colour": "cam"}),
    ("sdt em 0901 234 567", {"phone": "0901234567"}),
    ("số của mình: +84 912.345.678", {"phone": "0912345678"}),
    ("call +1 (415) 555-0134", {"phone": "+14155550134"}),
    ("mã đơn 0123456789012", {}),
    ("Tên tôi là Nguyễn Thị Mai", {"name": "Nguyễn Thị Mai"}),
    ("em tên lan anh", {"name": "Lan Anh"}),
    ("my name is John O'Brien and I want", {"name": "John O'Brien"}),
    ("I'm John", {"name": "John"}),
    ("I'm looking for shoes", {}),
    ("tôi là sinh viên", {}),
    ("tên gì", {}),
    ("giao đến 12 Nguyễn Trãi, Quận 1, TP.HCM nhé", {"place": "12 Nguyễn Trãi, Quận 1, TP.HCM"}),
    ("ship ra hà nội mất bao lâu", {"place": "hà nội"}),
    ("deliver to 5th Avenue, New York by Monday", {"place": "5th Avenue, New York"}),
    ("ship đến đâu được", {}),
    ("giao hàng mất bao lâu", {}),
    ("co ship sg khong", {"place": "TP. Hồ Chí Minh"}),
    ("ship to Da Nang, call +84 912 345 678", {"place": "Da Nang", "phone": "0912345678"}),
    ("I live in Da Nang, my number is 0912345678", {"place": "Da Nang", "phone": "0912345678"}),
    ("giao đến 12 Lê Lợi, Huế, sdt 0912 345 678", {"place": "12 Lê Lợi, Huế", "phone": "0912345678"}),
    ("deliver to 12 Main Street and call me at +1 415 555 0134", {"place": "12 Main Street", "phone": "+14155550134"}),
    ("ở Quận 7", {"place": "Quận 7"}),
    ("shop ở quận mấy", {}),
    ("not red", {}),
    ("I don't want the red one, a blue one", {"colour": "blue"}),
    ("not red but blue please", {"colour": "blue"}),
    ("any colour but red", {}),
    ("không lấy màu đỏ", {}),
    ("đừng màu đỏ, lấy màu xanh", {"colour": "xanh"}),
    ("đúng rồi màu đỏ", {"colour": "đỏ"}),
    ("my name is An and I want a bike", {"name": "An"}),
    ("tên Hương", {"name": "Hương"}),
    ("tên em là Hương", {"name": "Hương"}),
    ("tên là Nguyễn Văn An nhé", {"name": "Nguyễn Văn An"}),
    ("tên sản phẩm là gì", {}),
    ("call me later", {}),
]


@pytest.mark.parametrize(("message", "said"), SAID)
def test_what_is_said_is_kept_and_nothing_else(message: str, said: dict[str, str]) -> None:
    assert {wish.key: wish.value for wish in find_wishes(Message(message))} == said


def test_who_says_so_clearly_is_believed_more() -> None:
    doubtful, clear = (find_wishes(Message(text))[0] for text in ("áo trắng", "áo màu trắng"))
    assert doubtful.confidence < clear.confidence
    assert "áo màu trắng"[slice(*clear.span)] == "trắng"


@given(
    st.text(max_size=300) | st.lists(st.sampled_from([word for text, _said in SAID for word in text.split()])).map(" ".join)
)
def test_any_text_is_read_and_every_value_has_its_place(text: str) -> None:
    message = Message(text)
    for wish in find_wishes(message):
        assert wish.value
        assert 0 <= wish.span[0] < wish.span[1] <= len(message.text)
        assert 0 < wish.confidence <= 1
