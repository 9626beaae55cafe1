"""Where a log stands when it is opened: what was signed, what was written after that, and what is wrong.

Nothing in the directory of the log is believed. The signer's last head says what the log must hash to; the tiles give
the hashes to go on from, if they lead to that head; if not, they are made again from the entries; and if these do not
lead there either, this is not the log that was signed, and nothing may be added to it.

When the tiles are right and entries are gone, the log goes on: the tree still has their hashes, so nobody can put other
entries in their place. What is missing is said in the log itself, and ``verify`` will find it for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count, takewhile
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import write_durably
from stockade.audit.layout import DAMAGED, GAP, REPAIRED, read_tile, segment_path, segments_in
from stockade.audit.merkle import leaf_hash
from stockade.audit.record import parse
from stockade.audit.segments import Segment
from stockade.audit.tiles import Edge, edge_at
from stockade.errors import Tampered

Remark = tuple[str, dict[str, Any]]
"""An action and its details: what the log has to say about itself."""

REMEDY: Final = (
    "Keep the directory as it is for whoever looks into it, and put back the copy that belongs to that head."
)


@dataclass(slots=True)
class State:
    """Where a log stands.

    ``edge`` is the tree that was signed, ``start`` the tree at the beginning of the segment; ``signed`` octets of the
    segment are covered by the head, and ``unsigned`` lines follow them; ``last`` is the last line of all, if known.
    """

    segment: Segment
    edge: Edge
    start: Edge
    signed: int = 0
    unsigned: list[bytes] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    last: bytes = b""


def recover(log: Path, head: Checkpoint) -> State:
    """Find out where the log stands. Raises Tampered when it is not the log whose head was signed."""
    remarks = list[Remark]()
    edge = _edge_of(log, head, remarks)
    firsts = segments_in(log)
    if firsts and firsts[-1] > head.size:
        message = f"the entries of {log} from {head.size} to {firsts[-1] - 1}, which nobody has signed, are missing"
        raise Tampered(message, remedy=REMEDY)
    if not firsts and head.size:
        remarks.append(_gap(0, head.size, "every segment is gone"))
    first = firsts[-1] if firsts else head.size
    segment = Segment(log, first)
    whole, rest = _lines(segment.read(0, segment.size))
    start = _edge_before(log, first, whole[: head.size - first], head)
    if start is None:
        remarks.append(_gap(first, head.size, "entries are missing or changed", segment))
        return _start_anew(log, segment, edge, whole, remarks)
    signed, tail = whole[: head.size - first], whole[head.size - first :]
    good = _consecutive(tail, head.size)
    last = [*signed, *good][-1:]
    state = State(segment, edge, start, _octets(signed), good, remarks, b"".join(last))
    _cut(log, state, b"".join(line + b"\n" for line in tail[len(good) :]) + rest)
    return state


def write_tiles(log: Path, edge: Edge) -> None:
    """Write the tiles that have filled up since, on disk when this returns, and the partial ones.

    The partial ones are read when the log is opened, and made again from the entries when a power cut has spoilt them.
    """
    levels = set[int]()
    for tile, hashes in edge.full:
        _write(log / tile.path, hashes, lasting=True)
        if tile.level not in levels:  # only the first of them can have been there as a partial one
            rmtree(log / f"{tile.path}.p", ignore_errors=True)
        levels.add(tile.level)
    for tile, hashes in edge.partial():
        _write(log / tile.path, hashes, lasting=False)
    edge.full.clear()


def put_aside(log: Path, name: str, data: bytes) -> str:
    """Keep octets that do not belong where they were found; answers where they are now."""
    folder = log / DAMAGED
    folder.mkdir(exist_ok=True)
    taken = (f"{Path(name).name}.{number}" for number in count(1))
    free = next(each for each in taken if not (folder / each).exists())
    write_durably(folder / free, data)
    return f"{DAMAGED}/{free}"


def remark_on_repair(what: str, segment: Segment, found: bytes, kept: str) -> Remark:
    """Say what was found and where it is kept."""
    digest = sha256(found).hexdigest()
    return REPAIRED, {"what": what, "segment": segment.name, "octets": len(found), "sha256": digest, "kept": kept}


def _write(path: Path, hashes: list[bytes], *, lasting: bool) -> None:
    temporary = path.with_name(f"{path.name}.new")
    try:
        fd = _opened(temporary)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = _opened(temporary)
    try:
        os.write(fd, b"".join(hashes))
        if lasting:
            os.fdatasync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def _edge_of(log: Path, head: Checkpoint, remarks: list[Remark]) -> Edge:
    try:
        edge = edge_at(head.size, lambda path: read_tile(log, path))
        if edge.root() == head.root:
            return edge
    except (OSError, Tampered):
        pass
    made_again = _edge_from_entries(log, head)
    if made_again is None:
        message = f"{log} does not lead to the head of {head.size} entries that was signed last"
        raise Tampered(f"{message}: it is older, or another log, or was changed", remedy=REMEDY)
    remarks.append((REPAIRED, {"what": "tiles did not lead to the signed head and were made again from the entries"}))
    return made_again


def _edge_from_entries(log: Path, head: Checkpoint) -> Edge | None:
    edge = Edge()
    for line in _entries(log):
        if edge.size == head.size:
            break
        edge.append(leaf_hash(line))
    if (edge.size, edge.root()) != (head.size, head.root):
        return None
    write_tiles(log, edge)
    return edge


def _entries(log: Path) -> Iterator[bytes]:
    for first in segments_in(log):
        yield from _lines((log / segment_path(first)).read_bytes())[0]


def _edge_before(log: Path, first: int, signed: list[bytes], head: Checkpoint) -> Edge | None:
    """The tree before entry ``first``, if with the lines that follow it becomes the head."""
    for attempt in range(2):
        try:
            start = edge_at(first, lambda path: read_tile(log, path))
        except (OSError, Tampered):
            start = Edge()
        grown = start.copy()
        for line in signed:
            grown.append(leaf_hash(line))
        if (grown.size, grown.root()) == (head.size, head.root):
            return start
        if attempt or _edge_from_entries(log, head) is None:
            return None
    return None


def _start_anew(log: Path, old: Segment, edge: Edge, lines: list[bytes], remarks: list[Remark]) -> State:
    """Leave the damaged segment as it is, and go on in another with what follows the head."""
    old.close()
    position = next((at for at, line in enumerate(lines) if _number(line) == edge.size), len(lines))
    tail = _consecutive(lines[position:], edge.size)
    segment = Segment(log, edge.size)
    if tail:
        segment.write(b"".join(line + b"\n" for line in tail))
    return State(segment, edge, edge.copy(), 0, tail, remarks, b"".join(tail[-1:]))


def _cut(log: Path, state: State, behind: bytes) -> None:
    """Take away what lies behind the last whole entry, as after a crash in the middle of a write."""
    if behind:
        kept = put_aside(log, state.segment.name, behind)
        state.segment.cut(state.segment.size - len(behind))
        state.remarks.append(remark_on_repair("what followed the last whole entry", state.segment, behind, kept))


def _gap(start: int, end: int, what: str, segment: Segment | None = None) -> Remark:
    return GAP, {"what": what, "from": start, "to": end - 1} | ({"segment": segment.name} if segment else {})


def _lines(raw: bytes) -> tuple[list[bytes], bytes]:
    *whole, rest = raw.split(b"\n")
    return whole, rest


def _octets(lines: list[bytes]) -> int:
    return sum(map(len, lines)) + len(lines)


def _number(line: bytes) -> int:
    try:
        return parse(line).index
    except Tampered:
        return -1


def _consecutive(lines: list[bytes], first: int) -> list[bytes]:
    """The lines up to the first that does not bear its number."""
    pairs = takewhile(lambda pair: _number(pair[1]) == pair[0], enumerate(lines, first))
    return [line for _, line in pairs]
