"""RELP over TLS: syslog in which every message is acknowledged, by whoever has it and not by the network.

A frame is ``TXNR SP COMMAND SP DATALEN [SP DATA] LF`` in both directions. ``open`` offers what we can; each ``syslog``
is answered with ``rsp``, whose data begins with 200 when the message has been taken. What that means is the receiver's
choice: rsyslog answers when a message is in its queue, and that is memory unless ``queue.type="Direct"`` and
``sync="on"`` make it the disk. Messages that are not acknowledged are sent again, in order, on the next connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from stockade.audit.sinks.connection import Connection, Peer
from stockade.audit.sinks.message import Messages
from stockade.audit.sinks.parcels import Parcel
from stockade.errors import Refused, StockadeError, Unavailable

WINDOW: Final = 128
"""Messages that may be under way without an answer."""
MOST_HEADER: Final = 64
MOST_ANSWER: Final = 1 << 17
OFFERS: Final = b"relp_version=0\nrelp_software=stockade\ncommands=syslog"
_HEADER: Final = re.compile(rb"(\d{1,9}) ([a-z]{1,32}) (\d{1,9})([ \n])")


def frame(number: int, command: bytes, data: bytes = b"") -> bytes:
    """One frame."""
    return b"%d %s %d%s\n" % (number, command, len(data), b" " + data if data else b"")


class Frames:
    """Cuts what is received into frames: (number, command, data)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """The frames that are whole now. Raises Unavailable at what is no RELP."""
        self._buffer += data
        while cut := self._cut():
            yield cut

    def _cut(self) -> tuple[int, bytes, bytes] | None:
        found = _HEADER.match(self._buffer)
        if found is None:
            if len(self._buffer) > MOST_HEADER:
                raise Unavailable(f"the other side does not speak RELP: {self._buffer[:40]!r}")
            return None
        length, start = int(found[3]), found.end()
        if length > MOST_ANSWER:
            raise Unavailable(f"the other side announces an answer of {length:,} octets")
        end = start + length if found[4] == b" " else start - 1
        if len(self._buffer) <= end:
            return None
        data, self._buffer = self._buffer[start:end], self._buffer[end + 1 :]
        return int(found[1]), found[2], data


class RelpTls:
    """A collector that takes RELP over TLS."""

    remark = ""

    def __init__(self, peer: Peer, messages: Messages) -> None:
        self._peer, self._messages = peer, messages
        self._connection: Connection | None = None
        self._frames = Frames()
        self._next, self._number = 0, 0

    def open(self, at: int) -> int:
        """See ``Sink``."""
        self.close()
        self._connection, self._frames, self._number = Connection(self._peer), Frames(), 1
        with self._connection.step():
            self._connection.send(frame(1, b"open", OFFERS))
            while not (answers := self._answers()):
                pass
        self._expect_yes(answers[0])
        self._next = at
        return at

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; acknowledged when this returns. When that fails half-way, what was acknowledged counts."""
        if self._connection is None:
            raise Unavailable(f"{self._peer} is not connected")
        if parcel.first > self._next:
            return self._next
        before, rest = self._next, parcel.after(self._next)
        messages = [self._messages.entry(parcel.origin, index, line) for index, line in rest.numbered]
        heads = [self._messages.head(parcel.origin, parcel.head)] if parcel.head else []
        try:
            with self._connection.step():
                self._send(self._connection, messages, heads)
        except StockadeError:
            self.close()
            if self._next == before:
                raise
        return self._next

    def close(self) -> None:
        """See ``Sink``."""
        if self._connection is not None:
            with suppress(StockadeError), self._connection.step():
                self._connection.send(frame(self._number + 1, b"close"))
            self._connection.close()
        self._connection = None

    def _send(self, connection: Connection, messages: Sequence[bytes], heads: Sequence[bytes]) -> None:
        """Send with a window, and count up as answers come in."""
        waiting = [*messages, *heads]
        under_way, acknowledged, entries = dict[int, int](), set[int](), len(messages)
        sent, done, first = 0, 0, self._next
        while done < len(waiting):
            room = WINDOW - len(under_way)
            batch = waiting[sent : sent + room]
            connection.send(b"".join(self._numbered(batch, sent, under_way)))
            sent += len(batch)
            for answer in self._answers():
                self._expect_yes(answer)
                acknowledged.add(under_way.pop(answer[0], -1))
            while done in acknowledged:
                acknowledged.discard(done)
                done += 1
            self._next = first + min(done, entries)

    def _numbered(self, batch: Sequence[bytes], at: int, under_way: dict[int, int]) -> Iterator[bytes]:
        for place, message in enumerate(batch, at):
            self._number += 1
            under_way[self._number] = place
            yield frame(self._number, b"syslog", message)

    def _answers(self) -> list[tuple[int, bytes, bytes]]:
        assert self._connection is not None  # noqa: S101  only called within a step of it
        return list(self._frames.feed(self._connection.receive()))

    def _expect_yes(self, answer: tuple[int, bytes, bytes]) -> None:
        _, command, data = answer
        if command != b"rsp" or not data.startswith(b"200"):
            said = data.split(b"\n")[0][:80].decode("ascii", "replace")
            raise Refused(f"{self._peer} answers {command.decode()} {said}", remedy="The collector's own log says why.")
