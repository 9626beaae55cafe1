"""Files as texts, in blocks of whole lines: read once, in little memory, and passed over when they are not text."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

BLOCK: Final = 1 << 20
"""Octets that are looked at in one piece."""
OVERLAP: Final = 20_480
"""Octets that are looked at again with the next block, so that nothing is missed that lies across."""
HEAD: Final = 8192
WIDE: Final = 32 << 20
"""Octets of a text in UTF-16 that are looked at."""
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""How a text in UTF-16 begins, as programs of Windows write it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text, from line ``line`` on; what is before the offset ``fresh`` was in the piece before it."""

    text: str
    line: int
    fresh: int
    whole: bool


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is text: there is no zero in it, or it says that it is UTF-16."""
    return b"\0" not in head or head.startswith(UTF_16)


def opened(path: str) -> BinaryIO | None:
    """A regular file, opened without waiting, without following a link, and without a trace of it; None for others.

    Raises OSError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # only its owner may read without a trace
        fd = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return os.fdopen(fd, "rb", buffering=0)


def blocks(file: BinaryIO, largest_whole: int) -> Iterator[Block]:
    """A file as text, block by block; one that is no text gives none. Up to ``largest_whole`` octets are one block."""
    head = file.read(max(HEAD, largest_whole + 1))
    if not head or not is_text(head[:HEAD]):
        return
    if head.startswith(UTF_16):
        yield Block((head + file.read(WIDE)).decode("utf-16", "replace"), 1, 0, whole=False)
        return
    if largest_whole and len(head) <= largest_whole:
        yield Block(_decoded(head), 1, 0, whole=True)
        return
    yield from _blocks(file, head)


def _blocks(file: BinaryIO, rest: bytes) -> Iterator[Block]:
    line, kept, first = 1, b"", True
    while True:
        more = file.read(BLOCK)
        data = rest + more
        cut = data.rfind(b"\n") + 1 if more else len(data)
        piece, rest = (data[:cut], data[cut:]) if cut else (data, b"")
        text = _decoded(kept + piece)
        if piece:
            yield Block(text, line, len(_decoded(kept)), whole=first and not more)
        first = False
        if not more:
            return
        overlap = (kept + piece)[-OVERLAP:]
        overlap = overlap[overlap.find(b"\n") + 1 :]
        line += (kept + piece).count(b"\n") - overlap.count(b"\n")
        kept = overlap


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
