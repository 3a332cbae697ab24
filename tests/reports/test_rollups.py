"""Daily figures: added up little by little they are what the rows say, in any time zone, however late a row comes."""

import random
import threading
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bots.models import Bot, BotVersion
from catalog.models import InventoryLocation, Order, OrderEntry, SalesChannel, StockMovement
from reports import rollups
from reports.metrics import daily_figures
from reports.models import DailyMetric, EmailDelivery, EmailMessage, MetricMark
from reports.tasks import roll_up as roll_up_task
from runtime.models import DecisionEvent, Escalation, KnowledgeGap, Session, Turn
from tenants.models import Tenant
from tests.conftest import Business, in_tenant, platform_again
from tests.rows.catalog import a_customer, a_variant
from vault.models import UsageEntry

ZONES = ("Asia/Ho_Chi_Minh", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")
DAYS = 12


class History:
    """A business in which things happen at random, each a row of any of the last days or a change of an old one."""

    def __init__(self, seed: int) -> None:
        self.random, self.calls_last = random.Random(seed), seed % 2 == 1
        self.versions = [
            BotVersion.objects.create(bot=Bot.objects.create(code=code, name=code), version=1) for code in ("shop", "care")
        ]
        self.channel = SalesChannel.objects.first() or SalesChannel.objects.create(code="web")
        self.customer, self.variant = a_customer(), a_variant()
        self.location = InventoryLocation.objects.first() or InventoryLocation.objects.create(code="main")

    def moment(self) -> datetime:
        now = timezone.now()
        return now if self.random.random() < 0.3 else now - timedelta(seconds=self.random.randint(0, DAYS * 86_400))

    def step(self) -> None:
        for happens in self.random.choices(
            [self.talk, self.order, self.move, self.miss, self.call, self.escalate, self.cancel, self.settle, self.mail], k=8
        ):
            happens()

    def talk(self) -> None:
        at, version = self.moment(), self.random.choice(self.versions)
        session = Session.objects.create(bot=version.bot, bot_version=version, channel=self.channel, created_at=at)
        for tier in self.random.choices(["faq", "catalog", "handoff", "human", "none"], k=2):
            turn = Turn.objects.create(session=session, speaker="user", message="?")
            of_turn = {"session": session, "input_turn": turn, "bot_version": version}
            ms = self.random.randint(0, 90)
            DecisionEvent.objects.create(**of_turn, tier=tier, latency_ms=ms, created_at=self.moment())

    def escalate(self) -> None:
        waiting = Escalation.objects.filter(state="waiting").values("session")
        if session := Session.objects.exclude(pk__in=waiting).order_by("?").first():
            Escalation.objects.create(session=session, state="waiting", created_at=self.moment())

    def order(self) -> None:
        number = Order.objects.count() + 1
        about = {"number": number, "customer": self.customer, "channel": self.channel, "total": self.random.randint(1, 9)}
        session = Session.objects.order_by("?").first()
        placed = {"session": session, "bot_id": session and session.bot_id, "created_at": self.moment()}
        Order.objects.create(**about, **placed, currency=self.random.choice(["VND", "USD"]))

    def cancel(self) -> None:
        if order := Order.objects.exclude(status="cancelled").order_by("?").first():
            Order.objects.filter(pk=order.pk).update(status="cancelled")
            OrderEntry.objects.create(order=order, kind="cancelled")

    def move(self) -> None:
        reason = self.random.choice(["receipt", "transfer", "correction"])
        about = {"variant": self.variant, "location": self.location, "reason": reason}
        StockMovement.objects.create(**about, quantity=self.random.choice([-1, 2, 3]) + 5, created_at=self.moment())

    def miss(self) -> None:
        about = {"question_key": str(KnowledgeGap.objects.count()), "reason": "unanswered"}
        bot = self.random.choice(self.versions).bot
        KnowledgeGap.objects.create(**about, bot=bot, question="?", last_asked_at=timezone.now(), created_at=self.moment())

    def mail(self) -> None:
        """Hand one in, which the server has taken; of an earlier one it is told now that it did not arrive."""
        about = {"message_id": f"<{EmailMessage.objects.count()}@x>", "status": "queued", "queued_at": timezone.now()}
        day = timezone.now() - timedelta(hours=self.random.randint(0, 6 * 24))
        sent = {"address": "an@example.com", "state": "done", "sent_at": day, "created_at": day}
        EmailDelivery.objects.create(email=EmailMessage.objects.create(**about), **sent)
        came_back = EmailDelivery.objects.filter(state="done").order_by("?").first()
        EmailDelivery.objects.filter(pk=came_back.pk).update(state=self.random.choice(["failed", "unknown"]))

    def call(self) -> None:
        bot_id = self.random.choice([None, self.versions[0].bot_id])
        about = {"key": str(UsageEntry.objects.count()), "kind": "chat", "provider": "openai", "model": "m"}
        UsageEntry.objects.create(**about, bot_id=bot_id, currency=self.random.choice(["USD", "EUR", ""]))
        if not self.calls_last:  # one that goes on holds the mark
            self.settle()

    def settle(self) -> None:
        if entry := UsageEntry.objects.filter(state="reserved").order_by("?").first():
            state = self.random.choice(["settled", "failed", "released"])
            UsageEntry.objects.filter(pk=entry.pk).update(state=state, amount=Decimal(self.random.randint(0, 9)) / 10**12)


def kept() -> dict[tuple, Decimal]:
    rows = DailyMetric.objects.values_list("day", "bot_id", "metric", "currency", "value")
    return {row[:4]: row[4] for row in rows}


def counted_by_hand(zone: str) -> dict[tuple, Decimal]:
    """Count with plain Python, row by row."""
    total: defaultdict[tuple, Decimal] = defaultdict(Decimal)

    def add(row, bot, metric, value=1, currency=""):
        total[row.created_at.astimezone(ZoneInfo(zone)).date(), bot, metric, currency] += value

    escalated = set(Escalation.objects.values_list("session_id", flat=True))
    for session in Session.objects.all():
        add(session, session.bot_id, "sessions")
        add(session, session.bot_id, "contained", session.pk not in escalated)
    for decision in DecisionEvent.objects.select_related("session").filter(tier__in=["faq", "catalog", "handoff"]):
        add(decision, decision.session.bot_id, "unanswered" if decision.tier == "handoff" else "answered")
        add(decision, decision.session.bot_id, "answer_ms", decision.latency_ms)
    for escalation in Escalation.objects.select_related("session"):
        add(escalation, escalation.session.bot_id, "handed_over")
    for entry in UsageEntry.objects.filter(state__in=["settled", "failed"]):
        add(entry, entry.bot_id, "model_calls")
        add(entry, entry.bot_id, "cost", entry.amount if entry.currency else 0, entry.currency)
    for order in Order.objects.select_related("session"):
        bot, is_gone = order.bot_id, order.status == "cancelled"
        add(order, bot, "orders")
        add(order, bot, "orders_cancelled", is_gone)
        add(order, bot, "order_value", 0 if is_gone else order.total - order.refunded, order.currency)
    for movement in StockMovement.objects.exclude(reason="transfer"):
        add(movement, None, "stock_in" if movement.quantity > 0 else "stock_out", abs(movement.quantity))
    for gap in KnowledgeGap.objects.all():
        add(gap, gap.bot_id, "knowledge_gaps")
    for delivery in EmailDelivery.objects.filter(state__in=["failed", "unknown"]):
        add(delivery, None, "mails_failed")
    today = timezone.now().astimezone(ZoneInfo(zone)).date()  # is not kept
    return {key: value for key, value in total.items() if value and key[0] < today}


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_figures_added_up_little_by_little_are_what_the_rows_say(
    saigon: Business, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(rollups, "MARGIN", timedelta(0))  # else every row of a test were new again each time
    zone = ZONES[seed]
    with in_tenant(saigon.tenant):
        Tenant.objects.update(time_zone=zone)
        MetricMark.objects.create()
        history = History(seed)
        for _step in range(6):
            history.step()
            rollups.roll_up()
            assert kept() == counted_by_hand(zone)
        while UsageEntry.objects.filter(state="reserved").exists():
            history.settle()
        rollups.roll_up()
        assert rollups.roll_up() == set()  # nothing is new by now
        before = kept()
        assert len(before) > 15
        assert rollups.count_all() == {day for day, *_rest in before}
        assert kept() == before


@pytest.mark.django_db
def test_another_time_zone_makes_other_days(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        history = History(7)
        for _step in range(4):
            history.step()
    roll_up_task()
    with in_tenant(saigon.tenant):
        assert kept() == counted_by_hand("Asia/Ho_Chi_Minh")
        Tenant.objects.update(time_zone="America/New_York")
        MetricMark.objects.update(due_at=timezone.now())
    roll_up_task()
    with in_tenant(saigon.tenant):
        assert kept() == counted_by_hand("America/New_York")


@pytest.mark.django_db
def test_what_was_swept_stays_counted_and_an_order_stays_its_bots(saigon: Business, api) -> None:
    with in_tenant(saigon.tenant):
        history = History(8)
        history.moment = lambda: timezone.now() - timedelta(days=3)  # type: ignore[method-assign]
        for _conversation in range(8):
            history.talk()
        history.order()
        MetricMark.objects.create()
        rollups.roll_up()
        before = {key: value for key, value in kept().items() if key[2] == "sessions"}
        assert before
        bot_id = Order.objects.get().bot_id
        Order.objects.update(bot_id=None)  # as it was before there was such a column
    import_module("catalog.migrations.0005_order_bot").fill(None, None)
    with in_tenant(saigon.tenant):
        DecisionEvent.objects.all().delete(), Turn.objects.all().delete(), Session.objects.all().delete()
        history.cancel()  # touches the day of an order, and leaves its conversations alone
        rollups.roll_up()
        assert {key: value for key, value in kept().items() if key[2] == "sessions"} == before
        of_orders = {key[1]: value for key, value in kept().items() if key[2] in ("orders", "orders_cancelled")}
        assert of_orders == {bot_id: 1}
        code = Bot.objects.get(pk=bot_id).code
    found = {bot: len(api(saigon.key).get("orders/", {"bot": bot}).json()["results"]) for bot in ("shop", "care")}
    assert found == {"shop": 0, "care": 0, code: 1}


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_committed_late_is_counted_late_and_not_lost(
    saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "MARGIN", timedelta(0))
    written, go_on = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with in_tenant(saigon.tenant), transaction.atomic():
                history = History(1)
                history.moment = lambda: timezone.now() - timedelta(days=2)  # type: ignore[method-assign]
                history.talk()
                written.set()
                go_on.wait(20)
        finally:
            connection.close()

    platform_again()
    with in_tenant(saigon.tenant):
        MetricMark.objects.create()
        thread = threading.Thread(target=write_slowly)
        thread.start()
        try:
            assert written.wait(20)
            rollups.roll_up()
            rollups.roll_up()
            assert kept() == {}
        finally:
            go_on.set()
            thread.join()
        rollups.roll_up()
        assert kept() == counted_by_hand("Asia/Ho_Chi_Minh") != {}


@pytest.mark.django_db
def test_a_tenants_figures_are_looked_at_when_they_are_due_and_by_one_worker(saigon: Business, harbour: Business) -> None:
    roll_up_task()
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            mark = MetricMark.objects.get()
            assert mark.counted_until is not None
            assert timezone.now() < mark.due_at < timezone.now() + timedelta(minutes=6)
            assert kept() == {}
    with in_tenant(saigon.tenant):
        history = History(2)
        history.step(), history.step()
        MetricMark.objects.update(due_at=timezone.now())
    with in_tenant(harbour.tenant):
        History(3).talk()
    roll_up_task()
    with in_tenant(saigon.tenant):
        assert kept() == counted_by_hand("Asia/Ho_Chi_Minh") != {}
    with in_tenant(harbour.tenant):
        assert kept() == {}


@pytest.mark.django_db
def test_a_day_is_counted_once_it_is_over_and_read_from_its_rows_before(saigon: Business) -> None:
    zone = "Asia/Ho_Chi_Minh"
    with in_tenant(saigon.tenant):
        MetricMark.objects.create()
        history = History(4)
        for _step in range(4):
            history.step()
        yesterday = timezone.now().astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        rollups.roll_up()
        before = kept()
        # As if nobody had counted since yesterday at noon.
        DailyMetric.objects.filter(day=yesterday).delete()
        noon = rollups.day_begins(yesterday, zone) + timedelta(hours=12)
        MetricMark.objects.update(counted_until=noon)
        told = daily_figures(first=yesterday, last=yesterday, zone=zone)[0]
        assert told.values == {
            (metric, currency): sum(v for k, v in before.items() if k[0] == yesterday and k[2:] == (metric, currency))
            for day, _bot, metric, currency in before
            if day == yesterday
        }
        rollups.roll_up()
        assert kept() == before
