"""Reports in the admin: uploaded, drawn, looked through, and their numbers followed to the rows."""

from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from reports.admin.forms import ReportForm
from reports.models import Insight, Report
from reports.uploads import read_due_reports
from tests.conftest import in_tenant
from tests.reports.files import ABOUT, days, read, workbook
from tests.tenants.admin_pages import browser, form_of, page, text_of

pytestmark = pytest.mark.django_db


def uploaded(client, content: bytes, name: str = "report.csv"):
    data = {**ABOUT, "decimals": "", "upload": SimpleUploadedFile(name, content, "text/csv")}
    return client.post(page("reports_report_add"), data)


def test_a_file_is_uploaded_read_and_shown_with_what_was_found(saigon):
    client = browser(saigon.operator)
    given = uploaded(client, days().encode())
    assert given.status_code == 302
    assert "A worker reads it" in text_of(client.get(given.url))
    read_due_reports()
    shown = client.get(given.url)
    text = text_of(shown)
    assert "sold was unusually high" in text
    assert "All 60 rows" in text
    with in_tenant(saigon.tenant):
        insight = Insight.objects.get(insight_type="anomaly")
    assert f'href="{page("reports_insight_change", insight.pk)}"><rect' in shown.content.decode()


def test_a_number_of_an_insight_leads_to_its_rows(api, saigon):
    report = read(api(saigon.key), days())
    client = browser(saigon.analyst)
    with in_tenant(saigon.tenant):
        insight = Insight.objects.get(insight_type="anomaly")
        row = insight.content["numbers"][0]["rows"][0]
    shown = client.get(page("reports_insight_change", insight.pk)).content.decode()
    address = f"{page('reports_report_data', report['id'])}?row={row}"
    assert address in shown
    assert "as it stands" in shown
    text = text_of(client.get(address))
    assert "16 Apr 2026" in text
    assert "15 Apr 2026" not in text


def test_the_same_file_leads_to_the_report_there_is(saigon):
    client = browser(saigon.operator)
    first = uploaded(client, days().encode())
    again = uploaded(client, days().encode(), "copy.csv")
    assert again.url == first.url
    assert "This file is a report already" in text_of(client.get(again.url))
    with in_tenant(saigon.tenant):
        assert Report.objects.count() == 1


def test_what_is_no_table_is_told_beside_the_field(saigon):
    refused = uploaded(browser(saigon.operator), b"%PDF-1.7 nothing", "report.csv")
    assert refused.status_code == 200
    assert "not a text file" in text_of(refused)
    with in_tenant(saigon.tenant):
        assert Report.objects.count() == 0


def test_thresholds_are_written_a_line_each(api, saigon):
    report = read(api(saigon.key), days())
    client = browser(saigon.operator)
    address = page("reports_report_change", report["id"])
    form = form_of(client.get(address))
    for wrong in ("sold ~ 3", "nothing < 3", "day > 3"):
        assert client.post(address, {**form, "bounds": wrong}).status_code == 200
    kept = client.post(address, {**form, "vendor": "South", "bounds": "sold > 400\nsold < 90.5"})
    assert kept.status_code == 302, text_of(kept)
    with in_tenant(saigon.tenant):
        row = Report.objects.get()
        assert (row.vendor, row.thresholds) == (
            "South",
            [{"column": "sold", "above": 400}, {"column": "sold", "below": 90.5}],
        )
    read_due_reports()
    with in_tenant(saigon.tenant):
        assert Insight.objects.filter(insight_type="threshold").exists()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "vi"
    form = form_of(client.get(address))
    assert form["bounds"].splitlines() == ["sold > 400", "sold < 90,5"]
    assert client.post(address, form).status_code == 302
    with in_tenant(saigon.tenant):
        assert Report.objects.get().thresholds[1] == {"column": "sold", "below": 90.5}


def test_a_person_says_how_a_column_is_counted(api, saigon):
    report = read(api(saigon.key), days())
    client, address = browser(saigon.operator), page("reports_report_change", report["id"])
    shown = client.get(address)
    assert "summed" in text_of(shown)
    refused = client.post(address, {**form_of(shown), "averaged": ["sold"], "left_out": ["sold"]})
    assert "“sold” cannot be averaged and not looked at." in text_of(refused)
    assert client.post(address, {**form_of(shown), "averaged": ["sold"]}).status_code == 302
    read_due_reports()
    shown = client.get(address)
    assert "averaged" in text_of(shown)
    with in_tenant(saigon.tenant):
        row = Report.objects.get()
        assert (row.counting, row.tables[0]["columns"][1]["counted"]) == ({"sold": "mean"}, "mean")


def test_saving_keeps_what_a_worker_writes_meanwhile(api, saigon, monkeypatch):
    address = page("reports_report_change", read(api(saigon.key), days())["id"])
    client = browser(saigon.operator)
    form = form_of(client.get(address))

    def while_a_worker_writes(form: ReportForm) -> list[Any]:  # after the page has read the row
        Report.objects.update(state="running", attempt=2, row_count=7)
        return []

    monkeypatch.setattr(ReportForm, "clean_bounds", while_a_worker_writes)
    assert client.post(address, {**form, "vendor": "South"}).status_code == 302
    with in_tenant(saigon.tenant):
        row = Report.objects.get()
        assert (row.vendor, row.state, row.attempt, row.row_count) == ("South", "running", 2, 7)


def test_a_date_is_typed_as_people_write_it_in_vietnamese(api, saigon):
    address = page("reports_report_change", read(api(saigon.key), days())["id"])
    client = browser(saigon.operator)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "vi"
    form = form_of(client.get(address))
    assert client.post(address, {**form, "report_date": "01/11/2026"}).status_code == 302
    with in_tenant(saigon.tenant):
        assert Report.objects.get().report_date == date(2026, 11, 1)
    assert 'value="01/11/2026"' in client.get(address).content.decode()


def test_each_sheet_and_page_of_rows_is_shown(api, saigon):
    rows = [["n", "word"], *([number, f"word{number}"] for number in range(150))]
    report = read(api(saigon.key), workbook(rows, [["a", "b"], [1, 2]]), "two.xlsx")
    client = browser(saigon.analyst)
    address = page("reports_report_data", report["id"])
    first = client.get(address)
    assert "word99" in text_of(first)
    assert "word100" not in text_of(first)
    assert "word100" in text_of(client.get(f"{address}?after=99"))
    assert "word1" not in text_of(client.get(f"{address}?sheet=Sheet2"))
    assert client.get(f"{address}?sheet=Nothing").status_code == 302


def test_markup_in_a_report_stays_text(api, saigon):
    report = read(api(saigon.key), b"day,<b>sold</b>\n<script>alert(1)</script>,2\nx,3\n")
    client = browser(saigon.analyst)
    for address in (page("reports_report_change", report["id"]), page("reports_report_data", report["id"])):
        shown = client.get(address).content.decode()
        assert "<script>alert(1)" not in shown
        assert "<b>sold</b>" not in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_insights_are_exported_with_what_they_say(api, saigon):
    read(api(saigon.key), days())
    with in_tenant(saigon.tenant):
        chosen = [str(insight.pk) for insight in Insight.objects.all()]
    form = {"action": "export", "_selected_action": chosen}
    answer = browser(saigon.analyst).post(page("reports_insight_changelist"), form)
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "id,report,metric,insight_type,score,said,created_at"
    assert any("sold was unusually high" in line for line in lines[1:])
