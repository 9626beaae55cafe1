"""A flow: the one shape that every record of network traffic is read into."""

from __future__ import annotations

from typing import Final, NamedTuple

LONGEST: Final = 255
"""Characters of a name, a path or a query that are kept."""
HERE: Final = "here"
"""The destination in the logs of a server that does not say its own address."""
BIGGEST: Final = 1 << 53
"""No counter of octets or packets is taken for larger than this."""

LONGEST_TIME: Final = 1e9
"""No connection is taken to have lasted for so many seconds."""


class Flow(NamedTuple):
    """One connection, request or packet seen (after Zeek's ``conn.log``).

    ``time`` is when it began, in seconds since the epoch, UTC; ``duration`` in seconds. ``out`` and ``back`` are octets
    from and to the source, None where the record does not say. ``state`` is the record's own word; ``failed`` says that
    nobody answered, or that it was refused. ``host`` is a name that the client gave for the destination (SNI, Host);
    ``asked`` the name asked of a DNS server, or the path of a request; ``asked_type`` the type of a DNS query, or the
    method. ``layer`` is ``connection``, or the protocol within it that the record is about: ``dns``, ``tls``, ``http``.
    """

    time: float
    source: str
    destination: str
    destination_port: int = 0
    protocol: str = "tcp"
    source_port: int = 0
    duration: float | None = None
    out: int | None = None
    back: int | None = None
    packets_out: int | None = None
    packets_back: int | None = None
    state: str = ""
    failed: bool = False
    service: str = ""
    host: str = ""
    asked: str = ""
    asked_type: str = ""
    layer: str = "connection"


def octets(text: object) -> int | None:
    """A counter; None for what is none, such as ``-``."""
    try:
        found = int(str(text))
    except ValueError:
        return None
    return found if 0 <= found <= BIGGEST else None


def port(text: object) -> int:
    """A port; 0 for what is none."""
    found = octets(text)
    return found if found is not None and found <= 65_535 else 0


def seconds(text: object) -> float | None:
    """A length of time; None for what is none."""
    try:
        found = float(str(text))
    except ValueError:
        return None
    return found if 0.0 <= found < LONGEST_TIME else None


def turned(flow: Flow) -> Flow:
    """The same flow, told from the other end."""
    return flow._replace(
        source=flow.destination, source_port=flow.destination_port, destination=flow.source,
        destination_port=flow.source_port, out=flow.back, back=flow.out, packets_out=flow.packets_back,
        packets_back=flow.packets_out,
    )  # fmt: skip


EPHEMERAL: Final = 32_768
"""Where the ports begin that Linux gives to clients (``net.ipv4.ip_local_port_range``)."""


def from_the_client(flow: Flow) -> Flow:
    """A flow that was recorded one way only, told from the end that began it: the one with the client's port.

    Flow logs of clouds have a record for each way, and do not say which of them was the first.
    """
    here, there = flow.source_port, flow.destination_port
    answers = here != 0 and (here < 1024 <= there or here < EPHEMERAL <= there)
    return turned(flow) if answers else flow
