"""Git's own server between a client's input and output, and what is read off them as it passes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO, Any, Final

from stockade.errors import Unavailable
from stockade.events import Outcome
from stockade.gateway.git_record import KEPT, PACK, references, taken

PIECE: Final = 1 << 17


class Heard:
    """What passes between a client and Git, as far as it matters: whether contents left, which references changed."""

    def __init__(self, service: str) -> None:
        self._writes = service == "git-receive-pack"
        self._asked, self._answered, self._tail, self._left = bytearray(), bytearray(), b"", False

    def asked(self, piece: bytes) -> None:
        """The client has said this."""
        self._asked += piece[: KEPT - len(self._asked)]

    def answered(self, piece: bytes) -> None:
        """Git has said this: of a push its end matters, of anything else whether contents are in it."""
        if self._writes:
            self._answered = (self._answered + piece)[-KEPT:]
        elif not self._left:
            seen = self._tail + piece
            self._tail, self._left = seen[-len(PACK) :], PACK in seen

    def details(self) -> Mapping[str, Any] | None:
        """What there is to tell; None when nothing was read or written."""
        if self._writes:
            return references(bytes(self._asked)) or None
        return {} if self._left else None

    def outcome(self) -> Outcome:
        """How it ended."""
        return "success" if not self._writes or taken(bytes(self._answered)) else "failure"


def carried(argv: Sequence[str], variables: Mapping[str, str], heard: Heard) -> int:
    """Run Git with our input and output, telling ``heard`` what passes; its exit code. When the client goes away, so
    does Git. Raises Unavailable when it is not there.
    """
    try:
        process = subprocess.Popen(
            argv, env=dict(variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise Unavailable("Git is not installed.", remedy="Install git.") from error
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    Thread(target=_upload, args=(process.stdin, heard), daemon=True).start()
    try:
        _download(process.stdout, heard)
    except BrokenPipeError:
        process.terminate()
    return process.wait()


def _upload(pipe: IO[bytes], heard: Heard) -> None:
    with suppress(BrokenPipeError), pipe:
        while piece := os.read(sys.stdin.fileno(), PIECE):
            heard.asked(piece)
            pipe.write(piece)
            pipe.flush()


def _download(pipe: IO[bytes], heard: Heard) -> None:
    while piece := os.read(pipe.fileno(), PIECE):
        heard.answered(piece)
        _write(piece)


def _write(piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]
