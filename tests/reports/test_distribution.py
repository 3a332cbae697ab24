"""Telling people of insights: by rule or by hand, by mail, webhook and inbox, at once or gathered, never at night."""

import json
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone, translation

from reports.distribution import distribute_insights
from reports.models import EmailDelivery, EmailMessage, Insight, InsightDelivery, InsightOptOut, InsightSubscription
from reports.tasks import deliver_insights, send_emails
from reports.wording import text_of
from tenants.models import AuditEntry, Membership, User
from tests.conftest import in_tenant
from tests.outside import http_server
from tests.reports.files import days, read
from tests.rows import an_insight
from tests.tenants.admin_pages import browser, hidden, page
from tests.tenants.admin_pages import text_of as words
from vault.deliveries import deliver_due
from vault.models import EventDelivery
from vault.webhooks import signature

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
"""Half past two in Ho Chi Minh City."""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what sets the clock of the program; that of the database, by which rows are due, goes on."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return set_clock


def subscribe(client: Any, **values: Any) -> dict[str, Any]:
    made = client.post("insight-subscriptions/", {"channel": "email", "min_score": 50, **values})
    assert made.status_code == 201, made.content
    return made.json()


def find(business: Any, *scores: int) -> list[Insight]:
    """Find insights of these scores in one report."""
    with in_tenant(business.tenant):
        first = an_insight()
        rows = [first, *(an_insight() for _score in scores[1:])]
        for row, score in zip(rows, scores, strict=True):
            Insight.objects.filter(pk=row.pk).update(score=score, report=first.report)
        return list(Insight.objects.filter(pk__in=[row.pk for row in rows]).order_by("-score"))


def deliveries(client: Any, **asked: str) -> list[dict[str, Any]]:
    return list(client.get("insight-deliveries/", {"page_size": 200, **asked}).json()["results"])


def shown(client: Client, address: str) -> str:
    return unescape(words(client.get(address)))


def make_due(business: Any) -> None:
    with in_tenant(business.tenant):
        InsightDelivery.objects.filter(state="pending").update(due_at=Now() - timedelta(seconds=1))


def mails(sink: Any) -> list[Any]:
    send_emails()
    return [message_from_bytes(text, policy=policy.default) for _recipient, text in sink.taken]


def test_everybody_of_a_role_is_told_by_mail_in_their_own_language_and_once(api, saigon, harbour, sink):
    with in_tenant(saigon.tenant):
        User.objects.filter(pk=saigon.owner.pk).update(locale="en")
    client = api(saigon.key)
    for role in ("owner", "operator", "owner"):  # named twice, told once
        subscribe(client, recipient_type="role", role=role, min_score=60)
    subscribe(client, recipient_type="person", user=str(saigon.analyst.pk), min_score=95)
    subscribe(api(harbour.key), recipient_type="role", role="owner", min_score=0)
    best, other, _low = find(saigon, 90, 70, 20)
    for _time in range(2):
        deliver_insights()
    sent = {mail["To"]: mail for mail in mails(sink)}
    assert set(sent) == {saigon.owner.email, saigon.operator.email}
    english = sent[saigon.owner.email].get_body(("plain",)).get_content()
    assert text_of(best, "en") in english
    assert text_of(other, "en") in english
    assert f"/admin/reports/insight/{best.pk}/change/" in english
    vietnamese = sent[saigon.operator.email].get_body(("plain",)).get_content()
    with translation.override("vi"):
        assert text_of(best, "vi") in vietnamese
    assert "List-Unsubscribe" in sent[saigon.owner.email]
    rows = deliveries(client)
    assert [(row["status"], row["insight"], len(row["insights"])) for row in rows] == [("sent", None, 2)] * 2
    assert deliveries(api(harbour.key)) == []
    assert {row["recipient"] for row in deliveries(client, status="sent")} == set(sent)
    assert client.get("insight-deliveries/", {"status": "gone"}).status_code == 400


def test_in_quiet_hours_it_waits_until_they_are_over_by_the_recipients_own_clock(api, saigon, at):
    with in_tenant(saigon.tenant):
        User.objects.filter(pk=saigon.operator.pk).update(time_zone="America/New_York")  # where it is afternoon
    client = api(saigon.key)
    for role in ("owner", "operator"):
        subscribe(client, recipient_type="role", role=role, quiet_from="22:00", quiet_until="07:00")
    at(NIGHT)
    find(saigon, 80)
    deliver_insights()
    with in_tenant(saigon.tenant):
        waits = InsightDelivery.objects.get(user=saigon.owner)
        assert (waits.state, waits.attempt) == ("pending", 0)
        assert InsightDelivery.objects.get(user=saigon.operator).state == "done"
        make_due(saigon)
    deliver_insights()  # early: it is put back
    assert [row["recipient"] for row in deliveries(client, status="sending")] == [saigon.operator.email]
    at(datetime(2026, 11, 23, 0, 0, tzinfo=UTC))
    make_due(saigon)
    deliver_insights()
    assert {row["status"] for row in deliveries(client)} == {"sending"}


def test_what_is_found_in_a_day_is_one_digest_and_nothing_is_sent_on_a_day_without(api, saigon, sink):
    client = api(saigon.key)
    day = {"recipient_type": "address", "address": "Boss@Example.com", "frequency": "daily", "language": "en"}
    assert subscribe(client, **day, digest_at="08:00")["address"] == "boss@example.com"
    subscribe(client, **{**day, "frequency": "weekly"}, min_score=0)
    deliver_insights()
    assert deliveries(client) == []
    found = [*find(saigon, 60), *find(saigon, 90)]
    deliver_insights()
    found += find(saigon, 70, 10)
    deliver_insights()
    held = {row["frequency"]: row for row in deliveries(client, status="held")}
    assert {name: len(row["insights"]) for name, row in held.items()} == {"daily": 3, "weekly": 1}
    due = datetime.fromisoformat(held["daily"]["due_at"]).astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert (due.hour, due.minute) == (8, 0)
    with in_tenant(saigon.tenant):
        Insight.objects.filter(score=60).delete()  # looked for anew, and not found
    make_due(saigon)
    deliver_insights()
    digest = next(mail for mail in mails(sink) if "2 insights" in mail["Subject"])
    text = digest.get_body(("plain",)).get_content()
    assert text.index("score 90") < text.index("score 70")
    assert "score 60" not in text
    assert "/change/" not in text  # who is told by address may have no account: one link, to all of them
    assert len(re.findall(r"/admin/reports/insight/\s", text)) == 1
    make_due(saigon)
    deliver_insights()
    assert len(mails(sink)) == 2  # the day's, and the week's


def test_what_is_found_while_the_digest_is_handed_on_is_told_after_it(api, saigon):
    client = api(saigon.key)
    subscribe(client, recipient_type="person", user=str(saigon.owner.pk), frequency="daily")
    (first,) = find(saigon, 80)
    distribute_insights()
    with in_tenant(saigon.tenant):
        InsightDelivery.objects.update(state="running", lease_until=timezone.now() + timedelta(minutes=1))
    (second,) = find(saigon, 90)
    distribute_insights()
    with in_tenant(saigon.tenant):
        told = dict(InsightDelivery.objects.values_list("state", "insights"))
    assert told == {"running": [first.pk], "pending": [second.pk]}


def test_who_has_left_or_is_asked_for_no_more_gets_nothing_of_what_waits(api, saigon, monkeypatch):
    client = api(saigon.key)
    by_role = subscribe(client, recipient_type="role", role="operator", channel="in_app")
    subscribe(client, recipient_type="person", user=str(saigon.analyst.pk), channel="in_app")
    gone = subscribe(client, recipient_type="role", role="owner")
    find(saigon, 80)
    distribute_insights()
    with in_tenant(saigon.tenant):
        Membership.objects.filter(user=saigon.analyst).delete()
    assert client.delete(f"insight-subscriptions/{gone['id']}/").status_code == 204
    monkeypatch.setitem(
        __import__("tenants.roles", fromlist=["ROLE_TABLE"]).ROLE_TABLE,
        "reports.insight",
        ({"view"}, {"view"}, set(), set()),
    )
    deliver_insights()
    assert {row["recipient"]: row["status"] for row in deliveries(client)} == dict.fromkeys(
        (saigon.operator.email, saigon.analyst.email, saigon.owner.email), "skipped"
    )
    assert all(row["error"] for row in deliveries(client))
    with in_tenant(saigon.tenant):
        assert not InsightDelivery.objects.unread(saigon.operator).exists()
        assert not EmailMessage.objects.exists()
        entry = AuditEntry.objects.filter(subject_kind="reports.insightsubscription", verb="delete").get()
        assert str(entry.subject_id) == gone["id"] != by_role["id"]


def test_programs_get_each_insight_by_a_signed_message(api, saigon, loopback_allowed):
    client = api(saigon.key)
    with http_server() as server:
        body = {"name": "Sheets", "url": f"http://127.0.0.1:{server.port}/hook", "kinds": ["insight.found"]}  # and no events
        made = client.post("event-destinations/", body).json()
        subscribe(client, recipient_type="destination", destination=made["id"], channel="webhook")
        first, second = find(saigon, 80, 60)
        deliver_insights()
        with in_tenant(saigon.tenant):
            assert {row.kind for row in EventDelivery.objects.all()} == {"insight.found"}
        deliver_due()
        got = {json.loads(one.body)["data"]["insights"][0]["id"]: one for one in server.received}
    assert set(got) == {str(first.pk), str(second.pk)}
    sent = got[str(first.pk)]
    stamp = {"message_id": sent.headers["webhook-id"], "timestamp": int(sent.headers["webhook-timestamp"])}
    assert sent.headers["webhook-signature"] == signature(made["secret"], **stamp, body=sent.body)
    assert {row["status"] for row in deliveries(client)} == {"sent"}
    assert {row["id"] for row in deliveries(client)} == {one.headers["webhook-id"] for one in server.received}


def test_the_inbox_counts_what_is_unread_in_the_menu_and_each_reads_only_the_own(api, saigon, harbour):
    for business in (saigon, harbour):
        subscribe(api(business.key), recipient_type="role", role="operator", channel="in_app")
    found = find(saigon, 80, 70, 60)
    deliver_insights()
    inbox = page("reports_insightdelivery_inbox")
    operator, stranger = browser(saigon.operator), browser(harbour.operator)
    answer = operator.get(inbox)
    seen = unescape(words(answer))
    assert all(text_of(one, "en") in seen for one in found)
    assert "3 unread" in seen
    assert "unread" not in shown(stranger, inbox)
    with in_tenant(saigon.tenant):
        mine = InsightDelivery.objects.filter(user=saigon.operator).order_by("id").first()
    mark = hidden(answer, "_tenant")
    stranger.post(inbox, {"read": str(mine.pk)})
    browser(saigon.owner).post(inbox, {"read": "all", "_tenant": mark})
    assert "3 unread" in shown(operator, inbox)
    operator.post(inbox, {"read": str(mine.pk), "_tenant": mark})
    assert "2 unread" in shown(operator, inbox)
    operator.get(page("reports_insight_change", found[0].pk))
    operator.post(inbox, {"read": "no id", "_tenant": mark})
    operator.post(inbox, {"read": "all", "_tenant": mark})
    assert "unread" not in shown(operator, inbox)


def test_one_click_unsubscribes_and_nothing_is_mailed_there_any_more(api, saigon, sink):
    client = api(saigon.key)
    subscribe(client, recipient_type="address", address="An@example.com", language="en")
    find(saigon, 80)
    deliver_insights()
    (mail,) = mails(sink)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip(" <>")
    assert link in mail.get_body(("plain",)).get_content()
    anybody, path = Client(enforce_csrf_checks=True), link.split("testserver")[-1].partition("//")[2].partition("/")[2]
    asked = anybody.get(f"/{path}")
    assert asked.status_code == 200
    assert "an@example.com" in asked.content.decode()
    with in_tenant(saigon.tenant):
        assert not InsightOptOut.objects.exists()  # a scanner that follows links changes nothing
    assert anybody.post(f"/{path[:-2]}xx/", {"List-Unsubscribe": "One-Click"}).status_code == 404
    for _time in range(2):
        assert anybody.post(f"/{path}", {"List-Unsubscribe": "One-Click"}).status_code == 200
    find(saigon, 90)
    deliver_insights()
    by_hand = {"recipient_type": "address", "recipients": ["an@example.com"], "distribution_method": "email"}
    client.post("insight-deliveries/", {**by_hand, "insight": str(find(saigon, 10)[0].pk)})
    deliver_insights()
    assert len(mails(sink)) == 1
    (skipped,) = deliveries(client, status="skipped")
    assert "unsubscribed" in skipped["error"]
    (gone,) = client.get("insight-opt-outs/").json()["results"]
    assert client.delete(f"insight-opt-outs/{gone['id']}/").status_code == 204
    assert client.post(f"insight-deliveries/{skipped['id']}/retry/").json()["status"] == "queued"
    deliver_insights()
    assert len(mails(sink)) == 2


def test_an_insight_is_sent_by_hand_once_to_each_and_what_failed_is_sent_again(api, saigon, harbour, sink):
    client = api(saigon.key)
    (insight,) = find(saigon, 5)
    body = {"insight": str(insight.pk), "recipient_type": "address", "distribution_method": "email"}
    body["recipients"] = ["Refused <refused@example.com>", "b@example.com"]
    made = client.post("insight-deliveries/", body)
    assert made.status_code == 201, made.content
    assert [(row["recipient"], row["status"]) for row in made.json()["deliveries"]] == [
        ("refused@example.com", "queued"),
        ("b@example.com", "queued"),
    ]
    again = client.post("insight-deliveries/", body).json()
    assert [row["id"] for row in again["deliveries"]] == [row["id"] for row in made.json()["deliveries"]]
    deliver_insights()
    assert len(mails(sink)) == 2
    first = made.json()["deliveries"][0]["id"]
    assert client.post(f"insight-deliveries/{first}/retry/").status_code == 409
    with in_tenant(saigon.tenant):
        mail = InsightDelivery.objects.get(pk=first).email_id
        EmailDelivery.objects.filter(email=mail).update(state="failed", last_error="550 No such user")
    assert (
        client.get(f"insight-deliveries/{first}/").json() | {"status": "failed", "error": "550 No such user"}
        == client.get(f"insight-deliveries/{first}/").json()
    )
    assert client.post(f"insight-deliveries/{first}/retry/").json()["status"] == "sending"
    assert len(mails(sink)) == 3
    refusals = [
        ({"recipient_type": "address", "distribution_method": "in_app"}, "invalid_choice"),
        ({"recipients": ["a@example.com\r\nBcc: b@example.com"]}, "invalid_address"),
        ({"recipient_type": "person", "recipients": [harbour.owner.email]}, "unknown_reference"),
        ({"recipient_type": "role", "recipients": ["king"]}, "unknown_reference"),
        ({"insight": str(find(harbour, 90)[0].pk)}, "unknown_reference"),
        (
            {"recipient_type": "destination", "distribution_method": "webhook", "recipients": ["http://10.0.0.1/"]},
            "unknown_reference",
        ),
    ]
    for change, code in refusals:
        refused = client.post("insight-deliveries/", {**body, **change})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code), refused.content
    assert len(deliveries(client)) == 2


def test_a_rule_that_names_nobody_or_somebody_else_is_refused(api, saigon, harbour):
    client = api(saigon.key)
    good = {"recipient_type": "role", "role": "owner", "channel": "email"}
    for change in (
        {"role": ""},
        {"address": "a@example.com"},
        {"channel": "webhook"},
        {"recipient_type": "person", "role": "", "user": str(harbour.owner.pk)},
        {"min_score": 101},
        {"quiet_from": "22:00"},
        {"digest_on": 7},
        {"insight_types": ["gossip"]},
        {"time_zone": "Mars/Base"},
    ):
        assert client.post("insight-subscriptions/", {**good, **change}).status_code == 422, change
    with in_tenant(saigon.tenant):
        assert not InsightSubscription.objects.exists()
    assert api(saigon, saigon.operator).post("insight-subscriptions/", good).status_code == 403


def test_the_form_of_the_admin_keeps_the_recipient_of_the_kind_that_was_chosen(saigon):
    owner = browser(saigon.owner)
    add = page("reports_insightsubscription_add")
    mark = hidden(owner.get(add), "_tenant")
    typed = {
        "recipient_type": "address",
        "role": "owner",
        "address": "an@example.com",
        "channel": "email",
        "min_score": "40",
    }
    typed |= {"frequency": "daily", "digest_on": "0", "digest_at": "07:30", "is_active": "on", "_tenant": mark}
    answer = owner.post(add, typed)
    assert answer.status_code == 302, re.findall(r"errorlist.*?</ul>|text-red[^>]*>[^<]+", answer.content.decode())
    with in_tenant(saigon.tenant):
        row = InsightSubscription.objects.get()
        assert (row.role, row.address, row.created_by) == ("", "an@example.com", saigon.owner)
    assert "Every day at 07:30" in shown(owner, page("reports_insightsubscription_changelist"))


def test_a_person_tells_others_of_an_insight_on_its_page(saigon):
    (insight,) = find(saigon, 30)
    tell, operator = page("reports_insight_tell", insight.pk), browser(saigon.operator)
    seen = operator.get(tell)
    mark = hidden(seen, "_tenant")
    assert text_of(insight, "en") in unescape(words(seen))
    typed = {"roles": ["owner"], "people": [saigon.analyst.email], "channel": "in_app", "_tenant": mark}
    refused = operator.post(tell, {**typed, "addresses": "an@example.com\nnobody"})
    assert "is not one e-mail address" in unescape(words(refused))
    assert "name a recipient" in words(operator.post(tell, {"channel": "email", "_tenant": mark}))
    with in_tenant(saigon.tenant):
        assert not InsightDelivery.objects.exists()
    assert operator.post(tell, {**typed, "addresses": "an@example.com"}).status_code == 302
    deliver_insights()
    assert "1 unread" in shown(browser(saigon.analyst), page("reports_insightdelivery_inbox"))
    with in_tenant(saigon.tenant):
        assert InsightDelivery.objects.filter(created_by=saigon.operator, is_asked=True).count() == 3
        assert EmailMessage.objects.get().to == ["an@example.com"]


def test_what_the_next_file_of_a_series_has_again_is_told_once_and_listed_of_the_newest(api, saigon, sink):
    client = api(saigon.key)
    subscribe(client, recipient_type="address", address="an@example.com", min_score=0)
    subscribe(client, recipient_type="person", user=str(saigon.analyst.pk), channel="in_app", min_score=0)
    reports = []
    next_day, earlier = {"report_date": "2026-11-21"}, {"also_high": (44,)}  # the day before was odd as well, it turns out
    for number, about in enumerate([{}, next_day, {"vendor": "South"}]):
        reports.append(read(client, days(60 + number, **(earlier if number == 1 else {})), **about))
        deliver_insights()
    asked = [{"insight_type": "anomaly", "report": one["id"]} for one in reports[:2]]
    periods = [client.get("insights/", one).json()["results"][0]["content"]["period"]["from"] for one in asked]
    assert [one[:10] for one in periods] == ["2026-04-16", "2026-04-15"]
    told = [row for row in deliveries(client) if row["distribution_method"] == "email"]
    assert len(told) == 2  # of North once, of South once
    listed = client.get("insights/", {"insight_type": "anomaly"}).json()["results"]
    assert {one["report"] for one in listed} == {reports[1]["id"], reports[2]["id"]}
    of_first = client.get("insights/", {"insight_type": "anomaly", "report": reports[0]["id"]}).json()["results"]
    assert len(of_first) == 1
    listing = shown(browser(saigon.analyst), "/admin/reports/insight/")
    assert listing.count("sold was unusually high") == 2
