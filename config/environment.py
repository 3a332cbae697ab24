"""Reads what the environment says; what cannot be right stops the start with one line that shows no secret."""

import base64
import binascii
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

KEY_BYTES = 32
SHORTEST_SECRET = 32  # characters
LONGEST_MODEL = 80  # characters: it is stored beside every vector, with its width


def whole_number(name: str, text: str, *, default: int) -> int:
    """Read a count or a port; an empty text means the default. Raises ImproperlyConfigured."""
    if not text.strip():
        return default
    if not text.strip().isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def web_workers(text: str) -> int:
    """Read how many processes serve the web; an empty text means 2. Raises ImproperlyConfigured."""
    count = whole_number("WEB_WORKERS", text, default=2)
    if count < 1:
        raise ImproperlyConfigured("WEB_WORKERS must be at least 1.")
    return count


def secret_key(text: str) -> str:
    """Return Django's SECRET_KEY. Raises ImproperlyConfigured when it is too short to keep anything secret."""
    if len(text) < SHORTEST_SECRET:
        raise ImproperlyConfigured(f"SECRET_KEY must have at least {SHORTEST_SECRET} characters.")
    return text


def vault_keys(text: str) -> dict[str, bytes]:
    """Read ``id:base64 of 32 bytes`` pairs, separated by commas, in order; an id has 1 to 64 of ``A-Z a-z 0-9 . _ -``.

    Raises ImproperlyConfigured, also for a key of zeros only, which somebody meant to replace.
    """
    keys: dict[str, bytes] = {}
    for number, pair in enumerate(text.split(","), start=1):
        name, _, encoded = pair.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) or name in keys or len(key) != KEY_BYTES:
            raise ImproperlyConfigured(
                f"VAULT_KEYS must be pairs id:base64 of {KEY_BYTES} bytes, separated by commas: number {number} is not."
            )
        if not any(key):
            raise ImproperlyConfigured(
                f"VAULT_KEYS: the key number {number} is all zeros. Make one: openssl rand -base64 32"
            )
        keys[name] = key
    return keys


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Read networks such as ``10.1.0.0/16`` or single addresses, separated by commas. Raises ImproperlyConfigured."""
    found: list[IPv4Network | IPv6Network] = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ip_network(one))
        except ValueError:
            raise ImproperlyConfigured(f"OUTBOUND_ALLOW must be networks like 10.1.0.0/16, and {one!r} is none.") from None
    return found


def model_address(name: str, text: str) -> str:
    """Read the address of a server that speaks OpenAI's protocol; empty when there is none. Raises ImproperlyConfigured."""
    parts = urlsplit(text.strip())
    if text.strip() and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ImproperlyConfigured(f"{name} is not an address like http://127.0.0.1:8080/v1.")
    return text.strip().rstrip("/")


def model_key(name: str, text: str) -> str:
    """Read the key of such a server; empty when it wants none. Raises ImproperlyConfigured for what no header can carry."""
    key = text.strip()
    if not (key.isascii() and key.isprintable()):
        raise ImproperlyConfigured(f"{name} has characters that cannot be sent: only printable ASCII can.")
    return key


def language_model(*, address: str, model: str) -> str:
    """Return the name of the model that chats. Raises ImproperlyConfigured for an address without one."""
    if address and not model:
        raise ImproperlyConfigured("LLM_MODEL must be set when LLM_BASE_URL is.")
    return model


def embedding_provider(text: str, *, address: str, model: str) -> str:
    """Return the name of what computes embeddings. Raises ImproperlyConfigured for an unknown one, or a half of one."""
    if text not in ("", "offline", "openai"):
        raise ImproperlyConfigured(f"EMBEDDING_PROVIDER={text} is not known: set it to offline or openai.")
    if text == "openai" and not (address and model):
        raise ImproperlyConfigured("EMBEDDING_BASE_URL and EMBEDDING_MODEL must be set when EMBEDDING_PROVIDER is openai.")
    if len(model) > LONGEST_MODEL:
        raise ImproperlyConfigured(f"EMBEDDING_MODEL must have at most {LONGEST_MODEL} characters.")
    return text or "offline"


MAIL_PROVIDERS = frozenset(
    {
        *("brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "postmark", "resend", "scaleway"),
        *("sendgrid", "sparkpost"),
    }
)
"""Those of django-anymail that need nothing but an account."""


def mail_provider(url: str) -> dict[str, object]:
    """Read ``anymail+postmark://?server_token=…`` into settings: the options are those of django-anymail, in lower case.

    Raises ImproperlyConfigured for a provider that is not known.
    """
    parts = urlsplit(url)
    name = parts.scheme.removeprefix("anymail+")
    if name not in MAIL_PROVIDERS:
        known = ", ".join(sorted(MAIL_PROVIDERS))
        raise ImproperlyConfigured(f"EMAIL_URL: anymail+{name} is not known: name one of {known}.")
    options: dict[str, object] = {f"{name}_{option}".upper(): value for option, value in parse_qsl(parts.query)}
    return {"EMAIL_BACKEND": f"anymail.backends.{name}.EmailBackend", "ANYMAIL": {**options, "REQUESTS_TIMEOUT": (5, 20)}}


def database_from_url(name: str, url: str) -> dict[str, object]:
    """Read ``postgres://user:password@host:port/name?sslmode=…`` into Django's database settings.

    What libpq knows beside the address (``sslmode``, ``sslrootcert``, ``connect_timeout`` …) goes into OPTIONS;
    ``?host=/path`` names a unix socket's directory. Raises ImproperlyConfigured.
    """
    try:
        found = conninfo_to_dict(url) if "://" in url else {}
    except ProgrammingError:
        found = {}
    if not found:
        raise ImproperlyConfigured(f"{name} is not an address like postgres://user:password@host:5432/name.")
    address = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    read: dict[str, object] = {key: str(found.pop(word, "")) for key, word in address.items()}
    return {**read, "OPTIONS": found}


def redis_database(url: str, number: int) -> str:
    """Return the address of the database that is ``number`` after the one that ``REDIS_URL`` names (0 if it names none).

    ``redis://…/4`` and ``unix:///path?db=4`` name one. Raises ImproperlyConfigured.
    """
    parts = urlsplit(url)
    if not parts.scheme or "://" not in url:
        raise ImproperlyConfigured("REDIS_URL is not an address like redis://:password@host:6379/0.")
    unix = parts.scheme == "unix"
    named = dict(parse_qsl(parts.query)).get("db", "") if unix else parts.path.strip("/")
    database = whole_number("The database in REDIS_URL", named, default=0) + number
    return f"unix://{parts.path}?db={database}" if unix else f"{parts.scheme}://{parts.netloc}/{database}"
