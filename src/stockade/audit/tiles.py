"""Where the hashes of a log lie: in tiles of 256, each a small file that never changes (C2SP tlog-tiles).

The tree is cut into bands eight levels high. Level 0 holds leaf hashes; each hash of level 1 is the root of a full tile
of level 0, so it stands for 256 leaves; each of level 2 for 65,536; and so on. The hashes of a level lie side by side
in tiles of 256, and the last tile of a level is *partial* while it has fewer. What is between the bands is worked out
from below, and a hash that could be worked out is not kept. A tree of 70,000 leaves lies in::

    tile/0/000 … tile/0/272, tile/0/273.p/112      273 full tiles, and 112 leaves
    tile/1/000, tile/1/001.p/17                    273 = 256 + 17 full tiles below
    tile/2/000.p/1                                 one full tile below

An index is spelled in groups of three digits, all but the last with an x: 1234067 is ``x001/x234/067`` (tlog-tiles,
"Merkle Tree"). Entries lie in bundles of 256, each entry after its length in two octets ("Log entries"); hence no entry
is longer than 65,535 octets.

Nothing here reads a file: ``roots_from`` is handed whatever answers a path with its octets. And nothing that it answers
is to be trusted until it has been followed up to a signed root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from stockade.audit.merkle import EMPTY_ROOT, HASH_SIZE, Roots, node_hash, root_of, split
from stockade.errors import Tampered

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MAX_ENTRY: Final = 65_535

Read = Callable[[str], bytes]
"""Answers a path below the log with what lies there; raises FileNotFoundError."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The place of a tile: its level, its number in the level, and how many hashes it holds."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies below the log."""
        return f"tile/{self.level}/{_spelled(self.index)}{_partial(self.width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Where the entries lie whose hashes are tile ``index`` of level 0."""
    return f"tile/entries/{_spelled(index)}{_partial(width)}"


def _spelled(index: int) -> str:
    digits = f"{index:d}".zfill(-(-len(str(index)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def tile_of(level: int, number: int, size: int) -> Tile:
    """The tile with hash ``number`` of a level, as it is in a tree of ``size`` leaves."""
    index, whole = number >> HEIGHT, size >> HEIGHT * level
    return Tile(level, index, min(WIDTH, whole - (index << HEIGHT)))


def right_edge(size: int) -> list[Tile]:
    """The partial tiles of a tree, from below; with the full ones before them they are all of it."""
    found = []
    for level in range(-(-size.bit_length() // HEIGHT)):
        whole = size >> HEIGHT * level
        if whole % WIDTH:
            found.append(Tile(level, whole >> HEIGHT, whole % WIDTH))
    return found


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def hashes_in(tile: Tile, raw: bytes) -> list[bytes]:
    """The hashes of a tile. Raises Tampered when it has another length."""
    if len(raw) != tile.width * HASH_SIZE:
        raise Tampered(f"{tile.path} has {len(raw)} octets, not {tile.width * HASH_SIZE}")
    return [raw[at : at + HASH_SIZE] for at in range(0, len(raw), HASH_SIZE)]


def roots_from(read: Read, size: int) -> Roots:
    """The roots of all ranges of a log of ``size`` entries, as its tiles have them, and not to be trusted as such."""
    tiles: dict[Tile, list[bytes]] = {}

    def loaded(tile: Tile) -> list[bytes]:
        if tile not in tiles:
            tiles[tile] = hashes_in(tile, read(tile.path))
        return tiles[tile]

    def roots(start: int, end: int) -> bytes:
        length = end - start
        if length & (length - 1) or start % length:
            middle = start + split(length)
            return node_hash(roots(start, middle), roots(middle, end))
        height = length.bit_length() - 1
        level, beside = height // HEIGHT, 1 << height % HEIGHT
        number = start >> HEIGHT * level
        at = number % WIDTH
        return root_of(loaded(tile_of(level, number, size))[at : at + beside])

    return lambda start, end: roots(start, end) if end > start else EMPTY_ROOT


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Edge:
    """The right edge of a growing tree: all that is needed to go on, and no more than 255 hashes a level.

    ``full`` gathers the tiles that have filled up, until somebody writes them down and clears it.
    """

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)
    full: list[tuple[Tile, list[bytes]]] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.extend([leaf])

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes."""
        at = 0
        while at < len(leaves):
            row = self.levels[0] if self.levels else self._above(0)
            taken = leaves[at : at + WIDTH - len(row)]
            row += taken
            at += len(taken)
            self.size += len(taken)
            if len(row) == WIDTH:
                self._carry()

    def _carry(self) -> None:
        """Put a full tile aside, and its root into the level above, which may be full by that."""
        level = 0
        while len(row := self.levels[level]) == WIDTH:
            self.full.append((Tile(level, (self.size >> HEIGHT * (level + 1)) - 1), row))
            self.levels[level] = []
            level += 1
            self._above(level).append(root_of(row))

    def _above(self, level: int) -> list[bytes]:
        if level == len(self.levels):
            self.levels.append([])
        return self.levels[level]

    def root(self) -> bytes:
        """The root of the whole tree, folded from the right."""
        folded: bytes | None = None
        for row in self.levels:
            for part in _complete_parts(row):
                folded = part if folded is None else node_hash(part, folded)
        return EMPTY_ROOT if folded is None else folded

    def partial(self) -> Iterator[tuple[Tile, list[bytes]]]:
        """The partial tiles, from below."""
        for tile in right_edge(self.size):
            yield tile, list(self.levels[tile.level])

    def copy(self) -> Edge:
        """The same edge, to go on from here twice."""
        return Edge(self.size, [list(row) for row in self.levels])


def edge_at(size: int, read: Read) -> Edge:
    """The right edge of the first ``size`` leaves, as the tiles have it; compare its root before trusting it."""
    edge = Edge(size, [[] for _ in range(-(-size.bit_length() // HEIGHT))])
    for tile in right_edge(size):
        edge.levels[tile.level] = hashes_in(tile, read(tile.path))
    return edge


def _complete_parts(row: Sequence[bytes]) -> Iterator[bytes]:
    """The roots of the complete trees that a partial tile falls into, from the right, which is the smallest first."""
    end, part = len(row), 1
    while end:
        if end & part:
            yield root_of(row[end - part : end])
            end -= part
        part <<= 1


# ── entries ──────────────────────────────────────────────────────────────────────────────────────


def bundled(entries: Sequence[bytes]) -> bytes:
    """Up to 256 entries as a bundle. Raises ValueError for an entry that is too long."""
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise ValueError(f"an entry has more than {MAX_ENTRY} octets")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundled(raw: bytes) -> list[bytes]:
    """The entries of a bundle. Raises Tampered when it ends within one."""
    entries, at = [], 0
    while at < len(raw):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        if start > len(raw) or at > len(raw):
            raise Tampered("a bundle ends within an entry")
        entries.append(raw[start:at])
    return entries
