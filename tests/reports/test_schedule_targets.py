"""Reports by the clock: one is fetched from an address, and the newest one is looked through."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reports.models import Insight, Report
from reports.uploads import read_due_reports
from runtime.models import ScheduleOccurrence
from runtime.tasks import run_occurrences
from tests.conftest import in_tenant
from tests.outside import http_server
from tests.reports.files import days, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback_allowed")]


@pytest.fixture
def run_target(api, saigon):
    """Return what has a target run by the task and gives back the occurrence."""

    def run(target):
        made = api(saigon).post("schedules/", {"cron": "0 3 * * *", "time_zone": "UTC", "target": target})
        assert made.status_code == 201, made.content
        assert api(saigon).post(f"schedules/{made.json()['id']}/run/").status_code == 201
        run_occurrences()
        with in_tenant(saigon.tenant):
            return ScheduleOccurrence.objects.select_related("schedule").latest("id")

    return run


def test_a_report_is_fetched_read_and_the_same_file_is_no_second_one(saigon, run_target):
    with http_server() as server:
        server.body = days().encode()
        target = {"kind": "fetch_report", "url": f"http://127.0.0.1:{server.port}/north/daily.csv"}
        target |= {"vendor": "North", "report_type": "daily sales"}
        assert [run_target(target).state for _time in range(2)] == ["done", "done"]
    read_due_reports()
    with in_tenant(saigon.tenant):
        report = Report.objects.select_related("file").get()
        assert (report.vendor, report.file.name, report.status, report.row_count) == ("North", "daily.csv", "processed", 60)
        assert abs((report.report_date - timezone.localdate()).days) <= 1


def test_what_is_fetched_and_is_no_table_fails_with_its_reason(saigon, run_target):
    with http_server() as server:
        server.body = b"<html>sold out</html>"
        address = f"http://127.0.0.1:{server.port}/daily.csv"
        target = {"kind": "fetch_report", "url": address, "vendor": "North", "report_type": "sales"}
        row = run_target(target)
        server.status = 503
        busy = run_target(target)
    assert (row.state, "web page" in row.reason) == ("failed", True)
    assert (busy.state, "answered 503: it has a fault" in busy.reason) == ("pending", True)
    with in_tenant(saigon.tenant):
        assert not Report.objects.exists()


def test_the_newest_report_is_looked_through(api, saigon, run_target):
    read(api(saigon.key), days(50), report_date="2026-11-01")
    newest = read(api(saigon.key), days(), report_date="2026-11-02")
    with in_tenant(saigon.tenant):
        Insight.objects.all().delete()
    row = run_target({"kind": "generate_insights", "vendor": "North"})
    assert row.state == "done"
    with in_tenant(saigon.tenant):
        assert {str(one.report_id) for one in Insight.objects.all()} == {newest["id"]}
    unknown = {"cron": "0 3 * * *", "time_zone": "UTC", "target": {"kind": "generate_insights", "vendor": "Nobody"}}
    refused = api(saigon).post("schedules/", unknown)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "target.vendor")
    fetches = {"kind": "fetch_report", "url": "https://example.com/a.csv", "vendor": "Nobody", "report_type": "sales"}
    assert api(saigon).post("schedules/", {**unknown, "target": fetches}).status_code == 201
    assert api(saigon).post("schedules/", unknown).status_code == 201  # one will come


def test_a_report_of_another_business_is_unknown(api, saigon, harbour):
    foreign = read(api(harbour.key), days())
    body = {"cron": "0 3 * * *", "time_zone": "UTC", "target": {"kind": "generate_insights", "report": foreign["id"]}}
    refused = api(saigon).post("schedules/", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "unknown_reference"


def test_a_report_that_is_still_being_read_is_waited_for_and_one_that_cannot_be_read_is_told(api, saigon, run_target):
    report = read(api(saigon.key), days())
    target = {"kind": "generate_insights", "vendor": "North"}
    with in_tenant(saigon.tenant):
        Report.objects.update(status="pending")
    row = run_target(target)
    assert (row.state, row.attempt, row.reason) == ("pending", 1, "The report is still being read.")
    assert row.due_at > timezone.now() + timedelta(seconds=50)
    with in_tenant(saigon.tenant):
        Report.objects.update(status="failed", failure={"code": "no_table", "message": "There is no table."})
    row = run_target({"kind": "generate_insights", "report": report["id"]})
    assert (row.state, row.reason) == ("failed", "The report could not be read. (There is no table.)")
