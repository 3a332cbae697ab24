"""Intents of three trades with few examples: what customers say is heard as meant, and as nothing where nothing is meant."""

import pytest

from bots.intents import save_intent
from bots.models import Bot, Faq, Intent
from catalog.models import SalesChannel
from catalog.search.embedding import embed_due_texts
from runtime.context import TurnContext
from runtime.rehearsal import open_stage, rehearse
from tenants.text import detect_language, fold
from tests.conftest import Business, in_tenant
from tests.runtime.understanding.intent_trades import TRADES, Trade

pytestmark = pytest.mark.django_db


def open_trade(trade: Trade) -> TurnContext:
    """Write down what the business knows, for the scope's tenant, and return where its bot is asked."""
    for question in trade.faqs:
        Faq.objects.create(question=question, answer=f"Answer to {question}", language=detect_language(question))
    for code, examples in trade.intents.items():
        save_intent(intent=Intent(), values={"code": code, "name": code}, examples=examples)
    while embed_due_texts():
        pass
    return open_stage(Bot.objects.create(code="shop", name="Shop"))


@pytest.mark.parametrize("name", TRADES)
def test_few_examples_tell_what_is_meant_and_fire_on_nothing_else(saigon: Business, name: str) -> None:
    trade = TRADES[name]
    with in_tenant(saigon.tenant):
        assert SalesChannel.objects.exists()
        stage = open_trade(trade)
        heard = {message: rehearse(stage, message).context.intent for message, _intent in trade.said}
        wrong = {message: heard[message] for message, intent in trade.said if heard[message] != intent}
        assert len(wrong) <= 2, wrong
        said_again = [(text, code) for code, examples in trade.intents.items() for text in examples]
        for text, code in said_again:
            assert rehearse(stage, f" {text.upper()}! ").context.intent == code
            assert rehearse(stage, fold(text)).context.intent == code


def test_one_intent_alone_fires_on_its_own_words_and_not_on_what_shares_one(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        examples = ("tôi muốn khiếu nại", "sản phẩm bị lỗi", "dịch vụ tệ quá")
        stage = open_trade(Trade(("Sửa xe đạp mất bao lâu?",), {"complaint": examples}, ()))
        for message in (*examples, "san pham bi loi", "cho tôi khiếu nại về cái xe", "shop ơi dịch vụ tệ quá đi"):
            assert rehearse(stage, message).context.intent == "complaint", message
        for message in ("sửa xe tại nhà không", "tôi muốn mua xe", "dịch vụ sửa xe giá bao nhiêu", "sản phẩm này còn không"):
            assert rehearse(stage, message).context.intent == "", message
