"""The home page: the figures of today, in the tenant's own day, and what to do next."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import Bot, BotVersion, Faq
from catalog.models import ImportJob, InventoryLocation, Offering, SalesChannel, StockMovement, Variant
from reports.dashboard import home
from runtime.models import DecisionEvent, Escalation, Session, Turn
from tenants.models import ApiKey, User
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


def talk(
    business: Business, *, tier: str = "faq", at: datetime | None = None, latency: int = 20, said: str = "Hello"
) -> None:
    """One conversation of one question."""
    at = at or timezone.now()
    with in_tenant(business.tenant):
        bot, _new = Bot.objects.get_or_create(code="shop", defaults={"name": "Shop"})
        version = bot.versions.first() or BotVersion.objects.create(bot=bot, version=1, is_active=True)
        channel, _new = SalesChannel.objects.get_or_create(code="web")
        session = Session.objects.create(bot=bot, bot_version=version, channel=channel)
        asked = Turn.objects.create(session=session, speaker="user", message=said)
        decision = DecisionEvent.objects.create(
            session=session, input_turn=asked, bot_version=version, tier=tier, latency_ms=latency
        )
        Session.objects.filter(pk=session.pk).update(created_at=at)
        DecisionEvent.objects.filter(pk=decision.pk).update(created_at=at)


def figures(business: Business) -> dict[str, Any]:
    """Return the figures of the page by label."""
    context = browser(business.operator).get(page("index")).context
    return {figure.label: figure for figure in (*context["today_figures"], *context["stock_figures"])}


def test_todays_conversations_stand_beside_yesterdays(saigon: Business) -> None:
    for tier in ("faq", "catalog", "catalog", "handoff"):
        talk(saigon, tier=tier)
    talk(saigon, at=timezone.now() - timedelta(days=1), latency=40)
    shown = figures(saigon)
    assert (shown["Conversations today"].value, shown["Conversations today"].change) == ("4", "yesterday 1")
    assert shown["Answered by the bot"].value == "3"
    assert (shown["Without a person"].value, shown["Without a person"].change) == ("75%", "yesterday 100%")
    assert (shown["Time to answer"].value, shown["Time to answer"].change) == ("20 ms", "yesterday 40 ms")


def test_the_chart_counts_conversations_handed_over_and_not_their_turns(saigon: Business) -> None:
    for _conversation in range(3):
        talk(saigon, tier="handoff")
    with in_tenant(saigon.tenant):
        session = Session.objects.all()[0]
        for state in ("resolved", "waiting"):
            Escalation.objects.create(
                session=session, state=state, resolved_at=timezone.now() if state == "resolved" else None
            )
    conversations, handed_over = json.loads(browser(saigon.operator).get(page("index")).context["chart"])["datasets"]
    assert (conversations["data"][-1], handed_over["data"][-1]) == (3, 1)


def test_a_day_begins_at_midnight_where_the_tenant_is(saigon: Business) -> None:
    # 01:00 on the 10th in Saigon is still the 9th in UTC, and so is 17:30 UTC: both belong to the 10th.
    now = datetime(2026, 11, 9, 18, 0, tzinfo=UTC)
    talk(saigon, at=datetime(2026, 11, 9, 17, 30, tzinfo=UTC))
    talk(saigon, at=datetime(2026, 11, 9, 16, 30, tzinfo=UTC))
    with (
        patch("reports.dashboard._first_id_of", return_value="00000000-0000-0000-0000-000000000000"),
        patch("django.utils.timezone.now", return_value=now),
    ):
        context = _context_of(saigon)
    assert context["today_figures"][0].value == "1"
    assert context["today_figures"][0].change == "yesterday 1"


def _context_of(business: Business) -> dict[str, Any]:
    class Request:
        tenant = business.tenant
        user = business.owner

    with in_tenant(business.tenant), timezone.override(business.tenant.time_zone):
        return home(Request(), {})  # type: ignore[arg-type]


def test_what_is_sold_out_waiting_or_failed_is_counted(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        location = InventoryLocation.objects.first() or InventoryLocation.objects.create(code="main")
        offering = Offering.objects.create(code="lamp", status="active")
        Offering.objects.create(code="draft")
        for sku, quantity, policy in (("A", 0, "deny"), ("B", 3, "deny"), ("C", 0, "continue")):
            variant = Variant.objects.create(offering=offering, sku=sku, inventory_policy=policy)
            StockMovement.objects.create(variant=variant, location=location, quantity=5, reason="receipt")
            StockMovement.objects.create(variant=variant, location=location, quantity=quantity - 5, reason="sale")
        Variant.objects.create(offering=offering, sku="uncounted")
        Faq.objects.create(question="Open?", answer="Yes.", language="en")
        ImportJob.objects.create(currency="VND", status="staged")
        ImportJob.objects.create(currency="VND", status="failed")
    shown = figures(saigon)
    assert shown["Active offerings"].value == "1"
    assert (shown["Variants out of stock"].value, shown["Variants out of stock"].alert) == ("1", True)
    assert (shown["Imports under way"].value, shown["Imports under way"].change) == ("1", "1 failed this week")
    assert int(shown["Texts waiting for the search"].value) >= 1


def test_the_page_takes_at_most_ten_queries_of_its_own(saigon: Business) -> None:
    for number in range(12):
        talk(saigon, said=f"Question {number}")
    with CaptureQueriesContext(connection) as queries:
        _context_of(saigon)
    assert len(queries) <= 10


def test_the_newest_conversations_show_their_first_question_as_text(saigon: Business) -> None:
    talk(saigon, said="<script>alert(1)</script>")
    answer = browser(saigon.operator).get(page("index"))
    assert "&lt;script&gt;alert(1)" in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_another_tenants_day_is_not_counted(saigon: Business, harbour: Business) -> None:
    talk(harbour, said="Theirs")
    answer = browser(saigon.operator).get(page("index"))
    assert figures(saigon)["Conversations today"].value == "0"
    assert "Theirs" not in text_of(answer)


def test_a_new_tenant_is_told_what_to_do(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        ApiKey.objects.all().delete()
    answer = browser(saigon.owner).get(page("index"))
    assert [step.done for step in answer.context["steps"]] == [False] * 6
    assert "Issue an API key" in text_of(answer)
    assert "Nobody has talked to your bots yet" in text_of(answer)


def test_the_steps_go_once_they_are_done(saigon: Business) -> None:
    talk(saigon)
    with in_tenant(saigon.tenant):
        Offering.objects.create(code="lamp", status="active")
        Faq.objects.create(question="Open?", answer="Yes.", language="en")
    assert browser(saigon.owner).get(page("index")).context["steps"] == []


def test_platform_staff_see_tenants_to_enter_and_no_rows_of_theirs(saigon: Business) -> None:
    talk(saigon, said="A private question")
    shown = text_of(browser(User.objects.create_superuser("root@backroom.example")).get(page("index")))
    assert "Saigon" in shown
    assert "A private question" not in shown
