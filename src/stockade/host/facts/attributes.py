"""Whether a file is set so that not even root can change it, until it is set back (chattr(1), ioctl_iflags(2))."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

FLAGS: Final = 0x80086601
"""FS_IOC_GETFLAGS on 64 bits."""
IMMUTABLE: Final = 0x10
APPEND: Final = 0x20


def is_fixed(place: str) -> bool:
    """Whether a regular file is immutable; False where the file system knows no such thing, or it may not be read."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        flags = struct.unpack("L", fcntl.ioctl(descriptor, FLAGS, bytes(struct.calcsize("L"))))[0]
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(flags & IMMUTABLE)
