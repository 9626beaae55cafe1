"""The hand that writes: entries into the segment, hashes into tiles, heads to the signer. For one thread only.

An entry is safe when ``commit`` returns, and provable from the next ``sign``. Until then its octets are kept in memory,
so that before signing they can be read back from the disk, compared, and hashed once more: logs have died for good of a
single flipped bit that was signed. Whatever somebody does to the file in the meantime is mended from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.durable import write_durably
from stockade.audit.keys import PrivateKey
from stockade.audit.layout import CHECKPOINT, GAP, history_path, read_tile
from stockade.audit.merkle import EMPTY_ROOT, consistency_proof, leaf_hash
from stockade.audit.recovery import put_aside, recover, remark_on_repair, write_tiles
from stockade.audit.segments import Segment
from stockade.audit.signer import Signer
from stockade.audit.tiles import roots_from


class Writer:
    """A log that is open for writing. ``remarks`` are what it has to say about itself, until somebody writes
    them; ``last`` was the last line when it was opened.
    """

    def __init__(self, log: Path, signer: Signer) -> None:
        """Take up the log where it stands. Raises Tampered when it is not the log that was signed."""
        self.log = log
        self.signer = signer
        state = recover(log, signer.head or Checkpoint(signer.origin, 0, EMPTY_ROOT))
        self.remarks, self.last = state.remarks, state.last
        self.segment, self._edge, self._start, self._signed = state.segment, state.edge, state.start, state.signed
        self.unsigned = [(line, leaf_hash(line)) for line in state.unsigned]

    @property
    def next_index(self) -> int:
        """The number of the next entry."""
        return self._edge.size + len(self.unsigned)

    def commit(self, lines: Sequence[bytes]) -> None:
        """Write entries, on disk when this returns. Raises OSError when none of them is written."""
        if trouble := self.segment.trouble():
            self._mend(f"the segment was {trouble} while it was being written")
        self.segment.write(b"".join([line + b"\n" for line in lines]))
        self.unsigned += [(line, leaf_hash(line)) for line in lines]

    def sign(self, now: float, *, also: Sequence[PrivateKey] = ()) -> None:
        """Have all that is written signed, as of ``now``, in seconds since the epoch.

        Raises OSError, and Tampered when the signer will not have it.
        """
        if not self._as_written():
            self._mend("the segment did not read as it was written")
        edge, last = self._edge.copy(), self.signer.head
        for _, leaf in self.unsigned:
            edge.append(leaf)
        write_tiles(self.log, edge)
        old = last.size if last else 0
        roots = roots_from(lambda path: read_tile(self.log, path), edge.size)
        proof = consistency_proof(old, edge.size, roots) if old else []
        self.signer.sign(Checkpoint(self.signer.origin, edge.size, edge.root()), proof, now, also=also)
        self._edge, self._signed = edge, self.segment.size
        self.unsigned.clear()
        self.publish()

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

    def _as_written(self) -> bool:
        """Whether the disk holds what was meant, and the hashes are those of what it holds."""
        if self.segment.trouble():
            return False
        lines = self.segment.read(self._signed, self.segment.size).split(b"\n")[:-1]
        return [(line, leaf_hash(line)) for line in lines] == self.unsigned

    def _mend(self, why: str) -> None:
        """Put back what was written, from the file if that still has what was signed, and from memory."""
        prefix, tail = self.segment.read(0, self._signed), b"".join(line + b"\n" for line, _ in self.unsigned)
        self.unsigned = [(line, leaf_hash(line)) for line, _ in self.unsigned]
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
        for line in prefix.split(b"\n")[:-1]:
            grown.append(leaf_hash(line))
        return (grown.size, grown.root()) == (self._edge.size, self._edge.root())

    def close(self) -> None:
        """Close the file."""
        self.segment.close()
