"""Sends login links and invitations: each row of ``LoginToken`` is its own queue entry (DESIGN section 6).

The token is made when the row is claimed and stands in the mail alone; the row keeps its SHA-256, which also fences
late writers. The mail goes out between two short transactions. What surely was not sent is tried again, what may have
been (the connection broke after the text was handed over, the worker died) becomes ``unknown`` and is left to people:
a second mail would make the first one's link worthless.
"""

import logging
import random
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.encoding import punycode
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from tenants.models import LoginToken, User, hash_token
from tenants.queue import wake
from tenants.scope import platform_scope

logger = logging.getLogger(__name__)

TASK = "tenants.send_login_links"
LIFE = {LoginToken.Purpose.LOGIN: timedelta(minutes=15), LoginToken.Purpose.INVITATION: timedelta(days=7)}
"""How long a link opens the door, counted from its sending."""
LEASE = timedelta(minutes=2)
"""Longer than any mail takes: the server's time-out is ``EMAIL_TIMEOUT``."""
MAX_ATTEMPTS = 8
"""The last one is some twenty minutes after the first."""
WORK_SECONDS = 60
State = LoginToken.State


class NotSent(Exception):
    """The mail surely did not go out; ``permanent`` when another attempt would end the same way."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


def send_due_links() -> int:
    """Send every link that is due; returns how many rows were taken."""
    done, enough = 0, time.monotonic() + WORK_SECONDS
    with platform_scope(reason="login links belong to nobody yet"):
        _give_up_lost()
        while time.monotonic() < enough and (claimed := _claim()):
            _send(*claimed)
            done += 1
    return done


def wake_sender() -> None:
    """Have a worker look for due links after commit."""
    wake(TASK)


def can_be_sent_to(address: str) -> bool:
    """Whether the address can be written as mail servers do: ASCII, and the domain in IDNA (RFC 3490)."""
    local, _at, domain = address.rpartition("@")
    try:
        punycode(domain)
    except UnicodeError:
        return False
    return local.isascii()


def _give_up_lost() -> None:
    """A worker that died may have sent its mail: nobody knows."""
    lost = LoginToken.objects.filter(state=State.SENDING, lease_until__lte=Now())
    lost.update(state=State.UNKNOWN, lease_until=None, last_error="The worker died while it was sending.")


def _claim() -> tuple[LoginToken, str] | None:
    """Take one due link and give it a fresh token; returns both."""
    with transaction.atomic():
        due = LoginToken.objects.due().select_for_update(skip_locked=True, of=("self",)).order_by("due_at")
        link = due.first()
        if link is None:
            return None
        token = secrets.token_urlsafe(32)
        LoginToken.objects.filter(pk=link.pk).update(
            state=State.SENDING,
            token_hash=hash_token(token),
            expires_at=Now() + LIFE[LoginToken.Purpose(link.purpose)],
            lease_until=Now() + LEASE,
            attempt=F("attempt") + 1,
        )
    return LoginToken.objects.select_related("invited_to", "created_by").get(pk=link.pk), token


def _mine(link: LoginToken) -> QuerySet[LoginToken]:
    """The row, only while nobody has taken it over, sent it anew or used it."""
    fenced = {"token_hash": link.token_hash, "state": State.SENDING, "used_at": None}
    mine: QuerySet[LoginToken] = LoginToken.objects.filter(pk=link.pk, **fenced)
    return mine


def _send(link: LoginToken, token: str) -> None:
    receiver = User.objects.filter(email=link.email).first()
    if link.purpose == LoginToken.Purpose.LOGIN and not (receiver and receiver.is_active):
        _mine(link).update(state=State.DROPPED, token_hash=None, lease_until=None)
        return
    try:
        _deliver(_message(link, token, receiver))
    except NotSent as error:
        _try_again(link, error)
    except ValueError as error:  # an address or a header that no mail can have: nothing has left this machine
        _try_again(link, NotSent(_short(error), permanent=True))
    except (OSError, SMTPException) as error:
        logger.warning("a mail may or may not have been sent: %s", type(error).__name__)
        _mine(link).update(state=State.UNKNOWN, user=receiver, lease_until=None, last_error=_short(error))
    else:
        _mine(link).update(state=State.SENT, user=receiver, sent_at=Now(), lease_until=None, last_error="")


def _try_again(link: LoginToken, error: NotSent) -> None:
    """Put the link back for later (5 s doubling to 10 min, with jitter), or end it; its token is worth nothing."""
    logger.warning("a mail was not sent: %s", error)
    dead = error.permanent or link.attempt >= MAX_ATTEMPTS
    delay = timedelta(seconds=min(600, 5 * 2**link.attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
    state = State.FAILED if dead else State.WAITING
    worthless = {"token_hash": None, "expires_at": None, "lease_until": None}
    _mine(link).update(state=state, due_at=Now() + delay, last_error=_short(error), **worthless)


def _deliver(message: EmailMultiAlternatives) -> None:
    """Hand the mail over; raises ``NotSent``, and the library's own errors when the outcome is not known."""
    connection = get_connection()
    try:
        connection.open()
    except (OSError, SMTPException) as error:
        raise NotSent(_short(error)) from error
    try:
        connection.send_messages([message])
    except SMTPRecipientsRefused as error:
        codes = [code for code, _text in error.recipients.values()]
        raise NotSent(_short(error), permanent=min(codes) >= 500) from error
    except SMTPResponseException as error:
        raise NotSent(_short(error), permanent=error.smtp_code >= 500) from error
    finally:
        with suppress(OSError, SMTPException):  # it was sent or it was not: the farewell changes nothing
            connection.close()


def _short(error: Exception) -> str:
    return str(error)[:500] or type(error).__name__


def _message(link: LoginToken, token: str, receiver: User | None) -> EmailMultiAlternatives:
    """Write the mail in the language of who receives it."""
    locale = (receiver and receiver.locale) or (link.invited_to and link.invited_to.locale) or settings.LANGUAGE_CODE
    context = {
        "url": f"{settings.PUBLIC_URL}/admin/login-link/{token}/",
        "tenant": _one_line(link.invited_to),
        "inviter": _one_line(link.created_by),
        "language": locale,
    }
    with translation.override(locale):
        context["role"] = link.get_role_display()
        text = render_to_string(f"tenants/mail/{link.purpose}.txt", context)
        html = render_to_string(f"tenants/mail/{link.purpose}.html", context)
        subject = _subject(link, context)
    message = EmailMultiAlternatives(subject, text, to=[link.email], headers={"Auto-Submitted": "auto-generated"})
    message.attach_alternative(html, "text/html")
    return message


def _subject(link: LoginToken, context: dict[str, Any]) -> str:
    if link.purpose == LoginToken.Purpose.INVITATION:
        return _("You are invited to %(tenant)s") % context
    return _("Your login link")


def _one_line(row: Any) -> str:
    """Return a name as it may stand in a header: whatever people called themselves, on one line."""
    return Truncator(" ".join(str(row).split())).chars(80) if row else ""
