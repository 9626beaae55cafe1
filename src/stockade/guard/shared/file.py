"""The file of the shared store: made once, recognised ever after, and never taken for what it is not.

What is there already wins over what is asked for, since other processes may be using it. A file that is cut short,
damaged or of an older layout is moved aside and says so in the log; a file that is somebody else's is refused and left
as it is.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from stockade.errors import ConfigurationError, Unavailable
from stockade.guard.shared import geometry
from stockade.guard.shared.geometry import HEADER, LAYOUT, MAGIC, SECRET, Geometry
from stockade.guard.shared.locks import REGISTER, Stripe

log = logging.getLogger(__name__)

FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ATTEMPTS: Final = 8


class Opened(NamedTuple):
    """An open file that is what it should be; ``fresh`` when it was made just now."""

    fd: int
    geometry: Geometry
    secret: bytes
    fresh: bool


def open_file(path: Path, wanted: Geometry) -> Opened:
    """Open the file, made if need be. Raises ConfigurationError for what is not ours, Unavailable where there is no
    room for it.
    """
    for _ in range(ATTEMPTS):
        fd = _descriptor(path)
        try:
            found = _recognised(fd, path, wanted)
        except BaseException:
            os.close(fd)
            raise
        if found is not None:
            return found
        os.close(fd)
    raise Unavailable(f"{path} was replaced again and again while it was opened", remedy="See who else writes there.")


def make_room(directory: Path) -> None:
    """Make the directory of the store, for its owner alone. Raises ConfigurationError where that is not allowed."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _cannot(directory, error)


def _descriptor(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _cannot(path, error)
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_uid in {os.geteuid(), _anybody(found.st_uid)}:
        return fd
    os.close(fd)
    raise ConfigurationError(
        f"{path} belongs to user {found.st_uid}, or is not a file",
        remedy="Name a path of your own for the shared store.",
    )


def _anybody(owner: int) -> int:
    """Root may use the file of the service that it looks after."""
    return owner if os.geteuid() == 0 else os.geteuid()


def _cannot(path: Path, error: OSError) -> NoReturn:
    if error.errno in FULL:
        raise Unavailable(f"no room for {path}: {error.strerror}", remedy="Make room on that file system.") from error
    if error.errno == errno.ELOOP:
        raise ConfigurationError(
            f"{path} is a symbolic link, which is not followed", remedy="Name the file itself."
        ) from error
    raise ConfigurationError(
        f"cannot use {path}: {error.strerror}", remedy="Name a path that this user may write, on a local disk."
    ) from error


def _recognised(fd: int, path: Path, wanted: Geometry) -> Opened | None:
    """The file when it is ours or new; None when it was moved away, by us or by another process, and must be opened
    anew.
    """
    with Stripe(fd, REGISTER):
        if not _is_still(fd, path):
            return None
        header = os.pread(fd, HEADER, 0)
        if not header[: len(MAGIC)].strip(b"\x00"):
            return _made(fd, path, wanted)
        if not header.startswith(MAGIC):
            raise ConfigurationError(
                f"{path} is not a file of the shared store", remedy="Name another path, or move that file away."
            )
        found = geometry.read(header)
        if found is not None and found[0] > LAYOUT:
            raise ConfigurationError(f"{path} was written by a newer Stockade", remedy="Upgrade, or name another path.")
        if found is not None and found[0] == LAYOUT and os.fstat(fd).st_size == found[1].size:
            return Opened(fd, found[1], found[2], fresh=False)
        _move_aside(path, "damaged" if found is None else "of an older layout" if found[0] < LAYOUT else "cut short")
        return None


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _made(fd: int, path: Path, wanted: Geometry) -> Opened:
    """A file of zeros with room on the disk for all of it, so that no write into it can fail later; the magic comes
    last.
    """
    secret = secrets.token_bytes(SECRET)
    try:
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, 0)
        os.posix_fallocate(fd, 0, wanted.size)
        os.pwrite(fd, geometry.written(wanted, secret), len(MAGIC))
        os.pwrite(fd, MAGIC, 0)
    except OSError as error:
        os.ftruncate(fd, 0)
        raise Unavailable(
            f"no room for {path}, which takes {wanted.size / 1e6:.0f} MB: {error.strerror}",
            remedy="Make room on that file system, or configure fewer clients.",
        ) from error
    return Opened(fd, wanted, secret, fresh=True)


def _move_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
    path.rename(aside)
    log.warning("%s is %s: moved to %s; counters begin anew, bans are kept", path, why, aside)
