"""What is carried at once: some entries as they lie in the log, and the signed head that they are under.

Only what is signed is carried: what is not signed yet could still be taken back after a crash, and a sink keeps things
for good. There are three ways of cutting a log into parcels: entries as they come, for who reads along; whole segments
with the tiles and the head that belong to them, for who keeps files; and heads alone, for who attests them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stockade.audit.layout import history_path, read_tile, segment_path, segments_in
from stockade.audit.prove import newest_head
from stockade.audit.reading import lines
from stockade.audit.tiles import HEIGHT, Tile, right_edge

MOST_ENTRIES: Final = 1000
MOST_OCTETS: Final = 1 << 20
"""Entries and octets in a parcel of entries; one entry always fits."""
HEAD_EVERY: Final = 60.0
"""Seconds between two heads that are sent along with entries: a head has ten times the octets of an entry."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The entries from ``first`` up to ``end``: ``body`` holds their lines, each with its newline.

    ``head`` is a signed note over at least these entries, or empty; ``files`` are the paths and the octets of files
    that belong to them, for sinks that keep files.
    """

    origin: str
    first: int
    end: int
    body: bytes
    head: bytes = b""
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def lines(self) -> list[bytes]:
        """The lines without their newlines."""
        return self.body.split(b"\n")[:-1]

    @property
    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """The lines with the numbers of their entries."""
        return enumerate(self.lines, self.first)

    def after(self, index: int) -> Parcel:
        """The same without the entries before ``index``, for who has them already."""
        if index <= self.first:
            return self
        rest = self.lines[index - self.first :]
        return replace(self, first=min(index, self.end), body=b"".join(line + b"\n" for line in rest))


Cut = Callable[[int], Parcel | None]
"""Answers the parcel that begins with an entry, or None while there is none. Raises OSError and StockadeError."""


class Entries:
    """Cuts entries as they come, with a head every now and then."""

    def __init__(self, log: Path, now: Callable[[], float], *, head_every: float = HEAD_EVERY) -> None:
        self._log, self._now, self._head_every = log, now, head_every
        self._head_at = float("-inf")

    def __call__(self, first: int) -> Parcel | None:
        """The next entries that are signed."""
        head, note = newest_head(self._log)
        if first >= head.size:
            return None
        body, end = self._body(first, min(head.size, first + MOST_ENTRIES))
        return Parcel(head.origin, first, end, body, note if end == head.size and self._is_due() else b"")

    def _body(self, first: int, end: int) -> tuple[bytes, int]:
        taken, octets = list[bytes](), 0
        for line in lines(self._log, first, end):
            if taken and octets + len(line) > MOST_OCTETS:
                break
            taken.append(line + b"\n")
            octets += len(line) + 1
        return b"".join(taken), first + len(taken)

    def _is_due(self) -> bool:
        due = self._now() >= self._head_at + self._head_every
        if due:
            self._head_at = self._now()
        return due


class Segments:
    """Cuts a log into its segments: the sealed ones as they come, and now and then what the last one has so far.

    The last one comes again when it has grown, and when it is sealed, so a store holds it in several versions. Without
    that, a quiet log would have nothing in the store for as long as its segment stays open.
    """

    def __init__(self, log: Path, every: float, now: Callable[[], float]) -> None:
        """``every``: the seconds between two parcels of a segment that is not sealed."""
        self._log, self._every, self._now = log, every, now
        self._at = float("-inf")

    def __call__(self, first: int) -> Parcel | None:
        """The segment that holds this entry, whole or as far as it is signed."""
        head, note = newest_head(self._log)
        firsts = segments_in(self._log)
        place = bisect_right(firsts, first)
        if first >= head.size or not place:
            return None
        begun, following = firsts[place - 1], firsts[place] if place < len(firsts) else None
        if following is not None and following <= head.size:
            return self._parcel(first, (begun, following), _kept_head(self._log, following) or note)
        if self._now() < self._at + self._every:
            return None
        self._at = self._now()
        return self._parcel(first, (begun, head.size), note)

    def _parcel(self, first: int, span: tuple[int, int], note: bytes) -> Parcel:
        begun, end = span
        body = b"".join(line + b"\n" for line in lines(self._log, begun, end))
        tiles = _tiles(self._log, first, end)
        files = ((segment_path(begun), body), *tiles, (history_path(_size(note)), note))
        return Parcel(_origin(note), begun, end, body, note, files)


def _kept_head(log: Path, size: int) -> bytes:
    kept = log / history_path(size)
    return kept.read_bytes() if kept.exists() else b""


def _origin(note: bytes) -> str:
    return note.split(b"\n")[0].decode()


def _size(note: bytes) -> int:
    return int(note.split(b"\n")[1])


def _tiles(log: Path, old: int, size: int) -> Iterator[tuple[str, bytes]]:
    """The tiles that have filled up since the log had ``old`` entries, and the partial ones at its end."""
    level = 0
    while size >> HEIGHT * (level + 1):
        shift = HEIGHT * (level + 1)
        for index in range(old >> shift, size >> shift):
            tile = Tile(level, index)
            yield tile.path, read_tile(log, tile.path)
        level += 1
    for tile in right_edge(size):
        yield tile.path, read_tile(log, tile.path)


class Heads:
    """Cuts a log into its heads: a parcel up to the newest, without the entries, and not more often than it should."""

    def __init__(self, log: Path, every: float, now: Callable[[], float]) -> None:
        """``every`` is in seconds."""
        self._log, self._every, self._now = log, every, now
        self._given, self._at = 0, float("-inf")

    def __call__(self, first: int) -> Parcel | None:
        """The newest head, when it is another than the last and due."""
        head, note = newest_head(self._log)
        if head.size <= first:
            return None
        if self._given != first or self._now() >= self._at + self._every:
            self._given, self._at = head.size, self._now()
            return Parcel(head.origin, first, head.size, b"", note)
        return None


def signed_size(log: Path) -> int:
    """How many entries are signed. Raises ConfigurationError when there is no log."""
    return newest_head(log)[0].size
