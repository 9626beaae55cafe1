"""Merkle trees: one hash that stands for a whole log, and short proofs about it.

A log of n entries D[0] … D[n-1] is the tree of RFC 6962 section 2.1 (the same in RFC 9162 section 2.1.1):

* an entry becomes a *leaf hash*, SHA-256(0x00 ‖ entry);
* two neighbours become a *node*, SHA-256(0x01 ‖ left ‖ right); the two prefixes keep a node from being passed off as
  an entry;
* n leaves are split at k, the largest power of two below n: the root is the node of the roots of D[0:k] and D[k:n].

Whatever is left of k is complete and never changes again, however long the log grows. That is the whole trick: to show
something about the present tree, name the few roots that hang beside the way to it.

There is one kind of proof here. A *subtree* D[start:end] begins at a multiple of the smallest power of two that is not
below its length, so that every larger tree is cut along its edges. A proof shows that a subtree with a certain root is
part of a tree with a certain root, and is read by walking down from the whole tree to the subtree::

    start = 0        the subtree is the tree as it once was: a consistency proof (RFC 6962 section 2.1.2)
    end = start + 1  the subtree is one leaf: an inclusion proof (RFC 6962 section 2.1.1)
    any              Merkle Tree Certificates (draft-ietf-plants-merkle-tree-certs, "Subtrees")

Checking raises ``Tampered``; it never answers False, which is too easily not looked at. Where an algorithm
would accept by accident, it refuses on purpose: what is hashed must have 32 octets, a proof must be used up, and no log
is shown to be consistent with the empty tree, since every log is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from stockade.errors import Tampered

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962 section 2.1)."""

Roots = Callable[[int, int], bytes]
"""Answers the root of D[start:end]; whoever makes proofs is handed one, and need not know where hashes are kept."""


def leaf_hash(entry: bytes) -> bytes:
    """What stands for one entry (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """What stands for each of many entries."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """What stands for two neighbours (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below ``size``, which is at least 2: where a tree is cut (RFC 6962 section 2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree of leaf hashes, level by level: a node without a neighbour moves up as it is."""
    level = list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0] if level else EMPTY_ROOT


def roots_over(leaves: Sequence[bytes]) -> Roots:
    """The roots of all ranges of a short list of leaf hashes."""
    return lambda start, end: root_of(leaves[start:end])


# ── making proofs ────────────────────────────────────────────────────────────────────────────────


def inclusion_proof(index: int, size: int, roots: Roots) -> list[bytes]:
    """The hashes beside the way from leaf ``index`` up to the root of the first ``size`` leaves (RFC 6962 2.1.1)."""
    return subtree_proof(index, index + 1, size, roots)


def consistency_proof(old: int, size: int, roots: Roots) -> list[bytes]:
    """What shows that the first ``size`` leaves begin with the first ``old`` ones (RFC 6962 section 2.1.2)."""
    return subtree_proof(0, old, size, roots)


def subtree_proof(start: int, end: int, size: int, roots: Roots) -> list[bytes]:
    """What shows that D[start:end] is part of the first ``size`` leaves; raises ValueError when it is no subtree."""
    if not _is_subtree(start, end, size):
        raise ValueError(f"[{start}, {end}) is not a subtree of {size} leaves")
    low, high, whole, downwards = 0, size, True, list[bytes]()
    while (start, end) != (low, high):
        middle = low + split(high - low)
        if end <= middle:
            downwards.append(roots(middle, high))
            high = middle
        else:
            downwards.append(roots(low, middle))
            if start < middle:  # the subtree goes on right of the cut: its left part is named, so it starts anew there
                start, whole = middle, False
            low = middle
    return [*([] if whole else [roots(low, high)]), *reversed(downwards)]


# ── checking proofs ──────────────────────────────────────────────────────────────────────────────


def check_inclusion(index: int, size: int, leaf: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Tampered unless ``leaf`` is leaf hash number ``index`` of the tree of this size and root."""
    _check_sizes(leaf, root)
    check_subtree((index, index + 1), size, leaf, root, proof)


def check_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Tampered unless the tree of ``size`` leaves begins with the one of ``old`` leaves."""
    if old == 0:
        raise Tampered("that a log begins with an empty one shows nothing")
    check_subtree((0, old), size, old_root, root, proof)


def check_subtree(span: tuple[int, int], size: int, subtree: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Tampered unless D[start:end] with the root ``subtree`` is part of the tree of this size and root.

    The empty subtree is part of every tree, and the whole tree is compared with itself; either needs no proof.
    """
    start, end = span
    if not (0 <= start == end <= size or _is_subtree(start, end, size)):
        raise Tampered(f"the proof is about [{start}, {end}) of {size} leaves, which is not a subtree of it")
    if start == end or span == (0, size):
        same = subtree == (root if end > start else EMPTY_ROOT) and not proof
    else:
        _check_sizes(subtree, root, *proof)
        same = _followed(span, size, subtree, proof) == (subtree, root)
    if not same:
        raise Tampered("the proof does not lead from the one hash to the other")


def check_subtree_inclusion(
    index: int, span: tuple[int, int], leaf: bytes, subtree: bytes, proof: Sequence[bytes]
) -> None:
    """Raises Tampered unless ``leaf`` is leaf hash number ``index`` in the subtree D[start:end] with this root."""
    start, end = span
    if not _is_subtree(start, end, end):
        raise Tampered(f"[{start}, {end}) is not a subtree")
    check_inclusion(index - start, end - start, leaf, subtree, proof)


def _is_subtree(start: int, end: int, size: int) -> bool:
    return 0 <= start < end <= size < 1 << 63 and start % (1 << (end - start - 1).bit_length()) == 0


def _check_sizes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise Tampered(f"the proof holds a hash that has not {HASH_SIZE} octets")


def _followed(span: tuple[int, int], size: int, subtree: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    rest = list(proof)
    try:
        reached = _walk((0, size), span, subtree, rest)
    except IndexError:
        raise Tampered("the proof is too short for a tree of this size") from None
    if rest:
        raise Tampered(f"the proof is {len(rest)} hashes too long for a tree of this size")
    return reached


def _walk(tree: tuple[int, int], span: tuple[int, int], known: bytes | None, rest: list[bytes]) -> tuple[bytes, bytes]:
    """The roots of the span and of the tree around it, from the hashes of a proof, which lie in order from below."""
    if tree == span:
        found = rest.pop() if known is None else known
        return found, found
    (low, high), (start, end) = tree, span
    middle, beside = low + split(high - low), rest.pop()
    if end <= middle:
        shown, left = _walk((low, middle), span, known, rest)
        return shown, node_hash(left, beside)
    if start >= middle:
        shown, right = _walk((middle, high), span, known, rest)
        return shown, node_hash(beside, right)
    shown, right = _walk((middle, high), (middle, end), None, rest)
    return node_hash(beside, shown), node_hash(beside, right)
