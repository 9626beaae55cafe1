"""A witness as a sink: it takes heads instead of entries, and answers with its cosignature (C2SP tlog-witness).

It fits: a witness too wants to go on exactly where it stopped, and says where that is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stockade.audit.checkpoint import Checkpoint
from stockade.audit.cosigning import cosign
from stockade.audit.keys import PublicKey
from stockade.audit.sinks.https import Answer as Posted
from stockade.audit.sinks.parcels import Parcel
from stockade.audit.witness import Answer

Post = Callable[[bytes], Posted]


class Cosigner:
    """A witness on another host; its cosignatures are kept in the log's directory, for ``verify`` to find."""

    remark = ""

    def __init__(self, log: Path, keys: Sequence[PublicKey], post: Post) -> None:
        self._log, self._keys, self._post = log, keys, post
        self._next = 0

    def open(self, at: int) -> int:
        """See ``Sink``."""
        self._next = at
        return at

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; the newest head is cosigned when this returns."""
        if parcel.first <= self._next < parcel.end:
            note = cosign(self._log, self._keys, self._ask)
            self._next = Checkpoint.parse(note.text).size
        return self._next

    def close(self) -> None:
        """See ``Sink``."""

    def _ask(self, request: bytes) -> Answer:
        status, kind, body = self._post(request)
        return Answer(status, body.decode("utf-8", "replace"), kind)
