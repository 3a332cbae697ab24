"""Two businesses, each with a bot that knows a question and sells headphones."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from bots.models import Bot, Faq
from bots.services import activate_version, create_version
from catalog.models import InventoryLocation, PriceList, StockMovement, Variant, VariantPrice
from tests.conftest import Business, in_tenant
from tests.rows import an_offering

QUESTION = "How long does delivery take?"
ANSWER = "Two to four working days."
PRODUCT = "Tai nghe không dây Sóng Xanh"


def open_shop(business: Business, code: str = "shop") -> Bot:
    """Give the business a bot that speaks, a FAQ, and something to sell."""
    with in_tenant(business.tenant):
        bot = Bot.objects.create(code=code, name="Shop")
        activate_version(version=create_version(bot=bot, flow_config={"default_state": "greeting"}))
        Faq.objects.create(question=QUESTION, answer=ANSWER, language="en")
        variant = Variant.objects.create(offering=an_offering(PRODUCT, category="headphones"), sku="SX-1")
        price_list, location = PriceList.objects.get(code="standard"), InventoryLocation.objects.get(code="main")
        VariantPrice.objects.create(variant=variant, price_list=price_list, currency="VND", amount=Decimal(1_490_000))
        StockMovement.objects.create(variant=variant, location=location, quantity=5, reason="receipt")
        return bot


@pytest.fixture
def shop(saigon: Business) -> Bot:
    """The bot ``shop`` of Saigon."""
    return open_shop(saigon)


@pytest.fixture
def begin(api: Any, saigon: Business, shop: Bot) -> Callable[..., dict[str, Any]]:
    """Return what begins a conversation at Saigon's through the API."""

    def started(**more: Any) -> dict[str, Any]:
        answer = api(saigon).post("sessions/", {"bot": "shop", "channel": "web", **more})
        assert answer.status_code == 201, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return started


@contextmanager
def messages_to_database() -> Iterator[list[str]]:
    """Collect every message that really goes to PostgreSQL, BEGIN and COMMIT (here: savepoints) included."""
    sent: list[str] = []
    connection.ensure_connection()
    with tempfile.TemporaryFile("w+") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        try:
            yield sent
        finally:
            connection.connection.pgconn.untrace()
            trace.seek(0)
            sent += [line for line in trace if "\tF\t" in line]
