"""The hand that writes: entries into the segment, hashes into tiles, heads to the signer. For one thread only.

An entry is safe when ``commit`` returns, and provable from the next ``sign``. Until then its octets are kept in memory,
so that before signing they can be read back from the disk, compared, and hashed once more: logs have died for good of a
single flipped bit that was signed. Whatever somebody does to the file in the meantime is mended from memory.

Most of signing is waiting for the disk. ``begin_signing`` has it done aside, while entries are being committed;
``finish_signing`` waits for it and takes it over. Nothing but committing may happen in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from stockade.audit.aside import Aside, unhurried
from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import write_durably
from stockade.audit.layout import CHECKPOINT, GAP, history_path, read_tile
from stockade.audit.merkle import EMPTY_ROOT, consistency_proof, leaf_hashes
from stockade.audit.recovery import put_aside, recover, remark_on_repair, write_tiles
from stockade.audit.segments import Segment
from stockade.audit.signing import Signs
from stockade.audit.tiles import Edge, roots_from
from stockade.errors import Tampered

MENDINGS: Final = 3
"""How often a segment is put right before a head is signed."""

Meant = tuple[list[bytes], list[bytes]]
"""Lines, and their hashes. Two lists, not one of pairs: pairs are what the garbage collector would walk through."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """What has been signed: the tree, how many octets of the segment, and how many of the entries that were not."""

    edge: Edge
    octets: int
    count: int


class Writer:
    """A log that is open for writing. ``remarks`` are what it has to say about itself, until somebody writes
    them; ``last`` was the last line when it was opened.
    """

    def __init__(self, log: Path, signer: Signs) -> None:
        """Take up the log where it stands. Raises Tampered when it is not the log that was signed."""
        self.log = log
        self.signer = signer
        state = recover(log, signer.head or Checkpoint(signer.origin, 0, EMPTY_ROOT))
        self.remarks, self.last = state.remarks, state.last
        self.segment, self._edge, self._start, self._signed = state.segment, state.edge, state.start, state.signed
        self.unsigned = list(state.unsigned)
        self._leaves = leaf_hashes(self.unsigned)
        self._aside = Aside("stockade-audit-signing")
        self._signing: Future[_Signed | None] | None = None

    @property
    def next_index(self) -> int:
        """The number of the next entry."""
        return self._edge.size + len(self.unsigned)

    def commit(self, lines: Sequence[bytes]) -> None:
        """Write entries, on disk when this returns. Raises OSError when none of them is written."""
        if trouble := self.segment.trouble():
            self.finish_signing()
            self._mend(f"the segment was {trouble} while it was being written")
        self.segment.write(b"".join([line + b"\n" for line in lines]))
        self.unsigned += lines
        self._leaves += leaf_hashes(lines)

    def sign(self, now: float, *, introduce: bool = False) -> None:
        """Have all that is written signed, as of ``now``, in seconds since the epoch.

        ``introduce``: the signer's next keys sign too. Raises OSError, and Tampered when the signer refuses;
        either leaves everything as it was.
        """
        self.finish_signing()
        for _ in range(MENDINGS):
            self.begin_signing(now, introduce=introduce)
            if self.finish_signing():
                return
        raise Tampered(f"{self.segment.path} is changed as fast as it is put right", remedy="Find out by whom.")

    def begin_signing(self, now: float, *, introduce: bool = False, done: Callable[[], None] | None = None) -> None:
        """Have it done aside; ``done`` is called, in another thread, when ``finish_signing`` will not wait."""
        if trouble := self.segment.trouble():
            self._mend(f"the segment was {trouble} while it was being written")
        meant = (list(self.unsigned), list(self._leaves))
        self._signing = self._aside.submit(partial(self._sign, self.segment.size, meant, now, introduce=introduce))
        if done is not None:
            self._signing.add_done_callback(lambda _: done())

    @property
    def is_signing(self) -> bool:
        """Whether something has been begun that is not taken over yet."""
        return self._signing is not None

    @property
    def has_signed(self) -> bool:
        """Whether what was begun has come to its end."""
        return self._signing is not None and self._signing.done()

    def finish_signing(self) -> bool:
        """Wait for what was begun, if anything was, and take it over. Raises as ``sign``.

        False when the disk did not hold what was meant: it does now, and is still to be signed.
        """
        if self._signing is None:
            return True
        signing, self._signing = self._signing, None
        signed = signing.result()
        if signed is None:
            self._mend("the segment did not read as it was written")
            return False
        self._edge, self._signed = signed.edge, signed.octets
        del self.unsigned[: signed.count]
        del self._leaves[: signed.count]
        return True

    def _sign(self, end: int, meant: Meant, now: float, *, introduce: bool) -> _Signed | None:
        """What is done aside: read, compare, hash once more, write tiles, sign, publish."""
        lines = self.segment.read(self._signed, end).split(b"\n")[:-1]
        leaves = [leaf for part in unhurried(lines) for leaf in leaf_hashes(part)]
        if (lines, leaves) != meant:
            return None
        edge, last = self._edge.copy(), self.signer.head
        for part in unhurried(leaves):
            edge.extend(part)
        write_tiles(self.log, edge)
        old = last.size if last else 0
        roots = roots_from(lambda path: read_tile(self.log, path), edge.size)
        proof = consistency_proof(old, edge.size, roots) if old else []
        self.signer.sign(Checkpoint(self.signer.origin, edge.size, edge.root()), proof, now, introduce=introduce)
        self.publish()
        return _Signed(edge, end, len(lines))

    def publish(self) -> None:
        """Put the last head where readers look for it."""
        write_durably(self.log / CHECKPOINT, self.signer.note, mode=0o644)

    def keep_head(self) -> None:
        """Keep the last head for good; never in the place of another, which may bear the signatures of older keys."""
        path = self.log / history_path(self._edge.size)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            write_durably(path, self.signer.note, mode=0o644)

    def seal(self) -> None:
        """Close the segment, all of which must be signed, and begin the next."""
        self.keep_head()
        full = self.segment
        self._begin()
        full.seal()

    def _begin(self) -> None:
        self.segment, self._start, self._signed = Segment(self.log, self._edge.size), self._edge.copy(), 0

    def _mend(self, why: str) -> None:
        """Put back what was written, from the file if that still has what was signed, and from memory."""
        prefix, tail = self.segment.read(0, self._signed), b"".join(line + b"\n" for line in self.unsigned)
        self._leaves = leaf_hashes(self.unsigned)
        name, path = self.segment.name, self.segment.path
        if self._is_signed(prefix):
            found = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            self.remarks.append(remark_on_repair(why, self.segment, found, put_aside(self.log, name, found)))
            write_durably(path, prefix + tail)
            self.segment.close()
            self.segment = Segment(self.log, self._start.size)
        else:
            signed = {"from": self._start.size, "to": self._edge.size - 1}
            self.remarks.append((GAP, {"what": why, "segment": name} | signed))
            self.segment.close()
            self._begin()
            self.segment.write(tail)

    def _is_signed(self, prefix: bytes) -> bool:
        """Whether this is the part of the segment that was signed."""
        grown = self._start.copy()
        grown.extend(leaf_hashes(prefix.split(b"\n")[:-1]))
        return (grown.size, grown.root()) == (self._edge.size, self._edge.root())

    def close(self) -> None:
        """Close the file, after what was begun."""
        self._aside.close()
        self.segment.close()
