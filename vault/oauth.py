"""Fresh OAuth 2 tokens (RFC 6749 section 6; Zalo's variant, PROTOCOLS 2.5): one refresher at a time, nothing lost.

A lease on the credential's row says who asks; no transaction is open while the service thinks. The new tokens are
stored in the transaction that says how it ended. A refresh token may be good for one use only, so an outcome that
nobody knows (time over, connection lost, process killed) is a state of its own, shown to people and never tried again blindly.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from tenants.errors import Conflict, DomainError, TooMany
from tenants.models import PLATFORM_ID
from tenants.notes import note, told
from tenants.scope import current_tenant_id, tenant_scope
from vault import outbound
from vault.models import Credential, CredentialSecret
from vault.outbound import DestinationForbidden, OutboundError
from vault.services import NotGranted, reveal, rotate_credential

SECONDS = 15.0
LEASE = timedelta(seconds=30)
"""Longer than a call can take: a lease that has ended belonged to a process that died in the middle."""
POLL = 0.1
EARLY = timedelta(seconds=60)
"""A token that ends so soon is refreshed before it is used."""
AHEAD = timedelta(minutes=5)
"""Of the platform, whose tokens are refreshed in the background, one that ends so soon."""
ZALO_TOKEN_URL = "https://oauth.zaloapp.com/v4/oa/access_token"  # noqa: S105 - an address
STATUS = gettext_noop("The service answered with status %(status)s.")
UNANSWERED = gettext_noop("The call ended without an answer (%(kind)s).")
State = Credential.RefreshState


@dataclass(frozen=True)
class _Outcome:
    """How a call ended: with new tokens, refused for good, or nobody knows; ``error`` is a note (``tenants/notes.py``)."""

    state: State
    error: str = ""
    tokens: Mapping[str, Any] | None = None


@sensitive_variables("secret")
def access_token(
    credential: Credential, *, why: str, run: UUID | None = None, bot_id: UUID | None = None, to: str = ""
) -> str:
    """Return a token that is good for another minute, refreshed if need be. Call it outside ``atomic``.

    Raises what ``reveal`` and ``refresh_tokens`` raise.
    """
    secret = reveal(credential, why=why, run=run, bot_id=bot_id, to=to)
    stored = CredentialSecret.objects.filter(credential=credential).order_by("-version").first()
    ends = stored.access_expires_at if stored else None
    if secret.get("refresh_token") and (not secret.get("access_token") or (ends and ends < timezone.now() + EARLY)):
        secret = reveal(refresh_tokens(credential), why=why, run=run, bot_id=bot_id, to=to)
    return str(secret.get("access_token", ""))


def refresh_tokens(credential: Credential, *, decided: bool = False) -> Credential:
    """Bring new tokens, or wait for those that somebody else is bringing; returns the credential with its new version.

    ``decided``: a person wants it tried although nobody knows how the last time ended. Raises ``Conflict``
    (``refresh_failed``, ``refresh_unclear``), ``NotGranted`` and ``CredentialUnreadable``. Call it outside ``atomic``.
    """
    if credential.tenant_id != current_tenant_id():
        raise Conflict(
            "of_the_platform", _("The platform's own credential is renewed by its staff, in the tenant “Platform”.")
        )
    seen, enough = credential.version, time.monotonic() + SECONDS + 5
    while time.monotonic() < enough:
        if _take_lease(credential, seen, decided):
            _refresh(credential)
        row = Credential.objects.filter(pk=credential.pk).first()
        if row is None or not row.is_active:
            raise NotGranted
        if row.version > seen:
            return row
        if row.refresh_state == State.FAILED:
            why = {"why": told(row.refresh_error)}
            raise Conflict("refresh_failed", _("The service refused to give new tokens. %(why)s") % why)
        if row.refresh_state == State.UNKNOWN:
            break
        time.sleep(POLL)
    raise Conflict(
        "refresh_unclear", _("Nobody knows whether the service gave new tokens. Look there, or replace the secret.")
    )


def refresh_platform_tokens() -> int:
    """Bring new tokens for the platform's credentials before they end, for tenants cannot; returns how many.

    One that went wrong is left to a person: its page says so.
    """
    brought = 0
    with tenant_scope(PLATFORM_ID):
        ends_soon = CredentialSecret.objects.filter(ciphertext__isnull=False, access_expires_at__lt=timezone.now() + AHEAD)
        usable = ends_soon.filter(credential__is_active=True, credential__refresh_state__in=[State.NONE, State.DONE])
        for secret in usable.select_related("credential"):
            try:
                refresh_tokens(secret.credential)
                brought += 1
            except DomainError:
                continue
    return brought


def _take_lease(credential: Credential, version: int, decided: bool) -> bool:
    """Become the one who asks; False when somebody else is, or nobody may. A lease that ended makes the outcome unknown."""
    now = timezone.now()
    mine = Credential.objects.filter(pk=credential.pk, version=version, is_active=True)
    lost = gettext_noop("The process that asked has died.")
    mine.filter(refresh_state=State.RUNNING, refresh_lease_until__lt=now).update(
        refresh_state=State.UNKNOWN, refresh_error=lost, refresh_lease_until=None
    )
    free = Q(refresh_state__in=[State.NONE, State.DONE, *([State.UNKNOWN, State.FAILED] if decided else [])])
    taken = mine.filter(free).update(refresh_state=State.RUNNING, refresh_lease_until=now + LEASE, refresh_error="")
    return taken == 1


@sensitive_variables()
def _refresh(credential: Credential) -> None:
    try:
        usual = ZALO_TOKEN_URL if credential.provider == "zalo_oa" and not credential.destination else ""
        secret = reveal(credential, why=gettext_noop("refresh tokens"), to=usual)
        outcome = _ask(credential, secret)
    except TooMany:  # later it will do
        _end(credential, _Outcome(State.NONE))
        raise
    except Exception:
        _end(credential, _Outcome(State.FAILED, gettext_noop("The stored secret cannot be used.")))
        raise
    if outcome.tokens is None:
        _end(credential, outcome)
        return
    names = {"access_token", "refresh_token"}
    fresh = {**secret, **{name: str(outcome.tokens[name]) for name in names if outcome.tokens.get(name)}}
    with transaction.atomic():
        row = Credential.objects.select_for_update().get(pk=credential.pk)
        if row.version != credential.version:  # a person replaced the secret meanwhile: theirs stays
            return
        rotate_credential(
            row,
            secret=fresh,
            access_expires_at=_ends(outcome.tokens.get("expires_in")),
            refresh_expires_at=_ends(outcome.tokens.get("refresh_token_expires_in")),
        )
        _end(row, outcome)


def _end(credential: Credential, outcome: _Outcome) -> None:
    Credential.objects.filter(pk=credential.pk, version=credential.version).update(
        refresh_state=outcome.state, refresh_error=outcome.error[:300], refresh_lease_until=None
    )


@sensitive_variables()
def _ask(credential: Credential, secret: Mapping[str, Any]) -> _Outcome:
    """Ask for new tokens, once. Nothing the service says is passed on: it may repeat the secret."""
    provider = credential.provider
    url = secret.get("token_url") or (ZALO_TOKEN_URL if provider == "zalo_oa" else "")
    if not url or not secret.get("refresh_token"):
        return _Outcome(State.FAILED, gettext_noop("The secret has no refresh_token, or no token_url to take it to."))
    form = {"grant_type": "refresh_token", "refresh_token": secret["refresh_token"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if provider == "zalo_oa":
        form["app_id"], headers["secret_key"] = secret["client_id"], secret["client_secret"]
    else:
        form |= {"client_id": secret["client_id"], "client_secret": secret["client_secret"]}
    try:
        if not credential.allows(url):  # what the door has looked at is the base_url, where there is one
            return _Outcome(State.FAILED, gettext_noop("This credential may not be sent there."))
        answer = outbound.request("POST", url, headers=headers, content=urlencode(form).encode(), timeout=SECONDS)
        return _judged(answer)
    except DestinationForbidden:
        return _Outcome(State.FAILED, gettext_noop("Its address does not lead to a place that may be called."))
    except OutboundError as error:
        return _Outcome(State.UNKNOWN, note(UNANSWERED, kind=error.kind))


@sensitive_variables()
def _judged(answer: outbound.Answer) -> _Outcome:
    if answer.status >= 500:
        return _Outcome(State.UNKNOWN, note(STATUS, status=answer.status))
    if answer.status >= 300:
        return _Outcome(State.FAILED, note(STATUS, status=answer.status))
    body = answer.json()
    if isinstance(body, dict) and body.get("access_token"):
        return _Outcome(State.DONE, tokens=body)
    # Zalo answers 200 to a refusal as well, and then says so by a number.
    refused = isinstance(body, dict) and isinstance(body.get("error"), (int, str)) and body["error"] not in (0, "")
    return _Outcome(State.FAILED if refused else State.UNKNOWN, gettext_noop("The answer holds no token."))


def _ends(seconds: Any) -> datetime | None:
    """Return when a token ends that is good for so many seconds (a number, or one as text); None where it is not said."""
    text = str(seconds)
    return timezone.now() + timedelta(seconds=int(text)) if text.isdecimal() and len(text) < 10 else None
