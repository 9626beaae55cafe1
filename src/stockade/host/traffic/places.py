"""Where an address is: at home, outside, or nobody's in particular."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal

from stockade.errors import ConfigurationError
from stockade.host.traffic.flow import HERE

Place = Literal["own", "outside", "many"]
PRIVATE: Final = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    *("fc00::/7", "fe80::/10", "::1/128"),
)
"""RFC 1918, 6598, 3927, 4193, 4291: what nobody can reach from afar."""
MANY: Final = ("224.0.0.0/4", "255.255.255.255/32", "0.0.0.0/32", "ff00::/8", "::/128")

Network = IPv4Network | IPv6Network


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Networks as an operator writes them. Raises ConfigurationError for what is none."""
    found = []
    for each in written:
        try:
            found.append(ip_network(each, strict=False))
        except ValueError as error:
            raise ConfigurationError(f"{each!r} is no network", remedy="Write it as 10.0.0.0/8.") from error
    return tuple(found)


class Places:
    """Tells own addresses from those outside. What is ``own`` is the private networks unless others are named."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.named = tuple(own)
        self._own, self._many = networks(self.named or PRIVATE), networks(MANY)
        self.of = lru_cache(maxsize=65_536)(self._of)

    def _of(self, address: str) -> Place:
        """Where an address is; multicast, broadcast and no address at all are ``many``."""
        if address == HERE:
            return "own"
        try:
            known = ip_address(address.partition("%")[0])
        except ValueError:
            return "many"
        if any(known in net for net in self._many) or (known.version == 4 and address.endswith(".255")):
            return "many"
        return "own" if any(known in net for net in self._own) else "outside"

    def outward(self, source: str, destination: str) -> bool:
        """Does a flow leave home?"""
        return self.of(source) != "outside" and self.of(destination) == "outside"

    def inward(self, source: str, destination: str) -> bool:
        """Does it come from outside?"""
        return self.of(source) == "outside" and self.of(destination) == "own"
