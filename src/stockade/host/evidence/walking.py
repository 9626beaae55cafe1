"""Patterns become paths: without following links, without leaving for file systems that only look like files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from stockade.host.evidence.artifact import Choice
from stockade.host.evidence.files import facts_of

UNREAL: Final = frozenset(
    [
        *("proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "debugfs", "tracefs", "securityfs", "bpf"),
        *("binfmt_misc", "configfs", "fusectl", "mqueue", "pstore", "hugetlbfs", "nsfs", "autofs"),
    ]
)
"""File systems that are the kernel's talk, and are not entered on the way down."""
REMOTE: Final = frozenset(["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.s3fs", "ceph", "9p"])
"""File systems of another machine."""
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_MAGIC: Final = frozenset("*?[")


@dataclass(frozen=True)
class Place:
    """A machine's files, below ``root``: ``/`` on the machine itself, a folder in a trial. ``own`` is a folder that is
    not entered: where the evidence goes.
    """

    root: str = "/"
    own: str = ""
    homes: tuple[str, ...] = ()
    mounts: dict[str, str] = field(default_factory=dict)
    known: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())

    @classmethod
    def at(cls, root: Path, own: str = "") -> Place:
        """Look who lives there and what is mounted."""
        people = _rows(root / "etc/passwd")
        homes = [each[5] for each in people if len(each) > 5 and each[5].startswith("/") and each[5] != "/"]
        users = frozenset(int(each[2]) for each in people if len(each) > 2 and each[2].isdecimal())
        groups = frozenset(int(e[2]) for e in _rows(root / "etc/group") if len(e) > 2 and e[2].isdecimal())
        return cls(str(root), own, tuple(dict.fromkeys(homes)), _mounts(root), (users, groups))

    def real(self, path: str) -> str:
        """Where a path of the machine lies here."""
        return path if self.root == "/" else self.root.rstrip("/") + path

    def expand(self, pattern: str) -> list[str]:
        """A pattern for every home, or the one."""
        if not pattern.startswith("~/"):
            return [pattern]
        return [home.rstrip("/") + pattern[1:] for home in self.homes]


def found(place: Place, patterns: Sequence[str], choice: Choice) -> Iterator[str]:
    """The paths, as the machine calls them, that patterns find and a choice means; each once."""
    expanded = [pattern for written in patterns for pattern in place.expand(written)]
    seen: set[str] = set()
    for pattern in expanded:
        for path in _expanded(place, "", [part for part in pattern.split("/") if part], choice, 0):
            if path not in seen and _meant(place, path, choice):
                if len(expanded) > 1:  # one pattern finds nothing twice, and may find a whole disk
                    seen.add(path)
                yield path


def _expanded(place: Place, at: str, parts: Sequence[str], choice: Choice, depth: int) -> Iterator[str]:
    if not parts:
        yield at or "/"
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _below(place, at, rest, choice, depth)
    elif _MAGIC & set(first):
        for entry in _entries(place, at):
            if fnmatchcase(entry.name, first):
                yield from _expanded(place, f"{at}/{entry.name}", rest, choice, depth)
    elif os.path.lexists(place.real(f"{at}/{first}")):
        yield from _expanded(place, f"{at}/{first}", rest, choice, depth)


def _below(place: Place, at: str, rest: Sequence[str], choice: Choice, depth: int) -> Iterator[str]:
    """All the way down: whatever is there, or what the rest of the pattern finds in every folder."""
    if rest:
        yield from _expanded(place, at, rest, choice, depth)
    if choice.depth is not None and depth >= choice.depth:
        return
    for entry in _entries(place, at):
        path = f"{at}/{entry.name}"
        if not rest:
            yield path
        if _enters(place, entry, path, choice):
            yield from _below(place, path, rest, choice, depth + 1)


def _enters(place: Place, entry: os.DirEntry[str], path: str, choice: Choice) -> bool:
    try:
        folder = entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
    kept_out = path == place.own or place.mounts.get(path) in UNREAL | choice.leave_types
    return folder and not kept_out and not any(fnmatchcase(f"{path}/", each) for each in choice.leave)


def _entries(place: Place, at: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place.real(at or "/")) as listed:
            return sorted(listed, key=lambda each: each.name)
    except OSError:
        return []


def _meant(place: Place, path: str, choice: Choice) -> bool:
    name = path.rpartition("/")[2]
    return (
        (not choice.within or any(fnmatchcase(path, each) for each in choice.within))
        and not any(fnmatchcase(path, each) for each in choice.leave)
        and (not choice.names or any(fnmatchcase(name, each) for each in choice.names))
        and not any(fnmatchcase(name, each) for each in choice.leave_names)
        and _looks_so(place, path, choice)
    )


def _looks_so(place: Place, path: str, choice: Choice) -> bool:
    try:
        seen = os.lstat(place.real(path))
    except OSError:
        return not (choice.modes or choice.kinds or choice.unowned)
    kind, mode = str(facts_of(seen)["kind"]), stat.S_IMODE(seen.st_mode)
    return (
        (kind in choice.kinds if choice.kinds else kind != "d")
        and (not choice.modes or any(mode & bits == bits for bits in choice.modes))
        and (choice.smallest is None or seen.st_size >= choice.smallest)
        and (choice.largest is None or seen.st_size <= choice.largest)
        and (not choice.unowned or seen.st_uid not in place.known[0] or seen.st_gid not in place.known[1])
    )


def _rows(path: Path) -> list[list[str]]:
    try:
        return [line.split(":") for line in path.read_text("utf-8", "surrogateescape").splitlines()]
    except OSError:
        return []


def _mounts(root: Path) -> dict[str, str]:
    try:
        lines = (root / "proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return {}
    rows = [line.split(" ") for line in lines]
    return {_ESCAPE.sub(lambda each: chr(int(each[1], 8)), row[1]): row[2] for row in rows if len(row) > 2}
