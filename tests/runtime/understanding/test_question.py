"""Messages as customers type them, and what the catalogue should make of each."""

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.understanding import understand

PRICE_QUESTIONS = [
    ("giá iPhone 15 128GB bao nhiêu?", "iPhone 15 128GB"),
    ("iphone 15 bn", "iphone 15"),
    ("shop ơi áo khoác này bao nhiêu tiền vậy ạ", "áo khoác"),
    ("ao khoac du bao nhieu tien vay shop", "ao khoac du"),
    ("tai nghe sony wh-1000xm5 giá sao shop", "tai nghe sony wh-1000xm5"),
    ("cho em hỏi giá máy lọc không khí Xiaomi 4 Lite", "máy lọc không khí Xiaomi 4 Lite"),
    ("macbook air m2 gia bnhieu a", "macbook air m2"),
    ("nồi chiên không dầu 5 lít giá nhiêu", "nồi chiên không dầu 5 lít"),
    ("xin giá ghế công thái học", "ghế công thái học"),
    ("giá_cả xe đạp Giant ATX 830 thế_nào", "xe đạp Giant ATX 830"),
    ("loa jbl charge 5 bao_nhiêu", "loa jbl charge 5"),
    ("giá đỡ điện thoại giá sao", "giá đỡ điện thoại"),
    ("căn hộ 2 phòng ngủ giá bao nhiêu", "căn hộ 2 phòng ngủ"),
    ("báo giá giúp mình tủ lạnh Samsung 300 lít", "tủ lạnh Samsung 300 lít"),
    ("How much is the Trek Marlin 7?", "Trek Marlin 7"),
    ("what does the Sony A7 IV cost", "Sony A7 IV"),
    ("What's the price of the red running shoes?", "red running shoes"),
    ("price of kona sutra 2020 please", "kona sutra 2020"),
    ("hi, how much for a 55 inch 4k tv", "55 inch 4k tv"),
    ("Can you tell me the price of the leather wallet", "leather wallet"),
    ("whats the price for galaxy s24 ultra 512gb", "galaxy s24 ultra 512gb"),
    ("how much are those ceramic mugs", "ceramic mugs"),
    ("how expensive is the standing desk?", "standing desk"),
    ("cost of a one bedroom apartment", "one bedroom apartment"),
    ("ocean blue shirt price?", "ocean blue shirt"),
    ("e muốn hỏi con xe này giá nhiêu", "xe"),
    ("may loc nuoc kangaroo gia sao", "may loc nuoc kangaroo"),
    ("giá bao nhiêu?", ""),
    ("how much is it?", ""),
]
STOCK_QUESTIONS = [
    ("còn hàng không shop", ""),
    ("iphone 15 pro max còn hàng ko", "iphone 15 pro max"),
    ("con hang k shop", ""),
    ("áo thun size M còn không ạ", "áo thun size M"),
    ("giay nike size 42 con hang khong", "giay nike size 42"),
    ("ốp lưng ip 14 hết hàng chưa", "ốp lưng ip 14"),
    ("het hang chua shop oi", ""),
    ("shop có bán máy pha cà phê không", "máy pha cà phê"),
    ("bàn phím cơ có sẵn không", "bàn phím cơ"),
    ("còn chảo chống dính 28cm không", "chảo chống dính 28cm"),
    ("iPhone 12 cũ còn ko", "iPhone 12 cũ"),
    ("bên mình có nồi cơm điện cuckoo không", "nồi cơm điện cuckoo"),
    ("is the MacBook Air M2 in stock?", "MacBook Air M2"),
    ("Do you still have the olive green parka?", "olive green parka"),
    ("is the 128GB version available", "128GB version"),
    ("are the wool socks sold out", "wool socks"),
    ("do you sell yoga mats?", "yoga mats"),
    ("do you have the canvas tote in black", "canvas tote in black"),
    ("airpods pro 2 in stock?", "airpods pro 2"),
    ("when will the gravel bike be back in stock", "gravel bike"),
]
BROWSE_QUESTIONS = [
    ("show me laptops under $1000", "laptops", None, "1000"),
    ("laptop dưới 20tr", "laptop", None, "20000000"),
    ("laptop duoi 20 trieu", "laptop", None, "20000000"),
    ("điện thoại từ 2 đến 3 triệu", "điện thoại", "2000000", "3000000"),
    ("dien thoai tu 2 den 3 trieu", "dien thoai", "2000000", "3000000"),
    ("có điện thoại nào 5-7tr không", "điện thoại", "5000000", "7000000"),
    ("tai nghe không dây tầm 500k", "tai nghe không dây", "400000", "600000"),
    ("do you have any waterproof jackets between $50 and $100", "waterproof jackets", "50", "100"),
    ("iPhone 14 under 20tr", "iPhone 14", None, "20000000"),
    ("căn hộ 2 phòng ngủ quận 7 dưới 3 tỷ 5", "căn hộ 2 phòng ngủ quận 7", None, "3500000000"),
    ("tìm tivi 4k 55 inch tầm 10 củ đổ lại", "tivi 4k 55 inch", None, "10000000"),
    ("xe đạp trẻ em 500k - 1tr5", "xe đạp trẻ em", "500000", "1500000"),
    ("xe đạp trẻ em 500-1tr", "xe đạp trẻ em", "500000", "1000000"),
    ("any phones around 300 dollars", "phones", "240", "360"),
    ("váy công sở dưới 400k", "váy công sở", None, "400000"),
    ("đồng hồ nam trên 2 triệu", "đồng hồ nam", "2000000", None),
    ("áo sơ mi không quá 350.000đ", "áo sơ mi", None, "350000"),
    ("máy giặt 8tr trở xuống", "máy giặt", None, "8000000"),
    ("sofa from 15 triệu trở lên", "sofa", "15000000", None),
    ("show me watches over 1.5 million", "watches", "1500000", None),
    ("I'm looking for a road bike for less than 2,000 USD", "road bike", None, "2000"),
    ("gifts up to $30", "gifts", None, "30"),
    ("desk lamps, max budget 45 usd", "desk lamps", None, "45"),
    ("what laptops cost less than $800?", "laptops", None, "800"),
    ("headphones $50-100", "headphones", "50", "100"),
    ("gợi ý quà sinh nhật khoảng 300 nghìn", "quà sinh nhật", "240000", "360000"),
    ("nhà phố thủ đức từ 4 tỷ đến 5,5 tỷ", "nhà phố thủ đức", "4000000000", "5500000000"),
    ("có giày chạy bộ giá dưới 1tr2 không ạ", "giày chạy bộ", None, "1200000"),
    ("balo laptop 15.6 inch dưới 600k", "balo laptop 15.6 inch", None, "600000"),
    ("gạo st25 5kg dưới 200k", "gạo st25 5kg", None, "200000"),
    ("ngân sách 12 triệu, cần máy ảnh", "máy ảnh", None, "12000000"),
    ("any bluetooth speaker for under $40 please", "bluetooth speaker", None, "40"),
    ("tôi muốn mua nệm tầm 3 triệu rưỡi trở lại", "nệm", None, "3500000"),
    ("show me running shoes", "running shoes", None, None),
    ("gợi ý cho mình vài mẫu túi xách", "túi xách", None, None),
    ("samsung s24 ultra", "samsung s24 ultra", None, None),
    ("tủ lạnh inverter", "tủ lạnh inverter", None, None),
]
NOT_FOR_THE_CATALOGUE = [
    "hi", "xin chào shop", "hello there", "cảm ơn shop nhé", "thank you so much!", "ok", "dạ vâng ạ",
    "shop mấy giờ mở cửa", "shop may gio dong cua vay", "are you open on Sunday?", "what time do you close",
    "địa chỉ cửa hàng ở đâu vậy", "where is your store located", "có ship COD không", "co giao hang ve Da Nang khong",
    "do you ship to Hue?", "how long does delivery take", "có trả góp không ạ", "do you have a return policy",
    "I want to return my order", "my order 88231 has not arrived", "đơn hàng của em bao giờ tới", "muốn đổi trả thì làm sao",
    "bảo hành bao lâu", "is there parking near the shop", "can I pay by card", "cho mình gặp nhân viên tư vấn",
    "bạn là ai", "are you a robot?", "how do I reset my password", "số hotline là gì", "0912345678", "", "   ", "???", "👍",
]  # fmt: skip
FEE_QUESTIONS = [
    "phí ship bao nhiêu", "phi ship ve can tho bn", "how much is shipping to Hanoi?", "lãi suất vay mua nhà bao nhiêu",
    "what's the delivery fee", "tiền cọc bao nhiêu", "how much does installation cost",
]  # fmt: skip


@pytest.mark.parametrize(("message", "subject"), PRICE_QUESTIONS)
def test_a_question_for_a_price_names_its_subject(message, subject):
    question = understand(message, currency="VND")
    assert (question.kind, question.subject) == ("price", subject)
    assert question.confidence >= 0.7
    assert (question.min_price, question.max_price, question.about_fee) == (None, None, False)


@pytest.mark.parametrize(("message", "subject"), STOCK_QUESTIONS)
def test_a_question_for_stock_names_its_subject(message, subject):
    question = understand(message, currency="VND")
    assert (question.kind, question.subject) == ("stock", subject)
    assert question.confidence >= 0.5


@pytest.mark.parametrize(("message", "subject", "low", "high"), BROWSE_QUESTIONS)
def test_a_wish_has_a_subject_and_the_bounds_of_the_budget(message, subject, low, high):
    question = understand(message, currency="VND")
    assert (question.kind, question.subject) == ("browse", subject)
    assert question.min_price == (low and Decimal(low))
    assert question.max_price == (high and Decimal(high))


@pytest.mark.parametrize("message", NOT_FOR_THE_CATALOGUE)
def test_what_the_catalogue_does_not_know_is_left_to_the_faqs_whole(message):
    question = understand(message, currency="VND")
    assert (question.kind, question.asks, question.confidence) == ("other", frozenset(), 0.0)
    assert question.subject == " ".join(message.split())


@pytest.mark.parametrize("message", FEE_QUESTIONS)
def test_the_price_of_a_service_is_asked_with_low_confidence(message):
    question = understand(message, currency="VND")
    assert question.about_fee
    assert question.confidence <= 0.3
    assert question.subject


@pytest.mark.parametrize(
    ("message", "sort", "subject"),
    [
        ("cheapest bluetooth speaker", "price_asc", "bluetooth speaker"),
        ("laptop nào rẻ nhất", "price_asc", "laptop"),
        ("dien thoai re nhat shop", "price_asc", "dien thoai"),
        ("what is your most expensive watch", "price_desc", "watch"),
        ("cái đồng hồ đắt nhất", "price_desc", "đồng hồ"),
        ("áo len giá từ thấp đến cao", "price_asc", "áo len"),
    ],
)
def test_superlatives_become_an_order(message, sort, subject):
    question = understand(message, currency="VND")
    assert (question.kind, question.sort, question.subject) == ("browse", sort, subject)


@pytest.mark.parametrize(
    ("message", "quantity", "subject"),
    [
        ("mua 2 cái iphone 15", 2, "iphone 15"),
        ("lấy 3 áo thun trắng", 3, "áo thun trắng"),
        ("need 3 units of desk lamp, available?", 3, "desk lamp"),
        ("cho em hai đôi tất", 2, "tất"),
        ("I want to order 10 pcs of the steel bottle", 10, "steel bottle"),
        ("hộp 10 cái khẩu trang giá bao nhiêu", None, "hộp 10 cái khẩu trang"),
        ("mua iphone 15", None, "iphone 15"),
        ("buy 2 bedrooms apartment", None, "2 bedrooms apartment"),
    ],
)
def test_a_quantity_needs_something_to_count(message, quantity, subject):
    question = understand(message, currency="VND")
    assert (question.quantity, question.subject) == (quantity, subject)


@pytest.mark.parametrize(
    "message", ["còn hàng không, giá bao nhiêu", "how much is it and is it in stock?", "gia sao, con hang ko"]
)
def test_price_and_stock_can_be_asked_at_once(message):
    question = understand(message, currency="VND")
    assert question.kind == "price"
    assert {"price", "stock"} <= question.asks


@pytest.mark.parametrize(
    "message", ["tell me about the kona sutra", "thông số kỹ thuật kona sutra", "specs of the kona sutra"]
)
def test_a_description_can_be_asked(message):
    question = understand(message, currency="VND")
    assert (question.kind, question.subject) == ("describe", "kona sutra")


def test_an_amount_names_its_currency_or_takes_that_of_the_shop():
    assert understand("shoes under 80", currency="USD").currency == "USD"
    assert understand("shoes under $80", currency="VND").currency == "USD"
    assert understand("giày dưới 800k", currency="USD").currency == "VND"
    assert understand("shoes under 80", currency="USD").max_price == 80


@pytest.mark.parametrize("message", ["bags under 5 kg", "phim dưới 90 phút", "cars from 2015 to 2018", "áo tầm 2-3 phòng"])
def test_a_measure_is_not_a_budget(message):
    question = understand(message, currency="USD")
    assert (question.min_price, question.max_price, question.slots) == (None, None, ())


def test_budget_and_quantity_are_slots_with_their_place_in_the_message():
    message = "mua 2 cái loa dưới 1tr5 nhé"
    slots = {slot.key: slot for slot in understand(message, currency="VND").slots}
    assert slots["budget"].value == {"min": None, "max": "1500000", "currency": "VND"}
    assert message[slice(*slots["budget"].span)] == "dưới 1tr5"
    assert slots["quantity"].value == 2
    assert message[slice(*slots["quantity"].span)] == "2 cái"


_PIECES = ["giá", "5", "tr", "từ", "đến", "$", "1.5", "iphone", "dưới", "k", "_", ",", "có", "không", "2", "cái", "-", "9"]


@given(st.text(max_size=300) | st.lists(st.sampled_from(_PIECES)).map(" ".join))
@settings(max_examples=3 * settings.default.max_examples)
def test_any_text_is_understood_somehow(message):
    question = understand(message, currency="VND")
    assert 0 <= question.confidence <= 1
    assert (question.kind == "other") == (not question.asks)
    if question.min_price is not None and question.max_price is not None:
        assert question.min_price <= question.max_price


@pytest.mark.parametrize(
    "unit",
    ["a", "9", "1.", "1 ", "$", "giá ", "5tr-", "từ 5 đến ", "có không ", "iphone 15 ", "một trăm ", "1tr 5 ", "\u0301"],
)
def test_the_longest_message_takes_time_in_proportion(unit):
    started = time.perf_counter()
    understand((unit * 10_000)[:10_000], currency="VND")
    assert time.perf_counter() - started < 2
