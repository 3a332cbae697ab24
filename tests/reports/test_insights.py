"""Insights as they are read: told in two languages, scored with reasons, every number traced to its rows."""

import re
import statistics
from datetime import datetime, timedelta
from typing import Any

import pytest

from reports import uploads
from reports.models import Insight
from reports.services import generate_insights
from reports.uploads import read_due_reports
from tests.conftest import in_tenant
from tests.reports.files import days, read

pytestmark = pytest.mark.django_db


def insights(client, report, **asked):
    return client.get("insights/", {"report": report["id"], "page_size": 200, **asked}).json()["results"]


def many(count: int = 140) -> str:
    """A CSV with a day far off, a level that rises, missing days, two shops, and a hole."""
    begin = datetime(2026, 1, 5)  # noqa: DTZ001 - days
    lines = ["day,shop,sold,paid"]
    for number in range(count):
        if number in (60, 61, 62):
            continue
        for shop, factor in (("A", 1), ("B", 3)):
            sold = factor * ((10, 12, 9, 11, 13, 20, 18)[number % 7] * 10 + (number * 7919) % 9)
            sold = sold * 5 if number == 30 and shop == "A" else sold + 200 * factor * (number >= 90)
            paid = "" if number == 40 else f"{sold / 2:.2f}"
            lines.append(f"{begin + timedelta(days=number):%Y-%m-%d},{shop},{sold},{paid}")
    return "\n".join(lines) + "\n"


def test_the_odd_day_is_told_in_the_readers_language_and_in_both(api, saigon):
    client = api(saigon.key)
    report = read(client, days())
    odd = insights(client, report, insight_type="anomaly")
    assert len(odd) == 1
    content = odd[0]["content"]
    assert content["period"] == {"from": "2026-04-16T00:00:00", "to": "2026-04-16T00:00:00"}
    assert content["text"] == content["texts"]["en"]
    assert content["text"].startswith("sold was unusually high on 16 Apr 2026: 44")
    assert set(content["texts"]) == {"en", "vi"}
    assert sum(reason["points"] for reason in odd[0]["reasons"]) == odd[0]["score"] <= 100
    assert all(reason["text"] for reason in odd[0]["reasons"])


AGGREGATES = {
    "value": lambda values: values[0],
    "sum": sum,
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "count": len,
}


def recomputed(client, number):
    """Take a number anew from what its address answers."""
    page = client.get(number["url"] + "&page_size=200").json()
    rows = page["results"]
    while page["next"]:
        page = client.get(page["next"]).json()
        rows += page["results"]
    assert len(rows) >= number["row_count"] > 0
    assert {row["row"] for row in rows} >= set(number["rows"])
    cells = [(row["values"]["day"], row["values"][number["column"]]) for row in rows]
    if number["aggregate"] == "gap":
        begin, end = (datetime.fromisoformat(cell[0]) for cell in (min(cells), max(cells)))
        return (end - begin).days - 1
    if number["name"] == "missing":
        return sum(value is None for _day, value in cells)
    known = [(day, value) for day, value in cells if value is not None]
    if number.get("each"):
        known = [(day, sum(value for at, value in known if at == day)) for day in sorted({day for day, _value in known})]
    return AGGREGATES[number["aggregate"]]([value for _day, value in known])


def test_every_number_is_taken_anew_from_its_link(api, saigon):
    client = api(saigon.key)
    report = read(client, many())
    client.patch(f"reports/{report['id']}/", {"thresholds": [{"column": "sold", "above": 1000}]})
    assert client.post(f"reports/{report['id']}/insights/").status_code == 202
    read_due_reports()
    found = insights(client, report)
    assert {one["insight_type"] for one in found} >= {"anomaly", "change_point", "threshold", "missing_data"}
    checked = 0
    for insight in found:
        numbers = {number["name"]: number for number in insight["content"]["numbers"]}
        for number in numbers.values():
            if "between" in number:
                before, after = (numbers[name]["value"] for name in number["between"])
                assert number["value"] == pytest.approx((after - before) / abs(before))
            else:
                assert recomputed(client, number) == pytest.approx(number["value"]), (insight["content"]["text"], number)
            checked += 1
    assert checked > 8


def test_texts_have_no_number_that_is_not_one_of_the_insights_own(api, saigon):
    client = api(saigon.key)
    report = read(client, many())
    for insight in insights(client, report):
        content = insight["content"]
        text = content["text"].replace(content["series"], "")
        text = re.sub(r"\d{1,2} \w{3} \d{4}( \d\d:\d\d)?", "", text)
        shown = [float(one.replace(",", "")) for one in re.findall(r"[-+]?\d[\d,]*(?:\.\d+)?", text)]
        own = [number["value"] for number in content["numbers"]] + [report["row_count"]]
        own += [100 * number["value"] for number in content["numbers"] if number["aggregate"] == "change"]
        assert all(any(one == pytest.approx(number, rel=0.01, abs=0.5) for number in own) for one in shown), content["text"]


def test_finding_again_keeps_rows_and_their_ids(api, saigon):
    client = api(saigon.key)
    report = read(client, many())
    before = {one["id"]: one["content"]["text"] for one in insights(client, report)}
    assert before
    with in_tenant(saigon.tenant):
        assert generate_insights(report_id=report["id"]) == len(before)
        assert Insight.objects.count() == len(before)
    assert {one["id"]: one["content"]["text"] for one in insights(client, report)} == before


def test_a_category_that_moved_is_told(api, saigon):
    client = api(saigon.key)
    lines = ["month,product,sold"]
    lines += [
        f"2026-{month:02},{name},{sold}"
        for month, name, sold in [(1, "Lamp", 100), (1, "Chair", 100), (2, "Lamp", 101), (2, "Chair", 40)]
    ]
    report = read(client, "\n".join(lines) + "\n")
    moved = insights(client, report, insight_type="top_mover")
    assert [one["content"]["text"] for one in moved] == ["sold · Chair fell from 100 to 40 (-60 %)."]


def test_what_happened_to_one_category_is_told_of_it_and_what_happened_to_all_of_all(api, saigon):
    client = api(saigon.key)
    found = insights(client, read(client, many()))
    odd = {one["content"]["series"] for one in found if one["insight_type"] == "anomaly"}
    assert "sold · A" in odd
    assert "sold" not in odd
    shifted = {one["content"]["series"] for one in found if one["insight_type"] == "change_point"}
    assert "sold" in shifted
    assert "sold · A" not in shifted


def shops(count: int = 70) -> str:
    """A CSV of a business that grows and whose last day is not over: two shops, later a third, closed days, rates, codes."""
    begin = datetime(2026, 3, 2)  # noqa: DTZ001 - days
    lines = ["Order no;Day;Shop;Year;Sold;Waste;Note"]
    for number in range(count):
        day = begin + timedelta(days=number)
        for place, shop in enumerate(("A", "B", "C")):
            if number in (30, 31, 32) or (shop == "B" and number == 45) or (shop == "C" and number < 50):
                continue
            sold = round((60 + number + (number * 7 + place) % 5) * (0.2 if number == count - 1 else 1))
            waste = f"3,{10 + (number * 7919 + place * 31) % 13} %"
            lines.append(
                f"{1000 + 3 * number + place};{day:%d/%m/%Y};{shop};{day.year};{sold};{waste};{'x' * (number == 9)}"
            )
    return "\n".join(lines) + "\n"


def test_what_is_told_of_a_growing_business_is_true(api, saigon):
    client = api(saigon.key)
    report = read(client, shops())
    counted = {column["name"]: column["counted"] for column in report["tables"][0]["columns"]}
    assert {name: counted[name] for name in ("Order no", "Year", "Sold", "Waste")} == {
        "Order no": "none", "Year": "none", "Sold": "sum", "Waste": "mean"
    }  # fmt: skip
    texts = [one["content"]["text"] for one in insights(client, report)]
    assert not [text for text in texts if text.startswith(("Order no", "Year", "Waste")) or "Note" in text], texts
    assert sorted(text for text in texts if "no figures" in text) == [
        "B has no figures on 16 Apr 2026, though others have. Missing: 1.",
        "There are no figures from 1 Apr 2026 to 3 Apr 2026. Missing: 3.",
    ]
    rises = [text for text in texts if text.startswith("Sold rises over the whole time")]
    assert {text[-33:] for text in rises} == {"figures seem to be still to come."}, texts
    assert not [text for text in texts if "falls" in text], texts
    of_all = [text for text in texts if text.startswith("Sold ") and "·" not in text]
    assert all("had figures, otherwise" in text or "still to come" in text for text in of_all), texts


def test_nothing_is_told_in_per_cent_of_nothing(api, saigon):
    begin = datetime(2026, 3, 2)  # noqa: DTZ001 - days
    lines = [f"{begin + timedelta(days=day):%Y-%m-%d},{0 if day < 40 else 11 + day % 2}" for day in range(70)]
    found = insights(api(saigon.key), read(api(saigon.key), "day,sold\n" + "\n".join(lines)), insight_type="change_point")
    assert [one["content"]["text"] for one in found] == [
        "sold rose to another level on 11 Apr 2026: from 0 a day to 11.5 a day."
    ]


def test_months_are_a_series_and_a_report_without_dates_says_so(api, saigon):
    client = api(saigon.key)
    months = [f"Tháng {1 + number % 12}/{2020 + number // 12},{100 + 5 * number + number % 3}" for number in range(40)]
    texts = [one["content"]["text"] for one in insights(client, read(client, "Tháng,Bán\n" + "\n".join(months)))]
    assert [text.split(":")[0] for text in texts] == ["Bán rises over the whole time"]
    undated = read(client, "name,sold\n" + "\n".join(f"n{number},{number % 7}" for number in range(30)))
    assert undated["tables"][0]["notes"] == ["no_dates"]


def test_insights_of_others_are_nobodys(api, saigon, harbour):
    report = read(api(saigon.key), days())
    foreign = api(harbour.key).get("insights/", {"report": report["id"]})
    assert foreign.status_code == 422
    assert foreign.json()["code"] == "unknown_reference" or "unknown_reference" in foreign.content.decode()
    assert api(harbour.key).post(f"reports/{report['id']}/insights/").status_code == 404


def test_who_asks_while_a_worker_looks_gets_what_is_found_with_the_thresholds_of_now(api, saigon, monkeypatch):
    client = api(saigon.key)
    report = read(client, days())
    address, find, looked = f"reports/{report['id']}/", uploads.find_insights, []

    def find_slowly(**given: Any) -> Any:
        looked.append(given)
        found = find(**given)
        if len(looked) == 1:
            client.patch(address, {"thresholds": [{"column": "sold", "above": 400}]})
            assert client.post(f"{address}insights/").json()["insights_status"] == "pending"
        return found

    monkeypatch.setattr(uploads, "find_insights", find_slowly)
    assert client.post(f"{address}insights/").status_code == 202
    uploads.read_due_reports()
    assert len(looked) == 2
    assert client.get(address).json()["insights_status"] == "ready"
    assert "threshold" in {one["insight_type"] for one in client.get("insights/").json()["results"]}
    runs = reversed(client.get("task-runs/").json()["results"])
    assert [(run["status"], run["error"]) for run in runs][-2:] == [
        ("failed", "It was asked for anew before it ended."), ("done", "")
    ]  # fmt: skip
