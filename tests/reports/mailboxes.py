"""Accounts that are read from a mail server of the test, and messages as others write them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from reports.mail_sync import sync_due_mailboxes
from reports.models import MailSync
from tests.conftest import Business, in_tenant
from tests.imap_server import ImapSink

HTML = (
    '<p onclick="x()" style="color:red;position:fixed">Xin chào</p><script>alert(1)</script><title>t</title>'
    '<img src="https://spy.example/a.gif" alt="logo"><img src="//spy.example/b"><img src="cid:1"><img src="cid:2%40x" alt="chart">'
    '<a href="https://ok.example">Xem</a><a href="javascript:x()">x</a><div style="border:url(http://spy.example)">y</div>'
)


def mail(subject: str = "Tin vui", *, body: str = "Xin chào", **headers: str) -> bytes:
    """Return a plain message."""
    head = {"From": "An <an@example.com>", "To": "shop@example.com", "Subject": subject, **headers}
    lines = [*(f"{name.replace('_', '-')}: {value}" for name, value in head.items()), "", body]
    return "\r\n".join(lines).encode()


def rich(name: str = "giá.txt") -> bytes:
    """Return a message with HTML and two files."""
    parts = [
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML}",
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename*=utf-8''{name}\r\n\r\n1 2",
        "Content-Type: image/png\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=",
        "Content-Type: image/png; name=x.png\r\nContent-ID: <2@x>\r\n\r\n<svg onload=alert(1)>",
    ]
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return mail("Bảng giá", body=body, Content_Type="multipart/mixed; boundary=b", Message_ID="<2@x>", References="<1@x>")


def mailbox(client: Any, server: ImapSink, **secret: str) -> dict[str, Any]:
    """Make an account that is read from the server."""
    about = {"provider": "imap", "kind": "basic", "label": "Inbox", "secret": server.secret(**secret)}
    credential = client.post("credentials/", about).json()["id"]
    made = client.post("mailboxes/", {"name": "Shop", "address": "shop@example.com", "imap": credential})
    assert made.status_code == 201, made.json()
    return made.json()


def read_again(business: Business) -> int:
    """Let every account be due, and read it."""
    with in_tenant(business.tenant):
        MailSync.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    return sync_due_mailboxes()


def messages(client: Any, **params: str) -> list[dict[str, Any]]:
    return client.get("mail-messages/", {"page_size": "200", **params}).json()["results"]


def subjects(client: Any, **params: str) -> list[str]:
    return sorted(one["subject"] for one in messages(client, **params))


def folder_named(client: Any, name: str) -> dict[str, Any]:
    return next(one for one in client.get("mail-folders/").json()["results"] if one["name"] == name)
