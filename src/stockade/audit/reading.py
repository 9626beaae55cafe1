"""The entries of a log, read from its files by number. Nothing of it is checked here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final

from stockade.audit.layout import segment_path, segments_in
from stockade.audit.record import parse
from stockade.errors import ConfigurationError
from stockade.events import Entry

_SEQ: Final = re.compile(rb'\{"seq":(\d{1,19}),')


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
    firsts = segments_in(log)
    at = bisect_right(firsts, index) - 1
    found = None
    if at >= 0:
        with (log / segment_path(firsts[at])).open("rb") as file:
            found = _sought(file, index)
    if found is None:  # or its number was changed: then by its place
        found = next(lines(log, index, index + 1), None)
    if found is None:
        raise ConfigurationError(f"{log} has no entry {index}")
    return found


def _sought(file: BinaryIO, index: int) -> bytes | None:
    """The line that bears this number, found by halving, for the numbers grow; None where they do not."""
    low, high = 0, file.seek(0, SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(middle)
        if middle:
            file.readline()
        line = file.readline()
        number = _SEQ.match(line)
        if not line.endswith(b"\n") or number is None or int(number[1]) > index:
            high = middle
        elif int(number[1]) == index:
            return line[:-1]
        else:
            low = middle + 1
    file.seek(0)
    line = file.readline()
    return line[:-1] if line.startswith(b'{"seq":%d,' % index) else None
