"""The sockets in the texts of ``/proc/net``, taken apart (proc_pid_net(5), packet(7))."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import Final

TCP: Final = ("tcp", "tcp6")
UDP: Final = ("udp", "udp6")
RAW: Final = ("raw", "raw6")
INET: Final = (*TCP, *UDP, *RAW)
STATES: Final = {"01": "established", "0A": "listening"}
"""Of ``include/net/tcp_states.h``, as far as they tell anything here."""
ANY: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket: its protocol as its file in ``/proc/net`` is called, both ends, and the network namespace it is in.

    ``state`` is ``listening``, ``established`` or nothing. The ``port`` of a raw or packet socket is its protocol.
    """

    protocol: str
    inode: int
    uid: int
    address: str = ""
    port: int = 0
    remote: str = ""
    remote_port: int = 0
    state: str = ""
    namespace: int = 0

    @property
    def transport(self) -> str:
        """``tcp``, ``udp``, ``raw`` or ``packet``, whichever address family."""
        return self.protocol.removesuffix("6")

    @property
    def waits(self) -> bool:
        """Whether it takes what comes: a TCP socket that listens, a UDP socket that is connected to nobody."""
        return self.state == "listening" if self.protocol in TCP else self.protocol in UDP and not self.remote_port

    @property
    def loopback(self) -> bool:
        """Whether it can be reached from this machine alone."""
        return self.address not in ANY and _is_loopback(self.address)

    @property
    def remote_loopback(self) -> bool:
        """Whether its other end is on this machine."""
        return _is_loopback(self.remote)

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport} {host}:{self.port}"


def parsed(protocol: str, text: str, namespace: int = 0) -> Iterator[Socket]:
    """The sockets of one file. A line that is none is passed over."""
    take = _packet if protocol == "packet" else _inet
    for line in text.splitlines()[1:]:
        try:
            yield replace(take(protocol, line.split()), namespace=namespace)
        except (ValueError, IndexError):
            continue


def _inet(protocol: str, words: list[str]) -> Socket:
    address, port = _end(words[1])
    remote, remote_port = _end(words[2])
    state = STATES.get(words[3], "") if protocol in TCP else ""
    return Socket(protocol, int(words[9]), int(words[7]), address, port, remote, remote_port, state)


def _packet(protocol: str, words: list[str]) -> Socket:
    return Socket(protocol, int(words[8]), int(words[7]), "", int(words[3], 16))


def _end(text: str) -> tuple[str, int]:
    """An address and a port, the address in 32-bit words in the order of the machine's octets."""
    address, _, port = text.partition(":")
    octets = bytes.fromhex(address)
    if sys.byteorder == "little":
        octets = b"".join(octets[at : at + 4][::-1] for at in range(0, len(octets), 4))
    found = ip_address(octets)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found), int(port, 16)


def _is_loopback(address: str) -> bool:
    return bool(address) and ip_address(address).is_loopback
