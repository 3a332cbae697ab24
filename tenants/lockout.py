"""Lock-out after failed logins, kept in PostgreSQL: it outlives a flush of Redis and a restart.

Every attempt is counted before it is judged, so that guesses sent at once are counted too, and forgiven when it was
right. Passwords are counted by what was typed as the address, known or not: for each client, and far higher for all
clients together; and by the client, whatever address it typed. Codes of a second factor have a count of their own for
each person, which only who has passed the first factor can fill. All end by themselves, and a login link, which cannot
be guessed, goes on working: nobody can lock somebody else out for good.
"""

from datetime import timedelta
from ipaddress import ip_network

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import ngettext

from tenants.errors import LockedOut
from tenants.models import LoginFailure, User
from tenants.scope import in_transaction

MOST_FROM_ONE, WITHIN = 10, timedelta(minutes=15)
"""Failures of one client for one address, and how long their count lasts."""
MOST_FROM_ALL, WITHIN_ALL = 100, timedelta(hours=1)
"""Failures of all clients for one address."""
MOST_ANYWHERE, WITHIN_ANYWHERE = 100, timedelta(hours=1)
"""Failures of one client for all addresses: one password tried on everybody."""
MOST_CODES, WITHIN_CODES = 10, timedelta(minutes=15)
"""Wrong codes of one person's second factor, from wherever."""
KEPT = timedelta(days=1)
ALL = ""
"""In place of a client: all of them; in place of an address: any."""
CODES = "second factor"
"""In place of a client: whoever has passed the first factor. ``_network`` never returns it."""

# Two writers at once wait for each other on the row: every one sees an own number.
_COUNT = """
INSERT INTO tenants_loginfailure (email, client, attempts, since) VALUES (%(email)s, %(client)s, 1, %(now)s)
ON CONFLICT (email, client) DO UPDATE SET
    attempts = CASE WHEN tenants_loginfailure.since > %(begin)s THEN tenants_loginfailure.attempts + 1 ELSE 1 END,
    since = CASE WHEN tenants_loginfailure.since > %(begin)s THEN tenants_loginfailure.since ELSE excluded.since END
RETURNING attempts, since
"""


def count_attempt(*, email: str, client: str) -> None:
    """Count an attempt to log in; raises ``LockedOut`` when there were too many.

    Raises ``RuntimeError`` inside a transaction: the refusal that rolls it back would take the count along.
    """
    _refuse_transaction()
    typed, network = _typed(email), _network(client)
    _count(typed, network, MOST_FROM_ONE, WITHIN)
    _count(ALL, network, MOST_ANYWHERE, WITHIN_ANYWHERE)
    _count(typed, ALL, MOST_FROM_ALL, WITHIN_ALL)


def forgive_attempts(*, email: str, client: str) -> None:
    """Forget the client's failures for the address, and of the wider counts the attempt just made: it was right."""
    typed, network = _typed(email), _network(client)
    LoginFailure.objects.filter(email=typed, client=network).delete()
    wider = Q(email=typed, client=ALL) | Q(email=ALL, client=network)
    LoginFailure.objects.filter(wider, attempts__gt=0).update(attempts=F("attempts") - 1)


def count_code(user: User) -> None:
    """Count a code of the person's second factor, before it is checked; raises as ``count_attempt`` does."""
    _refuse_transaction()
    _count(user.email, CODES, MOST_CODES, WITHIN_CODES)


def forgive_codes(user: User) -> None:
    """Forget the person's wrong codes: this one was right."""
    LoginFailure.objects.filter(email=user.email, client=CODES).delete()


def forget_old_attempts() -> int:
    """Delete counts that ended long ago; returns how many."""
    return LoginFailure.objects.filter(since__lt=timezone.now() - KEPT).delete()[0]


def _refuse_transaction() -> None:
    if in_transaction():
        raise RuntimeError("An attempt is counted outside any transaction.")


def _count(email: str, client: str, most: int, within: timedelta) -> None:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"email": email, "client": client, "now": now, "begin": now - within})
        attempts, since = cursor.fetchone()
    if attempts > most:
        raise _locked_out(since + within - now)


def _typed(email: str) -> str:
    return email.strip().lower()[:254]


def _network(client: str) -> str:
    """Return what stands for one client: the address, of IPv6 the /64 that a household or server has to itself."""
    try:
        return str(ip_network(f"{client}/64" if ":" in client else client, strict=False))
    except ValueError:
        return "unknown"


def _locked_out(left: timedelta) -> LockedOut:
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    message = ngettext(
        "Too many failed attempts. Try again in a minute, or have a login link sent to you.",
        "Too many failed attempts. Try again in %(minutes)d minutes, or have a login link sent to you.",
        minutes,
    )
    return LockedOut(message % {"minutes": minutes}, seconds=max(1, int(left.total_seconds())))
