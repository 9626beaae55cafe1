"""Passwords known from leaks, looked up in a sorted file of their digests, whatever its size.

The file is that of Have I Been Pwned: a line ``SHA1:count`` for each password, the digest in upper-case hexadecimal,
sorted by it. NIST SP 800-63B section 5.1.1.2 asks that new passwords be compared with such a list. SHA-1 is the list's
choice, and keeps nothing secret here: the password itself is at hand.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO, Final

from stockade.errors import ConfigurationError, Unavailable

_LONGEST_LINE: Final = 128
_LINE: Final = re.compile(rb"[0-9A-F]{40}(:\d+)?\r?\n?")


class Breached:
    """A list of passwords that leaked. Raises ConfigurationError when the file cannot be read or is another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                first = file.readline(_LONGEST_LINE)
        except OSError as error:
            raise ConfigurationError(
                f"the list of leaked passwords {path} cannot be read: {error.strerror}", remedy=_REMEDY
            ) from error
        if not _LINE.fullmatch(first):
            raise ConfigurationError(f"{path} is no list of leaked passwords", remedy=_REMEDY)

    def __contains__(self, password: object) -> bool:
        """Whether this password is in the list; raises Unavailable when it cannot be read any more. Reads as many lines
        as the size of the file has binary digits, and keeps one.
        """
        if not isinstance(password, bytes):
            return False
        wanted = hashlib.sha1(password, usedforsecurity=False).hexdigest().upper().encode()
        try:
            with self.path.open("rb") as file:
                return _line_from(file, _place_of(file, wanted)).startswith(wanted)
        except OSError as error:
            reason = f"the list of leaked passwords {self.path} cannot be read: {error.strerror}"
            raise Unavailable(reason, remedy="See to the file.") from error


_REMEDY: Final = "Name a file of lines SHA1:count, sorted, as Have I Been Pwned's downloader writes it."


def _place_of(file: BinaryIO, wanted: bytes) -> int:
    """The least place from which the next line is not before the wanted one."""
    low, high = 0, file.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        line = _line_from(file, middle)
        if line and line < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def _line_from(file: BinaryIO, place: int) -> bytes:
    """The first line that begins at this place or later; nothing after the last."""
    file.seek(max(0, place - 1))
    if place > 0:
        file.readline(_LONGEST_LINE)
    return file.readline(_LONGEST_LINE)
