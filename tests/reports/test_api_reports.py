"""Reports through the API: handed in, read, looked at, found again, changed, deleted."""

import pytest

from reports import uploads
from reports.models import Insight, Report, ReportRow
from reports.uploads import read_due_reports
from tenants.errors import DomainError
from tenants.models import StoredFile
from tenants.storage import path_of
from tests.conftest import in_tenant
from tests.reports.files import ABOUT, days, read, rows_of, upload, workbook

pytestmark = pytest.mark.django_db


def test_a_report_is_pending_until_a_worker_has_read_it(api, saigon):
    client = api(saigon.key)
    given = upload(client, "day,sold\n2026-11-01,3\n2026-11-02,5\n")
    assert given.status_code == 201
    report = given.json()
    assert (report["status"], report["duplicate"], report["row_count"]) == ("pending", False, 0)
    assert {name: report[name] for name in ABOUT} == ABOUT
    assert client.post(f"reports/{report['id']}/insights/").json()["code"] == "not_processed"
    for term, count in ((report["file_name"].upper(), 1), ("no-such-file", 0)):
        assert len(client.get("reports/", {"search": term}).json()["results"]) == count

    read_due_reports()
    report = client.get(f"reports/{report['id']}/").json()
    assert (report["status"], report["insights_status"], report["row_count"]) == ("processed", "ready", 2)
    assert [(one["name"], one["type"]) for one in report["tables"][0]["columns"]] == [("day", "date"), ("sold", "number")]
    assert [(row["row"], row["values"]) for row in rows_of(client, report)] == [
        (2, {"day": "2026-11-01", "sold": 3}),
        (3, {"day": "2026-11-02", "sold": 5}),
    ]


def test_a_report_that_cannot_be_kept_leaves_neither_rows_nor_bytes(api, saigon, monkeypatch):
    client = api(saigon.key)
    upload(client, days())

    def refuse(_task: str) -> None:
        raise DomainError("no_room", "There is no room.")

    with in_tenant(saigon.tenant):
        before = set(path_of(StoredFile.objects.get()).parent.iterdir())
    monkeypatch.setattr(uploads, "wake", refuse)
    assert upload(client, days(50)).json()["code"] == "no_room"
    with in_tenant(saigon.tenant):
        assert (Report.objects.count(), StoredFile.objects.count()) == (1, 1)
        assert set(path_of(StoredFile.objects.get()).parent.iterdir()) == before


def test_half_of_a_workbook_is_told_to_be_damaged(api, saigon):
    whole = workbook([["day", "sold"], *([f"2026-11-{day:02}", day] for day in range(1, 28))])
    report = read(api(saigon.key), whole[: len(whole) // 2], "report.xlsx")
    assert (report["status"], "damaged" in report["reason"]) == ("failed", True)


def test_the_same_file_with_other_decimals_is_read_again(api, saigon):
    client, lines = api(saigon.key), "day,price\n2026-11-01,25.125\n2026-11-02,350.311\n"

    def prices() -> list[float]:
        return [row["values"]["price"] for row in rows_of(client, report)]

    report = read(client, lines, decimals="point")
    assert prices() == [25.125, 350.311]
    for decimals, status in (("point", "processed"), ("", "processed"), ("comma", "pending")):
        again = upload(client, lines, **({"decimals": decimals} if decimals else {})).json()
        assert (again["id"], again["duplicate"], again["status"]) == (report["id"], True, status)
    read_due_reports()
    assert prices() == [25125, 350311]


def test_a_workbook_has_prose_sheets_money_and_holes(api, saigon):
    client = api(saigon.key)
    first = [["Sales of the north"], ["made by hand", None, "draft"], ["Product", "Sold", "Worth"], ["Lamp", 3, 1.5]]
    first += [["Chair", None, 12], ["checked by An"]]
    second = [["Bàn", "Giá (VND)"], ["A", "1.200.000"], ["B", "850"]]
    formats = {"C4": "[$€-407] #,##0.00", "C5": "[$€-407] #,##0.00"}
    report = read(client, workbook(first, second, formats=formats), "sales.xlsx")
    told = [(one["sheet"], one["header_row"], one["rows"]) for one in report["tables"]]
    assert told == [("Sheet1", 3, 2), ("Sheet2", 1, 2)]
    assert [row["values"] for row in rows_of(client, report)] == [
        {"Product": "Lamp", "Sold": 3, "Worth": {"amount": "1.50", "currency": "EUR"}},
        {"Product": "Chair", "Sold": None, "Worth": {"amount": "12.00", "currency": "EUR"}},
        {"Bàn": "A", "Giá (VND)": {"amount": "1200000.00", "currency": "VND"}},
        {"Bàn": "B", "Giá (VND)": {"amount": "850.00", "currency": "VND"}},
    ]
    assert [row["row"] for row in rows_of(client, report, sheet="Sheet2")] == [2, 3]


def test_the_same_file_is_the_report_there_is(api, saigon, harbour):
    client = api(saigon.key)
    first = upload(client, days()).json()
    again = upload(client, days(), "other.csv", vendor="South")
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["duplicate"], again.json()["vendor"]) == (first["id"], True, "North")
    with in_tenant(saigon.tenant):
        assert (Report.objects.count(), StoredFile.objects.count()) == (1, 1)
    assert upload(api(harbour.key), days()).status_code == 201  # another tenant's files are nobody else's business


def test_a_file_that_could_not_be_read_is_tried_once_more(api, saigon):
    client = api(saigon.key)
    report = read(client, '"never closed\n1,2\n')
    assert (report["status"], report["row_count"], report["insights_status"]) == ("failed", 0, "failed")
    assert "quotation mark" in report["reason"]
    again = upload(client, '"never closed\n1,2\n')
    assert (again.status_code, again.json()["status"], again.json()["reason"]) == (200, "pending", "")


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"<html><table></table></html>", "report.csv", 415, "web_page"),
        (b"%PDF-1.7", "report.xlsx", 415, "binary_file"),
        (b"PQ" + workbook([["day", "sold"], ["2026-11-01", 3]])[2:], "report.xlsx", 415, "broken_workbook"),
        (b"", "report.csv", 422, "empty"),
    ],
)
def test_what_is_no_table_is_refused_when_it_is_handed_in(api, saigon, content, name, status, code):
    refused = upload(api(saigon.key), content, name)
    assert refused.status_code == status
    assert code in refused.content.decode()
    with in_tenant(saigon.tenant):
        assert (Report.objects.count(), StoredFile.objects.count()) == (0, 0)


@pytest.mark.parametrize(("missing"), ["vendor", "report_type", "report_date", "file"])
def test_all_that_the_contract_names_is_asked_for(api, saigon, missing):
    given = {**ABOUT, "file": days()}
    del given[missing]
    refused = api(saigon.key).upload("reports/", given)
    assert refused.status_code == 422
    assert missing in {one["field"] for one in refused.json()["errors"]}


def test_rows_are_found_by_number_cell_and_date(api, saigon):
    client = api(saigon.key)
    lines = "day,shop,sold\n2026-11-01,A,1\n2026-11-01,B,2\n2026-11-02,A,3\n2026-11-03,A,4\n"
    report = read(client, lines)

    def found(**asked):
        return [row["row"] for row in rows_of(client, report, **asked)]

    assert found(row="3,5") == [3, 5]
    assert found(column="shop", equals="A") == [2, 4, 5]
    assert found(since="2026-11-02", until="2026-11-02") == [4]
    assert found(column="shop", equals="A", since="2026-11-02") == [4, 5]
    for asked in (
        {"sheet": "Nothing"},
        {"column": "price", "equals": "1"},
        {"row": "a"},
        {"day": "1"},
        {"since": "bla"},
        {"until": "2026-99-99"},
    ):
        assert client.get(f"reports/{report['id']}/data/", asked).status_code == 400
    nobody = client.get("reports/00000000-0000-7000-8000-00000000dead/data/")
    assert nobody.status_code == 404


def test_a_report_is_changed_and_deleted_with_all_that_came_of_it(api, saigon):
    client = api(saigon.key)
    report = read(client, days())
    changed = client.patch(f"reports/{report['id']}/", {"vendor": "South", "thresholds": [{"column": "sold", "above": 400}]})
    assert (changed.json()["vendor"], changed.json()["thresholds"]) == ("South", [{"column": "sold", "above": 400.0}])
    refused = client.patch(f"reports/{report['id']}/", {"thresholds": [{"column": "sold"}]})
    assert refused.status_code == 422
    with in_tenant(saigon.tenant):
        kept = path_of(StoredFile.objects.get())
        assert kept.exists()
        assert ReportRow.objects.exists()
        assert Insight.objects.exists()
    assert client.delete(f"reports/{report['id']}/").status_code == 204
    with in_tenant(saigon.tenant):
        assert not any(model.objects.exists() for model in (Report, ReportRow, Insight, StoredFile))


def test_thresholds_hold_for_the_next_report_of_the_kind(api, saigon):
    client = api(saigon.key)
    report = read(client, days())
    client.patch(f"reports/{report['id']}/", {"thresholds": [{"column": "sold", "above": 400}]})
    following = upload(client, days(40), report_date="2026-11-21").json()
    assert following["thresholds"] == [{"column": "sold", "above": 400.0}]
    assert upload(client, days(41), vendor="South").json()["thresholds"] == []


def test_thresholds_are_of_columns_there_are_and_hold_at_once(api, saigon):
    client = api(saigon.key)
    lines = "".join(f"2026-03-{day:02};{3 + day % 3},{day % 7} %;{50 + day}\n" for day in range(1, 29))
    address = f"reports/{read(client, 'day;rate;sold' + chr(10) + lines)['id']}/"
    for bad in ({"column": "Nope", "below": 3}, {"column": "day", "below": 3}, {"column": "rate", "above": 4}):
        assert client.patch(address, {"thresholds": [bad]}).status_code == 422, bad
    assert client.patch(address, {"counting": {"Nope": "sum"}}).status_code == 422
    assert client.get(address).json()["thresholds"] == []
    asked = {"thresholds": [{"column": "rate", "above": "5,5%"}], "counting": {"sold": "none"}}
    kept = client.patch(address, asked, Accept_Language="vi")
    assert kept.json()["thresholds"] == [{"column": "rate", "above": 0.055}]
    read_due_reports()
    told = client.get("insights/", {"insight_type": "threshold"}, Accept_Language="vi").json()["results"]
    assert told
    assert all("5,5 %" in one["content"]["texts"]["vi"] for one in told)
    assert {one["name"]: one["counted"] for one in client.get(address).json()["tables"][0]["columns"]}["sold"] == "none"
    assert client.get(f"{address}data/", {"row": "2"}).json()["results"][0]["values"]["rate"] == 0.041
    share = {"thresholds": [{"metric": "containment", "below": 80}]}
    assert client.patch("analytics/thresholds/", share).status_code == 422
