"""A budget is a hard stop: what was spent never passes it, however many calls come at once and whoever dies on the way."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import Bot
from tenants.actor import Actor, ActorKind, acting
from tenants.errors import Conflict
from tenants.models import Event, Tenant
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.rows import code, make_row
from vault.budgets import (
    BudgetExceeded,
    ModelUnpriced,
    TenantSuspended,
    fail,
    release,
    reserve,
    save_budget,
    settle,
    sweep_reservations,
)
from vault.models import Budget, BudgetPeriod, ModelPrice, UsageEntry
from vault.prices import Tokens

pytestmark = pytest.mark.django_db

CALL = {"provider": "openai", "model": "gpt-test", "worst_case_input_tokens": 0, "max_output_tokens": 100_000}
"""A call that costs at most one dollar, of ``a_price``."""
DOLLAR = Tokens(input=0, output=100_000)


def a_price(**fields):
    values = {"model": "gpt-test", "input_price": 2, "output_price": 10, "valid_from": timezone.now() - timedelta(days=1)}
    with platform_scope(reason="prices are the platform's"):
        return ModelPrice.objects.create(**{**values, **fields})


def a_budget(limit=10, **fields):
    return save_budget(budget=Budget(limit_amount=limit, **fields))


def a_call(**options):
    return reserve(**{**CALL, "key": code("call"), **options})


def standing(budget):
    found = Budget.objects.with_spending().get(pk=budget.pk)
    return found.spent, found.reserved


def test_a_call_is_held_at_its_worst_and_settled_at_what_it_cost(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget()
        held = a_call()
        assert standing(budget) == (0, 1)
        assert settle(held, usage=Tokens(input=1000, output=500), latency_ms=12) == Decimal("0.007")
        assert standing(budget) == (Decimal("0.007"), 0)
        entry = UsageEntry.objects.get()
        assert (entry.state, entry.amount, entry.currency) == ("settled", Decimal("0.007"), "USD")
        assert (entry.input_tokens, entry.output_tokens, entry.latency_ms) == (1000, 500, 12)


def test_the_ledger_says_who_asked_and_what_for(saigon):
    a_price()
    turn, bot, who = uuid4(), uuid4(), Actor(ActorKind.USER, saigon.owner.pk)
    with in_tenant(saigon.tenant), acting(who):
        a_call(bot_id=bot, subject=("runtime.turn", turn))
        entry = UsageEntry.objects.get()
    assert (entry.subject_kind, entry.subject_id, entry.bot_id) == ("runtime.turn", turn, bot)
    assert (entry.actor_kind, entry.actor_id) == ("user", saigon.owner.pk)


def test_a_call_that_could_pass_the_limit_is_refused_and_nothing_is_held(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(Decimal("1.5"))
        first = a_call()
        with pytest.raises(BudgetExceeded) as refused:
            a_call()
        assert (refused.value.code, refused.value.status) == ("budget_exceeded", 409)
        assert refused.value.extra == {"budget": str(budget.pk), "left": "0.5000"}
        assert UsageEntry.objects.count() == 1
        assert standing(budget) == (0, 1)
        settle(first, usage=Tokens(0, 1000))
        a_call()


def test_a_limit_may_be_used_to_the_last_decimal(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(2)
        for held in (a_call(), a_call()):
            settle(held, usage=DOLLAR)
        assert standing(budget) == (2, 0)
        with pytest.raises(BudgetExceeded):
            a_call(max_output_tokens=1)


def test_all_budgets_that_apply_are_held_or_none_of_them(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        bot, other = make_row(Bot), make_row(Bot)
        whole, narrow, others = a_budget(10), a_budget(1, bot=bot), a_budget(1, bot=other)
        a_call(bot_id=bot.pk)
        with pytest.raises(BudgetExceeded) as refused:
            a_call(bot_id=bot.pk)
        assert refused.value.extra["budget"] == str(narrow.pk)
        assert [standing(one) for one in (whole, narrow, others)] == [(0, 1), (0, 1), (0, 0)]
        a_call()
        assert [standing(one) for one in (whole, narrow, others)] == [(0, 2), (0, 1), (0, 0)]


def test_the_budget_of_one_tenant_stops_nobody_else(saigon, harbour):
    a_price()
    with in_tenant(saigon.tenant):
        a_budget(0)
        with pytest.raises(BudgetExceeded):
            a_call()
    with in_tenant(harbour.tenant):
        a_call()


def test_a_suspended_tenant_holds_nothing_and_what_it_began_is_settled(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget()
        held = a_call()
        Tenant.objects.update(status="suspended")
        with pytest.raises(TenantSuspended) as refused:
            a_call()
        assert (refused.value.code, refused.value.status) == ("tenant_suspended", 409)
        settle(held, usage=DOLLAR)
        assert standing(budget) == (1, 0)
        assert UsageEntry.objects.count() == 1
        Tenant.objects.update(status="active")
        a_call()


def test_a_model_without_a_price_is_refused_where_a_budget_stands_and_metered_elsewhere(saigon, harbour):
    with in_tenant(saigon.tenant):
        a_budget()
        with pytest.raises(ModelUnpriced) as refused:
            a_call()
        assert refused.value.code == "model_unpriced"
        assert not UsageEntry.objects.exists()
        Budget.objects.update(is_active=False)
        assert settle(a_call(), usage=Tokens(10, 5)) == 0
    with in_tenant(harbour.tenant):
        assert settle(a_call(), usage=Tokens(10, 5)) == 0
        entry = UsageEntry.objects.get()
        assert (entry.price_id, entry.currency, entry.amount, entry.input_tokens) == (None, "", 0, 10)


def test_a_budget_refuses_a_model_that_is_priced_in_another_currency(saigon):
    a_price(currency="EUR")
    with in_tenant(saigon.tenant):
        a_budget()
        with pytest.raises(ModelUnpriced):
            a_call()


def test_the_price_that_counts_is_the_one_valid_now(saigon):
    now = timezone.now()
    a_price(valid_from=now - timedelta(days=30), output_price=1000)
    a_price(valid_from=now - timedelta(days=1))
    a_price(valid_from=now + timedelta(days=1), output_price=1000)
    with in_tenant(saigon.tenant):
        assert settle(a_call(), usage=DOLLAR) == 1


def test_a_call_keeps_the_price_it_was_reserved_by(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        held = a_call()
        a_price(valid_from=timezone.now() - timedelta(minutes=1), output_price=1000)
        assert settle(held, usage=DOLLAR) == 1


def test_a_key_holds_once_and_settles_once(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget()
        first = a_call(key="turn/1")
        with pytest.raises(Conflict) as refused:
            a_call(key="turn/1")
        assert refused.value.code == "in_progress"
        assert standing(budget) == (0, 1)
        settle(first, usage=DOLLAR)
        settle(first, usage=DOLLAR)
        release(first)
        fail(first, error_kind="timeout", is_billed=True)
        assert standing(budget) == (1, 0)
        with pytest.raises(Conflict) as refused:
            a_call(key="turn/1")
        assert refused.value.code == "already_settled"
        assert UsageEntry.objects.get().state == "settled"


def test_what_was_not_called_costs_nothing_and_what_nobody_knows_costs_the_worst(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget()
        release(a_call(key="released"))
        fail(a_call(key="refused"), error_kind="permanent", is_billed=False)
        assert standing(budget) == (0, 0)
        fail(a_call(key="timed out"), error_kind="timeout", is_billed=True)
        settle(a_call(key="silent"), usage=None)
        assert standing(budget) == (2, 0)
        states = UsageEntry.objects.order_by("id").values_list("key", "state", "amount", "is_estimated")
        assert list(states) == [
            ("released", "released", 0, False),
            ("refused", "failed", 0, False),
            ("timed out", "failed", 1, True),
            ("silent", "settled", 1, True),
        ]


def test_the_reservation_of_a_dead_caller_ends_at_its_worst_after_the_lease(saigon, harbour):
    a_price()
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            a_budget()
            a_call()
    assert sweep_reservations() == 0
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            UsageEntry.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert sweep_reservations() == 2
    assert sweep_reservations() == 0
    with in_tenant(saigon.tenant):
        entry = UsageEntry.objects.get()
        assert (entry.state, entry.amount, entry.error_kind, entry.is_estimated) == ("failed", 1, "lost", True)
        assert standing(Budget.objects.get()) == (1, 0)


def test_reserving_and_settling_are_one_message_each(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        a_budget(period="day")
        a_budget(period="total")
        settle(a_call(), usage=DOLLAR)
        with CaptureQueriesContext(
            connection,
        ) as sent:
            held = a_call()
        assert len(sent) == 1
        with CaptureQueriesContext(connection) as sent:
            settle(held, usage=Tokens(1, 1))
        assert len(sent) == 1


# --- periods


def test_a_new_period_begins_with_nothing_spent_and_a_total_never_does(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        daily, total = a_budget(1, period="day"), a_budget(10, period="total")
        settle(a_call(), usage=DOLLAR)
        with pytest.raises(BudgetExceeded):
            a_call()
        _a_day_passes()
        assert standing(daily) == (0, 0)
        settle(a_call(), usage=DOLLAR)
        assert standing(daily) == (1, 0)
        assert standing(total) == (2, 0)
        assert BudgetPeriod.objects.filter(budget=daily).count() == 2


def _a_day_passes():
    """Move all that happened to the day before."""
    day = timedelta(days=1)
    BudgetPeriod.objects.filter(budget__period="day").update(starts_at=F("starts_at") - day)
    UsageEntry.objects.update(created_at=F("created_at") - day)


def test_a_call_that_ends_after_midnight_counts_for_the_day_it_was_reserved_in(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        daily = a_budget(5, period="day")
        held = a_call()
        _a_day_passes()
        settle(held, usage=DOLLAR)
        assert standing(daily) == (0, 0)
        assert BudgetPeriod.objects.earliest("starts_at").spent == 1


@pytest.mark.parametrize(
    ("zone", "period"), [("Pacific/Kiritimati", "day"), ("Etc/GMT+12", "day"), ("America/New_York", "month")]
)
def test_a_period_begins_at_midnight_of_the_tenants_own_clock(saigon, zone, period):
    with in_tenant(saigon.tenant):
        Tenant.objects.update(time_zone=zone)
        a_budget(period=period)
        found = Budget.objects.with_spending().get()
    begin, end = (moment.astimezone(ZoneInfo(zone)) for moment in (found.period_start, found.period_end))
    assert (begin.hour, begin.minute, end.hour, end.minute) == (0, 0, 0, 0)
    assert begin <= timezone.now() < end
    assert period == "day" or begin.day == end.day == 1


def test_a_budget_made_in_the_middle_of_a_month_counts_what_was_spent_in_it(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        bot = make_row(Bot)
        settle(a_call(bot_id=bot.pk), usage=DOLLAR)
        settle(a_call(), usage=DOLLAR)
        whole, narrow = a_budget(), a_budget(bot=bot)
        assert (standing(whole), standing(narrow)) == ((2, 0), (1, 0))
        narrow.bot = None
        narrow.period = "day"
        save_budget(budget=narrow)
        assert standing(narrow) == (2, 0)


def test_a_budget_that_has_its_old_period_again_knows_what_was_spent_meanwhile(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(12, period="month")
        for period in ("day", "month"):
            settle(a_call(max_output_tokens=600_000), usage=Tokens(0, 600_000))
            budget.period = period
            save_budget(budget=budget)
        assert standing(budget) == (12, 0)
        with pytest.raises(BudgetExceeded):
            a_call()


def test_a_tenant_that_has_its_old_time_zone_again_is_told_what_was_spent_meanwhile(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(2, period="month")
        for zone in ("Pacific/Kiritimati", saigon.tenant.time_zone):
            settle(a_call(), usage=DOLLAR)
            Tenant.objects.update(time_zone=zone)
        with pytest.raises(BudgetExceeded):
            a_call()
        assert standing(budget) == (2, 0)
        assert BudgetPeriod.objects.count() == 1


def test_a_budget_that_is_off_stops_nothing_and_goes_on_counting(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(1, is_active=False)
        for _ in range(3):
            settle(a_call(), usage=DOLLAR)
        assert standing(budget) == (3, 0)
        Budget.objects.update(is_active=True)
        with pytest.raises(BudgetExceeded):
            a_call()


# --- warnings


def warned():
    return [event.data["percent"] for event in Event.objects.filter(kind="budget.threshold").order_by("id")]


def test_each_threshold_is_told_once_in_a_period(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        budget = a_budget(10, thresholds=[20, 50, 80])
        settle(a_call(), usage=DOLLAR)
        assert warned() == []
        for _ in range(3):
            settle(a_call(), usage=DOLLAR)
        assert warned() == [20]
        settle(a_call(max_output_tokens=450_000), usage=Tokens(0, 450_000))
        assert warned() == [20, 50, 80]
        event = Event.objects.filter(kind="budget.threshold").latest("id")
        assert (event.subject_kind, event.subject_id) == ("vault.budget", budget.pk)
        assert (event.data["spent"], event.data["limit"], event.data["currency"]) == ("8.5000", "10.0000", "USD")


def test_a_new_period_warns_anew(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        a_budget(2, period="day", thresholds=[50])
        settle(a_call(), usage=DOLLAR)
        _a_day_passes()
        settle(a_call(), usage=DOLLAR)
        assert warned() == [50, 50]
