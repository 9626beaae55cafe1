"""One walk through the entries of a log, as a stranger makes it: what is there, and what it says about itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from stockade.audit.layout import CLOCK, CLOSED, GAP, OPENED, REPAIRED, ROTATED, read_tile, segment_path, segments_in
from stockade.audit.merkle import leaf_hash
from stockade.audit.tiles import Edge, Tile
from stockade.errors import Tampered

PATIENCE: Final = 3.0
"""How many times the promised sign of life a log may be silent before that is mentioned."""
_OWN: Final = b'"action":"log.'
_STAMP: Final = 27  # 2026-11-22T09:30:00.000000Z


@dataclass(slots=True)
class Scan:
    """What was found. ``roots`` holds the roots at the sizes that were asked for."""

    edge: Edge = field(default_factory=Edge)
    roots: dict[int, bytes] = field(default_factory=dict)
    partial: dict[Tile, bytes] = field(default_factory=dict)
    wrong_tiles: list[str] = field(default_factory=list)
    rotations: list[tuple[int, list[str]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    segments: int = 0
    first: str = ""
    last: str = ""
    heartbeat: float = 0.0
    closed: bool = True

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.edge.size


def scan(log: Path, found: Scan, sizes: Collection[int], head: int) -> None:
    """Walk through all entries, take the roots at ``sizes``, and compare the tiles of a log of ``head`` entries.

    Raises Tampered where entries are missing, OutOfPlace at a line that is not the entry it should be.
    """
    if 0 in sizes:
        found.roots[0] = found.edge.root()
    for index, line in entries_in_order(log, found):
        found.edge.append(leaf_hash(line))
        _listen(found, index, line)
        if index + 1 in sizes:
            found.roots[index + 1] = found.edge.root()
        if index + 1 == head:
            found.partial = {tile: b"".join(hashes) for tile, hashes in found.edge.partial()}
        if found.edge.full:
            _compare_tiles(log, found, head)


def entries_in_order(log: Path, found: Scan) -> Iterator[tuple[int, bytes]]:
    """Every entry with its number. Raises Tampered at one that is missing or out of place."""
    firsts = segments_in(log)
    if firsts and firsts[0]:
        raise Tampered(f"entries 0 to {firsts[0] - 1} are missing: the log begins with {segment_path(firsts[0])}")
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        found.segments += 1
        expected = first
        for line in _lines(log, first):
            if expected == following:
                raise Tampered(f"{segment_path(first)} holds lines behind entry {expected - 1} that are no entries")
            yield expected, line
            expected += 1
        if following is not None and expected != following:
            message = f"entries {expected} to {following - 1} are missing from the end of {segment_path(first)}"
            raise Tampered(message)


def _lines(log: Path, first: int) -> Iterator[bytes]:
    with (log / segment_path(first)).open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):  # or it is being written, or was cut: whether it is missed, the head says
                yield line[:-1]


def _listen(found: Scan, index: int, line: bytes) -> None:
    """Take note of what an entry says about the log, and of when it was recorded."""
    begin = b'{"seq":%d,"recorded":"' % index
    if not line.startswith(begin):
        raise OutOfPlace(index)
    stamp = line[len(begin) : len(begin) + _STAMP].decode("ascii", "replace")
    if stamp[:16] != found.last[:16]:
        _compare_times(found, index, stamp)
    found.first, found.last, found.closed = found.first or stamp, stamp, False
    if _OWN in line:
        _own_words(found, index, line)


def _compare_times(found: Scan, index: int, stamp: str) -> None:
    try:
        between = (datetime.fromisoformat(stamp) - datetime.fromisoformat(found.last or stamp)).total_seconds()
    except ValueError:
        raise OutOfPlace(index) from None
    if found.heartbeat and not found.closed and between > PATIENCE * found.heartbeat:
        found.remarks.append(
            f"nothing was recorded from {found.last} to {stamp}, before entry {index}; it was not closed"
        )
    if between < 0:
        found.remarks.append(f"the clock went back from {found.last} to {stamp} at entry {index}")


def _own_words(found: Scan, index: int, line: bytes) -> None:
    try:
        entry: dict[str, Any] = json.loads(line)
        action, details = entry["action"], dict(entry.get("details", {}))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise OutOfPlace(index) from None
    if action == OPENED:
        found.heartbeat = float(details.get("heartbeat", 0.0))
    elif action == CLOSED:
        found.closed = True
    elif action == ROTATED:
        found.rotations.append((index, list(details.get("keys", []))))
    elif action in {GAP, REPAIRED, CLOCK}:
        found.remarks.append(f"entry {index} says {action}: {json.dumps(details)}")


def _compare_tiles(log: Path, found: Scan, head: int) -> None:
    for tile, hashes in found.edge.full:
        if (tile.index + 1) << 8 * (tile.level + 1) <= head:
            compare_tile(log, tile, b"".join(hashes), found.wrong_tiles)
    found.edge.full.clear()


def compare_tile(log: Path, tile: Tile, meant: bytes, wrong: list[str]) -> None:
    """Add to ``wrong`` what is wrong with a tile, if anything is."""
    try:
        there = read_tile(log, tile.path)
    except OSError:
        wrong.append(f"{tile.path} is missing")
    else:
        if there != meant:
            wrong.append(f"{tile.path} was changed")


class OutOfPlace(Exception):
    """The line at this place does not bear its number."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index
