"""The entries of a log, read from its files by number. Nothing of it is checked here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stockade.audit.layout import segment_path, segments_in
from stockade.audit.record import parse
from stockade.errors import ConfigurationError
from stockade.events import Entry


def lines(log: Path, start: int, end: int | None = None) -> Iterator[bytes]:
    """The lines of the entries from ``start`` up to ``end``, or to the last, without their newlines."""
    firsts = segments_in(log)
    for at in range(max(0, bisect_right(firsts, start) - 1), len(firsts)):
        first, following = firsts[at], firsts[at + 1] if at + 1 < len(firsts) else None
        stop = min((limit for limit in (end, following) if limit is not None), default=None)
        if stop is not None and stop <= max(first, start):
            return
        with (log / segment_path(first)).open("rb") as file:
            wanted = islice(file, max(0, start - first), None if stop is None else stop - first)
            yield from (line[:-1] for line in wanted if line.endswith(b"\n"))


def entries(log: Path, start: int, end: int | None = None) -> Iterator[Entry]:
    """The same, read. Raises Tampered at a line that is no entry."""
    return map(parse, lines(log, start, end))


def line_at(log: Path, index: int) -> bytes:
    """The line of one entry. Raises ConfigurationError when there is none of this number."""
    found = next(lines(log, index, index + 1), None)
    if found is None:
        raise ConfigurationError(f"{log} has no entry {index}")
    return found
