"""Tiles lie where C2SP tlog-tiles puts them, and the tree worked out from them is the tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.audit import merkle
from stockade.audit.tiles import (
    Edge,
    Tile,
    bundle_path,
    bundled,
    edge_at,
    hashes_in,
    right_edge,
    roots_from,
    tile_of,
    unbundled,
)
from stockade.errors import Tampered

LEAVES = [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(70_000)]


class Written:
    """A log's tiles, kept in memory, at whatever sizes it stopped to write its right edge."""

    def __init__(self, *stops: int) -> None:
        self.edge, self.files = Edge(), dict[str, bytes]()
        for stop in stops:
            for leaf in LEAVES[self.edge.size : stop]:
                self.edge.append(leaf)
            for tile, hashes in [*self.edge.full, *self.edge.partial()]:
                self.files[tile.path] = b"".join(hashes)

    def read(self, path: str) -> bytes:
        return self.files[path]


@pytest.mark.parametrize(
    ("index", "spelled"),
    [
        (0, "000"),
        (7, "007"),
        (999, "999"),
        (1000, "x001/000"),
        (1_234_067, "x001/x234/067"),
        (10**9, "x001/x000/x000/000"),
    ],
)
def test_an_index_is_spelled_in_threes(index: int, spelled: str) -> None:
    assert Tile(3, index).path == f"tile/3/{spelled}"
    assert Tile(3, index, 5).path == f"tile/3/{spelled}.p/5"
    assert bundle_path(index) == f"tile/entries/{spelled}"
    assert bundle_path(index, 255) == f"tile/entries/{spelled}.p/255"


def test_the_worked_examples_of_the_specification_come_out() -> None:
    assert right_edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert right_edge(256) == [Tile(1, 0, 1)]
    assert right_edge(0) == []
    big = Written(70_000)
    assert {path for path in big.files if ".p/" in path} == {"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert len([path for path in big.files if path.startswith("tile/0/") and ".p/" not in path]) == 273
    assert tile_of(0, 69_999, 70_000) == Tile(0, 273, 112)
    assert tile_of(0, 5, 70_000) == Tile(0, 0)


def test_a_large_log_has_the_root_of_its_leaves_and_proofs_from_its_tiles_hold() -> None:
    big = Written(70_000)
    root = merkle.root_of(LEAVES)
    assert big.edge.root() == root
    roots = roots_from(big.read, 70_000)
    assert roots(0, 70_000) == root
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        proof = merkle.inclusion_proof(index, 70_000, roots)
        merkle.check_inclusion(index, 70_000, LEAVES[index], root, proof)
    for old in (1, 256, 65_536, 65_537, 69_999):
        proof = merkle.consistency_proof(old, 70_000, roots)
        merkle.check_consistency(old, 70_000, merkle.root_of(LEAVES[:old]), root, proof)


@settings(deadline=None)
@given(st.integers(0, 1500), st.integers(0, 1500))
def test_a_log_goes_on_from_its_tiles_as_if_it_had_never_stopped(first: int, second: int) -> None:
    stopped, end = sorted((first, second))
    written = Written(stopped)
    edge = edge_at(stopped, written.read)
    assert edge.root() == written.edge.root() == merkle.root_of(LEAVES[:stopped])
    for leaf in LEAVES[stopped:end]:
        edge.append(leaf)
    assert edge.root() == merkle.root_of(LEAVES[:end])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 1200), st.data())
def test_every_range_has_the_root_that_its_leaves_have(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    step = 1 << max(0, (end - start - 1)).bit_length()
    start -= start % step if end > start else 0
    assert roots_from(Written(size).read, size)(start, end) == merkle.root_of(LEAVES[start:end])


def test_the_edge_that_is_copied_goes_its_own_way() -> None:
    edge = Written(300).edge
    copy = edge.copy()
    copy.append(LEAVES[300])
    assert edge.root() == merkle.root_of(LEAVES[:300])
    assert copy.root() == merkle.root_of(LEAVES[:301])


def test_a_tile_of_another_length_is_refused() -> None:
    with pytest.raises(Tampered, match=r"tile/0/000\.p/2 has 63 octets"):
        hashes_in(Tile(0, 0, 2), bytes(63))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_come_out_of_a_bundle_as_they_went_in(entries: list[bytes]) -> None:
    assert unbundled(bundled(entries)) == entries


def test_a_bundle_is_two_octets_of_length_and_the_entry_again_and_again() -> None:
    assert bundled([b"a", b"", b"xyz"]) == b"\0\1a\0\0\0\3xyz"
    for cut in (b"\0", b"\0\2a", b"\0\1a\0"):
        with pytest.raises(Tampered, match="ends within"):
            unbundled(cut)
    with pytest.raises(ValueError, match="65535"):
        bundled([bytes(65_536)])
