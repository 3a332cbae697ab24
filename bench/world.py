"""The shops a turn is measured in: 8 tenants, each with 600 FAQs, 1,500 offerings with price and stock, 500 sessions.

Names and questions are made of parts, so that many rows share words, as in a real shop.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import product

from bench.database import settle
from bots.models import Bot, BotVersion, Faq
from bots.services import activate_version, create_version
from catalog.models import (
    InventoryLocation,
    Offering,
    OfferingVersion,
    PriceList,
    SalesChannel,
    StockMovement,
    Variant,
    VariantPrice,
)
from catalog.search.embedding import embed_due_texts
from runtime.models import Session
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant

TENANTS, SESSIONS = 8, 500

GOODS = [
    "backpack", "kettle", "headphones", "keyboard", "umbrella", "lantern", "raincoat", "notebook", "blender", "pillow",
    "thermos", "wallet", "desk", "helmet", "scarf", "toaster", "speaker", "blanket", "camera", "sandals", "teapot",
    "monitor", "jacket", "mirror", "tripod", "watch", "apron", "ladder", "bicycle", "stove",
]  # fmt: skip
MAKERS = [
    "Alder", "Basil", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Harbor", "Isle", "Juniper", "Kestrel", "Lotus",
    "Maple", "Nimbus", "Opal", "Pebble", "Quartz", "River", "Sable", "Tundra", "Umber", "Velvet", "Willow", "Yarrow",
    "Zephyr",
]  # fmt: skip
SIZES = ("Mini", "Max")
TRAITS = [
    "light", "strong", "quiet", "folding", "waterproof", "warm", "durable", "bright", "soft", "compact", "wooden",
    "steel", "cotton", "bamboo", "recycled", "everyday", "travel", "office", "kitchen", "garden", "winter", "summer",
    "gift", "classic", "modern",
]  # fmt: skip
TOPICS = [
    "delivery", "a refund", "an invoice", "gift wrapping", "the warranty", "an exchange", "a repair",
    "store opening hours", "payment by card", "installments", "a discount code", "my account", "membership points",
    "bulk orders", "customs duties", "spare parts", "pickup in the shop", "cancelling an order", "a lost parcel",
    "assembly at home",
]  # fmt: skip
SUBJECTS_VI = [
    "giao hàng", "hoàn tiền", "xuất hóa đơn", "gói quà", "bảo hành", "đổi hàng", "sửa chữa", "giờ mở cửa",
    "thanh toán bằng thẻ", "trả góp", "mã giảm giá", "tài khoản", "điểm thành viên", "đơn hàng số lượng lớn",
    "thuế nhập khẩu", "phụ kiện thay thế", "nhận tại cửa hàng", "hủy đơn", "mất kiện hàng", "lắp đặt tại nhà",
]  # fmt: skip
FORMS = [
    "How does {} work?", "What should I know about {}?", "Who do I ask about {}?", "Where do I read the rules for {}?",
    "How long do I wait for {}?", "Is there help with {} at weekends?", "Can I change {} later?",
    "Do you offer {} abroad?", "What do I need for {}?", "When did the terms of {} change?", "Why was {} refused?",
    "Is {} possible by telephone?", "Can a friend arrange {} for me?", "Which branches handle {}?",
    "How do I complain about {}?",
]  # fmt: skip
FORMS_VI = [
    "Quy định về {} thế nào?", "Tôi cần gì để {}?", "Ai phụ trách {}?", "Xem hướng dẫn {} ở đâu?",
    "Bao lâu thì xong {}?", "Cuối tuần có hỗ trợ {} không?", "Tôi có thể thay đổi {} không?",
    "Ở tỉnh khác có {} không?", "Làm sao để khiếu nại {}?", "Vì sao {} bị từ chối?", "Gọi điện để {} được không?",
    "Người nhà làm thay {} được không?", "Chi nhánh nào nhận {}?", "Điều kiện {} đổi khi nào?", "{} cần giấy tờ gì?",
]  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """A tenant with its open sessions, on the channel ``web``."""

    tenant: Tenant
    sessions: list[Session]


@cache
def build() -> list[Shop]:
    """Fill the database with the shops, once a run; texts are indexed by the triggers and embedded by the queue."""
    shops = [_shop(number) for number in range(TENANTS)]
    embed_due_texts()
    settle()
    return shops


def _shop(number: int) -> Shop:
    chance = random.Random(number)
    tenant = create_tenant(slug=f"shop-{number}", name=f"Shop {number}", owner_email=f"owner@shop-{number}.example").tenant
    with tenant_scope(tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        version = activate_version(version=create_version(bot=bot))
        Faq.objects.bulk_create(_faqs())
        _stock_up(chance)
        return Shop(tenant, _sessions(bot, version))


def _faqs() -> Iterator[Faq]:
    for language, forms, topics in (("en", FORMS, TOPICS), ("vi", FORMS_VI, SUBJECTS_VI)):
        for form, topic in product(forms, topics):
            answer = f"{topic}: {form.format(topic)} {TOPICS[len(form) % len(TOPICS)]}."
            yield Faq(question=form.format(topic), answer=answer, language=language, category=topic)


def _stock_up(chance: random.Random) -> None:
    prices, location = PriceList.objects.get(code="standard"), InventoryLocation.objects.get(code="main")
    names = [" ".join(parts) for parts in product(MAKERS, GOODS, SIZES)]
    Offering.objects.bulk_create(
        Offering(code=f"o-{row}", category=name.split()[1], tags=chance.sample(TRAITS, 2), status="active")
        for row, name in enumerate(names)
    )
    offerings = list(Offering.objects.order_by("id"))  # ids are the database's, in the order of the names
    OfferingVersion.objects.bulk_create(
        OfferingVersion(offering=offering, version=1, name=name, description=_description(name, chance), status="active")
        for offering, name in zip(offerings, names, strict=True)
    )
    Variant.objects.bulk_create(
        Variant(offering=offering, sku=f"SKU-{row}", attributes={"color": chance.choice(("red", "blue", "green"))})
        for row, offering in enumerate(offerings)
    )
    variants = list(Variant.objects.all())
    VariantPrice.objects.bulk_create(
        VariantPrice(variant=variant, price_list=prices, currency="VND", amount=Decimal(chance.randrange(20, 2000) * 1000))
        for variant in variants
    )
    StockMovement.objects.bulk_create(
        StockMovement(variant=variant, location=location, quantity=chance.randrange(1, 50), reason="receipt")
        for variant in variants
    )


def _description(name: str, chance: random.Random) -> str:
    good, words = name.split()[1], chance.choices(TRAITS, k=18)
    return f"A {' '.join(words[:3])} {good} for {' and '.join(words[3:6])} use. {' '.join(words[6:]).capitalize()}."


def _sessions(bot: Bot, version: BotVersion) -> list[Session]:
    channel = SalesChannel.objects.get(code="web")
    Session.objects.bulk_create(Session(bot=bot, bot_version=version, channel=channel) for _ in range(SESSIONS))
    return list(Session.objects.all())


def messages(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Endless (kind, message): FAQ, price, budget and unknown in turn, in both languages, seldom as they are written."""
    while True:
        name = " ".join((chance.choice(MAKERS), chance.choice(GOODS), chance.choice(SIZES)))
        good, budget, row = chance.choice(GOODS), chance.randrange(3, 15), chance.randrange(len(TOPICS))
        english = chance.random() < 0.5
        yield "faq", f"how long must i wait for {TOPICS[row]}" if english else f"ai phụ trách {SUBJECTS_VI[row]} vậy shop"
        yield "price", f"how much is the {name}?" if english else f"{name} giá bao nhiêu vậy shop"
        yield "budget", f"show me a {good} under {budget}00k" if english else f"có {good} nào dưới {budget}00k không"
        yield "unknown", chance.choice(("which planet has the most moons", "thủ đô của Mông Cổ là gì", "sing me a song"))
