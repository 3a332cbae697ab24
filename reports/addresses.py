"""E-mail addresses as people write them: one each, read strictly, so that no header or envelope can hold more than one."""

import unicodedata
from collections.abc import Iterable
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode
from django.utils.translation import gettext as _

from tenants.errors import DomainError

MOST_RECIPIENTS = 500
"""Of one message, all fields together."""
LONGEST_LOCAL_PART, LONGEST_ADDRESS = 64, 254
"""RFC 5321, 4.5.3.1.1 and the length of a path."""
NOT_IN_HEADERS = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what breaks lines or shows nothing; formatting characters are part of some scripts."""


class Recipient(NamedTuple):
    """A name, maybe empty, and an address."""

    name: str
    address: str

    @property
    def written(self) -> str:
        """Return it as a header has it: ``An Nguyen <an@example.com>``."""
        return str(Address(self.name, addr_spec=self.address)) if self.name else self.address

    @property
    def key(self) -> str:
        """Return the address as it is compared: most servers take no notice of case, nor IDNA of how a letter is formed."""
        return unicodedata.normalize("NFKC", self.address).lower()

    @property
    def envelope(self) -> str:
        """Return the address as mail servers take it: the domain in IDNA (RFC 3490)."""
        local, _at, domain = self.address.rpartition("@")
        return f"{local}@{punycode(domain)}"


def is_one_line(text: str) -> bool:
    """Whether the text may stand in a header."""
    return not any(unicodedata.category(letter) in NOT_IN_HEADERS for letter in text)


def one_line(text: str) -> str:
    """Return the text as it may stand in a header: what breaks lines or shows nothing is white space."""
    kept = (" " if unicodedata.category(letter) in NOT_IN_HEADERS else letter for letter in text)
    return " ".join("".join(kept).split())


def check_one_line(text: str, *, field: str) -> None:
    """Raise ``DomainError`` (``not_one_line``) for a text that could end a header and begin another."""
    if not is_one_line(text):
        raise DomainError("not_one_line", _("Write it on one line, without control characters."), field=field)


def read_address(text: str, *, field: str | None = None) -> Recipient:
    """Return the one address that is written, ``an@example.com`` or ``An <an@example.com>``.

    Raises ``DomainError`` (``invalid_address``, on ``field``): for several, for groups, and for what no mail server takes.
    """
    found = _parsed(text.strip()) if len(text) <= 1000 and is_one_line(text) else None
    if found is None or not is_sendable(found.address):
        said = _("“%(text)s” is not one e-mail address.") % {"text": text[:100] if is_one_line(text) else "…"}
        raise DomainError("invalid_address", said, field=field)
    return found


def _parsed(text: str) -> Recipient | None:
    try:
        header = policy.default.header_factory("To", text)
        is_one = not header.defects and len(header.addresses) == 1 and header.groups[0].display_name is None
        found: Address = header.addresses[0]
        return Recipient(found.display_name, found.addr_spec) if is_one else None
    except (HeaderParseError, ValueError, IndexError, AttributeError, RecursionError):  # it is not made for strangers
        return None


def is_sendable(address: str) -> bool:
    """Whether any mail server takes the address: beyond ASCII only its domain, for few speak SMTPUTF8 (RFC 6531)."""
    local, _at, domain = address.rpartition("@")
    try:
        validate_email(address)
        punycode(domain)
    except (ValidationError, UnicodeError):
        return False
    return local.isascii() and len(local) <= LONGEST_LOCAL_PART and len(address) <= LONGEST_ADDRESS


def read_addresses(texts: Iterable[str], *, field: str) -> list[Recipient]:
    """Return the addresses of a field; raises as ``read_address``, naming the place (``to.2``)."""
    return [read_address(text, field=f"{field}.{place}") for place, text in enumerate(texts)]
