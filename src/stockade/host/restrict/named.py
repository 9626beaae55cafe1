"""What stays reachable: the operator, people, servers; and who would be cut off all the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from stockade.errors import ConfigurationError, Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Protocol = Literal["tcp", "udp"]
Role = Literal["sink", "resolver", "server"]


@dataclass(frozen=True, slots=True, order=True)
class Connection:
    """A TCP connection of this machine: its own address and port, and those of the other side."""

    local: Address
    port: int
    peer: Address
    peer_port: int

    def __str__(self) -> str:
        return f"{self.peer} port {self.peer_port} to port {self.port}"


@dataclass(frozen=True, slots=True)
class Server:
    """What this machine may call: ``name`` as it was written, the ``networks`` that stands for, port and protocol."""

    name: str
    networks: tuple[Network, ...]
    port: int
    protocol: Protocol = "tcp"
    role: Role = "server"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The single addresses among its networks: those that can be tried."""
        return tuple(each.network_address for each in self.networks if each.num_addresses == 1)


@dataclass(frozen=True, slots=True)
class Restriction:
    """All that stays reachable. Nothing else does, in either direction and in either family.

    ``sessions`` are the operator's: their addresses may go on, and come again, to the ports that they came to.
    ``people`` may come in, to every port. ``servers`` may be called. ``inner`` are devices of networks within the
    machine, among which and with which everything passes. ``strict`` is the form that names nobody else than the
    operator and the sinks.
    """

    sessions: tuple[Connection, ...] = ()
    people: tuple[Network, ...] = ()
    servers: tuple[Server, ...] = ()
    inner: tuple[str, ...] = ()
    strict: bool = False

    @property
    def called(self) -> str:
        """Its name: ``isolate`` in the strict form, else ``restrict``."""
        return "isolate" if self.strict else "restrict"

    def keeps(self, session: Connection) -> bool:
        """Whether a connection that came in can go on."""
        doors = {(each.peer, each.port) for each in self.sessions}
        return (session.peer, session.port) in doors or any(_holds(each, session.peer) for each in self.people)

    def passes(self, connection: Connection) -> bool:
        """Whether a connection of either direction can go on."""
        called = [n for each in self.servers if each.port == connection.peer_port for n in each.networks]
        return self.keeps(connection) or any(_holds(each, connection.peer) for each in called)

    def reaches(self, server: Server) -> bool:
        """Whether everything of a server can be called."""
        known = [n for each in self.servers if _alike(each, server) for n in each.networks]
        return all(any(_within(one, other) for other in known) for one in server.networks)


def would_cut(
    restriction: Restriction, sessions: Iterable[Connection] = (), sinks: Iterable[Server] = ()
) -> tuple[Connection | Server, ...]:
    """Those sessions and sinks that would be cut off."""
    cut = [each for each in sessions if not restriction.keeps(each)]
    return (*cut, *(each for each in sinks if not restriction.reaches(each)))


def refuse_to_cut(restriction: Restriction, sessions: Iterable[Connection], sinks: Iterable[Server]) -> None:
    """Raises Refused, with what to add, where the operator or a sink would be cut off."""
    cut = would_cut(restriction, sessions, sinks)
    own = [each for each in cut if isinstance(each, Connection)]
    if own:
        add = " ".join(f"--operator {each.peer}" for each in own)
        raise Refused(f"this would cut you off: you come from {own[0]}", remedy=f"Add {add}.")
    for sink in cut:
        if isinstance(sink, Server):
            raise Refused(
                f"this would cut off {sink.name}, where the log is carried to", remedy=f"Add --allow-out {sink.name}."
            )


def network_of(text: str) -> Network:
    """Read an address or a network (RFC 4632, RFC 4291); IPv4-mapped addresses are unwrapped. Raises ConfigurationError
    for anything else, and for one that holds everybody.
    """
    try:
        found = ip_network(text.strip().partition("%")[0] if "/" not in text else text.strip(), strict=False)
    except ValueError as error:
        raise ConfigurationError(
            f"not an address or a network: {text[:80]!r}",
            remedy="Write it as 203.0.113.9, 10.0.0.0/8 or 2001:db8::/32.",
        ) from error
    if found.prefixlen == 0:
        raise ConfigurationError(
            f"{found} is everybody: that shuts nothing", remedy="Name the networks of your people."
        )
    if isinstance(found, IPv6Network) and found.prefixlen == 128:
        return single(found.network_address)
    return found


def address_of(text: str) -> Address:
    """Read one address, without its scope; IPv4-mapped ones are unwrapped. Raises ValueError."""
    found = ip_address(text.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def single(address: Address) -> Network:
    """The network that is one address."""
    return ip_network(address_of(str(address)))


def _alike(one: Server, other: Server) -> bool:
    return (one.port, one.protocol) == (other.port, other.protocol)


def _holds(network: Network, address: Address) -> bool:
    return address.version == network.version and address in network


def _within(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.subnet_of(other)
    return isinstance(other, IPv6Network) and one.subnet_of(other)
