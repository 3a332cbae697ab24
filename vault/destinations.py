"""Where calls may go: how an address may be written, and which networks count as outside (THREATS RUN-07, 08, 10)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.utils.translation import gettext as _

from tenants.errors import DomainError

PORTS = frozenset({80, 443})
"""Where the web answers. Other ports only in the networks of ``OUTBOUND_ALLOW``."""
LONGEST_URL = 2000

# IANA's special-purpose registries, written out: what Python's is_global says depends on its patch level.
INSIDE_IPV4 = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"),  # this host, loopback, link-local with the clouds' metadata
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),  # private, carrier-grade NAT
        *("192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),  # protocols, examples
        *("192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4"),  # 6to4 relays, multicast, reserved and broadcast
        "168.63.129.16/32",  # Azure's platform service, for all that it looks public
    )
]
GLOBAL_IPV6 = ip_network("2000::/3")
"""All of IPv6 that is routed: not loopback, fc00::/7, fe80::/10, multicast, IPv4-mapped, nor NAT64's 64:ff9b::/96."""
INSIDE_IPV6 = [
    ip_network(network)
    for network in (
        *("2001::/23", "2001:db8::/32", "3fff::/20"),  # protocols with Teredo (an IPv4 address in it), examples
        "2002::/16",  # 6to4: an IPv4 address in it
    )
]

URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<host>[a-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class DestinationForbidden(DomainError):
    """An address that is never called: not written plainly, or inside. It tells nothing about the inside: 422."""

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        text = message or _("This address does not lead to a place on the public internet.")
        super().__init__("destination_forbidden", text, field=field)


@dataclass(frozen=True)
class Destination:
    """Where a URL leads: ``host`` is a name, or an address as ``ipaddress`` writes it."""

    scheme: str
    host: str
    port: int


def read_url(url: str) -> Destination:
    """Return where a plainly written http(s) URL leads; raises ``DestinationForbidden``.

    What two programs might read differently is refused: a name and password before the host, backslashes, blanks,
    control characters, hosts beyond ASCII (write them as ``xn--…``), numbers that are not a dotted IPv4 address.
    """
    whole = URL.fullmatch(url) if len(url) <= LONGEST_URL and url.isprintable() and not {" ", "\\"} & set(url) else None
    authority = AUTHORITY.fullmatch(whole["authority"]) if whole else None
    if not whole or not authority:
        raise DestinationForbidden(_("This is not a plain address such as https://example.com/path."))
    scheme = whole["scheme"].lower()
    port = int(authority["port"] or {"http": 80, "https": 443}[scheme])
    host = _literal(authority["ipv6"]) if authority["ipv6"] else _host(authority["host"])
    if not 0 < port < 65536:
        raise DestinationForbidden(_("There is no such port."))
    return Destination(scheme, host, port)


def is_host(text: str) -> bool:
    """Whether this is a host as ``read_url`` returns it."""
    try:
        return read_url(f"https://[{text}]" if ":" in text else f"https://{text}").host == text
    except DestinationForbidden:
        return False


def _literal(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise DestinationForbidden from None


def _host(text: str) -> str:
    labels = text.lower().split(".")
    if not all(LABEL.fullmatch(label) for label in labels):
        raise DestinationForbidden(_("This is not the name of a host."))
    if not NUMBER.fullmatch(labels[-1]):
        return ".".join(labels)
    try:  # 0x7f.1, 2130706433 and 017700000001 are loopback to some programs
        return str(IPv4Address(text))
    except ValueError:
        raise DestinationForbidden from None


def check_url(url: str, *, field: str | None = None) -> Destination:
    """Check all that can be told without looking the name up; raises ``DestinationForbidden``, on ``field``."""
    try:
        found = read_url(url)
        try:
            ip_address(found.host)
        except ValueError:
            if settings.OUTBOUND_ALLOW:
                return found
            if found.port not in PORTS:
                raise DestinationForbidden(_("Calls may go to these ports only: %(ports)s.") % {"ports": "80 443"}) from None
            if found.host.rpartition(".")[2] == "localhost":  # RFC 6761: never anywhere but here
                raise DestinationForbidden from None
        else:
            check_address(found.host, found.port)
    except DestinationForbidden as error:
        raise DestinationForbidden(error.message, field=field) from None
    return found


def check_address(address: str, port: int, ports: Collection[int] | None = None) -> None:
    """Refuse an IP address that is inside, or another port than ``ports`` (the web's); raises ``DestinationForbidden``."""
    ports = PORTS if ports is None else ports
    ip = ip_address(address.partition("%")[0])  # a resolver names the interface of a link-local address
    if any(ip in network for network in settings.OUTBOUND_ALLOW):
        return
    if port not in ports:
        allowed = " ".join(map(str, sorted(ports)))
        raise DestinationForbidden(_("Calls may go to these ports only: %(ports)s.") % {"ports": allowed})
    inside = INSIDE_IPV4 if isinstance(ip, IPv4Address) else INSIDE_IPV6
    if any(ip in network for network in inside) or (isinstance(ip, IPv6Address) and ip not in GLOBAL_IPV6):
        raise DestinationForbidden
