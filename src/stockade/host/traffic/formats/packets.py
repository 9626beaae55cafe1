"""Packets become flows: those between the same two ends belong together until one of them ends it, or nothing comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from stockade.host.traffic.flow import Flow

IDLE: Final = 300.0
"""Seconds of silence after which packets between the same ends are another flow."""
OPEN: Final = 100_000
"""Flows that are held at most; of more, the oldest are told of as they are."""


class Packet(NamedTuple):
    """What of a packet matters here: ``length`` in octets, ``flags`` of TCP as tcpdump writes them (``S.``)."""

    time: float
    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    length: int
    flags: str = ""
    asked: str = ""
    asked_type: str = ""


class _Open:
    __slots__ = ("answered", "first", "last", "octets", "packets", "refused")

    def __init__(self, first: Packet) -> None:
        self.first, self.last, self.answered, self.refused = first, first.time, False, False
        self.octets, self.packets = [0, 0], [0, 0]

    def add(self, packet: Packet, *, back: bool) -> None:
        self.octets[back] += packet.length
        self.packets[back] += 1
        self.last = max(self.last, packet.time)
        if back and "R" in packet.flags and not self.answered:
            self.refused = True
        elif back:
            self.answered = True

    def flow(self) -> Flow:
        first = self.first
        return Flow(
            first.time, first.source, first.destination, first.destination_port, first.protocol, first.source_port,
            self.last - first.time, self.octets[0], self.octets[1], self.packets[0], self.packets[1],
            "refused" if self.refused else "", not self.answered, "dns" if first.asked else "", "", first.asked,
            first.asked_type,
        )  # fmt: skip


class Assembly:
    """Takes packets in the order in which they came; yields flows as they end."""

    def __init__(self, most: int = OPEN) -> None:
        self._open: dict[tuple[object, ...], _Open] = {}
        self._most = most

    def take(self, packet: Packet) -> Iterator[Flow]:
        """Take one packet in. Whoever sent the first of a flow began it."""
        one, other = (packet.source, packet.source_port), (packet.destination, packet.destination_port)
        key, back_key = (packet.protocol, *one, *other), (packet.protocol, *other, *one)
        back = key not in self._open and back_key in self._open
        held = back_key if back else key
        if held in self._open and packet.time - self._open[held].last > IDLE:
            yield self._open.pop(held).flow()
        if held not in self._open:
            yield from self._begin(held, packet if not back else _other_way(packet))
        self._open[held].add(packet, back=back)
        if packet.protocol == "tcp" and ("F" in packet.flags or "R" in packet.flags):
            self._open[held].last = min(self._open[held].last, packet.time)
            if "R" in packet.flags:
                yield self._open.pop(held).flow()

    def _begin(self, key: tuple[object, ...], packet: Packet) -> Iterator[Flow]:
        if len(self._open) >= self._most:
            yield self._open.pop(next(iter(self._open))).flow()
        self._open[key] = _Open(packet)

    def rest(self) -> Iterator[Flow]:
        """Those that had not ended."""
        for each in self._open.values():
            yield each.flow()
        self._open.clear()


def _other_way(packet: Packet) -> Packet:
    return packet._replace(
        source=packet.destination, source_port=packet.destination_port, destination=packet.source,
        destination_port=packet.source_port,
    )  # fmt: skip
