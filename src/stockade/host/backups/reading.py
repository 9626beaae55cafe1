"""Backups where they are: found in folders and repositories, and read file by file; nothing is restored or run."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from stockade.errors import ConfigurationError
from stockade.host.backups.dated import dated, is_gitlab, time_in
from stockade.host.backups.listed import LONGEST, BackedUp, Backup, archives, files, head_of, lists_names, rooted
from stockade.host.backups.repositories import Repositories, output, repository
from stockade.host.backups.tars import Wanted, of_tar, read
from stockade.host.evidence.walking import REMOTE, UNREAL, Place

TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst")
LARGEST: Final = 64 << 20
"""Octets of a list of archives, which is read as a whole."""
APART: Final = UNREAL | REMOTE | {"tmpfs", "overlay", "squashfs", "nsfs"}
"""File systems that are no part of a machine's files, where they are mounted in its folders."""
LOOKED_AT: Final = 2000
"""Files by which a copy without a date is dated."""
_NONE: Final = Repositories()


def backups(places: Sequence[str], repositories: Repositories = _NONE) -> list[Backup]:
    """The backups at some places: each a backup, a list of one or of several, a repository, or a folder of such.

    Raises ConfigurationError where there is nothing.
    """
    found = list[Backup]()
    for place in places:
        known = repository(place)
        found += repositories.backups(*known) if known else _at(Path(place), repositories, deep=True)
    if not found:
        remedy = (
            "Name folders, tar files, repositories of borg or restic, or what their list --json or ls --json prints."
        )
        raise ConfigurationError(f"no backup was found in {', '.join(places)}", remedy=remedy)
    return found


def _at(place: Path, repositories: Repositories, *, deep: bool) -> Iterator[Backup]:
    if not place.exists():
        raise ConfigurationError(f"{place} is not there", remedy="Name where the backups are.")
    if place.is_dir():
        yield from _in_folder(place, repositories, deep=deep)
    elif is_gitlab(place.name):
        yield Backup(place.name, str(place), time_in(place.name)[0], "name")
    elif place.name.endswith(TARS):
        yield _dated(place.name, place, place.stat().st_mtime, "tar")
    elif place.is_file():
        yield from _listing(place)


def _in_folder(place: Path, repositories: Repositories, *, deep: bool) -> Iterator[Backup]:
    known = repository(str(place))
    inner = sorted(each for each in place.iterdir() if not each.is_symlink())
    if known:
        yield from repositories.backups(*known)
    elif not deep or is_root({each.name for each in inner}):
        yield _dated(place.name, place, _newest(place), "folder")
    else:
        for each in inner:
            yield from _at(each, repositories, deep=False)


def _dated(name: str, place: Path, changed: float, kind: str) -> Backup:
    taken, spread = dated(name, changed)
    return Backup(name, str(place), taken, kind, spread)


def _newest(root: Path) -> float:
    """When a copy was made, by the newest of the files that are looked at: its own time is that of what it is of."""
    newest, now = root.stat().st_mtime, time.time()
    first = (root / "etc", root / "var/log", root)
    walked = (Path(folder, name) for place in first for folder, _, names in os.walk(place) for name in names)
    for each in islice(walked, LOOKED_AT):
        changed = each.lstat().st_mtime
        newest = max(newest, changed) if changed <= now else newest
    return newest


def is_root(names: set[str]) -> bool:
    """Whether a folder with these in it is the root of a machine, or a copy of it."""
    return "etc" in names or {"usr", "var"} <= names


def _listing(place: Path) -> Iterator[Backup]:
    with place.open(encoding="utf-8", errors="surrogateescape") as file:
        first = file.readline(LONGEST)
    if (head := head_of(first)) is not None:
        kind, name, taken, host = head
        earliest, spread = (taken, 0.0) if taken else dated(place.name, place.stat().st_mtime)
        yield Backup(name or place.stem, str(place), earliest, kind, spread, host)
    elif first.lstrip()[:1] in {"{", "["} and place.stat().st_size <= LARGEST:
        for name, began, lasted, host in archives(place.read_text("utf-8", "replace")):
            earliest, spread = (began, lasted) if began else time_in(name)
            yield Backup(name, str(place), earliest, "name", spread, host)


def contents(backup: Backup, wanted: Wanted | None, repositories: Repositories = _NONE) -> Iterator[BackedUp]:
    """The files of a backup, streamed, with digests where they are ``wanted``. Raises OSError."""
    if backup.kind == "folder":
        yield from _of_folder(Path(backup.place), wanted)
    elif backup.kind == "tar":
        yield from _of_tar_file(backup.place, wanted)
    elif " " in backup.kind:
        yield from repositories.contents(backup, wanted)
    elif backup.kind != "name":
        with Path(backup.place).open(encoding="utf-8", errors="surrogateescape") as file:
            yield from files(backup.kind, islice(file, 1 if backup.kind != "borg" else 0, None))


def _of_tar_file(place: str, wanted: Wanted | None) -> Iterator[BackedUp]:
    if place.endswith(".zst"):
        with output(["zstd", "-dcq", "--", place]) as said:
            yield from of_tar(said, wanted)
    else:
        with Path(place).open("rb") as file:
            yield from of_tar(file, wanted)


def _of_folder(root: Path, wanted: Wanted | None) -> Iterator[BackedUp]:
    apart, root = {path for path, kind in Place.at(Path("/")).mounts.items() if kind in APART}, root.resolve()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if str(Path(folder, each)) not in apart)
        for name in (*folders, *sorted(names)):
            place = Path(folder, name)
            try:
                yield _of_file(place, rooted(str(place.relative_to(root))), wanted)
            except FileNotFoundError:
                continue  # a machine that lives loses some meanwhile


def _of_file(place: Path, path: str, wanted: Wanted | None) -> BackedUp:
    status = place.lstat()
    plain = stat.S_ISREG(status.st_mode)
    digest, names = _read(place, path, wanted) if plain else ("", ())
    return BackedUp(path, status.st_size, status.st_mtime, stat.S_IMODE(status.st_mode), digest, names, plain)


def _read(place: Path, path: str, wanted: Wanted | None) -> tuple[str, tuple[str, ...] | None]:
    if not lists_names(path) and (wanted is None or not wanted(path)):
        return "", ()
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return read(file, path, wanted)
    except FileNotFoundError:
        raise
    except OSError:
        return "", None if lists_names(path) else ()
