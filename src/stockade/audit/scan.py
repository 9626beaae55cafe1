"""One walk through the entries of a log, as a stranger makes it: what is there, and what it says about itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from stockade.audit.layout import CLOCK, CLOSED, GAP, OPENED, REPAIRED, ROTATED, read_tile, segment_path, segments_in
from stockade.audit.merkle import leaf_hashes
from stockade.audit.tiles import Edge, Tile
from stockade.errors import Tampered

PATIENCE: Final = 3.0
"""How many times the promised sign of life a log may be silent before that is mentioned."""
_OWN: Final = b'"action":"log.'
_STAMP: Final = 27  # 2026-11-22T09:30:00.000000Z
_MINUTE: Final = 16  # 2026-11-22T09:30
BLOCK: Final = 1 << 20
"""Octets that are read at a time."""


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
    first: bytes = b""
    last: bytes = b""
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
    cuts = sorted({*sizes, head} - {0})
    for first, lines in blocks_in_order(log, found):
        _listen(found, first, lines)
        leaves, at = leaf_hashes(lines), 0
        while cuts and cuts[0] <= first + len(leaves):
            size = cuts.pop(0)
            found.edge.extend(leaves[at : size - first])
            at = size - first
            found.roots[size] = found.edge.root()
            if size == head:
                found.partial = {tile: b"".join(hashes) for tile, hashes in found.edge.partial()}
        found.edge.extend(leaves[at:])
        _compare_tiles(log, found, head)


def blocks_in_order(log: Path, found: Scan) -> Iterator[tuple[int, list[bytes]]]:
    """Every entry, many at a time, after the number of the first. Raises Tampered where some are missing."""
    firsts = segments_in(log)
    if firsts and firsts[0]:
        raise Tampered(f"entries 0 to {firsts[0] - 1} are missing: the log begins with {segment_path(firsts[0])}")
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        found.segments += 1
        expected = first
        for lines in _blocks(log, first):
            room = len(lines) if following is None else following - expected
            if lines[:room]:
                yield expected, lines[:room]
            expected += len(lines[:room])
            if len(lines) > room:
                raise Tampered(f"{segment_path(first)} holds lines behind entry {expected - 1} that are no entries")
        if following is not None and expected != following:
            message = f"entries {expected} to {following - 1} are missing from the end of {segment_path(first)}"
            raise Tampered(message)


def _blocks(log: Path, first: int) -> Iterator[list[bytes]]:
    with (log / segment_path(first)).open("rb") as file:
        while raw := file.read(BLOCK):
            *lines, rest = (raw + file.readline()).split(b"\n")
            yield lines
            if rest:  # it is being written, or was cut: whether it is missed, the head says
                return


def _listen(found: Scan, first: int, lines: list[bytes]) -> None:
    """Take note of what entries say about the log, and of when they were recorded."""
    own = any(_OWN in line for line in lines)
    last, minute = found.last, found.last[:_MINUTE]
    for index, line in enumerate(lines, first):
        begin = b'{"seq":%d,"recorded":"' % index
        if not line.startswith(begin):
            raise OutOfPlace(index)
        stamp = line[len(begin) : len(begin) + _STAMP]
        if stamp[:_MINUTE] != minute:
            found.last, minute = last, stamp[:_MINUTE]
            _compare_times(found, index, stamp)
            found.closed = False
        last = stamp
        if own:
            found.closed = False
            if _OWN in line:
                _own_words(found, index, line)
    found.first, found.last = found.first or lines[0][len(b'{"seq":%d,"recorded":"' % first) :][:_STAMP], last
    found.closed = found.closed and own


def _compare_times(found: Scan, index: int, stamp: bytes) -> None:
    try:
        there, before = (each.decode("ascii", "replace") for each in (stamp, found.last or stamp))
        between = (datetime.fromisoformat(there) - datetime.fromisoformat(before)).total_seconds()
    except ValueError:
        raise OutOfPlace(index) from None
    if found.heartbeat and not found.closed and between > PATIENCE * found.heartbeat:
        found.remarks.append(f"nothing was recorded from {before} to {there}, before entry {index}; it was not closed")
    if between < 0:
        found.remarks.append(f"the clock went back from {before} to {there} at entry {index}")


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
