"""Sending links through a real mail server on loopback: what is tried again, what never twice, who wins."""

import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from tenants.login_links import KEPT, forget_links_of, forget_old_links, request_login_link
from tenants.mail import MAX_ATTEMPTS, send_due_links
from tenants.members import invite
from tenants.models import LoginToken
from tests.conftest import ApiClient, Business, in_tenant

pytestmark = pytest.mark.django_db


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks SMTP as far as a client needs; answers what it is told, or hangs up in the middle."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.taken: list[bytes] = []
        self.on_receiver, self.on_text, self.hang_up_after_text = b"250 ok", b"250 ok", False


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: MailServer

    def handle(self) -> None:
        self.say(b"220 loopback")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                if not self.take_text():
                    return
            else:
                answers = {b"RCPT": self.server.on_receiver, b"QUIT": b"221 bye"}
                self.say(answers.get(verb, b"250 ok"))

    def take_text(self) -> bool:
        self.say(b"354 go on")
        text = b"".join(iter(self.rfile.readline, b".\r\n"))
        if self.server.on_text.startswith(b"250"):
            self.server.taken.append(text)
        if self.server.hang_up_after_text:
            return False
        self.say(self.server.on_text)
        return True

    def say(self, answer: bytes) -> None:
        self.wfile.write(answer + b"\r\n")


@pytest.fixture
def server(settings) -> Iterator[MailServer]:
    """Return a mail server, to which the settings point."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_TIMEOUT = 5
        yield server
        server.shutdown()


def asked(saigon: Business) -> LoginToken:
    """Have a link asked for and return its row."""
    request_login_link(email=saigon.owner.email)
    return LoginToken.objects.get()


def make_due() -> None:
    LoginToken.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_mail_has_text_and_html_and_one_link(saigon: Business, server: MailServer, settings) -> None:
    asked(saigon)
    send_due_links()
    message = message_from_bytes(server.taken[0], policy=policy.default)
    assert message["To"] == saigon.owner.email
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    link = next(word for word in text.split() if word.startswith("http"))
    assert link.startswith(f"{settings.PUBLIC_URL}/admin/login-link/")
    assert f'href="{link}"' in html
    row = LoginToken.objects.get()
    assert (row.state, row.attempt, row.last_error) == ("sent", 1, "")


def test_a_server_that_does_not_answer_is_tried_again_later_and_the_lost_token_is_void(
    saigon: Business, server: MailServer
) -> None:
    asked(saigon)
    server.shutdown()
    server.socket.close()
    assert send_due_links() == 1
    row = LoginToken.objects.get()
    assert (row.state, row.attempt, row.token_hash, row.sent_at) == ("waiting", 1, None, None)
    assert row.due_at > timezone.now()
    assert send_due_links() == 0


def test_after_the_last_attempt_a_person_is_told(saigon: Business, server: MailServer) -> None:
    asked(saigon)
    server.on_text = b"451 come back later"
    for _ in range(MAX_ATTEMPTS + 2):
        make_due()
        send_due_links()
    row = LoginToken.objects.get()
    assert (row.state, row.attempt, row.token_hash) == ("failed", MAX_ATTEMPTS, None)
    assert "come back later" in row.last_error


def test_an_address_that_does_not_exist_is_not_tried_again(saigon: Business, server: MailServer) -> None:
    with in_tenant(saigon.tenant):
        link = invite(email="nobody@saigon.example", role="analyst", by=saigon.owner)
    server.on_receiver = b"550 no such user"
    send_due_links()
    link.refresh_from_db()
    assert (link.state, link.attempt) == ("failed", 1)


UNSENDABLE = f"mai@{'ü' * 60}.example"
"""What a form takes for an address, and no mail server can be asked for: the label is longer than 63 in IDNA."""


def test_an_address_that_no_mail_can_have_stops_nobody_elses_mail(saigon: Business, server: MailServer) -> None:
    with in_tenant(saigon.tenant):
        LoginToken.objects.create(purpose="invitation", invited_to=saigon.tenant, role="analyst", email=UNSENDABLE)
    asked_for = LoginToken.objects.create(purpose="login", email=saigon.owner.email)
    assert send_due_links() == 2
    asked_for.refresh_from_db()
    broken = LoginToken.objects.get(email=UNSENDABLE)
    assert (asked_for.state, broken.state, broken.attempt, broken.token_hash) == ("sent", "failed", 1, None)
    assert len(server.taken) == 1


def test_nobody_is_invited_at_an_address_that_no_mail_can_have(saigon: Business) -> None:
    answer = ApiClient(saigon.token(saigon.owner)).post("members/invite/", {"email": UNSENDABLE, "role": "analyst"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not LoginToken.objects.exists()


def test_a_link_that_was_ended_before_its_mail_is_not_sent(saigon: Business) -> None:
    asked(saigon)
    forget_links_of(saigon.owner.email)
    assert send_due_links() == 0
    assert mail.outbox == []


def test_old_links_are_forgotten_once_they_are_over_and_never_while_they_wait(saigon: Business) -> None:
    now = timezone.now()
    old, recent = now - KEPT - timedelta(days=1), now - timedelta(days=1)
    over = [
        {"state": "sent", "used_at": old, "expires_at": old},
        {"state": "sent", "expires_at": old},
        {"state": "unknown", "expires_at": old},
        {"state": "dropped", "due_at": old},
        {"state": "failed", "due_at": old},
    ]
    kept = [
        {"state": "sent", "expires_at": now + timedelta(days=1)},
        {"state": "sent", "used_at": recent, "expires_at": recent},
        {"state": "waiting", "due_at": old},
        {"state": "failed", "due_at": recent},
        {"state": "sent", "expires_at": recent},
    ]
    rows = {"purpose": "invitation", "invited_to": saigon.tenant, "role": "analyst", "created_at": old}
    with in_tenant(saigon.tenant):
        for number, row in enumerate(over + kept):
            LoginToken.objects.create(email=f"{number}@saigon.example", **{**rows, **row})
    assert forget_old_links() == len(over)
    left = {int(email.partition("@")[0]) for email in LoginToken.objects.values_list("email", flat=True)}
    assert left == set(range(len(over), len(over) + len(kept)))


def test_a_server_that_hangs_up_after_the_text_may_have_sent_it_and_it_is_not_sent_twice(
    saigon: Business, server: MailServer
) -> None:
    asked(saigon)
    server.hang_up_after_text = True
    send_due_links()
    make_due()
    send_due_links()
    row = LoginToken.objects.get()
    assert (row.state, len(server.taken)) == ("unknown", 1)
    assert row.token_hash is not None


def test_a_worker_that_dies_while_sending_leaves_it_unclear(saigon: Business, monkeypatch) -> None:
    asked(saigon)

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tenants.mail._deliver", die)
    with pytest.raises(KeyboardInterrupt):
        send_due_links()
    assert LoginToken.objects.get().state == "sending"
    assert send_due_links() == 0
    LoginToken.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.undo()
    assert send_due_links() == 0
    assert LoginToken.objects.get().state == "unknown"
    assert mail.outbox == []


def test_the_late_word_of_an_attempt_that_was_overtaken_changes_nothing(saigon: Business, monkeypatch) -> None:
    with in_tenant(saigon.tenant):
        link = invite(email="new@saigon.example", role="analyst", by=saigon.owner)

    def overtaken(*_args: object) -> None:
        LoginToken.objects.filter(pk=link.pk).update(state="waiting", token_hash=None)

    monkeypatch.setattr("tenants.mail._deliver", overtaken)
    monkeypatch.setattr("tenants.mail.WORK_SECONDS", 0.0001)
    send_due_links()
    link.refresh_from_db()
    assert (link.state, link.sent_at, link.token_hash) == ("waiting", None, None)


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_link_once(saigon: Business, server: MailServer) -> None:
    people = [saigon.owner, saigon.admin, saigon.operator, saigon.analyst]
    for person in people * 2:
        request_login_link(email=person.email)
    threads = [threading.Thread(target=lambda: (send_due_links(), connection.close())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.taken) == 8
    assert set(LoginToken.objects.values_list("state", "attempt")) == {("sent", 1)}
