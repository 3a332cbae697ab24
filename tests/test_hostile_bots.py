"""What hostile people put into a bot: talked, remembered, taught. Never a crash, never run in the admin, never told to others."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils import timezone

from bots.models import Bot, BotMemory, Intent, Tool
from bots.services import activate_version, create_version
from runtime.models import ContextSlot, Escalation, KnowledgeGap, Rating, SemanticCacheEntry, Turn
from tests.conftest import ApiClient, Business, in_tenant
from tests.tenants.admin_pages import browser, page
from tests.test_hostile_input import nfc, strings  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'-alert(1)-'",
    "</script><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "{{ 7|add:7 }}{% load i18n %}",
    "![x](https://evil.example/?q=secret)",
    "<plaintext>",
    "--><script>alert(1)</script><!--",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "\u202e<b>\u202c",
]


class Running(HTMLParser):
    """Collects what a browser would run, load from elsewhere, or submit: element, attribute and value."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str, str]] = set()
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element and its attributes."""
        self._script = tag == "script"
        for name, value in attrs:
            text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", (value or "").strip().lower())
            if name.startswith("on") or text.startswith(("javascript:", "data:text", "vbscript:")) or name == "srcdoc":
                self.found.add((tag, name, text))
            if name in ("src", "href", "action") and re.match(r"(https?:)?//", text):
                self.found.add((tag, name, text))
        if tag in ("iframe", "object", "embed", "base", "plaintext", "math", "mglyph"):
            self.found.add((tag, "", ""))

    def handle_data(self, data: str) -> None:
        """Note the text of scripts."""
        if self._script and "alert(" in data:
            self.found.add(("script", "", data.strip()))

    def handle_endtag(self, tag: str) -> None:
        """A script ends."""
        self._script = False


def running(html: str) -> set[tuple[str, str, str]]:
    """Return what would run on the page."""
    parser = Running()
    parser.feed(html)
    return parser.found


def test_the_parser_sees_what_would_run() -> None:
    assert all(running(one) for one in MARKUP if one[:1] in '<"-' and "alert" in one)
    assert running("&lt;script&gt;alert(1)&lt;/script&gt;<p title='&quot;onclick=x'>alert(1)</p>") == set()


@pytest.fixture
def key(api: Any, saigon: Business) -> ApiClient:
    """A program at a business whose bot speaks."""
    with in_tenant(saigon.tenant):
        activate_version(version=create_version(bot=Bot.objects.create(code="shop", name="Shop")))
    return api(saigon)


def sent(key: ApiClient, text: str, number: int) -> Iterator[Any]:
    """Put a text wherever a program or a customer may put one; yields the answers."""
    own = f"sessions/{_begun(key, text, number)}/"
    said = key.post(f"{own}turns/", {"message": text, "external_id": str(number)})
    yield said
    yield key.post(f"{own}turns/", {"message": "x", "external_id": text})
    yield key.post(f"{own}turns/", {"ui_event": {"action": text, text or "empty": text}})
    yield key.post(f"{own}slots/", {"slot_key": "colour", "slot_value": text})
    yield key.post(f"{own}slots/", {"slot_key": "budget", "slot_value": text})
    yield key.post(f"{own}slots/", {"slot_key": "offering", "slot_value": text})
    yield key.post(f"{own}turns/", {"message": "how much is it"})
    yield key.patch(own, {"flow_step": text})
    yield key.patch(own, {"ext_metadata": {"x": text}, "flow_context": {text or "empty": text}})
    yield key.post(f"{own}actions/", {"action_name": text[:100], "input_params": {"x": text}})
    yield key.post(f"{own}escalate/", {"reason": text})
    if said.status_code == 201:
        yield key.post(f"turns/{said.json()['reply']['id']}/rating/", {"vote": "down", "comment": text})
    yield key.post("bots/shop/memories/", {"key": f"k{number}", "value": text})
    yield key.post("intents/", {"code": f"i{number}", "name": text, "description": text, "examples": [text]})
    yield key.post(
        "tools/", {"name": text, "code": f"t{number}", "description": text, "url": "https://tools.invalid/", "kind": "http"}
    )
    yield key.post("guardrails/try/", {"message": text, "reply": text, "intent": text, "slots": {"a": text}})
    yield key.get("bots/shop/search/", {"q": text})
    yield key.get("sessions/", {"search": text})


def _begun(key: ApiClient, text: str, number: int) -> str:
    """Begin a conversation with a customer of that name; with another one where nobody may be called so."""
    place = {"bot": "shop", "channel": "web"}
    named = key.post(
        "sessions/", {**place, "customer": {"external_id": f"{text}{number}", "name": text}, "flow_context": {}}
    )
    assert named.status_code in (201, 400, 422), (text, named.content)
    begun = named if named.status_code == 201 else key.post("sessions/", place)
    return str(begun.json()["id"])


def test_whatever_is_put_into_a_bot_is_kept_as_it_was_or_refused(key: ApiClient, strings: list[str]) -> None:  # noqa: F811
    kept = 0
    for number, text in enumerate(strings[:: 3 if len(strings) < 100 else 1]):
        for answer in sent(key, text, number):
            assert answer.status_code in (200, 201, 400, 409, 422), (text, answer.request["PATH_INFO"], answer.content)
            kept += answer.status_code in (200, 201)
            if answer.status_code >= 400:
                assert answer["Content-Type"] == "application/problem+json"
    assert kept > 20


@pytest.fixture
def filled(key: ApiClient, strings: list[str], saigon: Business) -> Business:  # noqa: F811
    """The business, once all markup stands wherever it could be put, cached answers included."""
    texts = MARKUP[::5] if len(strings) < 100 else [*MARKUP, *strings]
    for number, text in enumerate(texts):
        for answer in sent(key, text, number):
            assert answer.status_code < 500, text
    with in_tenant(saigon.tenant):
        version = Bot.objects.get().versions.get()
        for number, text in enumerate(MARKUP):
            SemanticCacheEntry.objects.create(
                bot=version.bot,
                bot_version=version,
                language="en",
                query_text=text,
                query_key=bytes([number] * 32),
                telling_key=bytes([number] * 32),
                response_text=text,
                sources=[{"kind": "faq", "id": text, "title": text, "score": 1}],
                confidence=1,
                expires_at=timezone.now() + timedelta(days=1),
            )
    return saigon


PAGES = [
    *("runtime_session", "runtime_turn", "runtime_escalation", "runtime_knowledgegap", "runtime_rating"),
    *("runtime_semanticcacheentry", "bots_botmemory", "bots_intent", "bots_tool", "catalog_customer"),
]
MODELS = {
    "runtime_turn": Turn,
    "runtime_escalation": Escalation,
    "runtime_knowledgegap": KnowledgeGap,
    "runtime_rating": Rating,
    "runtime_semanticcacheentry": SemanticCacheEntry,
    "bots_botmemory": BotMemory,
    "bots_intent": Intent,
    "bots_tool": Tool,
}


def test_nothing_of_it_runs_on_the_pages_of_the_admin(filled: Business, strings: list[str]) -> None:  # noqa: F811
    owner = browser(filled.owner, filled.tenant)
    usual = running(owner.get(page("bots_faq_changelist")).content.decode()) | running(
        owner.get(page("bots_bot_add")).content.decode()
    )
    addresses = [page(f"{name}_changelist") for name in PAGES] + [page("runtime_escalation_waiting"), page("index")]
    with in_tenant(filled.tenant):
        for name, model in MODELS.items():
            addresses += [
                page(f"{name}_change", row)
                for row in model.objects.order_by("pk").values_list("pk", flat=True)[: 3 if len(strings) < 100 else 6]
            ]
        sessions = Turn.objects.filter(message__in=MARKUP).values_list("session", flat=True)
        addresses += [page("runtime_session_change", one) for one in set(sessions)]
        assert ContextSlot.objects.filter(slot_value__in=MARKUP).exists()
    shown = 0
    for address in addresses:
        answer = owner.get(address)
        assert answer.status_code == 200, address
        html = answer.content.decode()
        assert running(html) - usual == set(), address
        shown += "alert(1)" in html
    assert shown > 20


def test_a_customer_reads_as_it_was_written_what_the_admin_only_shows(key: ApiClient) -> None:
    begun = key.post("sessions/", {"bot": "shop", "channel": "web"}).json()
    for text in MARKUP:
        said = key.post(f"sessions/{begun['id']}/turns/", {"message": text})
        assert said.json()["turn"]["message"] == nfc(text)
        assert text not in said.json()["reply"]["message"]  # the bot repeats nobody


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\u202e" * 5000, "a\x00b", "\ud83d"], ids=["1 MB", "rtl", "nul", "half"])
def test_what_nobody_says_is_refused_in_words(key: ApiClient, saigon: Business, text: str) -> None:
    begun = key.post("sessions/", {"bot": "shop", "channel": "web"}).json()
    answer = key.post(f"sessions/{begun['id']}/turns/", {"message": text})
    assert answer.status_code in (400, 413, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    with in_tenant(saigon.tenant):
        assert not Turn.objects.exists()
