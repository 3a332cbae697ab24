"""How many requests one key, person or address may send, and how many bad tokens: a fixed window, counted in Redis.

Redis down or slow never stops a request: after one failure counting pauses for some seconds.
"""

import logging
import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis import ConnectionPool, Redis
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.models import User

logger = logging.getLogger(__name__)

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PAUSE = 5.0
"""Seconds without counting after Redis failed to answer in its 0.2 s."""

_paused_until = 0.0


def principal(request: Request) -> str | None:
    """Return kind and id of who sends the request (``user:…``, ``keyprincipal:…``), None for nobody known."""
    if not request.user or not request.user.is_authenticated:
        return None
    kind = "user" if isinstance(request.user, User) else type(request.user).__name__.lower()
    return f"{kind}:{request.user.pk}"


def client_address(request: Request | HttpRequest) -> str:
    """Return the caller's address: of ``X-Forwarded-For`` only what ``TRUSTED_PROXIES`` proxies of ours wrote."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies: int = settings.TRUSTED_PROXIES
    if proxies and len(forwarded) >= proxies and forwarded[-proxies].strip():
        return str(forwarded[-proxies].strip())
    return str(request.META.get("REMOTE_ADDR", ""))


def parse_rate(rate: str) -> tuple[int, int]:
    """Return requests and seconds of ``3000/min``."""
    number, _, period = rate.partition("/")
    return int(number), PERIODS[period.strip()[0]]


class TokenThrottle(BaseThrottle):
    """``API_RATE`` per token, or per address without one; leaves its figures on the request for the headers."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request; False when the window is full."""
        who = principal(request) or f"address:{client_address(request)}"
        limit, count, self.reset = _window(f"rate:{who}")
        if count is None:
            return True
        request._request.rate_limit = (limit, max(0, limit - count), self.reset)  # type: ignore[attr-defined]
        return count <= limit

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return float(self.reset)


LINK_RATE = "60/h"
"""How often one client may ask for a login link; the mailbox has a limit of its own (``tenants/login_links.py``)."""


class LinkThrottle(BaseThrottle):
    """``LINK_RATE`` per address of the client, whoever's mailbox is named."""

    def allow_request(self, request: Request | HttpRequest, view: Any) -> bool:
        """Count the request; False when the window is full."""
        limit, count, self.reset = _window(f"link:{client_address(request)}", LINK_RATE)
        return count is None or count <= limit

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return float(self.reset)


def count_bad_token(request: Request) -> None:
    """Count a token that opened nothing against its sender's address; raises ``Throttled`` above ``API_RATE``.

    Good tokens are never asked for this count: many people may share an address, and one of them guesses.
    """
    limit, count, reset = _window(f"bad-token:{client_address(request)}")
    if count is not None and count > limit:
        raise Throttled(wait=reset)


def check_rate(name: str, rate: str) -> None:
    """Count one more of ``name``; raises ``Throttled`` (429 with ``Retry-After``) above the rate, such as ``20/min``."""
    limit, count, reset = _window(name, rate)
    if count is not None and count > limit:
        raise Throttled(wait=reset)


def _window(name: str, rate: str = "") -> tuple[int, int | None, int]:
    """Add one to ``name`` in the present window; returns limit, sum (None uncounted) and seconds to the next window."""
    limit, seconds = parse_rate(rate or settings.API_RATE)
    now = int(time.time())
    return limit, _count(f"{name}:{now // seconds}", seconds), seconds - now % seconds


def _count(key: str, seconds: int) -> int | None:
    """Add one and return the sum, or None while Redis does not answer."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return None
    try:
        return _add_one(key, seconds)
    except (RedisError, OSError) as error:
        _paused_until = time.monotonic() + PAUSE
        logger.warning("requests are not counted: %s", error)
    return None


def _add_one(key: str, seconds: int) -> int:
    """Return the sum: one message to Redis. The window's name tells when it began, so its end may be put off."""
    pool: Any = cache._cache._get_connection_pool(write=True)  # type: ignore[attr-defined] # Django's incr takes two messages
    name = cache.make_and_validate_key(key)
    both: Any = _client_of(pool).pipeline(transaction=False)
    count, _expires = both.incr(name).expire(name, seconds).execute()
    return int(count)


@lru_cache(maxsize=4)
def _client_of(pool: ConnectionPool) -> Redis:
    """Return the client of Django's own pool, made once: it takes as long to make as to ask."""
    return Redis(connection_pool=pool)
