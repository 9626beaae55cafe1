"""The append-only flag of a file, which ``chattr +a`` sets and ``lsattr`` shows (ioctl_iflags(2))."""

from __future__ import annotations

import fcntl
import os
from typing import Final

_GET: Final = 0x80086601
_SET: Final = 0x40086602
_APPEND: Final = 0x20


def append_only(fd: int) -> bool:
    """Whether the flag is set; False also where a file system has no such flag."""
    try:
        return bool(_flags(fd) & _APPEND)
    except OSError:
        return False


def set_append_only(fd: int, *, on: bool = True) -> str:
    """Set the flag, or take it off; answers why that is not possible, and nothing when it is done."""
    try:
        flags = _flags(fd)
        wanted = flags | _APPEND if on else flags & ~_APPEND
        fcntl.ioctl(fd, _SET, wanted.to_bytes(8, "little"))
    except OSError as error:
        return f"not append-only, it can be overwritten: {_why(error)}"
    return ""


def _flags(fd: int) -> int:
    return int.from_bytes(fcntl.ioctl(fd, _GET, bytes(8)), "little")


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "only root can set the flag; let it run `chattr +a` on the file once"
    return f"this file system has no such flag ({error.strerror or os.strerror(error.errno or 0)})"
