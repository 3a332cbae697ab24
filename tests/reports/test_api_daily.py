"""The API of daily figures: every day asked for, today as of now, and the rows behind a day."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from reports.metrics import tenant_zone, today_in
from reports.tasks import roll_up
from runtime.models import Session
from tests.conftest import Business, in_tenant
from tests.reports.test_rollups import History

pytestmark = pytest.mark.django_db


def daily(client: Any, **asked: str) -> list[dict[str, Any]]:
    answer = client.get("analytics/daily/", asked)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def test_every_day_is_told_and_adds_up_to_the_rows_behind_it(api: Any, saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        history = History(5)
        for _step in range(6):
            history.step()
        today, begun = today_in(tenant_zone()), Session.objects.count()
    roll_up()
    client = api(saigon.key)
    days = daily(client)
    assert [day["date"] for day in days] == [str(today - timedelta(days=back)) for back in reversed(range(30))]
    assert sum(day["sessions"] for day in days) == begun
    counted = {"sessions": "sessions", "escalations": "handed_over", "orders": "orders", "knowledge-gaps": "knowledge_gaps"}
    for day in days[-15:]:
        for resource, figure in counted.items():
            assert len(client.get(day["rows"][resource], {}).json()["results"]) == day[figure], (day["date"], resource)
    of_bots = [daily(client, bot=code) for code in ("shop", "care")]
    assert [sum(one["sessions"] for one in pair) for pair in zip(*of_bots, strict=True)] == [one["sessions"] for one in days]
    money = [one for day in days for one in day["order_value"]]
    assert money
    assert all(one["amount_pico"] == int(float(one["amount"]) * 10**12) for one in money)
    assert all(day["sessions"] == 0 and day["cost"] == [] for day in daily(api(harbour.key)))


def test_days_are_told_as_they_are_now_before_and_after_they_are_counted(api: Any, saigon: Business) -> None:
    client = api(saigon.key)
    with in_tenant(saigon.tenant):
        history = History(6)
        history.talk(), history.talk()
        first, second = Session.objects.order_by("id")
        Session.objects.filter(pk=first.pk).update(created_at=timezone.now())
        Session.objects.filter(pk=second.pk).update(created_at=timezone.now() - timedelta(days=2))
    uncounted = client.get("analytics/daily/").json()
    assert [day["sessions"] for day in uncounted["results"][-3:]] == [1, 0, 1]
    assert uncounted["counted_until"] is None
    roll_up()
    counted = client.get("analytics/daily/").json()
    assert counted["results"] == uncounted["results"]
    assert counted["counted_until"]
    assert counted["time_zone"] == "Asia/Ho_Chi_Minh"


def test_days_are_chosen_and_what_makes_no_sense_is_refused(api: Any, saigon: Business) -> None:
    client = api(saigon.key)
    chosen = daily(client, **{"from": "2026-02-27", "to": "2026-03-01"})
    assert [day["date"] for day in chosen] == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert chosen[0]["containment"] is None
    for asked in ({"from": "2026-03-02", "to": "2026-03-01"}, {"from": "2024-01-01", "to": "2026-03-01"}, {"from": "soon"}):
        refused = client.get("analytics/daily/", asked)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "from"), asked
    assert client.get("analytics/daily/", {"bot": "nobody"}).json()["code"] == "unknown_reference"
    assert client.get("analytics/daily/", {"metric": "cost"}).status_code == 400
