"""The entries of a log, read from its files by number. Nothing of it is checked here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain, dropwhile, islice
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

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


class Place(NamedTuple):
    """Where a line begins: at which octet of the segment that is named after this entry."""

    segment: int
    octet: int


def placed(log: Path, start: int) -> Iterator[tuple[Place, bytes]]:
    """The lines from that of the entry ``start`` on, each with its place.

    They are told by the numbers that they bear, and where some are missing none of the others is passed over.
    """
    firsts = segments_in(log)
    for first in firsts[max(0, bisect_right(firsts, start) - 1) :]:
        found = _whole(log, first, 0)
        wanted = dropwhile(lambda each: _is_before(each[1], start), found) if first < start else found
        for octet, line in wanted:
            yield Place(first, octet), line


def end_of(log: Path) -> int:
    """The number that the next entry will have."""
    firsts = segments_in(log)
    if not firsts:
        return 0
    return max((parse(line).index + 1 for _, line in placed(log, firsts[-1])), default=firsts[-1])


def from_place(log: Path, place: Place, count: int) -> Iterator[bytes]:
    """So many lines, from a place on."""
    later = (Place(first, 0) for first in segments_in(log) if first > place.segment)
    found = chain.from_iterable(_whole(log, *each) for each in chain([place], later))
    return (line for _, line in islice(found, count))


def _whole(log: Path, segment: int, octet: int) -> Iterator[tuple[int, bytes]]:
    """The lines of one segment from an octet on, each with its own, without their newlines and without a last one that
    has none yet.
    """
    with (log / segment_path(segment)).open("rb") as file:
        file.seek(octet)
        for line in file:
            if line.endswith(b"\n"):
                yield octet, line[:-1]
            octet += len(line)


def _is_before(line: bytes, number: int) -> bool:
    said = _SEQ.match(line)
    return said is not None and int(said[1]) < number


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
