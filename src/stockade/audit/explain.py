"""Which entry it was: the hashes that were signed tell what must stand where, and so what was done to it.

The tiles hold the hash of every entry. They are not trusted; but a hash in them that leads to the signed head is the
one that was signed, and then the entry that does not fit it is the one that was changed.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.layout import read_tile, segment_path, segments_in
from stockade.audit.merkle import check_inclusion, inclusion_proof, leaf_hash
from stockade.audit.reading import lines
from stockade.audit.tiles import HEIGHT, WIDTH, Read, hashes_in, roots_from, tile_of
from stockade.errors import Tampered

NEARBY: Final = 100_000
"""How many entries are searched for one that stands in another's place."""
REMEDY: Final = "Keep the directory as it is, and compare it with the copy that was carried away."


def explain(log: Path, head: Checkpoint) -> Tampered:
    """What is wrong with a log whose entries do not lead to this head, which is known to be signed."""

    def read(path: str) -> bytes:
        return read_tile(log, path)

    signed = _Signed(read, head)
    for index, line in enumerate(lines(log, 0, head.size)):
        try:
            meant = signed.leaf(index)
        except (OSError, Tampered):
            message = f"at or before entry {index}, the entries and the tiles both differ from what was signed"
            return Tampered(message, remedy=REMEDY)
        if leaf_hash(line) != meant:
            return Tampered(_named(log, index, line, meant, signed), remedy=REMEDY)
    return Tampered(f"entries are missing: {head.size} were signed", remedy=REMEDY)


class _Signed:
    """The hashes that were signed, as far as the tiles can show it."""

    def __init__(self, read: Read, head: Checkpoint) -> None:
        self.head = head
        self._read, self._roots = read, roots_from(read, head.size)
        self._row: list[bytes] = []
        self._tile = -1

    def leaf(self, index: int) -> bytes:
        """The signed hash of an entry. Raises Tampered or OSError when the tiles do not show it."""
        if index >> HEIGHT != self._tile:
            tile = tile_of(0, index, self.head.size)
            self._row, self._tile = hashes_in(tile, self._read(tile.path)), index >> HEIGHT
            self._check(index)
        return self._row[index % WIDTH]

    def _check(self, index: int) -> None:
        """Every hash of a tile goes into the proof of one of them: into the leaf, or into what stands beside it."""
        proof = inclusion_proof(index, self.head.size, self._roots)
        check_inclusion(index, self.head.size, self._row[index % WIDTH], self.head.root, proof)


def _named(log: Path, index: int, line: bytes, meant: bytes, signed: _Signed) -> str:
    first = max(each for each in segments_in(log) if each <= index)
    place = f"{segment_path(first)}, line {index - first + 1}"
    if index + 1 < signed.head.size and leaf_hash(line) == signed.leaf(index + 1):
        return f"entry {index} was deleted ({place})"
    if leaf_hash(next(lines(log, index + 1), b"")) == meant:
        return f"a line was put in before entry {index} ({place})"
    for at, other in enumerate(islice(lines(log, 0), NEARBY)):
        if leaf_hash(other) == meant:
            return f"entry {index} stands in the place of entry {at} ({place}): the order was changed"
    return f"entry {index} was changed ({place})"
