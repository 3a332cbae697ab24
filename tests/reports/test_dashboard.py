"""The home page: the figures of today, in the tenant's own day, and what to do next."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import Bot, BotVersion, Faq
from catalog.models import ImportJob, InventoryLocation, Offering, SalesChannel, StockMovement, Variant
from reports import rollups
from reports.dashboard import home
from reports.home_figures import read_weeks
from reports.models import EmailDelivery, Metric, MetricMark
from reports.tasks import roll_up
from runtime.models import DecisionEvent, Escalation, Session, Turn
from tenants.models import ApiKey, User
from tests.conftest import Business, in_tenant
from tests.rows import make_row
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


def shown(business: Business) -> dict[str, Any]:
    """Return the figures and the cards of the page by label."""
    context = browser(business.operator).get(page("index")).context
    return {one.label: one for one in (*context["cards"], *context["today_figures"], *context["stock_figures"])}


def test_today_stands_beside_the_same_day_of_last_week_until_the_same_time(saigon: Business) -> None:
    for tier in ("faq", "catalog", "catalog", "handoff"):
        talk(saigon, tier=tier)
    a_week_ago = timezone.now() - timedelta(days=7)
    talk(saigon, at=a_week_ago - timedelta(seconds=5), latency=40)
    talk(saigon, at=a_week_ago + timedelta(seconds=30))
    roll_up()
    found = shown(saigon)
    weekday = (timezone.now().astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))).strftime("%A")
    assert (found["Conversations"].value, found["Conversations"].before) == ("4", f"Last {weekday} until this time: 1")
    assert (found["Conversations"].change, found["Conversations"].way) == ("+300 %", "up")
    assert found["Answered by the bot"].value == "3"
    assert (found["Without a person"].value, found["Without a person"].change) == ("100%", "a week ago 100%")
    assert (found["Time to answer"].value, found["Time to answer"].change) == ("20 ms", "a week ago 40 ms")


def test_every_bar_leads_to_the_rows_it_stands_for(saigon: Business) -> None:
    now = timezone.now()
    for back, tiers in ((0, ("faq", "handoff")), (1, ("catalog",)), (3, ("handoff", "handoff", "faq"))):
        for tier in tiers:
            talk(saigon, tier=tier, at=now - timedelta(days=back))
    with in_tenant(saigon.tenant):
        session = Session.objects.all()[0]
        for state in ("resolved", "waiting"):
            Escalation.objects.create(session=session, state=state, resolved_at=now if state == "resolved" else None)
        Turn.objects.update(created_at=Subquery(Session.objects.filter(pk=OuterRef("session_id")).values("created_at")[:1]))
    roll_up()
    client, looked = browser(saigon.operator), 0
    found = shown(saigon)
    for label in ("Conversations", "Answered by the bot", "Handed over"):
        for bar in found[label].bars.bars:
            number = int(bar.title.rpartition(": ")[2])
            if number:
                assert len(client.get(bar.url).context["cl"].result_list) == number, (label, bar.title)
                looked += 1
    assert looked == 3 + 3 + 1
    assert sum(bar.is_last for bar in found["Conversations"].bars.bars) == 1


def test_a_day_begins_at_midnight_where_the_tenant_is(saigon: Business) -> None:
    # 01:00 on the 10th in Saigon is still the 9th in UTC, and so is 17:30 UTC: both belong to the 10th.
    now = datetime(2026, 11, 9, 18, 0, tzinfo=UTC)
    talk(saigon, at=datetime(2026, 11, 9, 17, 30, tzinfo=UTC))
    talk(saigon, at=datetime(2026, 11, 9, 16, 30, tzinfo=UTC))
    with in_tenant(saigon.tenant), patch("reports.rollups.first_id_of", return_value=UUID(int=0)):
        MetricMark.objects.create()
        rollups.roll_up()
        with patch("django.utils.timezone.now", return_value=now):
            weeks = read_weeks(zone=saigon.tenant.time_zone)
    assert [one.count(Metric.SESSIONS) for one in weeks.days[-2:]] == [1, 1]
    assert weeks.today.day == date(2026, 11, 10)


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
    found = shown(saigon)
    assert found["Active offerings"].value == "1"
    assert (found["Variants out of stock"].value, found["Variants out of stock"].alert) == ("1", True)
    behind = browser(saigon.operator).get(found["Variants out of stock"].url).context["cl"].result_list
    assert [one.sku for one in behind] == ["A"]
    assert (found["Imports under way"].value, found["Imports under way"].change) == ("1", "1 failed this week")
    assert int(found["Texts waiting for the search"].value) >= 1


def test_the_page_takes_at_most_thirteen_queries_of_its_own(saigon: Business) -> None:
    for number in range(12):
        talk(saigon, said=f"Question {number}")
    with CaptureQueriesContext(connection) as queries:
        _context_of(saigon)
    assert len(queries) <= 13


def test_the_newest_conversations_show_their_first_question_as_text(saigon: Business) -> None:
    talk(saigon, said="<script>alert(1)</script>")
    answer = browser(saigon.operator).get(page("index"))
    assert "&lt;script&gt;alert(1)" in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_another_tenants_day_is_not_counted(saigon: Business, harbour: Business) -> None:
    talk(harbour, said="Theirs")
    answer = browser(saigon.operator).get(page("index"))
    assert answer.context["cards"] == []
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


def test_mails_that_did_not_get_through_and_jobs_that_are_stuck_ask_for_attention(saigon: Business) -> None:
    assert (shown(saigon)["Mail failures"].value, shown(saigon)["Stuck jobs"].alert) == ("0", False)
    with in_tenant(saigon.tenant):
        delivery = make_row(EmailDelivery)
        EmailDelivery.objects.filter(pk=delivery.pk).update(state="failed")
    found = shown(saigon)
    assert (found["Mail failures"].value, found["Mail failures"].alert) == ("1", True)
    assert (found["Stuck jobs"].value, found["Stuck jobs"].alert) == ("1", True)
    assert browser(saigon.operator).get(found["Stuck jobs"].url).status_code == 200
    listed = text_of(browser(saigon.operator).get(found["Mail failures"].url))
    assert delivery.address in listed
