"""Messages out of a stream of octets: counted (RFC 5425, section 4.3; RFC 6587, section 3.4.1) or ended by newlines."""

from __future__ import annotations

import re
from typing import Final

from stockade.lines.line import MAX_LINE, Unreadable

COUNT: Final = re.compile(rb"([1-9]\d{0,9}) ")


class Frames:
    """The messages of one connection. A message that begins with a digit is counted, any other ends with its line."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> list[bytes]:
        """The messages that are whole now. Raises Unreadable for a message that is too long, or whose length is none;
        then nothing after it can be told apart.
        """
        self._octets += octets
        found, at = [], 0
        while (frame := self._next(at)) is not None:
            message, at = frame
            if message.strip(b"\x00\r\n "):
                found.append(message)
        self._octets = self._octets[at:]
        return found

    def _next(self, at: int) -> tuple[bytes, int] | None:
        """The message at an offset, and where the next begins; None when it is not whole yet."""
        first = self._octets[at : at + 1]
        if first.isdigit():
            return self._counted(at)
        end = self._octets.find(b"\n", at)
        if end < 0:
            if len(self._octets) - at > MAX_LINE:
                raise Unreadable(f"a line of more than {MAX_LINE} octets")
            return None
        return self._octets[at:end], end + 1

    def _counted(self, at: int) -> tuple[bytes, int] | None:
        count = COUNT.match(self._octets, at)
        if count is None:
            if len(self._octets) - at > 10:
                raise Unreadable("a message whose length cannot be read")
            return None
        length, start = int(count[1]), count.end()
        if length > MAX_LINE:
            raise Unreadable(f"a message of {length} octets; {MAX_LINE} are read at most")
        if len(self._octets) < start + length:
            return None
        return self._octets[start : start + length], start + length

    def rest(self) -> bytes:
        """What has come of a message that never became whole."""
        left, self._octets = self._octets, b""
        return left.strip(b"\x00\r\n ")
