"""The tree is that of RFC 6962, and no proof that is wrong in any bit is believed."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.audit import merkle
from stockade.errors import Tampered
from tests.source_tree import ROOT

VECTORS = ROOT.parent / "shared" / "data" / "rfc6962-vectors"

sizes = st.integers(min_value=1, max_value=130)


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(n).encode()) for n in range(count)]


def textbook(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if len(entries) < 2:
        return sha256(b"\0" + entries[0]).digest() if entries else sha256(b"").digest()
    k = max(1 << n for n in range(32) if 1 << n < len(entries))
    return sha256(b"\1" + textbook(entries[:k]) + textbook(entries[k:])).digest()


# ── the public vectors ───────────────────────────────────────────────────────────────────────────


def decoded(vector: dict[str, Any], first: str, second: str) -> tuple[bytes, bytes, list[bytes]]:
    """Two hashes and the proof between them."""
    proof = [b64decode(each) for each in vector["proof"] or []]
    return b64decode(vector[first] or ""), b64decode(vector[second] or ""), proof


def inclusion(v: dict[str, Any]) -> None:
    merkle.check_inclusion(v["leafIdx"], v["treeSize"], *decoded(v, "leafHash", "root"))


def consistency(v: dict[str, Any]) -> None:
    merkle.check_consistency(v["size1"], v["size2"], *decoded(v, "root1", "root2"))


def subtree_inclusion(v: dict[str, Any]) -> None:
    merkle.check_subtree_inclusion(v["leafIdx"], (v["start"], v["end"]), *decoded(v, "leafHash", "root"))


def subtree_consistency(v: dict[str, Any]) -> None:
    merkle.check_subtree((v["start"], v["end"]), v["size"], *decoded(v, "root1", "root2"))


@pytest.mark.parametrize(
    ("kind", "count", "check"),
    [
        ("inclusion", 98, inclusion),
        ("consistency", 98, consistency),
        ("subtreeinclusion", 204, subtree_inclusion),
        ("subtreeconsistency", 118, subtree_consistency),
    ],
)
def test_every_public_vector_is_judged_as_its_authors_judge_it(
    kind: str, count: int, check: Callable[[dict[str, Any]], None]
) -> None:
    if not VECTORS.is_dir():
        pytest.skip("the vectors of transparency-dev/merkle are not beside this checkout")
    wrong = []
    paths = sorted((VECTORS / kind).rglob("*.json"))
    for path in paths:
        vector = json.loads(path.read_text())
        try:
            check(vector)
        except Tampered:
            accepted = False
        else:
            accepted = True
        if accepted == vector["wantErr"]:
            wrong.append(str(path.relative_to(VECTORS)))
    assert len(paths) == count
    assert wrong == []


# ── our own, from the definitions of the RFC ─────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 255, 256, 257])
def test_roots_are_those_of_the_definition(size: int) -> None:
    assert merkle.root_of(leaves(size)) == textbook([str(n).encode() for n in range(size)])


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_example_of_the_rfc_has_the_proofs_that_the_rfc_draws() -> None:
    """RFC 6962 section 2.1.3: seven leaves; g is the node of a and b, h of c and d, i of d4 and d5, j the last leaf."""
    d = leaves(7)
    a, b, c, e, f, j = d[0], d[1], d[2], d[4], d[5], d[6]
    g, h, i = (merkle.node_hash(*pair) for pair in ((d[0], d[1]), (d[2], d[3]), (e, f)))
    k, last = merkle.node_hash(g, h), merkle.node_hash(i, j)
    roots = merkle.roots_over(d)
    assert merkle.inclusion_proof(0, 7, roots) == [b, h, last]
    assert merkle.inclusion_proof(3, 7, roots) == [c, g, last]
    assert merkle.inclusion_proof(4, 7, roots) == [f, j, k]
    assert merkle.inclusion_proof(6, 7, roots) == [i, k]
    assert merkle.consistency_proof(3, 7, roots) == [c, d[3], g, last]
    assert merkle.consistency_proof(4, 7, roots) == [last]
    assert merkle.consistency_proof(6, 7, roots) == [i, j, k]
    assert a != b


@given(sizes, st.data())
def test_what_is_proven_is_believed(size: int, data: st.DataObject) -> None:
    d = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    roots = merkle.roots_over(d)
    whole = merkle.root_of(d)
    merkle.check_inclusion(index, size, d[index], whole, merkle.inclusion_proof(index, size, roots))
    merkle.check_consistency(old, size, merkle.root_of(d[:old]), whole, merkle.consistency_proof(old, size, roots))


@given(sizes, st.data())
def test_any_subtree_can_be_proven(size: int, data: st.DataObject) -> None:
    width = 1 << data.draw(st.integers(0, (size - 1).bit_length()))
    start = width * data.draw(st.integers(0, (size - 1) // width))
    end = data.draw(st.integers(start + width // 2 + 1, max(start + width // 2 + 1, start + width)))
    if end > size:
        return
    d = leaves(size)
    proof = merkle.subtree_proof(start, end, size, merkle.roots_over(d))
    merkle.check_subtree((start, end), size, merkle.root_of(d[start:end]), merkle.root_of(d), proof)


@given(sizes, st.data())
def test_a_single_wrong_bit_anywhere_is_found(size: int, data: st.DataObject) -> None:
    d = leaves(size)
    old = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(old, size, merkle.roots_over(d))
    hashes = [merkle.root_of(d[:old]), merkle.root_of(d), *proof]
    which, octet, bit = (data.draw(st.integers(0, most)) for most in (len(hashes) - 1, 31, 7))
    changed = bytearray(hashes[which])
    changed[octet] ^= 1 << bit
    hashes[which] = bytes(changed)
    with pytest.raises(Tampered):
        merkle.check_consistency(old, size, hashes[0], hashes[1], hashes[2:])


@given(sizes, st.data())
def test_a_leaf_is_believed_in_its_own_place_only(size: int, data: st.DataObject) -> None:
    d = leaves(size)
    index, claimed = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    proof = merkle.inclusion_proof(index, size, merkle.roots_over(d))
    if claimed != index:
        with pytest.raises(Tampered):
            merkle.check_inclusion(claimed, size, d[index], merkle.root_of(d), proof)


@pytest.mark.parametrize(("start", "end", "size"), [(3, 2, 5), (-1, 1, 5), (0, 6, 5), (1, 3, 5), (0, 1, 0)])
def test_what_is_no_subtree_has_no_proof(start: int, end: int, size: int) -> None:
    with pytest.raises(ValueError, match="not a subtree"):
        merkle.subtree_proof(start, end, size, merkle.roots_over(leaves(max(size, 0))))
    with pytest.raises(Tampered, match="not a subtree"):
        merkle.check_subtree((start, end), size, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])


def test_too_long_a_proof_is_as_wrong_as_too_short_a_one() -> None:
    d = leaves(7)
    proof = merkle.inclusion_proof(3, 7, merkle.roots_over(d))
    for changed in ([*proof, proof[0]], proof[:-1], [proof[0], *proof], []):
        with pytest.raises(Tampered, match=r"too (long|short)"):
            merkle.check_inclusion(3, 7, d[3], merkle.root_of(d), changed)


def test_a_hash_of_another_length_is_no_hash() -> None:
    with pytest.raises(Tampered, match="32 octets"):
        merkle.check_inclusion(0, 1, b"", b"", [])


def test_an_old_log_without_entries_shows_nothing() -> None:
    with pytest.raises(Tampered, match="shows nothing"):
        merkle.check_consistency(0, 1, merkle.EMPTY_ROOT, leaves(1)[0], [])
