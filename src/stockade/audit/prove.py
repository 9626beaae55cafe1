"""Proofs about a log, made from its files, and followed before anybody gets them."""

from __future__ import annotations

from pathlib import Path

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.layout import CHECKPOINT, read_tile
from stockade.audit.merkle import (
    Roots,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from stockade.audit.note import Note
from stockade.audit.proof import Proof
from stockade.audit.reading import line_at
from stockade.audit.tiles import roots_from
from stockade.errors import ConfigurationError, Tampered


def newest_head(log: Path) -> tuple[Checkpoint, bytes]:
    """The newest head, as a checkpoint and as the signed note; nobody has looked at its signatures.

    Raises ConfigurationError when there is no log.
    """
    try:
        raw = (log / CHECKPOINT).read_bytes()
    except OSError as error:
        remedy = "Name the directory of a log; it has a file named checkpoint."
        raise ConfigurationError(f"there is no log in {log}: {error.strerror}", remedy=remedy) from error
    return Checkpoint.parse(Note.parse(raw).text), raw


def prove(log: Path, index: int) -> Proof:
    """That entry ``index`` is in the log. Raises Tampered when it is not, ConfigurationError before it is signed."""
    head, note = newest_head(log)
    if index >= head.size:
        raise ConfigurationError(f"{log} has {head.size} signed entries, the last of them is {head.size - 1}")
    entry = line_at(log, index)
    try:
        proof = inclusion_proof(index, head.size, _roots(log, head))
        check_inclusion(index, head.size, leaf_hash(entry), head.root, proof)
    except (Tampered, OSError) as error:
        remedy = "Run `stockade audit verify`: it says what was changed."
        raise Tampered(f"entry {index} does not lead to the signed head of {log}", remedy=remedy) from error
    return Proof(index, entry, tuple(proof), note)


def prove_consistency(log: Path, old: Checkpoint) -> tuple[Checkpoint, list[bytes]]:
    """The newest head, and what shows that it continues an older one. Raises Tampered when it does not."""
    head, _ = newest_head(log)
    if old.origin != head.origin:
        raise ConfigurationError(f"that is a head of {old.origin}, and {log} is {head.origin}")
    if old.size > head.size:
        message = f"the log once had {old.size} entries and now has {head.size}"
        raise Tampered(message, remedy="It was put back to an older state. Find out by whom.")
    try:
        proof = consistency_proof(old.size, head.size, _roots(log, head))
        check_consistency(old.size, head.size, old.root, head.root, proof)
    except (Tampered, OSError) as error:
        remedy = "Run `stockade audit verify` with that head: it says whether entries, tiles or the log are others."
        raise Tampered(f"{log} does not continue the head of {old.size} entries", remedy=remedy) from error
    return head, proof


def _roots(log: Path, head: Checkpoint) -> Roots:
    return roots_from(lambda path: read_tile(log, path), head.size)
