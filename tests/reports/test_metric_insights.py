"""Insights of the daily figures: looked for when a day is over, told in words, every number found again at its address."""

import statistics
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from bots.models import Bot
from reports import metric_insights
from reports.metrics import tenant_zone, today_in
from reports.models import DailyMetric, Insight, MetricMark
from reports.tasks import find_metric_insights, roll_up
from runtime.models import ScheduleOccurrence
from runtime.tasks import run_occurrences
from tenants.models import Tenant
from tenants.scope import current_tenant_id
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, hidden, page, text_of

pytestmark = pytest.mark.django_db

DAYS = 120
WEEK = (40, 42, 39, 41, 44, 60, 55)
AGGREGATES = {"value": lambda values: values[0], "sum": sum, "median": statistics.median, "min": min, "max": max}


def fill(business: Business) -> date:
    """Write the figures of two bots: of one something odd happened on a day, and the other costs more since a while.

    Returns the odd day.
    """
    roll_up()
    with in_tenant(business.tenant):
        last = today_in(tenant_zone()) - timedelta(days=1)
        shop, care = (Bot.objects.create(code=code, name=code.title()) for code in ("shop", "care"))
        rows = []
        for number in range(DAYS):
            day = last - timedelta(days=DAYS - 1 - number)
            begun = WEEK[number % 7] + number * 7919 % 5
            for bot, factor in ((shop, 1), (care, 2)):
                sessions = begun * factor * (4 if bot == shop and number == 70 else 1)
                handed_over = sessions // 10 + number % 3
                dollars = Decimal(sessions) / 100 * (3 if bot == care and number >= 90 else 1)
                figures = {"sessions": sessions, "contained": sessions - handed_over, "handed_over": handed_over}
                figures |= {"cost": dollars, "answered": sessions * 3, "answer_ms": sessions * 60}
                rows += [
                    DailyMetric(
                        day=day, bot_id=bot.pk, metric=metric, value=value, currency="USD" if metric == "cost" else ""
                    )
                    for metric, value in figures.items()
                ]
        DailyMetric.objects.bulk_create(rows)
        return last - timedelta(days=DAYS - 1 - 70)


def insights(client: Any, **asked: str) -> list[dict[str, Any]]:
    return list(client.get("insights/", {"page_size": 200, **asked}).json()["results"])


def recomputed(client: Any, number: dict[str, Any]) -> float:
    """Take a number anew from the days that its address answers."""
    days = client.get(number["url"], {}).json()["results"]
    assert len(days) == number["row_count"] > 0
    field = number["column"]
    found = [day[field] for day in days]
    if field in ("cost", "order_value"):
        amounts = [{one["currency"]: one["amount_pico"] / 10**12 for one in day} for day in found]
        found = [day.get(number["currency"], 0.0) for day in amounts]
    if number["aggregate"] == "count":
        return len(found)
    return float(AGGREGATES[number["aggregate"]]([value for value in found if value is not None]))


def test_what_is_odd_is_told_of_the_bot_it_happened_to_and_each_number_is_taken_anew(api: Any, saigon: Business) -> None:
    odd_day = fill(saigon)
    client = api(saigon.key)
    refused = client.patch("analytics/thresholds/", {"thresholds": [{"metric": "handed_over", "above": 15, "below": 2}]})
    assert (refused.status_code, client.get("analytics/thresholds/").json()["thresholds"]) == (422, [])
    bounds = {"thresholds": [{"metric": "handed_over", "above": 15}]}
    assert client.patch("analytics/thresholds/", bounds).json()["thresholds"][0]["above"] == 15
    find_metric_insights()
    found = insights(client)
    (odd,) = [one for one in found if one["insight_type"] == "anomaly" and one["metric"] == "sessions"]
    assert odd["report"] is None
    assert odd["content"]["bot"] == "shop"
    assert odd["content"]["period"]["from"] == f"{odd_day}T00:00:00"
    told = odd["content"]["texts"]["en"]
    assert told.startswith("The number of conversations of the bot “shop” was unusually high on ")
    assert set(odd["content"]["texts"]) == {"en", "vi"}
    (dearer,) = insights(client, metric="cost", insight_type="change_point")
    assert dearer["content"]["bot"] == "care"
    assert "$" in dearer["content"]["text"]
    assert any(one["insight_type"] == "threshold" for one in found)
    checked = 0
    for insight in found:
        numbers = {number["name"]: number for number in insight["content"]["numbers"]}
        for number in numbers.values():
            if "between" in number:
                before, after = (numbers[name]["value"] for name in number["between"])
                assert number["value"] == pytest.approx((after - before) / abs(before))
            else:
                assert recomputed(client, number) == pytest.approx(number["value"], rel=1e-3), (insight, number)
            checked += 1
    assert checked >= 10


def test_they_are_looked_for_once_a_day_and_what_is_found_again_keeps_its_id(api: Any, saigon: Business) -> None:
    find_metric_insights()  # nothing is counted yet
    fill(saigon)
    find_metric_insights()
    client = api(saigon.key)
    before = {one["id"]: one["updated_at"] for one in insights(client)}
    assert before
    find_metric_insights()
    assert {one["id"]: one["updated_at"] for one in insights(client)} == before
    with in_tenant(saigon.tenant):
        assert MetricMark.objects.get().insights_on == today_in(tenant_zone()) - timedelta(days=1)
        MetricMark.objects.update(insights_on=None)
    find_metric_insights()
    assert set(before) == {one["id"] for one in insights(client)}
    with in_tenant(saigon.tenant):
        Tenant.objects.update(status="suspended")
        MetricMark.objects.update(insights_on=None)
    find_metric_insights()
    with in_tenant(saigon.tenant):
        assert MetricMark.objects.get().insights_on is None


def test_a_schedule_looks_for_them(api: Any, saigon: Business) -> None:
    client = api(saigon, saigon.owner)
    body = {"cron": "0 7 * * *", "time_zone": "UTC", "target": {"kind": "generate_insights", "of": "daily_figures"}}
    made = client.post("schedules/", body)
    assert made.status_code == 201, made.content
    refused = client.post("schedules/", {**body, "target": {**body["target"], "vendor": "North"}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "target.vendor")
    assert client.post(f"schedules/{made.json()['id']}/run/").status_code == 201
    run_occurrences()
    with in_tenant(saigon.tenant):
        row = ScheduleOccurrence.objects.get()
        assert (row.state, row.reason) == ("pending", "The daily figures have not been counted yet.")
    fill(saigon)
    with in_tenant(saigon.tenant):
        ScheduleOccurrence.objects.update(due_at=timezone.now())
    run_occurrences()
    with in_tenant(saigon.tenant):
        assert ScheduleOccurrence.objects.get().state == "done"
        assert Insight.objects.exclude(metric="").exists()


def test_bounds_are_set_on_a_page_in_per_cent_and_told_so(api: Any, saigon: Business) -> None:
    fill(saigon)
    operator, address = browser(saigon.operator), page("reports_dailymetric_bounds")
    mark = hidden(operator.get(address), "_tenant")
    refused = operator.post(address, {"containment_below": "101", "_tenant": mark})
    assert "less than or equal to 100" in text_of(refused)
    assert api(saigon.key).get("analytics/thresholds/").json()["thresholds"] == []
    for name, wrong in (("cost_above", "12 %"), ("cost_above", "1,5,0"), ("handed_over_above", "many")):
        assert "Enter a number." in text_of(operator.post(address, {name: wrong, "_tenant": mark}))
    typed = {"containment_below": "89.5 %", "handed_over_above": "15", "order_value_below": "1,500", "_tenant": mark}
    assert operator.post(address, typed).status_code == 302
    kept = [
        {"metric": "handed_over", "above": 15.0},
        {"metric": "order_value", "below": 1500.0},
        {"metric": "containment", "below": 0.895},
    ]
    assert [
        {name: value for name, value in one.items() if value is not None}
        for one in api(saigon.key).get("analytics/thresholds/").json()["thresholds"]
    ] == kept
    assert 'value="89.5"' in operator.get(address).content.decode()
    operator.cookies[settings.LANGUAGE_COOKIE_NAME] = "vi"
    shown = operator.get(address).content.decode()
    assert ('value="89,5"' in shown, 'value="1.500"' in shown) == (True, True)
    typed |= {"containment_below": "89,5", "order_value_below": "1.500"}
    assert operator.post(address, typed).status_code == 302
    assert api(saigon.key).get("analytics/thresholds/").json()["thresholds"][1]["below"] == 1500
    find_metric_insights()
    found = insights(api(saigon.key), metric="containment", insight_type="threshold")
    assert found
    assert "below 89.5 %" in found[0]["content"]["texts"]["en"]


def test_a_tenant_whose_figures_break_keeps_no_other_from_its_insights(saigon, harbour, monkeypatch) -> None:
    roll_up()
    met = []

    def broken() -> int:
        met.append(current_tenant_id())
        raise ZeroDivisionError

    monkeypatch.setattr(metric_insights, "generate_metric_insights", broken)
    find_metric_insights()
    assert {saigon.tenant.pk, harbour.tenant.pk} <= set(met)
