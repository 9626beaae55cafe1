"""An old log is read in large pieces: a file, compressed or not, or a stream, in memory that does not grow with it."""

from __future__ import annotations

import gzip
import io
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from stockade.errors import Unavailable
from stockade.guard.logs.formats.line import escaped
from stockade.lines.line import MAX_LINE

CHUNK: Final = 1 << 20
GZIP: Final = b"\x1f\x8b"


class OldLog:
    """The lines of a log. ``total`` is its size in bytes and ``done`` how many were read, both as stored; ``latest`` is
    the time after which none of its lines was written; ``trouble`` says why it ended early.
    """

    def __init__(self, name: str, stream: IO[bytes], total: int | None, latest: float) -> None:
        self.name = name
        self.total = total
        self.latest = latest
        self.trouble = ""
        self._stored = (
            stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
        )
        packed = self._stored.peek(2)[:2] == GZIP
        self._stream = gzip.GzipFile(fileobj=self._stored) if packed else self._stored
        self._read = 0

    @property
    def done(self) -> int:
        """Bytes of the file that have been read."""
        return self._read if self._stream is self._stored else self._stored.tell()

    def batches(self) -> Iterator[list[str]]:
        """The lines, about a megabyte of them at a time; a line without end is cut."""
        rest = b""
        for chunk in self._chunks():
            whole, newline, tail = chunk.rpartition(b"\n")
            if newline:
                yield (rest + whole).decode("utf-8", "backslashreplace").split("\n")
                rest = tail
            else:
                rest = (rest + tail)[:MAX_LINE]
        if rest:
            yield [rest.decode("utf-8", "backslashreplace")]

    def _chunks(self) -> Iterator[bytes]:
        try:
            while chunk := self._stream.read(CHUNK):
                self._read += len(chunk)
                yield chunk
        except (EOFError, zlib.error, OSError) as error:
            self.trouble = f"It ends early: {escaped(str(error))}."


@contextmanager
def opened(source: Path | str | IO[bytes]) -> Iterator[OldLog]:
    """Open a log. Raises Unavailable when there is none."""
    if not isinstance(source, Path | str):
        yield OldLog(str(getattr(source, "name", "a stream")), source, None, time.time())
    elif str(source) == "-":
        yield OldLog("standard input", sys.stdin.buffer, None, time.time())
    else:
        path = Path(source)
        try:
            file = path.open("rb", buffering=CHUNK)
            found = path.stat()
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}", remedy="Name a file that can.") from error
        with file:
            yield OldLog(str(path), file, found.st_size, found.st_mtime)
