"""A page of the public web, fetched by the one safe client: redirects are followed a few times, every hop is checked."""

import time
from urllib.parse import urljoin

from django.utils.translation import gettext_noop

from tenants.notes import note
from vault import outbound
from vault.outbound import Answer, DestinationForbidden, OutboundError

MAX_REDIRECTS = 3
_KINDS = {"timeout": "page_timeout", "too_large": "page_too_large", "protocol": "page_refused"}
MESSAGES = {
    "page_forbidden": gettext_noop("The address does not lead to a place on the public internet."),
    "page_redirects": gettext_noop("The address leads on to others too often."),
    "page_refused": gettext_noop("What answered does not speak HTTP."),
    "page_timeout": gettext_noop("The answer did not come in time."),
    "page_too_large": gettext_noop("The answer is larger than what may be fetched."),
    "page_unreachable": gettext_noop("There is no connection to the site."),
}
_LOCKED = gettext_noop("The site answered %(status)s: it lets nobody in without an account.")
_NOTHING = gettext_noop("The site answered %(status)s: there is nothing at this address.")
_TOO_OFTEN = gettext_noop("The site answered %(status)s: it was asked too often.")
_FAULT = gettext_noop("The site answered %(status)s: it has a fault of its own, or too much to do.")
_OTHER = gettext_noop("The site answered %(status)s.")
_ANSWERS = {401: _LOCKED, 403: _LOCKED, 407: _LOCKED, 404: _NOTHING, 410: _NOTHING, 429: _TOO_OFTEN}


class PageError(Exception):
    """Why a page did not come: a code of ``MESSAGES``, and the ``status`` of an answer that is none of use."""

    def __init__(self, code: str, *, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status

    @property
    def note(self) -> str:
        """Return what is stored of it, for people: the status in words."""
        if self.status is None:
            return MESSAGES[self.code]
        return note(_ANSWERS.get(self.status, _FAULT if self.status >= 500 else _OTHER), status=self.status)


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
        raise PageError("page_refused", status=answer.status)
    return answer, address


def _asked(address: str, accept: str, seconds: float, max_bytes: int) -> Answer:
    try:
        return outbound.request("GET", address, headers={"Accept": accept}, timeout=max(seconds, 0.001), max_bytes=max_bytes)
    except (DestinationForbidden, ValueError):
        raise PageError("page_forbidden") from None
    except OutboundError as error:
        raise PageError(_KINDS.get(error.kind, "page_unreachable")) from None
