"""Mail that others have written: read whatever it is, and bounces told at the deliveries they are about."""

import os
import re
import time
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.bounces import read_bounces
from reports.markup import clean_email_html, clean_received_html
from reports.models import EmailDelivery
from reports.received import read_message
from tests.conftest import in_tenant

ACTIVE = re.compile(r'<script|src="(?!cid:)')
BOUNCE = """From: MAILER-DAEMON@mail.example
To: backroom@localhost
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; {gone}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

Final-Recipient: rfc822; {late}
Action: delayed
Status: 4.4.1

--b
Content-Type: {kind}

Message-ID: {message_id}
Subject: Tin vui

--b--
"""


@pytest.mark.sample_data
def test_every_sample_is_read() -> None:
    samples = sorted((Path(os.environ["BACKROOM_TEST_DATA"]) / "email").glob("*.eml"))
    assert len(samples) == 103
    read = {path.name: read_message(path.read_bytes()) for path in samples}
    assert all(one.subject.isprintable() and not ACTIVE.search(one.html) for one in read.values())
    japanese = read["multi_charset__japanese_attachment.eml"]
    assert [one.name for one in japanese.attachments] == ["てすと.txt"]
    assert read["multi_charset__japanese.eml"].subject == "まみむめも"
    bounces = read_bounces((samples[0].parent / "multipart_report_emails__report_530.eml").read_bytes())
    assert [(one.status, bool(one.recipient), bool(one.message_id)) for one in bounces] == [("5.3.0", True, True)]
    assert read_bounces((samples[0].parent / "multipart_report_emails__report_422.eml").read_bytes()) == []


HEADERS = st.sampled_from(["Subject", "From", "To", "Date", "Message-ID", "Content-Type", "Content-Disposition"])
PIECES = st.one_of(
    st.sampled_from(
        ["multipart/mixed; boundary=b", "=?utf-8?q?=", "=?x?b?!?=", "text/html; charset=x", "a@", "<", "group:;"]
    ),
    st.text(max_size=20),
)


@given(st.lists(st.tuples(HEADERS, PIECES), max_size=8), st.binary(max_size=200))
def test_nothing_that_is_sent_breaks_the_reader(headers: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\n" for name, value in headers).encode("utf-8", "replace")
    read = read_message(head + b"\n" + body)
    assert read.subject.isprintable()
    assert "\x00" not in read.text + read.html
    assert read_bounces(head + b"\n" + body) == []


def test_what_is_nested_or_long_without_end_is_read_in_no_time() -> None:
    begun = time.monotonic()
    heads = [f"Content-Type: multipart/mixed; boundary=b{one}\n\n--b{one}\n" for one in range(1_100)]
    mails = ["".join(heads) + "\nhello", "Content-Type: message/rfc822\n\n" * 1_100 + "Subject: a\n\nhello"]
    for name in ("From", "Content-Type"):
        mails += [f"{name}: {piece * 50_000}\nSubject: a\n\nhello" for piece in ("(", '"', "a@b.example, ")]
    for mail in mails:
        assert read_message(mail.encode()).subject in ("a", "")
        assert read_bounces(mail.encode()) == []
    assert time.monotonic() - begun < 10


BAD = (
    *("Content-Type: text/plain " + "(" * 900, "Content-Type: text/plain; name=" + "<" * 900),
    *("Content-Disposition: " + "a " * 450, "Content-Transfer-Encoding: " + "(a" * 400),
)


def seconds(of: Callable[[], object]) -> float:
    begun = time.perf_counter()
    of()
    return time.perf_counter() - begun


def test_many_parts_with_bad_headers_take_hardly_longer_than_a_few() -> None:
    def mail(parts: int, head: str) -> bytes:
        heads = (f"--b\n{head.replace('a', str(number))}\n\nhello\n" for number in range(parts))
        return f"Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n{''.join(heads)}--b--".encode()

    few = sum(seconds(lambda head=head: read_message(mail(8, head))) for head in BAD)  # type: ignore[misc]
    many = sum(seconds(lambda head=head: read_message(mail(2_000, head))) for head in BAD)  # type: ignore[misc]
    assert many < 10 * few + 1
    assert read_message(mail(2_000, BAD[0])).subject == "a"
    inside = b"Content-Type: message/rfc822\n\nTo: " + b"(" * 50_000 + b"\nSubject: b\n\nhello"
    (attached,) = read_message(inside).attachments
    assert attached.content.endswith(b"Subject: b\n\nhello")


def test_a_tag_with_attributes_without_end_takes_no_longer_than_its_length() -> None:
    few, many = (f"<p {' '.join(f'a{one}=1' for one in range(count))}>hello</p>" for count in (900, 90_000))
    assert seconds(lambda: clean_email_html(many)) < 200 * seconds(lambda: clean_email_html(few)) + 0.2
    tricky = "<p title='a>b' \" c=\"' > " + " ".join(f"a{one}" for one in range(100_000)) + '" >hello'
    for html in (many, tricky, "<a b='<a c=\"" * 50_000):
        for clean in (clean_email_html, clean_received_html):
            assert seconds(lambda clean=clean, html=html: clean(html)) < 2  # type: ignore[misc]
    assert "hello" in clean_email_html(many)
    assert clean_email_html('<p title="a > b" style="color: red">x</p>') == '<p style="color:red">x</p>'


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_is_told_at_its_delivery_and_at_no_other(api, saigon, harbour, kind: str) -> None:
    client, to = api(saigon.key), ["gone@bücher.example", "late@example.com", "fine@example.com"]
    email = client.post("emails/", {"subject": "Tin vui", "body": "…", "to": to, "status": "queued"}).json()
    with in_tenant(saigon.tenant):
        EmailDelivery.objects.update(state="done", sent_at="2026-11-22T00:00Z")
    message = BOUNCE.format(gone="Gone@xn--bcher-kva.example", late=to[1], kind=kind, message_id=email["message_id"])
    assert message_from_bytes(message.encode()).get_content_type() == "multipart/report"
    assert api(harbour.key).post("email-deliveries/bounces/", {"message": message}).json() == {"failed": 0}
    forged = message.replace(email["message_id"], "<guessed@localhost>")
    assert client.post("email-deliveries/bounces/", {"message": forged}).json() == {"failed": 0}
    assert client.post("email-deliveries/bounces/", {"message": "Subject: hello\n\nHello"}).json() == {"failed": 0}
    assert client.post("email-deliveries/bounces/", {"message": message}).json() == {"failed": 1}
    assert client.post("email-deliveries/bounces/", {"message": message}).json() == {"failed": 0}
    rows = {row["recipient"]: row for row in client.get("email-deliveries/").json()["results"]}
    assert {name: row["status"] for name, row in rows.items()} == dict(zip(to, ["failed", "sent", "sent"], strict=True))
    assert rows[to[0]]["error"] == "It came back (5.1.1). (550 5.1.1 no such user)"
    assert rows[to[0]]["bounced_at"]
