"""Whose request it is: the client's address, behind the proxies that were declared and no others.

Rules (RFC 7239 and the de-facto X-Forwarded-For):

1. Nothing is believed unless the connection comes from a declared proxy.
2. One header is read, the configured one; there is never a fall-through from one to another.
3. The chain is walked right to left while its hops are declared proxies; the first other hop is the client.
4. A hop that cannot be read (``unknown``, ``_hidden``, an empty one) ends the walk at the last hop that could.
5. IPv4-mapped addresses are unwrapped, ports and zones stripped; IPv6 clients are counted by prefix.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stockade.errors import ConfigurationError
from stockade.guard.networks import Networks, pack

FORWARDING: Final = ("x-forwarded-for", "forwarded", "x-real-ip")
"""Headers by which a proxy betrays itself."""

Header = Callable[[str], str | None]
UNKNOWN: Final = "unknown"
SHORT: Final = 96
"""Characters of a chain that is read once and then remembered; longer ones could be sent to fill the memory."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is asking.

    ``address`` is the full address and ``key`` what rules count by: the same for IPv4, the prefix for IPv6. ``peer``
    is the other end of the connection. ``forgotten_proxy`` says that a loopback peer sent forwarding headers without
    being declared: it is never banned. ``unreadable`` says that the chain could not be read to its end.
    """

    address: str
    key: str
    peer: str
    proxied: bool = False
    forgotten_proxy: bool = False
    unreadable: bool = False


LONGEST: Final = 100
"""Characters of the longest text that may be an address; what is longer is not even remembered."""


def canonical(text: str) -> str | None:
    """One spelling for an address: brackets, port and zone stripped, IPv4-mapped unwrapped; None when it is not one."""
    return _canonical(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=65536)
def _canonical(text: str) -> str | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if ":" not in text and pack(text) is not None:  # as nearly always: inet_pton takes no other spelling
        return text
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=65536)
def client_key(address: str, ipv6_prefix: int = 64) -> str:
    """What rules count by: the address, or for IPv6 its prefix in CIDR notation, for one client owns a whole one."""
    if ":" not in address or ipv6_prefix >= 128:
        return address
    return str(ipaddress.ip_network((address, ipv6_prefix), strict=False))


def is_loopback(address: str) -> bool:
    """Is it this machine's own?"""
    return address.startswith("127.") or address == "::1"


def forwarded_for(value: str) -> Iterator[str]:
    """The ``for`` identifiers of a Forwarded header, left to right (RFC 7239, section 4)."""
    for element in value.split(","):
        pairs = (pair.partition("=") for pair in element.split(";"))
        yield next((v.strip().strip('"') for name, _, v in pairs if name.strip().lower() == "for"), "")


class Addresses:
    """Finds the client of a request. ``trusted`` are the declared proxies, ``header`` the one header they set;
    ``looked_at`` are all that can make a difference to who is found.

    Raises ConfigurationError for a prefix that is not between 32 and 128.
    """

    def __init__(self, trusted: Iterable[str] = (), header: str = "x-forwarded-for", ipv6_prefix: int = 64) -> None:
        if not 32 <= ipv6_prefix <= 128:
            raise ConfigurationError(
                f"ipv6_prefix is {ipv6_prefix}", remedy="Write a prefix length from 32 to 128; 64 is one customer line."
            )
        self.trusted = Networks(trusted)
        self.header = header.lower()
        self.ipv6_prefix = ipv6_prefix
        self.looked_at = frozenset(n.encode() for n in ([self.header] if self.trusted else FORWARDING))
        self._plain = lru_cache(maxsize=65536)(self._as_plain)
        self._short = lru_cache(maxsize=65536)(self._behind)

    def resolve(self, peer: str, header: Header) -> Client:
        """The client behind ``peer``; ``header(name)`` answers a header's lines joined by commas, or None."""
        client = self._plain(peer)
        if client.proxied:
            chain = header(self.header) or ""
            return self._short(peer, chain) if len(chain) <= SHORT else self._behind(peer, chain)
        if is_loopback(client.address) and any(header(name) is not None for name in FORWARDING):
            return Client(client.address, client.key, client.peer, forgotten_proxy=True)
        return client

    def _as_plain(self, peer: str) -> Client:
        address = canonical(peer) or UNKNOWN
        return Client(address, self.key(address), address, proxied=address in self.trusted)

    def key(self, address: str) -> str:
        """What rules count an address by."""
        return client_key(address, self.ipv6_prefix)

    def _behind(self, peer: str, chain: str) -> Client:
        proxy = self._plain(peer)
        found, unreadable = proxy.address, False
        hops = list(forwarded_for(chain)) if self.header == "forwarded" else chain.split(",")
        for hop in reversed(hops[-64:] if chain else []):
            address = canonical(hop)
            if address is None:
                unreadable = True
                break
            found = address
            if address not in self.trusted:
                break
        return Client(found, self.key(found), proxy.peer, proxied=True, unreadable=unreadable)
