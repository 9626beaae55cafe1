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

    __slots__ = ("_four", "_six", "_texts")

    def __init__(self, networks: Iterable[str] = ()) -> None:
        found = sorted({parse_network(n) for n in networks}, key=_order)
        self._texts = tuple(map(str, found))
        self._four = _ranges(n for n in found if n.version == 4)
        self._six = _ranges(n for n in found if n.version == 6)

    def __contains__(self, address: str) -> bool:
        try:
            if ":" in address:
                packed, (starts, ends) = inet_pton(AF_INET6, address), self._six
            else:
                packed, (starts, ends) = inet_pton(AF_INET, address), self._four
        except (OSError, ValueError):
            return False
        place = bisect_right(starts, packed)
        return place > 0 and packed <= ends[place - 1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __bool__(self) -> bool:
        return bool(self._texts)


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _ranges(networks: Iterable[Network]) -> tuple[list[bytes], list[bytes]]:
    """The first and the last addresses of all stretches without a gap; the networks are of one family, and in order."""
    starts: list[bytes] = []
    ends: list[bytes] = []
    after = -1
    for network in networks:
        first, width = int(network.network_address), network.max_prefixlen
        last = first | (1 << (width - network.prefixlen)) - 1
        if ends and first <= after:
            ends.pop()
        else:
            starts.append(first.to_bytes(width // 8))
        after = max(after, last + 1)
        ends.append((after - 1).to_bytes(width // 8))
    return starts, ends


def pack(address: str) -> bytes | None:
    """The four or sixteen bytes of an address; None when the text is not one."""
    try:
        if ":" in address:
            return inet_pton(AF_INET6, address)
        return inet_pton(AF_INET, address)
    except (OSError, ValueError):
        return None
