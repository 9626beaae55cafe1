"""Another implementation of the same standards, written by others, agrees: on trees, on proofs, on tiles, on notes."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from pathlib import Path

import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from stockade.audit.merkle import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    roots_over,
)
from stockade.audit.merkle import root_of as ours
from tests.audit.conftest import Stage

SIZES = [1, 2, 3, 4, 7, 8, 13, 64, 100, 255, 256, 257]


@pytest.fixture(scope="module")
def tree() -> pymerkle.InmemoryTree:
    made = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(max(SIZES)):
        made.append_entry(b"%d" % number)
    return made


LEAVES = [leaf_hash(b"%d" % number) for number in range(max(SIZES))]


@pytest.mark.parametrize("size", SIZES)
def test_the_roots_are_the_same(tree: pymerkle.InmemoryTree, size: int) -> None:
    assert tree.get_root(size) == ours(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_our_verifier_accepts_its_proofs_and_the_hashes_are_ours(tree: pymerkle.InmemoryTree, size: int) -> None:
    for index in {0, size // 2, size - 1}:
        theirs = tree.prove_inclusion(index + 1, size).serialize()["path"]
        path = [bytes.fromhex(each) for each in theirs][1:]
        assert path == inclusion_proof(index, size, roots_over(LEAVES))
        check_inclusion(index, size, LEAVES[index], tree.get_root(size), path)


@pytest.mark.parametrize("size", SIZES)
def test_its_verifier_accepts_our_trees(tree: pymerkle.InmemoryTree, size: int) -> None:
    for old in {1, size // 2, size} - {0}:
        proof = tree.prove_consistency(old, size)
        pymerkle.verify_consistency(ours(LEAVES[:old]), ours(LEAVES[:size]), proof)
        check_consistency(
            old, size, tree.get_root(old), tree.get_root(size), consistency_proof(old, size, roots_over(LEAVES))
        )
        pymerkle.verify_inclusion(LEAVES[old - 1], ours(LEAVES[:size]), tree.prove_inclusion(old, size))


# ── a reading of C2SP tlog-tiles, tlog-checkpoint and signed-note in forty lines that share nothing with ours ─────────


def read_by_the_specification(log: Path, key: str) -> tuple[int, int]:
    """The sizes of the head and of the entries. Fails where a tile, the root or the signature is not as specified."""
    raw = (log / "checkpoint").read_bytes().decode()
    text, signatures = raw.split("\n\n")
    origin, size, root = text.split("\n")
    name, _, encoded = key.split("+", 2)
    algorithm, public = b64decode(encoded)[0], b64decode(encoded)[1:]
    key_id = hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]
    assert (algorithm, name) == (1, origin)
    values = [b64decode(line.split(" ")[2]) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    (signature,) = [value[4:] for value in values if value[:4] == key_id]
    Ed25519PublicKey.from_public_bytes(public).verify(signature, (text + "\n").encode())
    lines = [line for path in sorted((log / "segments").iterdir()) for line in path.read_bytes().split(b"\n")[:-1]]
    level, number = [hashlib.sha256(b"\0" + line).digest() for line in lines[: int(size)]], 0
    assert mth(level) == b64decode(root)
    while level:
        for at in range(0, len(level), 256):
            hashes = level[at : at + 256]
            path = log / "tile" / str(number) / f"{at // 256:03d}"
            where = path if len(hashes) == 256 else path.with_name(f"{path.name}.p") / str(len(hashes))
            assert where.read_bytes() == b"".join(hashes)
        level = [mth(level[at : at + 256]) for at in range(0, len(level) - 255, 256)]
        number += 1
    return int(size), len(lines)


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash as RFC 6962 section 2.1 defines it, by recursion."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def test_a_log_is_what_the_specifications_say(filled: Stage) -> None:
    key = (filled.state / "key.pub").read_text().splitlines()[0]
    assert read_by_the_specification(filled.path, key) == (709, 709)
