"""The clerk of a log: numbers the entries, adds what the log says about itself, and sees to it that heads are signed.

All of it happens in one thread, and nothing here waits. ``due`` says when something is to be done next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stockade.audit.keys import PublicKey
from stockade.audit.layout import CLOCK, CLOSED, HEARTBEAT, OPENED, ROTATED
from stockade.audit.note import Note
from stockade.audit.record import body_of, line_of, parse, rfc3339
from stockade.audit.recovery import REMEDY, Remark
from stockade.audit.signing import Signs
from stockade.audit.writer import Writer
from stockade.errors import Tampered
from stockade.events import Event

FEW: Final = 512
"""Entries that are signed so quickly that everybody can wait for it."""
CLOCK_STEP: Final = 1.0
"""Seconds that the clock may go back without being mentioned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When what is due. Times in seconds, sizes in octets; ``sign_after`` counts entries."""

    sign_within: float = 1.0
    sign_after: int = 4096
    heartbeat: float = 300.0
    segment_size: int = 16 << 20
    segment_age: float = 3600.0


class Clerk:
    """Writes and signs one log. Every method may raise OSError, and then can be called again."""

    def __init__(
        self, log: Path, signer: Signs, rhythm: Rhythm, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        """Take up the log. ``wake`` is called from another thread when ``keep_up`` has something to do again.

        Raises Tampered when it is not the log that was signed last.
        """
        refuse_older_state(log, signer)
        self.signer = signer
        self._rhythm, self._clock, self._wake = rhythm, clock, wake
        self._writer = Writer(log, signer)
        self._recorded = parse(self._writer.last).recorded if self._writer.last else 0.0
        self._introduced = self._interrupted_change()
        moment = time.monotonic()
        self._last_entry = self._segment_since = moment
        self._unsigned_since = moment

    def open(self) -> None:
        """Say that the log is open, after whatever was found wrong with it, and sign that."""
        self._writer.remarks.append((OPENED, {"size": self._writer.next_index, "heartbeat": self._rhythm.heartbeat}))
        self.record([])
        self.sign()

    def record(self, bodies: Sequence[bytes], *, remarks: Sequence[Remark] = ()) -> int:
        """Write events, after what the log has to say about itself; answers the number of the first of them.

        When this raises OSError none of them is written.
        """
        now, first, said = self._clock(), self._writer.next_index, len(self._writer.remarks)
        own = [*self._writer.remarks, *self._clock_remark(now), *remarks]
        whole = [*(body_of(Event(now, action, details=details)) for action, details in own), *bodies]
        recorded = rfc3339(now)
        unsigned = bool(self._writer.unsigned)
        self._writer.commit([line_of(index, recorded, body) for index, body in enumerate(whole, first)])
        del self._writer.remarks[:said]
        self._recorded, self._last_entry = now, time.monotonic()
        if not unsigned:
            self._unsigned_since = self._last_entry
        return first + len(own)

    def sign(self) -> None:
        """Have everything signed; keys that have been introduced sign too, and alone from then on."""
        self._writer.sign(self._clock(), introduce=self._introduced)
        if self._introduced:
            self._change_keys()

    def introduce_keys(self) -> None:
        """Change to new keys."""
        keys = self.signer.make_next_keys()
        self.record([], remarks=[(ROTATED, {"keys": [str(key) for key in keys]})])
        self._introduced = True
        self.sign()

    def due(self) -> float:
        """The moment, on the monotonic clock, at which ``keep_up`` should be called at the latest."""
        if self._writer.has_signed:
            return 0.0
        beat = self._last_entry + self._rhythm.heartbeat
        if self._writer.is_signing or not self._writer.unsigned:
            return beat
        return min(beat, self._unsigned_since + self._rhythm.sign_within)

    def keep_up(self) -> None:
        """Give a sign of life, have a head signed, close a segment: whatever is due."""
        now, rhythm, settled = time.monotonic(), self._rhythm, self._writer.has_signed
        if settled:
            self._writer.finish_signing()
            self._unsigned_since = now
        if now >= self._last_entry + rhythm.heartbeat:
            self.record([], remarks=[(HEARTBEAT, {})])
        full = self._writer.segment.size >= rhythm.segment_size or now >= self._segment_since + rhythm.segment_age
        few = settled or (len(self._writer.unsigned) <= FEW and not self._writer.is_signing)
        if full and few:  # everybody waits for this; else have most of them signed aside, first
            self.sign()
            self._writer.seal()
            self._segment_since = now
        elif not self._writer.is_signing and (full or self._is_due(now)):
            self._begin_signing()
        if self._writer.remarks:
            self.record([])

    def _is_due(self, now: float) -> bool:
        return now >= self.due() or len(self._writer.unsigned) >= self._rhythm.sign_after

    def _begin_signing(self) -> None:
        if self._introduced:
            self.sign()
        self._writer.begin_signing(self._clock(), done=self._wake)

    def say_goodbye(self) -> None:
        """Say that the log is closed, and sign that; once more, after what was found wrong with the files meanwhile."""
        for _ in range(2):
            self.record([], remarks=[(CLOSED, {})])
            self.sign()
            if not self._writer.remarks:
                return

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()

    def _clock_remark(self, now: float) -> list[Remark]:
        back = self._recorded - now
        return [(CLOCK, {"back": round(back, 6), "from": rfc3339(self._recorded)})] if back > CLOCK_STEP else []

    def _change_keys(self) -> None:
        self._writer.keep_head()
        self.signer.change_keys()
        self._introduced = False

    def _interrupted_change(self) -> bool:
        """Whether keys have been introduced by an entry that is not signed yet; finishes a change that was signed."""
        keys = self.signer.next_keys()
        if keys and len(Note.parse(self.signer.note).signers(keys)) == len(keys):
            self._change_keys()
            return False
        return any(_introduces(line, keys) for line in self._writer.unsigned) if keys else False


def refuse_older_state(log: Path, signer: Signs) -> None:
    """Raises Tampered when the log shows a head of this signer that is larger than the last it remembers."""
    try:
        published = Note.parse((log / "checkpoint").read_bytes())
        mine = len(published.signers(signer.public_keys)) == len(signer.public_keys)
    except (OSError, Tampered):
        return
    shown, last = int(published.text.split("\n")[1]) if mine else 0, signer.head
    if shown > (last.size if last else 0):
        message = (
            f"{log} was signed up to {shown} entries, and the signer in {signer.place} remembers {last and last.size}"
        )
        raise Tampered(f"{message}: its state was restored from a copy, or lost", remedy=REMEDY)


def _introduces(line: bytes, keys: Sequence[PublicKey]) -> bool:
    event = parse(line).event
    return event.action == ROTATED and event.details.get("keys") == [str(key) for key in keys]
