"""Syslog over TLS (RFC 5425): entries as messages, one after the other, and no answer.

Nothing in this protocol says that a message has arrived: what a receiver had in its memory when it crashed is lost, and
its sender has seen every one of them go out. So after a broken connection the last ``rewind`` entries are sent again,
each with the number that it had; and where every entry must arrive, use RELP.
"""

from __future__ import annotations

from stockade.audit.sinks.connection import BREATH, Connection, Peer
from stockade.audit.sinks.message import Messages, counted
from stockade.audit.sinks.parcels import Parcel
from stockade.errors import Unavailable


class SyslogTls:
    """A collector that takes syslog over TLS."""

    remark = "syslog is not acknowledged: what the collector loses in a crash may be missing there"

    def __init__(self, peer: Peer, messages: Messages, *, rewind: int) -> None:
        self._peer, self._messages, self._rewind = peer, messages, rewind
        self._connection: Connection | None = None
        self._next = 0

    def open(self, at: int) -> int:
        """See ``Sink``. A collector that refuses our certificate hangs up a moment after the handshake."""
        self.close()
        self._connection = Connection(self._peer)
        with self._connection.step():
            self._connection.listen(BREATH)
        self._next = max(0, at - self._rewind)
        return self._next

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; handed to the kernel when this returns, which is all that can be known."""
        if self._connection is None:
            raise Unavailable(f"{self._peer} is not connected")
        if parcel.first > self._next:
            return self._next
        with self._connection.step():
            self._connection.listen(0.001)
            self._connection.send(self._frames(parcel.after(self._next)))
        self._next = max(self._next, parcel.end)
        return self._next

    def _frames(self, parcel: Parcel) -> bytes:
        frames = [counted(self._messages.entry(parcel.origin, index, line)) for index, line in parcel.numbered]
        if parcel.head:
            frames.append(counted(self._messages.head(parcel.origin, parcel.head)))
        return b"".join(frames)

    def close(self) -> None:
        """See ``Sink``."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
