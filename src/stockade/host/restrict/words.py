"""A restriction in plain words: what stays reachable, what does not, and what happens then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from stockade.host.restrict.named import Connection, Network, Restriction, Server

Line = tuple[str, str]
SHOWN = 6
"""Addresses that are named, of those whose connections are cut."""


def stays(restriction: Restriction, because: Mapping[str, str] = MappingProxyType({})) -> Iterator[Line]:
    """What stays reachable, each line with what it is to this machine; ``because`` says why a network is named."""
    doors = sorted({(str(each.peer), each.port) for each in restriction.sessions})
    for peer, port in doors:
        yield "you", f"{peer}, to port {port} of this machine: what is open, and anew"
    if not doors:
        yield "you", "at the console: no session over the network is kept"
    for network in restriction.people:
        why = because.get(str(network))
        yield "may come in", f"{_network(network)}, to every port{f' ({why})' if why else ''}"
    for role, word in (("sink", "sinks"), ("server", "may be called")):
        yield from ((word, _server(each)) for each in restriction.servers if each.role == role)
    if names := [each for each in restriction.servers if each.role == "resolver" and each.protocol == "udp"]:
        yield "names", f"DNS at {', '.join(map(_addresses, names))}"
    if restriction.inner:
        yield "within", f"this machine and its own networks: {', '.join(restriction.inner)}"
    yield "always", "this machine itself (loopback), DHCP by broadcast, IPv6 neighbour discovery"


def goes(restriction: Restriction, connections: Iterable[Connection]) -> Iterator[str]:
    """What does not: everything else, and of that what is open now."""
    yield "everything else, in and out, IPv4 and IPv6, containers too"
    cut = Counter(str(each.peer) for each in connections if not restriction.passes(each))
    if cut:
        named = ", ".join(f"{peer} ({count})" if count > 1 else peer for peer, count in cut.most_common(SHOWN))
        more = f" and {len(cut) - SHOWN} more addresses" if len(cut) > SHOWN else ""
        count = sum(cut.values())
        are = "connection that is" if count == 1 else "connections that are"
        yield f"{count:,} {are} open now: {named}{more}"


def then(within: float) -> Iterator[str]:
    """What happens after it."""
    yield f"in {within:g} s the kernel opens all again by itself, whatever is killed meanwhile, unless you confirm"
    yield "it holds until it is lifted, or this machine starts anew: a restart opens all"


def _server(server: Server) -> str:
    addresses = _addresses(server)
    return server.name if addresses in server.name else f"{server.name} ({addresses})"


def _addresses(server: Server) -> str:
    return ", ".join(map(_network, server.networks))


def _network(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)
