"""Does a credential work? Each provider is asked one cheap question with it; bounded, and only where calls may go.

What the service answers is judged and never passed on: it may repeat the secret, in any writing.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from tenants.errors import InProgress
from tenants.scope import current_scope
from vault import outbound
from vault.mail_servers import try_mail_login
from vault.models import Credential
from vault.outbound import DestinationForbidden, OutboundError
from vault.services import reveal

SECONDS = 5.0
"""What a service has to answer in: somebody waits, and a thread of the web with them."""
MAX_BYTES = 200_000
Secret = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of it: ``ok`` is None where there is nothing to ask. ``code`` is for programs."""

    ok: bool | None
    code: str
    detail: str
    latency_ms: int = 0


_lock = Lock()
_tenants: set[UUID | None] = set()


@contextmanager
def only_test() -> Iterator[None]:
    """Run one test of the scope's tenant at a time; raises ``InProgress``.

    It is the threads of this web process that services which do not answer could use up, so the process itself counts.
    """
    tenant_id = current_scope().tenant_id
    with _lock:
        if tenant_id in _tenants:
            raise InProgress(_("Another test is running. Try again when it has ended."), seconds=int(SECONDS))
        _tenants.add(tenant_id)
    try:
        yield
    finally:
        _tenants.discard(tenant_id)


@sensitive_variables("secret")
def try_credential(credential: Credential) -> Outcome:
    """Ask the credential's service whether the secret opens it. Call it outside transactions.

    Raises ``NotGranted``, ``CredentialUnreadable`` and ``InProgress``; all that goes wrong on the way out is an outcome.
    """
    with only_test():
        usual = QUESTIONS[credential.provider].base if credential.provider in QUESTIONS else ""
        secret = reveal(credential, why=gettext_noop("test"), to="" if credential.destination else usual)
        begun = time.monotonic()
        try:
            code = _ask(credential.provider, secret)
        except DestinationForbidden:
            code = "destination_forbidden"
        except OutboundError as error:
            code = error.kind
    ok = {"ok": True, "nothing_to_test": None}.get(code, False)
    said = _said("model_missing" if ok and _names_no_model(credential) else code)
    return Outcome(ok, code, said, round((time.monotonic() - begun) * 1000))


def _names_no_model(credential: Credential) -> bool:
    """Whether bots could not ask a model with it: neither it nor the installation says which."""
    return credential.provider == "openai" and not (credential.metadata.get("model") or settings.LLM_MODEL)


def _said(code: str) -> str:
    texts = {
        "ok": _("It works."),
        "nothing_to_test": _("There is nothing to ask for this kind of credential."),
        "model_missing": _(
            'The key works, but bots cannot use it: no model is named. Write {"model": "…"} into the metadata of the credential.'
        ),
        "refused": _("The service refused it."),
        "unexpected_answer": _("The service gave an answer that tells neither yes nor no."),
        "not_sendable": _("The secret has characters that cannot be sent."),
        "login_missing": _("The secret has no name and password."),
        "address_missing": _("The secret does not say where the service is (base_url, or host)."),
        "destination_forbidden": _("Its address does not lead to a place that may be called."),
        "timeout": _("The service did not answer in time."),
        "connection": _("The service cannot be reached."),
        "closed": _("The service closed the connection."),
        "tls": _("The service has no valid certificate."),
        "too_large": _("The answer was too large."),
        "protocol": _("What answered does not speak the expected protocol."),
    }
    return texts[code]


@sensitive_variables("secret", "headers")
def _ask(provider: str, secret: Secret) -> str:
    if provider in ("smtp", "imap"):
        return try_mail_login(provider, secret, seconds=SECONDS)
    question = QUESTIONS.get(provider)
    headers = _headers(question, secret) if question else None
    if question is None or headers is None:
        return "nothing_to_test"
    base = _base(question, secret)
    if not base:
        return "address_missing"
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        return "not_sendable"
    answer = outbound.request("GET", base + question.path(secret), headers=headers, timeout=SECONDS, max_bytes=MAX_BYTES)
    return question.judge(answer)


def _base(question: "Question", secret: Secret) -> str:
    own = str(secret.get("base_url", "")).rstrip("/")
    # Engines are named by their root; people also give the address of the API.
    return own.removesuffix("/api/v1") if not question.base else own or question.base


def _headers(question: "Question", secret: Secret) -> dict[str, str] | None:
    """Return what proves who asks; None for a secret that holds nothing of the kind."""
    if token := secret.get("api_key") or secret.get("access_token"):
        return {name: value.format(token=token) for name, value in question.headers.items()}
    if "username" in secret and "password" in secret:
        pair = f"{secret['username']}:{secret['password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return None


def _by_status(answer: outbound.Answer) -> str:
    if 200 <= answer.status < 300:
        return "ok"
    return "refused" if answer.status in (400, 401, 403) else "unexpected_answer"


def _by_zalo(answer: outbound.Answer) -> str:
    """Zalo answers 200 to everything; ``error`` is 0 when it went well (PROTOCOLS 2.5)."""
    body = answer.json()
    code = body.get("error") if isinstance(body, dict) else None
    return "ok" if code == 0 else "refused" if isinstance(code, int) else "unexpected_answer"


@dataclass(frozen=True)
class Question:
    """A GET that only a valid secret gets an answer to. Without ``base`` the secret must say where the server is."""

    base: str
    path: Callable[[Secret], str]
    headers: Mapping[str, str]
    judge: Callable[[outbound.Answer], str] = _by_status


def _runs_of_project(secret: Secret) -> str:
    project = quote(str(secret.get("project_id", "")), safe="")
    return f"/api/v1/flow-runs?projectId={project}&limit=1" if project else "/api/v1/projects"


BEARER = {"Authorization": "Bearer {token}"}
QUESTIONS: dict[str, Question] = {
    "openai": Question("https://api.openai.com/v1", lambda _secret: "/models", BEARER),
    "anthropic": Question(
        "https://api.anthropic.com",
        lambda _secret: "/v1/models",
        {"x-api-key": "{token}", "anthropic-version": "2023-06-01"},
    ),
    "facebook_page": Question("https://graph.facebook.com/v25.0", lambda _secret: "/me", BEARER),
    "zalo_oa": Question(
        "https://openapi.zalo.me", lambda _secret: "/v2.0/oa/getoa", {"access_token": "{token}"}, judge=_by_zalo
    ),
    "n8n": Question("", lambda _secret: "/api/v1/workflows?limit=1", {"X-N8N-API-KEY": "{token}"}),
    "flowise": Question("", lambda _secret: "/api/v1/chatflows", BEARER),
    "activepieces": Question("", _runs_of_project, BEARER),
}
