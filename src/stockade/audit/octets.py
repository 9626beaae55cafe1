"""Entries of a log found by their octets, without an index: few among very many, and only those are read as entries."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from stockade.audit.layout import segment_path, segments_in
from stockade.audit.record import parse
from stockade.events import Entry

Search = Callable[[mmap.mmap, int], re.Match[bytes] | None]
"""Finds the next place, from an offset on, that makes its line one of those looked for."""


def found(log: Path, search: Search) -> Iterator[Entry]:
    """The entries whose lines are found, in the order of the log; none where there is no log.

    Raises Tampered at such a line that is no entry.
    """
    firsts = segments_in(log) if log.is_dir() else []
    return chain.from_iterable(_in_segment(log / segment_path(first), search) for first in firsts)


def _in_segment(path: Path, search: Search) -> Iterator[Entry]:
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = 0
        while (place := search(text, at)) is not None:
            end = text.find(b"\n", place.end())
            if end < 0:
                return  # it is being written
            yield parse(text[text.rfind(b"\n", 0, place.start()) + 1 : end])
            at = end + 1
