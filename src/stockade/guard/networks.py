"""A set of networks that answers in the time of one bisection, however many there are."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_pton

from stockade.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> Network:
    """Read an address or a network in CIDR notation (RFC 4632, RFC 4291); IPv4-mapped addresses are unwrapped.

    Raises ConfigurationError with what is wrong. Host bits may be set, as in ``192.168.0.1/24``.
    """
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ConfigurationError(
            f"not an address or a network: {text!r}", remedy="Write it as 203.0.113.9, 10.0.0.0/8 or 2001:db8::/32."
        ) from error
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


class Networks:
    """Networks of both families; ``"203.0.113.9" in networks`` takes an address as text and never raises."""

    __slots__ = ("_ends", "_networks", "_starts")

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(sorted({parse_network(n) for n in networks}, key=lambda n: (n.version, n)))
        self._starts: dict[int, list[int]] = {4: [], 16: []}
        self._ends: dict[int, list[int]] = {4: [], 16: []}
        for network in self._networks:
            self._merge(network)

    def _merge(self, network: Network) -> None:
        width = len(network.network_address.packed)
        starts, ends = self._starts[width], self._ends[width]
        first, last = int(network.network_address), int(network.broadcast_address)
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)

    def __contains__(self, address: str) -> bool:
        packed = pack(address)
        if packed is None:
            return False
        number = int.from_bytes(packed)
        width = len(packed)
        place = bisect_right(self._starts[width], number) - 1
        return place >= 0 and number <= self._ends[width][place]

    def __iter__(self) -> Iterator[str]:
        return map(str, self._networks)

    def __len__(self) -> int:
        return len(self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks)


def pack(address: str) -> bytes | None:
    """The four or sixteen bytes of an address; None when the text is not one."""
    try:
        if ":" in address:
            return inet_pton(AF_INET6, address)
        return inet_pton(AF_INET, address)
    except (OSError, ValueError):
        return None
