"""What is taken goes into parcels, parcels into the store, and what is in the store into the manifest, in that order.

A part of the manifest is put when its parcel is there: so it never claims what is not, whatever happens in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

from stockade.host.evidence.artifact import Artifact
from stockade.host.evidence.chain import Chain
from stockade.host.evidence.manifest import Done, missing, parcel_name, part_name
from stockade.host.evidence.parcel import Parcel, piece
from stockade.host.evidence.source import Facts, Source
from stockade.host.evidence.store import Store

OFTEN: Final = 5.0
"""Seconds after which a parcel goes, full or not: what was taken is to be safe soon."""
_MOST_LINES: Final = 5000


class Taker:
    """Takes one source after the other. Its methods raise what the store raises."""

    def __init__(
        self, store: Store, chain: Chain, number: int, item: int, clock: Callable[[], float] = time.time
    ) -> None:
        """``number`` is that of the next part, ``item`` that of the next item."""
        self.done, self.stored = Done(), 0
        self._store, self._chain, self._number, self._item, self._clock = store, chain, number, item, clock
        self._parcel, self._lines = Parcel(), list[tuple[str, Facts]]()
        self._since = time.monotonic()

    @property
    def head(self) -> str:
        """The hash of the last line that is in the store."""
        return self._chain.head

    def say(self, kind: str, said: Facts) -> None:
        """A line that is part of the manifest at once, after what was taken."""
        self.flush()
        self._put_part([(kind, said)])

    def take(self, artifact: str, source: Source, most: int) -> int:
        """Read a source, ``most`` octets of it; how many it had."""
        named: Facts = {"item": self._item, "artifact": artifact, "what": source.what}
        began, at, facts = time.monotonic(), self._clock(), Facts()
        digest, size, count, rest = sha256(), 0, 0, bytearray()
        for chunk in bounded(source.read(facts), most, facts):
            rest += chunk
            size += len(chunk)
            digest.update(chunk)
            while len(rest) >= self._parcel.room:
                count = self._put_in(rest, count)
                self.flush(named)
        count = self._put_in(rest, count) if rest else count
        told = {"at": at, "took": round(time.monotonic() - began, 3), "size": size, "sha256": digest.hexdigest()}
        self._tell({**named, **told, "pieces": count, "facts": facts})
        return size

    def finish(self, artifact: Artifact, items: int, stopped: str) -> None:
        """Say that an artifact is done, or why it was ``stopped``."""
        told: Facts = {"artifact": artifact.id, "order": artifact.order.value, "items": items}
        self._lines.append(("artifact", {**told, **({"stopped": stopped} if stopped else {})}))
        self.done = self.done.plus(Done(artifacts=1, missed=int(bool(stopped))))

    def flush(self, opened: Facts | None = None) -> None:
        """Store what was taken; ``opened`` is the item that is being read."""
        if not self._parcel.holds and not self._lines:
            return
        parcel, self._parcel, self._since = self._parcel, Parcel(), time.monotonic()
        octets, name = parcel.close(), parcel_name(self._number)
        receipt = self._store.put(name, octets)
        self.stored += len(octets)
        self.done = self.done.plus(Done(parcels=1))
        told: Facts = {"name": name, "size": len(octets), "sha256": sha256(octets).hexdigest(), "holds": parcel.holds}
        lines, self._lines = self._lines, []
        self._put_part([*lines, ("parcel", {**told, "store_ahead": receipt.ahead, "open": opened})])

    def _put_in(self, rest: bytearray, count: int) -> int:
        octets = bytes(rest[: self._parcel.room])
        del rest[: len(octets)]
        self._parcel.add(piece(self._item, count), octets)
        return count + 1

    def _tell(self, line: Facts) -> None:
        self._lines.append(("item", line))
        self._item += 1
        self.done = self.done.plus(Done(items=1, octets=int(str(line["size"])), missed=int(missing(line))))
        late = time.monotonic() - self._since > OFTEN
        if late or not self._parcel.room or len(self._lines) >= _MOST_LINES:
            self.flush()

    def _put_part(self, lines: list[tuple[str, Facts]]) -> None:
        octets = b"".join(self._chain.line(kind, said) for kind, said in lines)
        self._store.put(part_name(self._number), octets)
        self.stored += len(octets)
        self._number += 1


def bounded(chunks: Iterator[bytes], most: int, facts: Facts) -> Iterator[bytes]:
    """No more than so many octets; that it was cut is a fact then."""
    left = most
    for chunk in chunks:
        yield chunk[:left]
        if len(chunk) > left:
            facts["cut"] = most
            return
        left -= len(chunk)
