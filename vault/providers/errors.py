"""What can go wrong with a provider, told by kind: one exception, whose words show nothing secret.

Servers that speak OpenAI's protocol fail in many forms: ``{"error": {"message", "type", "code"}}``, ``{"detail"}``, plain
text, a page of a proxy, JSON that is none (PROTOCOLS 2.6). Nothing here relies on any of them being there.
"""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from vault.prices import Tokens

Kind = Literal["retry", "permanent", "quota", "timeout"]

RETRIED = frozenset({408, 409, 425, 429})
MAY_HAVE_WORKED = frozenset({408, 502, 504, 524})
"""What a gateway says when the model behind it was asked and did not answer it in time, or not well."""
ABOUT_INPUT = frozenset({400, 413, 422})
QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
MOST_SAID = 300
"""Characters of a remote text that are kept."""
KEY_LIKE = re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9*_-]{6,}|\bBearer \S+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class ProviderError(Exception):
    """A model brought no usable answer. The text may be shown to staff.

    ``kind``: ``retry`` (later it may work), ``permanent`` (the same call never will), ``quota`` (the account is used up),
    ``timeout``. ``is_billed``: the provider may count the call all the same. ``retry_after``: seconds it asked to wait.
    ``kind_at_last``: what a ``retry`` becomes when trying again did not help. ``is_about_input``: it is the fault of what
    was asked, another call may work. ``tokens``: what the provider says it used for nothing.
    """

    tokens: Tokens | None = None

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        is_billed: bool = False,
        retry_after: float | None = None,
        kind_at_last: Kind | None = None,
        is_about_input: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.is_billed, self.retry_after = kind, message, is_billed, retry_after
        self.kind_at_last, self.is_about_input = kind_at_last or kind, is_about_input


def garbage(said: str) -> ProviderError:
    """Return the error of an answer nobody can use: another try may help, and it has cost what it has cost."""
    return ProviderError("retry", said, is_billed=True, kind_at_last="permanent")


def status_error(status: int, headers: Mapping[str, str], body: Any, *, secret: str) -> ProviderError:
    """Return the error of an answer with a status that is none of success; a refusal is not billed, silence may be."""
    told = _told(body)
    code = next((str(told[name]) for name in ("code", "type") if told.get(name)), "")
    text = readable(next((str(told[name]) for name in ("message", "detail") if told.get(name)), ""), secret=secret)
    said = _("The provider answered %(status)s.") % {"status": status}
    message = " ".join(filter(None, (said, f"{readable(code, secret=secret)}:" if code and text else "", text)))
    kind = _kind(status, {str(told.get("code")), str(told.get("type"))})
    return ProviderError(
        kind,
        message,
        is_billed=status in MAY_HAVE_WORKED,
        retry_after=wait_of(headers),
        is_about_input=status in ABOUT_INPUT,
    )


def _kind(status: int, codes: set[str]) -> Kind:
    if status == 402 or codes & QUOTA_CODES:
        return "quota"
    return "retry" if status in RETRIED or status >= 500 else "permanent"


def _told(body: Any) -> Mapping[str, Any]:
    """Return what a body says about the error, wherever it says it."""
    if isinstance(body, Mapping):
        inner = body.get("error")
        return inner if isinstance(inner, Mapping) else {"message": inner, **body}
    return {"message": body} if isinstance(body, str) else {}


def readable(text: str, *, secret: str) -> str:
    """Return a remote text fit to be shown: one line, not long, without our key or anything like one."""
    if secret:
        text = text.replace(secret, "[redacted]")
    return KEY_LIKE.sub("[redacted]", CONTROL.sub(" ", text))[:MOST_SAID].strip()


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that ``retry-after-ms`` or ``retry-after`` (seconds or a date) names, None for nonsense."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
