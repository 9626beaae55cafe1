"""Entries of a log that name certain things, found without an index: by their octets, and only those are read."""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from stockade.audit.octets import found
from stockade.events import Entry, Ref

_NAMED: Final = re.compile(rb'"([a-z][\w.-]{0,63}:[a-z_]{1,32}/[^"\\]{1,255})"')
"""A reference as it stands in an entry: system, kind and id between quotation marks."""


def naming(log: Path, refs: Collection[Ref]) -> Iterator[Entry]:
    """The entries that name one of them, as who did it, what it was done to, or in their details; in the log's order.

    None where there is no log. Raises Tampered at such a line that is no entry.
    """
    wanted = frozenset(str(ref).encode() for ref in refs)
    return found(log, partial(_next, wanted)) if wanted else iter(())


def _next(wanted: frozenset[bytes], text: mmap.mmap, at: int) -> re.Match[bytes] | None:
    if len(wanted) == 1:  # an account alone is found as fast as the memory is read
        return re.compile(re.escape(b'"%b"' % next(iter(wanted)))).search(text, at)
    return next((named for named in _NAMED.finditer(text, at) if named[1] in wanted), None)
