"""Lock-out after failed logins, kept in PostgreSQL: it outlives a flush of Redis and a restart.

Every attempt is counted before it is judged, so that guesses sent at once are counted too, and forgiven when the whole
login (password, second factor) succeeds. Two counts are kept of what was typed as the address, known or not: one for
each client, and a far higher one for all clients together. Both end by themselves, and a login link, which cannot be
guessed, goes on working: nobody can lock somebody else out for good.
"""

from datetime import datetime, timedelta
from ipaddress import ip_network

from django.db import connection
from django.db.models import F
from django.utils import timezone
from django.utils.translation import ngettext

from tenants.errors import LockedOut
from tenants.models import LoginFailure
from tenants.scope import in_transaction

MOST_FROM_ONE, WITHIN = 10, timedelta(minutes=15)
"""Failures of one client for one address, and how long their count lasts."""
MOST_FROM_ALL, WITHIN_ALL = 100, timedelta(hours=1)
"""Failures of all clients for one address."""
KEPT = timedelta(days=1)
ALL = ""

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
    if in_transaction():
        raise RuntimeError("An attempt is counted outside any transaction.")
    for who, most, within in ((_network(client), MOST_FROM_ONE, WITHIN), (ALL, MOST_FROM_ALL, WITHIN_ALL)):
        attempts, since = _count(_typed(email), who, within)
        if attempts > most:
            raise _locked_out(since + within - timezone.now())


def forgive_attempts(*, email: str, client: str) -> None:
    """Forget the client's failures, and the one just counted for all clients: the login succeeded."""
    counts = LoginFailure.objects.filter(email=_typed(email))
    counts.filter(client=_network(client)).delete()
    counts.filter(client=ALL, attempts__gt=0).update(attempts=F("attempts") - 1)


def forget_old_attempts() -> int:
    """Delete counts that ended long ago; returns how many."""
    return LoginFailure.objects.filter(since__lt=timezone.now() - KEPT).delete()[0]


def _count(email: str, client: str, within: timedelta) -> tuple[int, datetime]:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"email": email, "client": client, "now": now, "begin": now - within})
        attempts, since = cursor.fetchone()
    return attempts, since


def _typed(email: str) -> str:
    return email.strip().lower()[:254]


def _network(client: str) -> str:
    """Return what stands for one client: the address, of IPv6 the /64 that a household or server has to itself."""
    try:
        return str(ip_network(f"{client}/64" if ":" in client else client, strict=False))
    except ValueError:
        return client[:64] or "unknown"


def _locked_out(left: timedelta) -> LockedOut:
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    message = ngettext(
        "Too many failed attempts. Try again in a minute, or have a login link sent to you.",
        "Too many failed attempts. Try again in %(minutes)d minutes, or have a login link sent to you.",
        minutes,
    )
    return LockedOut(message % {"minutes": minutes}, seconds=max(1, int(left.total_seconds())))
