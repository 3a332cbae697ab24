"""Insights in other words: a model may say them anew, and never adds, drops or turns a number."""

import json
from typing import Any

import pytest

from reports.models import Insight
from reports.rephrasing import holds, rephrased_of
from reports.tasks import rephrase_insights
from reports.wording import text_of
from tenants.models import Setting
from tests.conftest import in_tenant
from tests.reports.files import days, read
from tests.tenants.admin_pages import browser, page
from tests.tenants.admin_pages import text_of as words
from tests.vault.openai_server import chat_body, says
from tests.vault.providers.conftest import remote as remote
from vault.models import UsageEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def odd(api: Any, saigon: Any) -> Insight:
    """The odd day of a report: sold was 4 times as much as usual."""
    read(api(saigon.key), days())
    with in_tenant(saigon.tenant):
        Insight.objects.exclude(insight_type="anomaly").delete()
        return Insight.objects.get()


def reworded(insight: Insight) -> dict[str, str]:
    """Say the same otherwise, in both languages."""
    english, vietnamese = text_of(insight, "en"), text_of(insight, "vi")
    observed, usual = (
        english.partition(": ")[2].partition(", where ")[0],
        english.partition("where ")[2].partition(" is usual")[0],
    )
    day = english.partition("unusually high on ")[2].partition(":")[0]
    said = f"On {day} sold reached {observed}, well above the usual {usual}."
    return {"en": said, "vi": f"{vietnamese} Đây là mức cao bất thường."}


def wants(business: Any, most: int) -> None:
    with in_tenant(business.tenant):
        Setting.put("rephrased_insights_per_day", most)


def test_what_the_model_says_stands_beside_our_words_and_its_cost_is_booked_once(api, saigon, harbour, remote, odd) -> None:
    rephrase_insights()
    assert remote.asked == []  # nobody wants it
    wants(saigon, 3)
    said = reworded(odd)
    remote.script = [says(chat_body("Here you are: " + json.dumps(said)))]
    for _time in range(2):
        rephrase_insights()
    assert len(remote.asked) == 1
    asked = remote.asked[0].body["messages"]
    assert text_of(odd, "en") in asked[1]["content"]
    assert "Add no number" in asked[0]["content"]
    found = api(saigon.key).get(f"insights/{odd.pk}/").json()
    assert found["rephrased"] == said
    assert found["content"]["texts"] == {one: text_of(odd, one) for one in ("vi", "en")}
    shown = words(browser(saigon.operator).get(page("reports_insight_change", odd.pk)))
    assert said["en"] in shown
    assert text_of(odd, "en") in shown
    with in_tenant(saigon.tenant):
        (paid,) = UsageEntry.objects.filter(subject_id=odd.pk)
        assert (paid.subject_kind, paid.amount > 0) == ("reports.insight", True)
    with in_tenant(harbour.tenant):
        assert not UsageEntry.objects.exists()


def test_what_adds_drops_or_turns_a_number_is_thrown_away(saigon, odd) -> None:
    with in_tenant(saigon.tenant):
        good, ours = reworded(odd)["en"], text_of(odd, "en")
        assert holds(good, odd, "en")
        assert holds(ours, odd, "en")
        number = ours.partition(": ")[2].partition(",")[0]
        for bad in (
            good + " That is 4 times as much.",
            good + " Sales have doubled.",
            good + " It is ½ more.",
            good + " Expect ５ more.",
            good.replace(number, number + "0"),
            good.replace(number, "much"),
            good.replace("2026", "2025"),
            good.replace("Ap", "Ma").replace("ril", "y"),
            good.replace("sold reached", "returns reached"),
            good.replace("well above", "well below"),
            good + " See https://evil.example/",
            good + " <b>Act now</b>",
            good + "\n",
            good + " x" * 300,
            text_of(odd, "vi"),
            "",
        ):
            assert bad != good, bad
            assert not holds(bad, odd, "en"), bad


LIE = json.dumps({"en": "Sold rose by 900 %.", "vi": 7})


@pytest.mark.parametrize("answered", [chat_body("I would rather not."), chat_body(LIE), {"error": "no"}])
def test_a_model_that_fails_or_lies_leaves_our_words_alone_and_is_not_asked_again(
    api, saigon, remote, odd, answered
) -> None:
    wants(saigon, 3)
    remote.script = [says(answered)] * 3
    rephrase_insights()
    assert api(saigon.key).get(f"insights/{odd.pk}/").json()["rephrased"] == {}
    asked = len(remote.asked)
    assert asked >= 1
    rephrase_insights()
    assert len(remote.asked) == asked


def test_words_of_figures_that_have_changed_since_are_no_longer_shown(saigon, odd) -> None:
    with in_tenant(saigon.tenant):
        odd.rephrased = reworded(odd)
        assert rephrased_of(odd, "en")
        assert rephrased_of(odd, "vi")
        odd.content["numbers"][0]["value"] += 1
        assert rephrased_of(odd, "en") == rephrased_of(odd, "vi") == ""
