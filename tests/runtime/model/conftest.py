"""A shop whose bot may ask a language model: a server on loopback that speaks the protocol and says what its script says."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import get_resolver
from django.utils import timezone

from bots.models import Bot, Capability, Faq
from bots.services import activate_version, create_version
from catalog.models import SalesChannel
from runtime.models import Session
from runtime.services import CustomerName, start_session
from runtime.turn import Recorded, take_turn
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.runtime.test_turn import FAQS, OFFERINGS, sell
from tests.vault import openai_server as server
from tests.vault.openai_server import KEY, OpenAIServer, Step, openai_server
from vault.models import ModelPrice
from vault.providers import metering

PROMPT = "You are polite. Gift wrapping costs 15.000đ."
TOOLS = ("offering_search", "price_lookup", "stock_check", "order_status", "create_order")


@pytest.fixture
def endpoint(settings: Any, monkeypatch: Any, db: None) -> Iterator[OpenAIServer]:
    """Return the server that the environment names, at prices of 1 and 2 dollars a million tokens."""
    monkeypatch.setattr(metering, "FIRST_WAIT", 0.01)
    with openai_server() as found:
        settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_MODEL = found.base_url, KEY, "gpt-test"
        with platform_scope(reason="prices are the platform's"):
            since = timezone.now() - timedelta(days=1)
            ModelPrice.objects.create(model="gpt-test", valid_from=since, input_price=1, output_price=2)
        yield found


@pytest.fixture
def session(saigon: Business) -> Iterator[Session]:
    """A conversation of Mai's at Saigon's, whose bot may use every tool of ours; the scope stays open."""
    _ = get_resolver().url_patterns  # view sets are made where no scope is open, as in the web
    with in_tenant(saigon.tenant):
        bot = Bot.objects.create(code="shop", name="Shop")
        granted = list(Capability.objects.filter(code__in=TOOLS))
        activate_version(version=create_version(bot=bot, system_prompt=PROMPT, capabilities=granted))
        for question, answer, language in FAQS:
            Faq.objects.create(question=question, answer=answer, language=language)
        for offering in OFFERINGS:
            sell(*offering)
        web = SalesChannel.objects.get(code="web")
        yield start_session(bot=bot, channel=web, customer=CustomerName("mai", name="Mai"))[0]


@pytest.fixture
def say(session: Session) -> Callable[..., Recorded]:
    """Return what says something in the conversation."""
    return lambda message, **more: take_turn(session_id=session.pk, message=message, **more)


def answers(text: str, **more: Any) -> Step:
    """Say this."""
    return server.says(server.chat_body(text, **more))


def calls(*wanted: tuple[str, Any], text: str | None = None) -> Step:
    """Want these tools called; arguments that are no text become JSON."""
    asked = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(wanted)
    ]
    return server.says(server.chat_body(text, finish_reason="tool_calls", tool_calls=asked))


def plain(recorded: Recorded) -> str:
    """Return the reply with ordinary spaces."""
    assert recorded.reply is not None
    text: str = recorded.reply["message"]
    return text.replace("\N{NO-BREAK SPACE}", " ")
