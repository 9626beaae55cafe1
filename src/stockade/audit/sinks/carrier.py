"""``Sink``, somewhere to carry entries to; and ``Carrier``, who goes there, in a thread of its own.

A carrier knows one sink and nothing of the others: a sink that is down, slow or hanging keeps nobody waiting but
itself. It goes on where it stopped, also after a crash; what was carried twice bears the same number twice. It never
gives up: after each failure it waits twice as long, from half a second to a minute, and says on disk what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from typing import Final, Protocol

from stockade.audit.sinks.parcels import Cut, Parcel
from stockade.audit.sinks.position import Place, Position
from stockade.errors import StockadeError, Tampered

LOOK_EVERY: Final = 0.2
"""Seconds between two looks whether the log has grown."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 60.0


class Sink(Protocol):
    """Somewhere to carry entries to, in order and without gaps.

    Every step ends within the sink's deadline, or raises Unavailable. Whatever a step raises, ``open`` begins anew.
    """

    remark: str
    """What is weaker about it than one might think; empty when nothing is. Known from ``open`` on."""

    def open(self, at: int) -> int:
        """Begin. ``at`` is the entry to go on with, as far as was ever reached; answers the entry that is wanted.

        Raises Unavailable when nobody is there, Refused when one is not wanted, Tampered when it holds another log.
        """

    def write(self, parcel: Parcel) -> int:
        """Take a parcel for good, as far as the sink can promise that; answers the entry that is wanted next.

        What it has already is passed over. Of a parcel that begins later than it wants, it takes nothing. Raises as
        ``open`` does.
        """

    def close(self) -> None:
        """Let go of whatever is open. Does not raise."""


class Carrier:
    """Carries parcels to one sink until it is stopped; ``failures`` counts its failures, ``error`` is the last one."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        cut: Cut,
        size: Callable[[], int],
        place: Place,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``cut`` answers parcels, ``size`` how many entries are signed. Raises ConfigurationError."""
        self.name = name
        self.position = place.read()
        self.failures, self.error = 0, self.position.error
        self._sink, self._cut, self._size, self._place, self._clock = sink, cut, size, place, clock
        self._stop = Flag()
        self._is_open, self._wait = False, FIRST_WAIT
        self._thread = Thread(target=self._run, name=f"stockade-{name}", daemon=True)

    def start(self) -> None:
        """Go."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Come back, within ``timeout`` seconds; one that hangs is left behind and ends with the process."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self._step()
            except Exception as error:  # noqa: BLE001  whatever a library raises, the others go on and it is said
                pause = self._failed(error)
            self._stop.wait(pause)
        self._sink.close()

    def _step(self) -> float:
        """One parcel; answers how long to wait before the next."""
        before = self.position.next
        if not self._is_open:
            self._go_on(self._sink.open(self.position.reached))
            self._is_open = True
        parcel = self._cut(self.position.next)
        if parcel is None:
            self._recovered()
            return LOOK_EVERY
        self._go_on(self._sink.write(parcel))
        self._recovered()
        return 0.0 if self.position.next != before else LOOK_EVERY

    def _go_on(self, wanted: int) -> None:
        if wanted > (size := self._size()):
            raise Tampered(
                f"{self.name} has {wanted} entries, and the log has {size}",
                remedy="The log was put back to an older state, or the sink belongs to another. Find out which.",
            )
        if wanted != self.position.next:
            reached = max(wanted, self.position.reached)
            self._remember(replace(self.position, next=wanted, reached=reached, moved=self._clock()))

    def _recovered(self) -> None:
        self._wait = FIRST_WAIT
        now = replace(self.position, error="", failing=0.0, remark=self._sink.remark)
        if now != self.position:
            self._remember(now)

    def _failed(self, error: Exception) -> float:
        self._sink.close()
        self._is_open = False
        said = error.message if isinstance(error, StockadeError) else f"{type(error).__name__}: {error}"
        self.failures, self.error = self.failures + 1, said
        failing = self.position.failing or self._clock()
        now = replace(self.position, error=said, failing=failing)
        if now != self.position:
            self._try_to_remember(now)
        pause, self._wait = self._wait, min(LONGEST_WAIT, self._wait * 2)
        return pause

    def _remember(self, position: Position) -> None:
        self._place.write(position)
        self.position = position

    def _try_to_remember(self, position: Position) -> None:
        """An error that cannot be written down is still known here, and must not end the thread."""
        self.position = position
        try:
            self._place.write(position)
        except OSError:
            return
