"""Backups where they are: found in folders, and read file by file; nothing is restored, and nothing of them is run."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Final

from stockade.errors import ConfigurationError
from stockade.host.backups.listed import (
    ACCOUNTS,
    KEYS,
    LONGEST,
    BackedUp,
    Backup,
    archives,
    files,
    head_of,
    is_gitlab,
    names_in,
    rooted,
    time_in,
)

Wanted = Callable[[str], bool]
"""Whether the digest of a file is wanted, by its path: to work it out, all of the file has to be read."""
TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst")
SMALL: Final = 1 << 20
PIECE: Final = 1 << 20
LARGEST: Final = 64 << 20
"""Octets of a list of archives, which is read as a whole."""


def backups(places: list[Path]) -> list[Backup]:
    """The backups at some places: each a backup, a list of one or of several, or a folder of such.

    Raises ConfigurationError where there is nothing.
    """
    found = [backup for place in places for backup in _at(place, deep=True)]
    if not found:
        remedy = "Name folders, tar files, manifests, or what borg list --json and restic ls --json print."
        raise ConfigurationError(f"no backup was found in {', '.join(map(str, places))}", remedy=remedy)
    return found


def _at(place: Path, *, deep: bool) -> Iterator[Backup]:
    if not place.exists():
        raise ConfigurationError(f"{place} is not there", remedy="Name where the backups are.")
    if place.is_dir():
        inner = sorted(each for each in place.iterdir() if not each.is_symlink())
        if not deep or is_root({each.name for each in inner}):
            yield Backup(place.name, str(place), time_in(place.name) or place.stat().st_mtime, "folder")
        else:
            for each in inner:
                yield from _at(each, deep=False)
    elif is_gitlab(place.name):
        yield Backup(place.name, str(place), time_in(place.name), "name")
    elif place.name.endswith(TARS):
        yield Backup(place.name, str(place), time_in(place.name) or place.stat().st_mtime, "tar")
    else:
        yield from _listing(place)


def is_root(names: set[str]) -> bool:
    """Whether a folder with these in it is the root of a machine, or a copy of it."""
    return "etc" in names or {"usr", "var"} <= names


def _listing(place: Path) -> Iterator[Backup]:
    with place.open(encoding="utf-8", errors="surrogateescape") as file:
        first = file.readline(LONGEST)
    if (head := head_of(first)) is not None:
        kind, name, taken = head
        yield Backup(name or place.stem, str(place), taken or time_in(place.name) or place.stat().st_mtime, kind)
    elif first.lstrip()[:1] in {"{", "["} and place.stat().st_size <= LARGEST:
        for name, taken in archives(place.read_text("utf-8", "replace")):
            yield Backup(name, str(place), taken or time_in(name), "name")


def contents(backup: Backup, wanted: Wanted) -> Iterator[BackedUp]:
    """The files of a backup, streamed. Raises OSError, and tarfile's errors as OSError."""
    if backup.kind == "folder":
        yield from _of_folder(Path(backup.place), wanted)
    elif backup.kind == "tar":
        try:
            yield from _of_tar(Path(backup.place), wanted)
        except (tarfile.TarError, EOFError) as error:
            raise OSError(f"it is no whole tar file: {error}") from error
    elif backup.kind != "name":
        with Path(backup.place).open(encoding="utf-8", errors="surrogateescape") as file:
            yield from files(backup.kind, islice(file, 1 if backup.kind != "borg" else 0, None))


def _of_folder(root: Path, wanted: Wanted) -> Iterator[BackedUp]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            place = Path(folder, name)
            status = place.lstat()
            if stat.S_ISREG(status.st_mode):
                path = rooted(str(place.relative_to(root)))
                with place.open("rb") as file:
                    digest, known = _read(file, path, wanted)
                yield BackedUp(path, status.st_size, status.st_mtime, stat.S_IMODE(status.st_mode), digest, known)


def _of_tar(place: Path, wanted: Wanted) -> Iterator[BackedUp]:
    with tarfile.open(place, "r|*") as archive:  # a stream: nothing is kept of what was read
        for member in archive:
            if member.isreg():
                path, file = rooted(member.name), archive.extractfile(member)
                digest, known = ("", ()) if file is None else _read(file, path, wanted)
                yield BackedUp(path, member.size, float(member.mtime), member.mode, digest, known)
            archive.members = []  # type: ignore[attr-defined]  # else all of them are remembered


def _read(file: IO[bytes], path: str, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """The digest of a file, when it is wanted, and the names it lists, when it is one that does."""
    head = file.read(SMALL) if ACCOUNTS.match(path) or KEYS.match(path) else b""
    names = names_in(path, head.decode("utf-8", "replace")) if head else ()
    if not wanted(path):
        return "", names
    digest = sha256(head)
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest(), names
