"""Where models are asked, and with which key: the tenant's own account first, then what the environment says."""

import time
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from tenants.errors import NotAllowed, TooMany
from tenants.models import PLATFORM_ID
from tenants.scope import platform_scope
from vault.crypto import CredentialUnreadable
from vault.models import Credential
from vault.providers.errors import ProviderError
from vault.services import NotGranted, find_credential, reveal

PROVIDER = "openai"
"""The protocol, and the name under which prices and usage of everything that speaks it stand."""
KINDS = ("api_key", "custom")
"""Kinds of secrets that may hold a key; a name and password open no model."""
REMEMBERED = 30.0
"""Seconds for which a process remembers whether the platform keeps an account."""
OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's protocol. ``is_trusted``: the environment named it, so it may be inside."""

    base_url: str
    api_key: str = field(repr=False)
    model: str = ""
    is_trusted: bool = False
    organization: str | None = field(default=None, repr=False)
    project: str | None = field(default=None, repr=False)
    credential_id: UUID | None = None


def chat_endpoint(*, bot_id: UUID | None = None, run: UUID | None = None) -> Endpoint:
    """Return where the scope's tenant (and the bot) chats; the use of a credential names the ``run``. Outside ``atomic``.

    A credential's key goes to the credential's own address or to OpenAI, never to the environment's. A bot without a
    grant uses the environment's account. Raises ``ProviderError`` (``permanent``) when nothing is configured, and for a
    secret that does not open or that no header can carry.
    """
    if endpoint := _own(bot_id, run):
        return endpoint
    if not settings.LLM_BASE_URL:
        raise ProviderError("permanent", _("No language model is configured."))
    return Endpoint(settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_MODEL, is_trusted=True)


def platform_chats() -> bool:
    """Whether the platform keeps an account that serves tenants without one of their own; asked anew every ``REMEMBERED`` s.

    Reads in a scope of its own: call it outside ``atomic``.
    """
    if _platform.until < time.monotonic():
        with platform_scope(reason="credentials of the platform serve every tenant"):
            kept = Credential.objects.filter(provider=PROVIDER, kind__in=KINDS, is_active=True, tenant_id=PLATFORM_ID)
            _platform.chats = kept.exists()
        _platform.until = time.monotonic() + REMEMBERED
    return _platform.chats


@dataclass
class _Remembered:
    chats: bool = False
    until: float = 0.0


_platform = _Remembered()


@sensitive_variables("secret")
def _own(bot_id: UUID | None, run: UUID | None) -> Endpoint | None:
    credential = find_credential(provider=PROVIDER, kinds=KINDS)
    if credential is None:
        return None
    try:
        secret = reveal(
            credential, why=gettext_noop("chat"), run=run, bot_id=bot_id, to="" if credential.destination else OPENAI
        )
    except NotGranted:
        return None  # nor is it one of a suspended tenant, whose calls no account pays: ``reserve`` refuses them
    except TooMany as error:
        raise ProviderError("quota", error.message) from None
    except NotAllowed as error:
        raise ProviderError("permanent", error.message) from None
    except CredentialUnreadable as error:
        raise ProviderError("permanent", error.message) from None
    if not all(_is_sendable(secret.get(name, "")) for name in ("api_key", "organization", "project")):
        raise ProviderError("permanent", _("The secret has characters that cannot be sent."))
    return Endpoint(
        secret.get("base_url") or OPENAI,
        secret.get("api_key", ""),
        str(credential.metadata.get("model", "")) or settings.LLM_MODEL,
        organization=secret.get("organization"),
        project=secret.get("project"),
        credential_id=credential.pk,
    )


def _is_sendable(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


def embedding_endpoint() -> Endpoint:
    """Return where the whole installation embeds: vectors of two models cannot be compared, so no tenant chooses."""
    return Endpoint(settings.EMBEDDING_BASE_URL, settings.EMBEDDING_API_KEY, settings.EMBEDDING_MODEL, is_trusted=True)
