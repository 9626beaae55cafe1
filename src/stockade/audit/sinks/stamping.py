"""A time-stamping authority as a sink: every now and then it is shown the newest head (RFC 3161 section 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stockade.audit.sinks.https import Answer
from stockade.audit.sinks.parcels import Parcel
from stockade.audit.sinks.timestamps import Stamp, keep, request
from stockade.errors import Unavailable


class Stamper:
    """An authority; its stamps are kept in the log's directory."""

    remark = ""

    def __init__(self, log: Path, post: Callable[[bytes], Answer]) -> None:
        self._log, self._post = log, post
        self._next = 0

    def open(self, at: int) -> int:
        """See ``Sink``."""
        self._next = at
        return at

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; the newest head is stamped when this returns."""
        if parcel.first <= self._next < parcel.end:
            self._next = stamped(self._log, self._post).size
        return self._next

    def close(self) -> None:
        """See ``Sink``."""


def stamped(log: Path, post: Callable[[bytes], Answer]) -> Stamp:
    """Have the newest head stamped. Raises as ``keep`` does, and whatever ``post`` raises."""
    _, octets = request(log)
    status, _, answer = post(octets)
    if status != 200:
        raise Unavailable(f"the time-stamping authority answers {status}")
    return keep(log, answer)
