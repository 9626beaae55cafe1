"""How signals say things: numbers as people say them, series for plots, and what to type to look closer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stockade.events import Ref, Severity
from stockade.host.oddity import Oddity
from stockade.host.traffic.conversation import Conversation

PARTS: Final = 48


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars: what they count, where the axis begins and ends, in words, and how high each is."""

    of: str
    begins: str
    ends: str
    values: Sequence[float]

    def as_fact(self) -> Mapping[str, object]:
        """As it stands among the facts of an oddity."""
        return {"of": self.of, "from": self.begins, "to": self.ends, "values": [round(each, 3) for each in self.values]}


def oddity(
    signal: str, severity: Severity, title: str, subject: Ref, *, why: str, look: str, harmless: str,
    techniques: tuple[str, ...], facts: Mapping[str, object], plot: Plot | None = None,
) -> Oddity:  # fmt: skip
    """An oddity of traffic; its signal is told from those of the machine by ``traffic-``."""
    told = {**facts, **({"plot": plot.as_fact()} if plot else {})}
    return Oddity(f"traffic-{signal}", severity, title, subject, why, look, harmless, techniques, told)


def subject(conversation: Conversation) -> Ref:
    """A conversation as what a finding is about."""
    return Ref("network", "conversation", conversation.key)


def holder(conversation: Conversation) -> str:
    """What shows which process holds a conversation, on the machine that began it."""
    port = f" dport = :{conversation.port}" if conversation.port else ""
    sockets = "ss -unp" if conversation.protocol == "udp" else "ss -tnp"
    return f"on {shlex.quote(conversation.source)}: {sockets} dst {shlex.quote(conversation.destination)}{port}"


def named(conversation: Conversation) -> str:
    """``192.0.2.1:443/tcp (example.org)``."""
    return f"{conversation.to} ({conversation.name})" if conversation.name else conversation.to


def facts_of(conversation: Conversation) -> dict[str, object]:
    """The numbers of a conversation."""
    names = ("source", "destination", "port", "protocol", "count", "first", "last", "sent", "got", "failed", "name")
    return {name: getattr(conversation, name) for name in names}


def over_time(times: Sequence[float], began: float, ended: float, of: str) -> Plot:
    """How many there were in each part of a time."""
    values = [0.0] * PARTS
    for time in times:
        values[min(PARTS - 1, max(0, int((time - began) / max(1e-9, ended - began) * PARTS)))] += 1
    return Plot(of, clock(began), clock(ended), values)


def clock(moment: float) -> str:
    """A moment in UTC, to the minute."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


def length(seconds: float) -> str:
    """``250 ms``, ``61 s``, ``12 min``, ``5 h``, ``3 days``."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def size(octets: float) -> str:
    """``12 kB``, ``3.4 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if octets < 1000:
            return f"{octets:.3g} {unit}"
        octets /= 1000
    return f"{octets:.3g} TB"


def many(count: int, one: str) -> str:
    """``1 port``, ``2 ports``."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
