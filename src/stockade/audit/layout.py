"""Where things lie in the directory of a log, and the words the log says about itself.

::

    checkpoint               the latest signed head                                    (C2SP tlog-tiles, "Checkpoints")
    checkpoints/…            the heads at which segments were closed and keys changed, named by their size
    segments/….jsonl         the entries, a line of JSON each, named by the number of the first
    tile/…                   the hashes                                               (C2SP tlog-tiles, "Merkle Tree")
    cosigned/…               the last head that each witness has cosigned, named by the identifier of its key
    damaged/…                what was found in the place of a segment, or behind its end, and did not belong there

An entry is a line without its newline; the octets of the line are what is hashed. Nothing in this directory is secret
and nothing in it is trusted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stockade.audit.keys import PublicKey
from stockade.audit.merkle import HASH_SIZE
from stockade.audit.tiles import WIDTH

CHECKPOINT: Final = "checkpoint"
HISTORY: Final = "checkpoints"
SEGMENTS: Final = "segments"
COSIGNED: Final = "cosigned"
DAMAGED: Final = "damaged"

OPENED: Final = "log.opened"
CLOSED: Final = "log.closed"
HEARTBEAT: Final = "log.heartbeat"
GAP: Final = "log.gap"
REPAIRED: Final = "log.repaired"
CLOCK: Final = "log.clock"
ROTATED: Final = "log.key.rotated"
RESERVED: Final = frozenset({OPENED, CLOSED, HEARTBEAT, GAP, REPAIRED, CLOCK, ROTATED})
"""Actions that the log alone records: whoever could forge one could introduce a key."""

_DIGITS: Final = 20
_SUFFIX: Final = ".jsonl"


def segment_path(first: int) -> str:
    """Where the segment lies that begins with entry ``first``."""
    return f"{SEGMENTS}/{first:0{_DIGITS}}{_SUFFIX}"


def history_path(size: int) -> str:
    """Where the head of this size is kept for good."""
    return f"{HISTORY}/{size:0{_DIGITS}}"


def cosigned_path(witness: PublicKey) -> str:
    """Where the last head lies that a witness has cosigned with this key."""
    return f"{COSIGNED}/{witness.id.hex()}"


def cosigned_in(log: Path) -> list[Path]:
    """The heads that witnesses have cosigned, a file for each witness."""
    folder = log / COSIGNED
    return sorted(path for path in folder.iterdir() if len(path.name) == 8) if folder.is_dir() else []


def segments_in(log: Path) -> list[int]:
    """The numbers of the first entries of all segments, in order."""
    return sorted(int(path.stem) for path in (log / SEGMENTS).glob(f"*{_SUFFIX}") if path.stem.isdecimal())


def heads_in(log: Path) -> list[int]:
    """The sizes of all heads that were kept, in order."""
    folder = log / HISTORY
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []


def read_tile(log: Path, path: str) -> bytes:
    """A tile; for a partial one that is gone, as much of the same tile when it was fuller.

    Raises FileNotFoundError. That a fuller tile may stand in is in C2SP tlog-tiles, "Partial Tiles".
    """
    exact = log / path
    if exact.exists() or ".p/" not in path:
        return exact.read_bytes()
    full, _, width = path.partition(".p/")
    partial = log / f"{full}.p"
    fuller = {int(other.name): other for other in partial.glob("*") if other.name.isdecimal()}
    candidates = {**fuller, WIDTH: log / full}
    for wide in sorted(candidates):
        if wide >= int(width) and candidates[wide].exists():
            return candidates[wide].read_bytes()[: int(width) * HASH_SIZE]
    raise FileNotFoundError(exact)
