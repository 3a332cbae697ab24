"""Replies over random facts, in both languages: what is true passes, what is not never does, also after a price has changed."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from catalog.facts import OfferingFacts, VariantFacts
from catalog.money import format_money
from catalog.pricing import ResolvedPrice
from runtime.model.fact_check import FactCheck, Known
from runtime.model.sentences import split

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [
    "Tai nghe không dây Sóng Xanh",
    "Áo khoác gió Mây Trắng",
    "Bàn phím cơ Gõ Êm",
    "Trail Runner Backpack 30L",
    "Đèn bàn Ánh Vàng",
    "Nồi chiên Bếp Nhà 5 lít",
    "Aurora Desk Lamp",
    "Smart TV 4K Horizon 55",
]
FAQ = "How much is gift wrapping?\nGift wrapping costs 15.000đ. Giao hàng trong 2 ngày, phí 20.000đ."
SAID = "Mình có ngân sách 2 triệu / my budget is 2 million"


def offering(chance: random.Random, name: str, currency: str) -> OfferingFacts:
    amount = Decimal(chance.randrange(50, 4000) * 1000 if currency == "VND" else chance.randrange(500, 90000)) / (
        1 if currency == "VND" else 100
    )
    before = amount * 2 if chance.random() < 0.3 else None
    price = ResolvedPrice(
        **{**dict.fromkeys(ResolvedPrice.__dataclass_fields__), "amount": amount, "currency": currency, "compare_at": before}
    )
    available = chance.choice([None, 0, 3, 7, 12])
    variant = VariantFacts(
        id=uuid4(),
        sku=f"SKU-{chance.randrange(10**6)}",
        name="",
        options={},
        price=price,
        currencies=(currency,),
        available=available,
        inventory_items=(),
        sellable=available is None or available > 0,
        as_of=NOW,
        expires_at=NOW + timedelta(minutes=1),
    )
    return OfferingFacts(uuid4(), variant.sku.lower(), "physical", "", UUID(int=1), 1, name, {}, "", "", (variant,), NOW)


def forms(chance: random.Random, amount: Decimal, currency: str, language: str) -> str:
    """Return the amount as some model writes it."""
    if currency == "USD":
        return chance.choice([f"${amount:,.2f}", f"{amount:.2f} USD", f"USD {amount:,.2f}"])
    thousands, whole = int(amount) // 1000, f"{int(amount):,}"
    dotted = whole.replace(",", ".")
    ways = [format_money(amount, "VND", language), f"{dotted}đ", f"{dotted} VND", f"{int(amount)}đ"]
    ways += [f"{thousands}k"] if 100 <= thousands < 1000 else []
    if thousands >= 1000 and thousands % 10 == 0:
        millions = f"{thousands / 1000:.2f}".rstrip("0").rstrip(".")
        ways.append(f"{millions.replace('.', ',')} triệu" if language == "vi" else f"{millions} million VND")
    return chance.choice(ways)


def stock_words(one: OfferingFacts, language: str) -> str:
    variant = one.variants[0]
    if not variant.sellable:
        return "đang hết hàng" if language == "vi" else "is out of stock"
    if variant.available is None:
        return "hiện còn hàng" if language == "vi" else "is in stock"
    return f"còn {variant.available} sản phẩm" if language == "vi" else f"has {variant.available} pieces left"


def true_reply(chance: random.Random, shop: list[OfferingFacts], language: str) -> str:
    one, other = chance.sample(shop, 2)
    amount, currency = one.variants[0].price.amount, one.variants[0].price.currency
    price, theirs = (
        forms(chance, each.variants[0].price.amount, each.variants[0].price.currency, language) for each in (one, other)
    )
    quantity = chance.randrange(2, 5)
    total = forms(chance, amount * quantity, currency, language)
    before = one.variants[0].price.compare_at
    vietnamese = [
        f"Dạ, {one.name} giá {price} ạ.",
        f"{one.name} có giá {price} và {stock_words(one, 'vi')}.",
        f"Mình gợi ý {one.name}. Sản phẩm này giá {price}, {stock_words(one, 'vi')}. Bạn có muốn đặt không?",
        f"{one.name} giá {price}, còn {other.name} giá {theirs}.",
        f"• {one.name}: {price}\n• {other.name}: {theirs}",
        f"Với ngân sách 2 triệu, bạn có thể xem {one.name} ({price}).",
        f"{quantity} {one.name} tổng cộng {total}.",
        f"{one.name} giá {price}. Phí gói quà là 15.000đ, giao trong 2 ngày.",
        "Cảm ơn bạn! Mình có thể giúp gì thêm?",
        f"{one.name} {stock_words(one, 'vi')}, {other.name} {stock_words(other, 'vi')}.",
    ]
    english = [
        f"The {one.name} costs {price}.",
        f"The {one.name} is {price} and {stock_words(one, 'en')}.",
        f"I suggest the {one.name}. It costs {price} and {stock_words(one, 'en')}. Shall I reserve one?",
        f"The {one.name} costs {price}, while the {other.name} is {theirs}.",
        f"1. {one.name}: {price}\n2. {other.name}: {theirs}",
        f"Within your budget of 2 million there is the {one.name} at {price}.",
        f"{quantity} of the {one.name} come to {total} in total.",
        f"The {one.name} costs {price}. Gift wrapping costs 15,000 VND.",
        "Thank you! We open at 9 and close at 21, within 14 days you may return it.",
        f"The {one.name} {stock_words(one, 'en')}; the {other.name} {stock_words(other, 'en')}.",
    ]
    if before:
        vietnamese.append(f"{one.name} giảm 50%, từ {forms(chance, before, currency, 'vi')} còn {price}.")
        english.append(f"The {one.name} is 50% off: {price} instead of {forms(chance, before, currency, 'en')}.")
    return chance.choice(vietnamese if language == "vi" else english)


def wrong_amount(chance: random.Random, shop: list[OfferingFacts], one: OfferingFacts) -> Decimal:
    price = one.variants[0].price
    step = Decimal(1000) if price.currency == "VND" else Decimal("0.5")
    taken = {each for other in shop for each in (other.variants[0].price.amount, other.variants[0].price.compare_at)}
    while (wrong := price.amount + step * chance.randrange(1, 400)) in taken or price.compare_at == wrong + price.amount:
        continue
    return wrong


def false_reply(chance: random.Random, shop: list[OfferingFacts], language: str) -> str:
    one, other = chance.sample(shop, 2)
    currency = one.variants[0].price.currency
    price = forms(chance, one.variants[0].price.amount, currency, language)
    wrong = forms(chance, wrong_amount(chance, shop, one), currency, language)
    theirs = forms(chance, other.variants[0].price.amount, other.variants[0].price.currency, language)
    lie = ("đang hết hàng", "is out of stock") if one.sellable else ("hiện còn hàng", "is in stock")
    vietnamese = [
        f"Dạ, {one.name} giá {wrong} ạ.",
        f"Mình gợi ý {one.name}. Sản phẩm này giá chỉ {wrong}.",
        f"{one.name} {lie[0]}.",
        f"{one.name} còn 99 sản phẩm.",
        f"{other.name} giá {theirs}, còn {one.name} giá {wrong}.",
        f"{one.name} giảm 90% hôm nay.",
        f"Vâng, {one.name} giá 2 triệu như bạn nói.",
        f"{one.name} giá {price}. Phí gói quà là 77.000đ.",
        f"2 {one.name} tổng cộng {wrong}.",
        f"{one.name} giá chín mươi chín triệu đồng.",
    ]
    english = [
        f"The {one.name} costs {wrong}.",
        f"I suggest the {one.name}. It is only {wrong}.",
        f"The {one.name} {lie[1]}.",
        f"The {one.name} has 99 pieces left.",
        f"The {other.name} costs {theirs}, and the {one.name} costs {wrong}.",
        f"The {one.name} is 90% off today.",
        f"Yes, the {one.name} costs 2 million as you said.",
        f"The {one.name} costs {price}. Gift wrapping costs 77,000 VND.",
        f"2 of the {one.name} come to {wrong} in total.",
        f"The {one.name} costs ninety nine million dong.",
    ]
    return chance.choice(vietnamese if language == "vi" else english)


def is_doubted(reply: str, known: Known, language: str) -> bool:
    check = FactCheck("vi" if language == "vi" else "en")
    return any(check.find_doubt(sentence, known) for sentence in split(reply))


def cases(count: int) -> Iterator[tuple[random.Random, list[OfferingFacts], Known, str]]:
    for number in range(count):
        chance = random.Random(number)
        currency = "VND" if chance.random() < 0.8 else "USD"
        shop = [offering(chance, name, currency) for name in chance.sample(NAMES, 4)]
        yield chance, shop, Known(tuple(shop), (FAQ,), (SAID,)), chance.choice(["vi", "en"])


def changed(shop: list[OfferingFacts]) -> tuple[OfferingFacts, ...]:
    """Return the same offerings at other prices."""
    return tuple(
        replace(
            one,
            variants=tuple(
                replace(variant, price=replace(variant.price, amount=variant.price.amount + Decimal(3000), compare_at=None))
                for variant in one.variants
            ),
        )
        for one in shop
    )


def test_what_is_true_is_said() -> None:
    written = [(true_reply(chance, shop, language), known, language) for chance, shop, known, language in cases(400)]
    rejected = [reply for reply, known, language in written if is_doubted(reply, known, language)]
    assert len(rejected) <= 0.02 * len(written), rejected


def test_what_is_false_is_never_said() -> None:
    written = [(false_reply(chance, shop, language), known, language) for chance, shop, known, language in cases(400)]
    assert [reply for reply, known, language in written if not is_doubted(reply, known, language)] == []


def test_a_price_that_has_changed_meanwhile_is_never_said() -> None:
    told = []
    for chance, shop, known, language in cases(300):
        one = chance.choice(shop)
        price = forms(chance, one.variants[0].price.amount, one.variants[0].price.currency, language)
        reply = f"{one.name} giá {price}." if language == "vi" else f"The {one.name} costs {price}."
        assert not is_doubted(reply, known, language)
        if not is_doubted(reply, replace(known, offerings=changed(shop)), language):
            told.append(reply)
    assert told == []


@pytest.mark.parametrize(
    ("reply", "is_true"),
    [
        ("Áo khoác gió Mây Trắng giá 350.000đ.", True),
        ("Áo khoác Mây Trắng giá 350k nhé.", True),
        ("áo khoác mây trắng giá ba trăm năm mươi nghìn đồng", True),
        ("áo khoác mây trắng giá ba trăm chín mươi nghìn đồng", False),
        ("Áo khoác gió Mây Trắng giá $350,000.", False),
        ("Áo khoác gió Mây Trắng giá 0đ.", False),
        ("It costs 350.", False),
        ("Bàn phím cơ Gõ Êm giá 350.000đ.", False),
        ("Cả hai: Áo khoác gió Mây Trắng và Bàn phím cơ Gõ Êm giá lần lượt 350.000đ và 990.000đ.", True),
        ("Hotline 0901234567, mở cửa 9h-21h, bảo hành 24 tháng, đơn #1001 ngày 12/3/2026.", True),
        ("The keyboard weighs 1.250 g and has 104 keys.", True),
        ("Shipping takes 2-4 working days.", True),
        ("Bàn phím cơ Gõ Êm còn 12 cái.", True),
        ("Bàn phím cơ Gõ Êm còn 13 cái.", False),
        ("Con của bạn sẽ thích Bàn phím cơ Gõ Êm.", True),
        ("Áo khoác gió Mây Trắng: available", False),
        ("Gift wrapping is available.", True),
        ("Áo khoác gió Mây Trắng miễn phí vận chuyển, phí 20.000đ.", False),
        ("Áo khoác gió Mây Trắng không miễn phí vận chuyển, phí 20.000đ.", True),
        ("Delivery is free.", False),
        ("Shipping comes at no extra charge.", False),
        ("Feel free to ask for a sugar-free one.", True),
        ("Engraving is free of charge.", True),
        ("Free slots on 2026-11-23 are 09:00 and 15:30.", True),
        ("Dr Minh is free at 09:00.", True),
        ("Dr Minh is free on Monday.", True),
        ("She is also free on Monday, and 15:30 is free.", True),
        ("Delivery is free on Monday.", False),
    ],
)
def test_cases_by_hand(reply: str, is_true: bool) -> None:
    chance = random.Random(1)
    jacket, keyboard = (offering(chance, name, "VND") for name in (NAMES[1], NAMES[2]))
    apart = (FAQ, "Can you wrap it?\nGift wrapping is available.", "Engraving\nEngraving is free.")
    known = Known(
        (at(jacket, 350_000, 0), at(keyboard, 990_000, 12)),
        apart,
        (SAID,),
    )
    assert is_doubted(reply, known, "vi" if "Á" in reply or "B" in reply else "en") is not is_true


@pytest.mark.parametrize(
    ("reply", "is_true"),
    [
        ("Tái khám và cắt chỉ miễn phí sau 7 ngày.", True),
        ("Re-examination is free.", True),
        ("Gói quà miễn phí.", False),
    ],
)
def test_what_a_cited_source_says_is_free_may_be_said(reply: str, is_true: bool) -> None:
    cited = "Nhổ răng khôn mất 45 phút. Tái khám và cắt chỉ miễn phí sau 7 ngày."
    assert is_doubted(reply, Known(cited=(cited,)), "vi") is not is_true
    assert is_doubted(reply, Known(), "vi")


def at(one: OfferingFacts, amount: int, available: int) -> OfferingFacts:
    variant = one.variants[0]
    price = replace(variant.price, amount=Decimal(amount), compare_at=None)
    return replace(one, variants=(replace(variant, price=price, available=available, sellable=available > 0),))
