"""A page of the public web, fetched by the one safe client: redirects are followed a few times, every hop is checked."""

import time
from urllib.parse import urljoin

from vault import outbound
from vault.outbound import Answer, DestinationForbidden, OutboundError

MAX_REDIRECTS = 3
_KINDS = {"timeout": "page_timeout", "too_large": "page_too_large", "protocol": "page_refused"}


class PageError(Exception):
    """Why a page did not come: ``page_forbidden``, ``page_redirects``, ``page_refused``, ``page_timeout``,
    ``page_too_large`` or ``page_unreachable``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def fetch_page(address: str, *, accept: str, seconds: float, max_bytes: int) -> tuple[Answer, str]:
    """Return the answer, of status 200, and its address after redirects; ``seconds`` for all of it. Raises ``PageError``."""
    deadline = time.monotonic() + seconds
    for _hop in range(MAX_REDIRECTS + 1):
        answer = _asked(address, accept, deadline - time.monotonic(), max_bytes)
        target = answer.headers.get("location")
        if answer.status not in (301, 302, 303, 307, 308) or not target:
            break
        address = urljoin(address, target)
    else:
        raise PageError("page_redirects")
    if answer.status != 200:
        raise PageError("page_refused")
    return answer, address


def _asked(address: str, accept: str, seconds: float, max_bytes: int) -> Answer:
    try:
        return outbound.request("GET", address, headers={"Accept": accept}, timeout=max(seconds, 0.001), max_bytes=max_bytes)
    except (DestinationForbidden, ValueError):
        raise PageError("page_forbidden") from None
    except OutboundError as error:
        raise PageError(_KINDS.get(error.kind, "page_unreachable")) from None
