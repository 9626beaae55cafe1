"""What is asked of the records before anything is judged: conversations, their beats, and who tried how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Way = Literal["out", "in", "inside", "many"]
"""Out of home, into it, within it, or to everybody (multicast, broadcast)."""
What = Literal["destinations", "port", "served"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """All connections of one source to one port of one destination.

    ``failed`` of the ``count`` did not come about. ``sent`` and ``got`` are octets, ``longest`` is in seconds; ``name``
    is what the source called the destination (SNI, Host), if anything.
    """

    source: str
    destination: str
    port: int
    protocol: str
    count: int
    first: float
    last: float
    sent: int = 0
    got: int = 0
    failed: int = 0
    longest: float = 0.0
    service: str = ""
    name: str = ""
    way: Way = "out"

    @property
    def at(self) -> str:
        """``443/tcp``."""
        return f"{self.port}/{self.protocol}"

    @property
    def to(self) -> str:
        """``192.0.2.1:443/tcp``."""
        host = f"[{self.destination}]" if ":" in self.destination else self.destination
        return f"{host}:{self.at}" if self.port else host

    @property
    def key(self) -> str:
        """What it is called in a normal and in findings."""
        return f"{self.source}>{self.to}"


@dataclass(frozen=True, slots=True)
class Beats:
    """When a conversation was taken up again, each burst of connections once."""

    conversation: Conversation
    times: Sequence[float]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a conversation has sent, in equal parts of the time from ``began`` to ``ended``, and in its largest hour."""

    conversation: Conversation
    largest_hour: int
    series: Sequence[float]
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How many ports of one destination, destinations at one port, or paths a source tried.

    ``vain`` of the ``number`` did not answer. ``times`` are when each of them was first tried.
    """

    source: str
    what: Literal["ports", "destinations", "paths"]
    where: str
    number: int
    vain: int
    first: float
    last: float
    way: Way
    times: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """What one source asked for below one name: how often, how many names, how long what stands before the zone is on
    average, which share of the questions were of types that carry text, and some of the names.
    """

    source: str
    zone: str
    questions: int
    names: int
    length: float
    carrying: float
    sample: Sequence[str]
    first: float
    last: float
    times: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class New:
    """What is not in the normal: destinations of a source, a port by which it goes out, or one that is served."""

    what: What
    source: str
    where: str
    number: int
    examples: Sequence[Conversation]
