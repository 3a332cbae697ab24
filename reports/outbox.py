"""The queue of e-mail: what is due is sent, account by account, each mail with one statement to the database.

A row is claimed, *begun* before the server gets the text, and marked as sent together with the beginning of the next one.
Whoever dies in between leaves a row that is begun and whose lease is over: it may have been sent or not, so it becomes
``unknown`` and waits for a person; what was claimed and not begun goes back as if nobody had taken it, but for the mail
that would have been begun next: it may be what killed the worker, so it goes alone from then on, and is parked after its
third death. A server that cannot be used, or that breaks, rests for a minute: a broken one makes at most one mail unclear
in that time. A mail at which it breaks again and again waits longer, and holds up no other.

The marks do not wait for the disk, which would take longer than the mail. They are seen by everybody at once, and only a
crash of the database itself loses the newest: the worker, which knows what it has sent, then says it again; and what a
worker had claimed that died in the same crash is unclear, by the epoch its claim has noted.
"""

import logging
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connections
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext_noop

from reports.marks import Marks, beside
from reports.models import EmailContent, EmailDelivery, Mailbox
from reports.models.emails import SEND_TASK
from reports.rendering import envelope_of, envelope_sender
from reports.transport import Broken, Envelope, NotSent, Transport, Unclear, Unusable, opened
from tenants.actor import Actor, ActorKind, acting
from tenants.models import Setting, Tenant
from tenants.notes import note
from tenants.postgres.beside import Beside
from tenants.queue import DIED_EACH_TIME, QueueState, due, due_tenants, fail, unclear
from tenants.scope import current_tenant_id, platform_scope, tenant_scope

logger = logging.getLogger(__name__)

TASK = SEND_TASK
LANES = 8
"""Accounts that are sent for side by side: who has a slow server waits alone."""
BATCH = 200
"""Mails sent over one connection."""
LEASE = timedelta(seconds=60)
"""Of a batch; longer than the connection lives (``reports/transport.py``)."""
BATCH_SECONDS = 25.0
"""After so long no mail of a batch is begun: what is left goes back."""
TURN_SECONDS = 5.0
"""After so long an account lets others go before it, with its next batch."""
WORK_SECONDS = 60.0
REST = timedelta(seconds=60)
"""How long an account rests that could not be used."""
PAUSES = (5, 30, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 21_600, 43_200, 43_200)
"""Seconds to the second attempt, to the third …: 44 hours in all. A greylist wants minutes, a server that is repaired hours."""
GIVE_UP = timedelta(days=3)
"""What could not even be tried for so long is a failure (RFC 5321, 4.5.4.1, asks for 4 to 5 days of tries)."""
DEATH = EmailDelivery.max_attempts // 3
"""As so many attempts counts one before which the worker died."""
MINUTE = timedelta(seconds=60)
LOADED_AT_ONCE = 100_000
"""Bytes of a mail above which it is read by itself, right before it is sent."""
DIED = gettext_noop("The worker died while it was sending: it may have been sent.")
SUSPECT = gettext_noop("The worker died before this one was sent. It is tried alone now.")
"""The last error of a mail that is claimed alone."""
NOT_BEGUN = gettext_noop("The connection broke at another mail: this one was not begun.")

_EPOCH = RawSQL("(SELECT stats_reset FROM pg_stat_wal)", [])
"""Statistics are kept when the database ends in order, and begin anew after a crash (PostgreSQL, 27.2)."""


class Allowance:
    """How many mails a tenant may still send in this minute; its accounts, which are served side by side, share it."""

    def __init__(self, left: int) -> None:
        self._left, self._one_at_a_time = left, threading.Lock()

    def take(self, most: int) -> int:
        """Return how many of ``most`` may be sent."""
        with self._one_at_a_time:
            taken = max(0, min(most, self._left))
            self._left -= taken
        return taken

    def give_back(self, count: int) -> None:
        """Let others have what was taken for mails that there are none of."""
        with self._one_at_a_time:
            self._left += count


class Account(NamedTuple):
    """By which mailbox of which tenant; without one by the installation's own server. ``most``: what it sends at once.

    ``has_suspects``: workers died before mails of it, which go first, one at a time.
    """

    tenant_id: UUID
    mailbox_id: UUID | None
    allowance: Allowance
    most: int
    has_suspects: bool


class Overtaken(Exception):
    """The mail may not be begun: another worker has it by now, or somebody has given it up."""


class Odd(Exception):
    """A mail broke in a way that nobody expected, and was parked; the others go on."""


def send_due_emails() -> int:
    """Send every mail that is due, in all tenants; returns how many were taken. One worker at a time does it.

    The others stay free: mail servers may be slow. What a worker that was killed had claimed is due again after its lease.
    """
    if _somebody_sends():
        return 0
    taken, enough = 0, time.monotonic() + WORK_SECONDS
    with ThreadPoolExecutor(LANES) as lanes:
        while time.monotonic() < enough and (accounts := due_accounts()):
            some = _serve(accounts[0]) if len(accounts) == 1 else sum(lanes.map(_serve_apart, accounts))
            if not some:  # the limit per minute is reached
                break
            taken += some
    return taken


def _somebody_sends() -> bool:
    with platform_scope(reason="is another worker at it"):
        return EmailDelivery.objects.filter(state=QueueState.RUNNING, due_at__gt=Now()).exists()


def due_accounts() -> list[Account]:
    """Return the accounts that have mails to send now, in random turn; what a dead worker left is sorted out before."""
    found = []
    for tenant_id in due_tenants(EmailDelivery):
        with tenant_scope(tenant_id):
            take_back_lost()
            found += _due_accounts(tenant_id)
    random.shuffle(found)
    return found


def _due_accounts(tenant_id: UUID) -> list[Account]:
    """Return the accounts of the scope's tenant, with what it may send in this minute by all of them, and by each."""
    mailboxes = _due_mailboxes()
    if not mailboxes:
        return []
    sent = EmailDelivery.objects.filter(sent_at__gt=Now() - MINUTE).order_by().values_list("mailbox")
    by = Counter(dict(sent.annotate(Count("pk"))))
    allowance = Allowance(int(Setting.effective("emails_per_minute")) - by.total())
    own = int(Setting.effective("own_server_emails_per_minute")) - by[None]
    suspects = set(due(EmailDelivery.objects.filter(last_error=SUSPECT)).values_list("mailbox", flat=True))
    return [Account(tenant_id, one, allowance, own if one is None else sys.maxsize, one in suspects) for one in mailboxes]


def take_back_lost() -> None:
    """Put back what a dead worker of the scope's tenant had not begun; of what it may have begun nobody knows."""
    lost = EmailDelivery.objects.filter(state=QueueState.RUNNING, due_at__lte=Now())
    crashed = Q(epoch__isnull=False) & ~Q(epoch=_EPOCH)
    begun = lost.filter(Q(begun_at__isnull=False) | crashed)
    begun.update(state=QueueState.UNKNOWN, lease_until=None, last_error=DIED)
    _suspect_the_next(lost)
    lost.update(state=QueueState.PENDING, lease_until=None, attempt=F("attempt") - 1)


def _suspect_the_next(lost: QuerySet[EmailDelivery]) -> None:
    """Count a death to the mail of each lost batch that was to be begun next, and park it after the third one."""
    next_ones = lost.order_by("lease_until", "-priority", "id").distinct("lease_until").values_list("pk", flat=True)
    suspects = lost.filter(pk__in=list(next_ones))
    parked = {"state": QueueState.FAILED, "lease_until": None, "last_error": DIED_EACH_TIME}
    suspects.filter(attempt__gte=EmailDelivery.max_attempts - DEATH).update(**parked)
    suspects.update(state=QueueState.PENDING, lease_until=None, last_error=SUSPECT, attempt=F("attempt") + DEATH)


def _due_mailboxes() -> list[UUID | None]:
    """Return the mailboxes of the scope's tenant with due mails; none that rests."""
    waiting = due(EmailDelivery.objects.all())
    held = Q(state=QueueState.PENDING, is_held=True, due_at__gt=Now())
    broke = Q(state=QueueState.UNKNOWN, begun_at__gt=Now() - REST) & ~Q(last_error=DIED)
    resting = EmailDelivery.objects.filter(held | broke)
    mine = {"mailbox": OuterRef("pk")}
    found: list[UUID | None] = list(
        Mailbox.objects.filter(Exists(waiting.filter(**mine)), ~Exists(resting.filter(**mine))).values_list("pk", flat=True)
    )
    own = {"mailbox__isnull": True}
    if waiting.filter(**own).exists() and not resting.filter(**own).exists():
        found.append(None)
    return found


def _serve_apart(account: Account) -> int:
    """Serve an account in a thread of its own, which has a connection to the database of its own."""
    try:
        return _serve(account)
    finally:
        connections.close_all()


def _serve(account: Account) -> int:
    """Send batches of one account until nothing is due, it rests, or its turn is over; returns how many were taken."""
    taken, enough = 0, time.monotonic() + TURN_SECONDS
    scope = tenant_scope(account.tenant_id)
    with scope, acting(Actor(ActorKind.TASK)), translation.override("en"), beside() as other:
        while time.monotonic() < enough and (rows := _claim_of(account, account.most - taken)):
            taken += len(rows)
            if not Batch(rows, account.mailbox_id, other).send():
                break
    return taken


def _claim_of(account: Account, most: int) -> list[EmailDelivery]:
    """Take a batch, as large as the tenant and the account may send now."""
    may = account.allowance.take(min(1 if account.has_suspects else BATCH, most))
    rows = _claim(account.mailbox_id, may, suspects=account.has_suspects)
    account.allowance.give_back(may - len(rows))
    return rows


# As `claim` of tenants/queue.py, with the epoch, and in one message: claiming must cost little beside sending. Never what runs,
# also when its lease is over: it may have been sent, and `take_back_lost` sorts that out.
_CLAIM = """
WITH next AS (
    SELECT id FROM reports_emaildelivery
    WHERE tenant_id = %(tenant)s AND mailbox_id {which} AND state = 'pending' AND due_at <= statement_timestamp()
        AND (last_error = %(suspect)s) = %(suspects)s
        AND EXISTS (SELECT FROM tenants_tenant WHERE id = %(tenant)s AND status = 'active')
    ORDER BY priority DESC, due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE reports_emaildelivery AS mail SET
        state = 'running', attempt = attempt + 1, epoch = (SELECT stats_reset FROM pg_stat_wal),
        lease_until = statement_timestamp() + %(lease)s, due_at = statement_timestamp() + %(lease)s
    FROM next WHERE mail.tenant_id = %(tenant)s AND mail.id = next.id
    RETURNING mail.id, mail.tenant_id, email_id, address, state, attempt, lease_until, priority
)
SELECT * FROM taken ORDER BY priority DESC, id
"""


def _claim(mailbox_id: UUID | None, limit: int, *, suspects: bool = False) -> list[EmailDelivery]:
    if limit <= 0:
        return []
    claiming = _CLAIM.format(which="= %(mailbox)s" if mailbox_id else "IS NULL")
    only = {"mailbox": mailbox_id, "suspect": SUSPECT, "suspects": suspects}
    given = {"tenant": current_tenant_id(), "limit": limit, "lease": LEASE, **only}
    return list(EmailDelivery.objects.raw(claiming, given))


class Batch:
    """Claimed mails of one account on their way over one connection."""

    def __init__(self, rows: Sequence[EmailDelivery], mailbox_id: UUID | None, other: Beside | None) -> None:
        self.left = list(reversed(rows))
        """What is not begun, the next one last."""
        self.lease = rows[0].lease_until
        self.marks = Marks(self.lease, other)
        self.mailbox = Mailbox.objects.select_related("smtp").get(pk=mailbox_id) if mailbox_id else None
        self.rows = rows
        self.until = time.monotonic() + BATCH_SECONDS
        self.ask_again = time.monotonic() + 1.0

    def send(self) -> bool:
        """Send what there is; returns whether the account can go on. What was not begun goes back."""
        try:
            self._check_account()
            letters = Letters(self.rows, self.mailbox)
            with opened(self.mailbox.smtp if self.mailbox else None) as transport:
                while self.left and self._may_go_on():
                    self._send_next(transport, letters)
            return True
        except (Unusable, Broken) as error:
            self._rest(str(error))
            return False
        except Overtaken:
            return False
        except Odd:
            return True  # by another connection: nobody knows where this one stands
        except DatabaseError:
            raise
        except Exception as error:
            logger.exception("an e-mail account cannot be used")
            self._rest(_unexpected(error))
            return False
        finally:
            self.marks.end()
            self._put_back(self._unbegun(), due_at=Now())

    def _check_account(self) -> None:
        if self.mailbox and not (self.mailbox.is_active and self.mailbox.smtp):
            raise Unusable(gettext_noop("The e-mail account is switched off, or has no credential to send by."))

    def _may_go_on(self) -> bool:
        """Whether there is time left, and the tenant is active; that is asked once a second."""
        now = time.monotonic()
        if now > self.ask_again:
            self.ask_again = now + 1.0
            if not Tenant.objects.filter(pk=current_tenant_id(), status=Tenant.Status.ACTIVE).exists():
                return False
        return now < self.until

    def _send_next(self, transport: Transport, letters: "Letters") -> None:
        row = self.left[-1]
        try:
            transport.send(letters.envelope(row), announce=lambda: self._announce(row), begin=lambda: self._begin(row))
        except Unclear as error:
            unclear(row, str(error))  # which lets the account rest: due_accounts
            raise Broken(NOT_BEGUN) from error
        except NotSent as error:
            self._begin(row)
            rest = REST if isinstance(error, Broken) else timedelta(0)
            delay = max(_pause(row), rest)
            fail(row, str(error), permanent=error.permanent, delay=delay, begun_at=None, is_held=delay == rest)
            if isinstance(error, Broken):
                raise Broken(NOT_BEGUN) from error
        except (Unusable, Overtaken, DatabaseError):
            raise
        except Exception as error:
            logger.exception("mail %s cannot be sent", row.pk)
            self._park(row, error)
            raise Odd from error
        else:
            self.marks.sent = row.pk

    def _park(self, row: EmailDelivery, error: Exception) -> None:
        """Let a mail that broke in an unexpected way fail alone, or be unclear when its text may have left."""
        if self.left and self.left[-1] is row:
            self._begin(row)
            fail(row, _unexpected(error), permanent=isinstance(error, ValueError), delay=_pause(row), begun_at=None)
        else:
            unclear(row, _unexpected(error))

    def _announce(self, row: EmailDelivery) -> None:
        self.marks.announce(row.pk)

    def _begin(self, row: EmailDelivery) -> None:
        """Wait until it is written that the mail is begun; raises ``Overtaken``."""
        if not self.marks.begin(row.pk):
            raise Overtaken
        if self.left and self.left[-1] is row:
            self.left.pop()

    def _unbegun(self) -> QuerySet[EmailDelivery]:
        claimed = EmailDelivery.objects.filter(state=QueueState.RUNNING, lease_until=self.lease)
        rows, self.left = self.left, []
        return claimed.filter(pk__in=[row.pk for row in rows]) if rows else claimed.none()

    def _rest(self, why: str) -> None:
        """Let what is left wait, and the account with it; what has waited for days is given up."""
        rows = self._unbegun()
        old = rows.filter(email__queued_at__lt=Now() - GIVE_UP).exclude(email__send_at__gt=Now() - GIVE_UP)
        old.update(state=QueueState.FAILED, lease_until=None, last_error=why)
        self._put_back(rows, due_at=Now() + REST, is_held=True, last_error=why)

    def _put_back(self, rows: QuerySet[EmailDelivery], **values: Any) -> None:
        waiting = {"state": QueueState.PENDING, "lease_until": None, "begun_at": None, "attempt": F("attempt") - 1}
        rows.update(**waiting, **values)


def _pause(row: EmailDelivery) -> timedelta:
    """Return how long a mail waits that was refused for now."""
    usual = PAUSES[min(row.attempt, len(PAUSES)) - 1]
    return timedelta(seconds=usual * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, no secret


def _unexpected(error: Exception) -> str:
    return note(gettext_noop("Something went wrong here (%(kind)s)."), kind=type(error).__name__)


class Letters:
    """What is sent of each mail of a batch: read at once, but for large ones, which are read when they are sent."""

    def __init__(self, rows: Sequence[EmailDelivery], mailbox: Mailbox | None) -> None:
        self.sender = envelope_sender(mailbox)
        emails = {row.email_id for row in rows}
        small = EmailContent.objects.filter(email__in=emails, size__lte=LOADED_AT_ONCE)
        self.data: dict[UUID, bytes] = {email: bytes(data) for email, data in small.values_list("email_id", "data")}
        self.large: tuple[UUID, bytes] | None = None

    def envelope(self, row: EmailDelivery) -> Envelope:
        """Return what is sent, and to whom; raises ``NotSent`` where the text is gone."""
        data = self.data.get(row.email_id) or self._large(row.email_id)
        return envelope_of(row, data, sender=self.sender)

    def _large(self, email_id: UUID) -> bytes:
        if self.large is None or self.large[0] != email_id:
            found = EmailContent.objects.filter(email=email_id).values_list("data", flat=True).first()
            if found is None:
                raise NotSent(gettext_noop("The text of the e-mail is gone."), permanent=True)
            self.large = email_id, bytes(found)
        return self.large[1]
