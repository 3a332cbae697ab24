"""Mirroring the folders of e-mail accounts, over and over: what is new, what was read or marked, and what has gone.

A row of ``MailSync`` is an account's place in the queue. A turn logs in, lists the folders, and looks into those of which
the server tells something else than last time. Each message is one transaction that moves the folder's ``last_uid``, so
that a connection that breaks, a worker that dies or a turn that is over goes on where it was, and nothing comes twice.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from reports.imap import UIDS_AT_ONCE, Head, Imap, Listed, Lost, Refused, Vanished
from reports.incoming import BREAKS, MOST_BYTES, TOO_LARGE, flag_values, forget_messages, keep_message
from reports.models import Mailbox, MailFolder, MailMessage, MailSync
from reports.models.mailboxes import SYNC_TASK
from tenants.actor import Actor, ActorKind, acting
from tenants.errors import DomainError
from tenants.models import Setting
from tenants.notes import note
from tenants.queue import QueueState, claim, due_tenants, fail, kept, renew, repeat, sweep
from tenants.retention import PREFIX
from tenants.scope import platform_scope, tenant_scope
from tenants.storage import atomic_files
from vault.mail_servers import LoginRefused, ended_after, open_imap
from vault.outbound import OutboundError
from vault.services import reveal

logger = logging.getLogger(__name__)

TASK = SYNC_TASK
KEPT = "mail_messages"
"""How long messages are kept, as retention calls it: older ones are not fetched in the first place."""
LANES = 4
"""Accounts that are read side by side: who has a slow server waits alone."""
SECONDS = 20.0
"""What a server may take for each step."""
TURN_SECONDS = 50.0
"""After so long an account lets others go before it."""
CONNECTION_SECONDS = 90.0
"""After that a connection is cut, whatever it is doing."""
LEASE = timedelta(seconds=30)
"""Renewed while the account is read: what a worker was at that is killed, others go on with half a minute later."""
WORK_SECONDS = 200.0
LONGEST_DELAY = timedelta(hours=1)
HEADS_AT_ONCE = 100
FLAGS_AT_ONCE = 5_000
TRIES = 3
"""How often in a row the connection may break at a message before less of it is asked for."""


class Unreadable(Exception):
    """The account cannot be read now. The text is a note."""


class Stopped(Exception):
    """Somebody else has the account by now, its tenant is suspended, or it is not read any more."""


class TurnOver(Exception):
    """The rest is done in another turn."""


def sync_due_mailboxes() -> int:
    """Read every account that is due, in all tenants; returns how many turns that were. One worker at a time does it.

    The others stay free: mail servers may be slow. What a worker that was killed had claimed is due again after its lease.
    """
    if _somebody_reads():
        return 0
    sweep(MailSync)
    turns, enough = 0, time.monotonic() + WORK_SECONDS
    with ThreadPoolExecutor(LANES) as lanes:
        while time.monotonic() < enough and (tenants := due_tenants(MailSync)):
            some = _serve(tenants[0]) if len(tenants) == 1 else sum(lanes.map(_serve_apart, tenants))
            if not some:
                break
            turns += some
    return turns


def _somebody_reads() -> bool:
    with platform_scope(reason="is another worker at it"):
        return MailSync.objects.filter(state=QueueState.RUNNING, due_at__gt=Now()).exists()


def _serve_apart(tenant_id: UUID) -> int:
    """Serve a tenant in a thread of its own, which has a connection to the database of its own."""
    try:
        return _serve(tenant_id)
    finally:
        connections.close_all()


def _serve(tenant_id: UUID) -> int:
    with tenant_scope(tenant_id), acting(Actor(ActorKind.TASK)), translation.override("en"):
        rows = claim(MailSync, limit=1, lease=LEASE)
        for row in rows:
            run_sync(row)
        return len(rows)


def run_sync(row: MailSync) -> None:
    """Give a claimed account a turn. Its end is written into its row."""
    mirror = Mirror(row)
    try:
        with kept([row], lease=LEASE), logged_in(row.mailbox) as imap:
            mirror.read(imap)
        row.output = dict(mirror.brought)
        repeat(row, delay=timedelta(minutes=Setting.effective("mail_sync_minutes")), synced_at=Now())
    except TurnOver:
        row.output = dict(mirror.brought)
        repeat(row, delay=timedelta(0))
    except Unreadable as error:
        _try_again(row, mirror, str(error))
    except Stopped:
        logger.info("mailbox %s: the reading was stopped", row.mailbox_id)
    except Exception as error:
        logger.exception("mailbox %s could not be read", row.mailbox_id)
        _try_again(row, mirror, note(gettext_noop("Something went wrong here (%(kind)s)."), kind=type(error).__name__))


def _try_again(row: MailSync, mirror: "Mirror", why: str) -> None:
    """Try again later: soon, where something was brought before it went wrong, else after a minute doubling to an hour."""
    row.output = dict(mirror.brought)
    if mirror.brought:
        repeat(row, delay=timedelta(minutes=1), last_error=why)
    else:
        fail(row, why, delay=min(LONGEST_DELAY, timedelta(minutes=2 ** min(row.attempt - 1, 6))))


@contextmanager
def logged_in(mailbox: Mailbox) -> Iterator[Imap]:
    """Log in to the account, and out in the end; raises ``Unreadable``, also for what goes wrong in between."""
    try:
        if not mailbox.is_read:
            raise Stopped
        secret = reveal(mailbox.imap, why=gettext_noop("read e-mail"))
        server = open_imap(secret, seconds=SECONDS)
        try:
            with ended_after(server.stream, CONNECTION_SECONDS):
                yield Imap(server)
                server.listen_again()
                server.farewell()
        finally:
            with suppress(OSError):  # it may have been closed by either side
                server.shutdown()
    except LoginRefused:
        raise Unreadable(gettext_noop("The mail server refuses the name and password.")) from None
    except OutboundError as error:
        raise Unreadable(note(_WHY[error.kind], detail=mailbox.imap.destination)) from None
    except Lost as error:
        raise Unreadable(note(_WHY[error.kind], detail=mailbox.imap.destination)) from None
    except Refused:
        raise Unreadable(note(_WHY["protocol"], detail=mailbox.imap.destination)) from None
    except DomainError as error:
        raise Unreadable(error.message) from None


_WHY = {
    "timeout": gettext_noop("The mail server did not answer in time."),
    "connection": gettext_noop("The mail server cannot be reached."),
    "closed": gettext_noop("The mail server closed the connection."),
    "tls": gettext_noop("The mail server has no valid certificate."),
    "too_large": gettext_noop("The mail server said more than it was asked for."),
    "protocol": gettext_noop("The mail server does not speak IMAP."),
    "broken": gettext_noop("The connection broke."),
}


class Mirror:
    """One turn of one account."""

    def __init__(self, row: MailSync) -> None:
        self.row = row
        self.until = time.monotonic() + TURN_SECONDS
        self.brought: Counter[str] = Counter()
        days = int(Setting.effective(PREFIX + KEPT))
        self.since: date | None = timezone.now().date() - timedelta(days=days) if days else None

    def read(self, imap: Imap) -> None:
        """Bring all folders up to date; raises ``TurnOver`` and ``Stopped``."""
        self.imap = imap
        for place, folder in enumerate(self._folders(imap.folders())):
            if place:
                self._go_on()
            try:
                self._read_folder(folder)
            except Refused:
                MailFolder.objects.filter(pk=folder.pk).update(failure=REFUSED, synced_at=Now())

    # --- folders

    def _folders(self, listed: Sequence[Listed]) -> list[MailFolder]:
        """Make the folders those of the server; returns those that hold messages: the inbox, then what was read longest ago."""
        there = {one.path: one for one in listed}
        if not any(one.special_use == MailFolder.Use.INBOX for one in listed):
            raise Refused  # every account has one (RFC 9051, 5.1): what lists none tells nothing
        known = {folder.path: folder for folder in MailFolder.objects.filter(mailbox=self.row.mailbox_id)}
        for path in known.keys() - there.keys():
            forget_folder(known.pop(path))
            self.brought["folders_gone"] += 1
        with transaction.atomic():
            self._keep_on()
            for path in sorted(there, key=lambda path: len(there[path].names)):  # parents before children
                known[path] = self._folder(there[path], known)
        found = [folder for folder in known.values() if folder.is_selectable]
        long_ago = timezone.now() - timedelta(days=36_500)
        return sorted(found, key=lambda one: (one.special_use != MailFolder.Use.INBOX, one.synced_at or long_ago, one.name))

    def _folder(self, listed: Listed, known: dict[str, MailFolder]) -> MailFolder:
        values = {
            "name": (listed.names[-1] or listed.path)[:500],
            "parent": known.get(listed.parent_path),
            "special_use": listed.special_use,
            "is_selectable": listed.is_selectable,
        }
        folder = known.get(listed.path)
        if folder is None:
            self.brought["folders"] += 1
            return MailFolder.objects.create(mailbox_id=self.row.mailbox_id, path=listed.path, **values)
        if any(getattr(folder, name) != value for name, value in values.items()):
            MailFolder.objects.filter(pk=folder.pk).update(**values)
            folder.refresh_from_db()
        return folder

    def _read_folder(self, folder: MailFolder) -> None:
        stands = self.imap.status(folder.path)
        if folder.uid_validity != stands["UIDVALIDITY"]:
            self._begin_anew(folder, stands["UIDVALIDITY"])
        counts = {"message_count": stands["MESSAGES"], "unread_count": min(stands["UNSEEN"], stands["MESSAGES"])}
        has_changed = folder.seen != stands or "HIGHESTMODSEQ" not in stands
        if folder.is_mirrored and has_changed:
            if self.imap.examine(folder.path) != folder.uid_validity:
                raise Refused  # it was numbered anew this very moment: next time
            was_empty = not folder.last_uid
            arrived = self._read_new(folder, stands["UIDNEXT"])
            if not was_empty:
                self._compare(folder, stands, arrived)
        self._write(folder, seen=stands, synced_at=Now(), failure="", **counts)

    def _begin_anew(self, folder: MailFolder, uid_validity: int) -> None:
        """Forget the messages of another numbering: the same numbers mean other messages now."""
        for batch in _batches(MailMessage.objects.filter(folder=folder).values_list("pk", flat=True), 500):
            forget_messages(MailMessage.objects.filter(pk__in=batch))
            self._go_on()
        self._write(folder, uid_validity=uid_validity, last_uid=0, seen={}, broken_uid=None, broken_times=0)

    # --- messages

    def _read_new(self, folder: MailFolder, uid_next: int) -> int:
        """Mirror the messages above ``last_uid``; returns how many there are. The first time only those that are kept."""
        arrived, at_once = 0, UIDS_AT_ONCE
        since = None if folder.seen else self.since
        while folder.last_uid < uid_next - 1:
            last = min(folder.last_uid + at_once, uid_next - 1)
            uids = self.imap.uids(folder.last_uid + 1, last, since=since)
            arrived += len(uids)
            at_once = UIDS_AT_ONCE if len(uids) > UIDS_AT_ONCE // 10 else 4 * at_once  # where hardly any number is used
            for some in _batches(uids, HEADS_AT_ONCE):
                for head in self.imap.heads(some):
                    self._read_message(folder, head)
            self._write(folder, last_uid=last)
            if last < uid_next - 1:
                self._go_on()
        return arrived

    def _read_message(self, folder: MailFolder, head: Head) -> None:
        if self.brought["messages"]:
            self._go_on()
        if self.since and head.received_at and head.received_at.date() < self.since:
            return
        times, before = (folder.broken_times if folder.broken_uid == head.uid else 0), folder.last_uid
        try:
            data, missing = self._data(head, times)
        except Vanished:
            return
        except (Lost, OutboundError):
            self._write(folder, broken_uid=head.uid, broken_times=times + 1)
            raise
        try:
            with atomic_files():
                self._keep_on()
                message = keep_message(folder=folder, head=head, data=data, missing=missing)
                self._write(folder, last_uid=head.uid)
        except (Stopped, OperationalError):
            raise
        except Exception:  # of what it holds: next time its headers alone are taken, and then nothing of it
            self._write(folder, last_uid=before, broken_uid=head.uid, broken_times=times + TRIES)
            raise
        self.brought["messages"] += 1
        if message.bounced:
            self.brought["bounces"] += message.bounced

    def _data(self, head: Head, times: int) -> tuple[bytes, str]:
        """Return what is taken of a message, and why it is not all: of one at which the connection breaks less each time."""
        if times >= 2 * TRIES:
            return b"", BREAKS
        if head.size > MOST_BYTES:
            return self.imap.headers(head.uid), TOO_LARGE
        if times >= TRIES:
            return self.imap.headers(head.uid), BREAKS
        return self.imap.message(head.uid, size=head.size), ""

    # --- what was read, marked, moved and deleted

    def _compare(self, folder: MailFolder, stands: dict[str, int], arrived: int) -> None:
        """Bring flags up to date, and forget what has gone. A server that counts changes is asked for these alone."""
        count = folder.seen.get("HIGHESTMODSEQ")
        is_complete = stands["MESSAGES"] == folder.seen.get("MESSAGES", -1) + arrived
        since = count if count and is_complete and "HIGHESTMODSEQ" in stands else None
        mirrored = MailMessage.objects.filter(folder=folder)
        for uids in _batches(mirrored.order_by("uid").values_list("uid", flat=True), FLAGS_AT_ONCE):
            found = self.imap.flags(uids[0], uids[-1], changed_since=since)
            self._write_flags(mirrored.filter(uid__in=found), found)
            if since is None and (gone := set(uids) - found.keys()):
                gone -= set(self.imap.uids(min(gone), max(gone)))  # asked once more, for what goes does not come back
                self.brought["messages_gone"] += forget_messages(mirrored.filter(uid__in=gone))

    def _write_flags(self, messages: Any, found: dict[int, tuple[str, ...]]) -> None:
        changed = []
        for message in messages.only("uid", "flags", "is_seen"):
            if message.flags != list(found[message.uid]):
                message.__dict__.update(flag_values(found[message.uid]))
                changed.append(message)
        MailMessage.objects.bulk_update(changed, ["flags", "is_seen"], batch_size=500)
        if changed:
            self.brought["changed"] += len(changed)

    # --- the row

    def _write(self, folder: MailFolder, **values: Any) -> None:
        MailFolder.objects.filter(pk=folder.pk).update(**values)
        folder.__dict__.update({name: value for name, value in values.items() if name != "synced_at"})

    def _keep_on(self) -> None:
        """Renew the lease; raises ``Stopped`` where the account is somebody else's by now."""
        if not renew(self.row, lease=LEASE):
            raise Stopped

    def _go_on(self) -> None:
        """Raise ``TurnOver`` when the turn is."""
        if time.monotonic() > self.until:
            raise TurnOver


REFUSED = gettext_noop("The mail server does not let it be read.")


def _batches(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the values in lists of up to ``size``."""
    every = list(values)
    for begin in range(0, len(every), size):
        yield every[begin : begin + size]


def forget_folder(folder: MailFolder) -> None:
    """Delete a folder with its messages and their files, a batch of messages a transaction."""
    for batch in _batches(MailMessage.objects.filter(folder=folder).values_list("pk", flat=True), 500):
        forget_messages(MailMessage.objects.filter(pk__in=batch))
    MailFolder.objects.filter(parent=folder).update(parent=None)
    folder.delete()
