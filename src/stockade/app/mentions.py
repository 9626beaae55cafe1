"""Entries of a log that name certain things, found without an index: by their octets, and only those are read."""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from stockade.audit.layout import segment_path, segments_in
from stockade.audit.record import parse
from stockade.events import Entry, Ref

_NAMED: Final = re.compile(rb'"([a-z][\w.-]{0,63}:[a-z_]{1,32}/[^"\\]{1,255})"')
"""A reference as it stands in an entry: system, kind and id between quotation marks."""


def naming(log: Path, refs: Collection[Ref]) -> Iterator[Entry]:
    """The entries that name one of them, as who did it, what it was done to, or in their details; in the log's order.

    None where there is no log. Raises Tampered at such a line that is no entry.
    """
    wanted = frozenset(str(ref).encode() for ref in refs)
    for first in segments_in(log) if wanted and log.is_dir() else []:
        yield from _in_segment(log / segment_path(first), wanted)


def _in_segment(path: Path, wanted: frozenset[bytes]) -> Iterator[Entry]:
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = 0
        while (found := _next(text, at, wanted)) is not None:
            end = text.find(b"\n", found.end())
            if end < 0:
                return  # it is being written
            yield parse(text[text.rfind(b"\n", 0, found.start()) + 1 : end])
            at = end + 1


def _next(text: mmap.mmap, at: int, wanted: frozenset[bytes]) -> re.Match[bytes] | None:
    if len(wanted) == 1:  # an account alone is found as fast as the memory is read
        return re.compile(re.escape(b'"%b"' % next(iter(wanted)))).search(text, at)
    return next((found for found in _NAMED.finditer(text, at) if found[1] in wanted), None)
