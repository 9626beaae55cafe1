"""Files are read as they lie there: without following, without touching the time of access, and bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from stockade.host.evidence.source import CHUNK, Facts, Source

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_LETTERS: Final = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s",
                   stat.S_IFBLK: "b", stat.S_IFCHR: "c"}  # fmt: skip


def file_source(path: str, shown: str, most: int, *, follow: bool = False) -> Source:
    """The octets of a file, ``most`` of them; ``shown`` is what it is called. ``follow`` goes through a link, as those
    of ``/proc`` are.
    """

    def read(facts: Facts) -> Iterator[bytes]:
        try:
            facts.update(facts_of(os.stat(path) if follow else os.lstat(path)))
            if facts["kind"] == "l":
                facts["link"] = os.readlink(path)
            if facts["kind"] == "f":
                yield from _octets(path, most, facts, follow=follow)
        except OSError as error:
            facts["error"] = said(error)

    return Source(shown, read)


def facts_of(found: os.stat_result) -> Facts:
    """What the file system says of a file; times in seconds since the epoch."""
    facts: Facts = {
        "kind": _LETTERS.get(stat.S_IFMT(found.st_mode), "?"),
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "uid": found.st_uid,
        "gid": found.st_gid,
        "length": found.st_size,
        "mtime": found.st_mtime,
        "ctime": found.st_ctime,
        "atime": found.st_atime,
        "inode": f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}/{found.st_ino}",
    }
    return facts


def hashed(path: str, most: int) -> Facts:
    """The SHA-256 of a file, or why there is none; of a longer one than ``most`` octets that of its beginning."""
    facts: Facts = {}
    digest = sha256()
    try:
        for chunk in _octets(path, most, facts, follow=False):
            digest.update(chunk)
    except OSError as error:
        return {"error": said(error)}
    return {**facts, "sha256": digest.hexdigest()}


def opened(path: str, *, follow: bool = False) -> tuple[int, bool]:
    """A descriptor, and whether reading leaves the time of access alone (only the owner and root may ask for that)."""
    flags = _FLAGS if follow else _FLAGS | os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_NOATIME), True
    except PermissionError:
        return os.open(path, flags), False


def said(error: OSError) -> str:
    """What went wrong, without the path, which stands beside it."""
    return error.strerror or str(error)


def _octets(path: str, most: int, facts: Facts, *, follow: bool) -> Iterator[bytes]:
    fd, untouched = opened(path, follow=follow)
    if not untouched:
        facts["atime_touched"] = True
    with os.fdopen(fd, "rb", buffering=0) as file:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            facts["error"] = "it has become something else than a file"
            return
        left = most
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if not left and file.read(1):
            facts["cut"] = most
        if _moment(os.fstat(fd)) != _moment(before):
            facts["changed"] = True


def _moment(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
