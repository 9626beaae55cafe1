"""What only a walk over all files finds: programs with rights of others, files hidden among devices, repositories."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, Literal

from stockade.host.facts import capabilities
from stockade.host.facts.tree import Tree, opened
from stockade.host.oddity import Unseen

What = Literal["setuid", "setgid", "capable", "device", "hidden"]
PROGRAMS: Final = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec", "/usr/lib/openssh")
SHARED: Final = ("/dev", "/tmp", "/var/tmp", "/run/lock")  # noqa: S108  where anybody can leave things
REPOSITORIES: Final = (
    *("/var/opt/gitlab/git-data/repositories", "/var/lib/gitea", "/var/lib/forgejo", "/srv/git", "/var/lib/git"),
    *("/home/git", "/data/git"),
)
QUICK: Final = dict.fromkeys(PROGRAMS, 0) | dict.fromkeys(SHARED, 2) | dict.fromkeys(REPOSITORIES, 4)
"""Where a quick walk goes, and how many folders deep."""
DEEP: Final = 1 << 20
ALL: Final = dict.fromkeys(("/usr", "/etc", "/root", "/home", "/opt", "/srv", "/var", "/dev", "/tmp", "/"), DEEP)  # noqa: S108
"""Everything, what matters most first: the walk may be out of time before it ends."""
MEMORY: Final = ("/dev/shm/", "/dev/mqueue/", "/dev/hugepages")  # noqa: S108  looked at
FOREIGN: Final = ("/var/lib/docker", "/var/lib/containers/storage", "/var/lib/containerd", "/var/lib/snapd", "/snap")
KERNELS: Final = frozenset({"/proc", "/sys", "/run/user"})
ELSEWHERE: Final = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "overlay", "squashfs", "proc", "sysfs", "cgroup")
SECONDS: Final = 25.0
EACH: Final = 2000
LARGEST: Final = 64 << 20
"""Octets of a program that are digested."""
HIDDEN: Final = re.compile(r"(?:/var)?/(?:tmp|run/lock)/\.|.*/\.[^/]+$")
"""A name with a dot before it, or a folder with one where anybody can make folders."""
SPECIAL: Final = stat.S_ISUID | stat.S_ISGID
ANYBODY_RUNS: Final = 0o111


@dataclass(frozen=True, slots=True)
class Special:
    """A file that is more than its name says."""

    what: What
    path: str
    mode: int
    uid: int
    gid: int
    changed: float
    capabilities: tuple[str, ...] = ()
    is_program: bool = False


@dataclass(slots=True)
class Walked:
    """What a walk has found so far: special files, and the folders that are Git repositories."""

    special: list[Special] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    folders: int = 0
    unseen: list[Unseen] = field(default_factory=list)


def walk(root: Path, found: Walked, folders: Mapping[str, int] = ALL, seconds: float = SECONDS) -> Iterator[int]:
    """Walk over folders and all below, on file systems of this machine; yields how many folders it has been in.

    It ends after ``seconds``, and then tells what it has not been in.
    """
    tree, end, denied = Tree(root), monotonic() + seconds, 0
    apart = KERNELS | set(FOREIGN) | set(_elsewhere(tree)) | folders.keys()
    found.unseen.extend(Unseen(path, "holds other machines' files, as of containers", "Look inside of each container.")
                        for path in FOREIGN if os.path.isdir(tree.at(path)))  # fmt: skip # noqa: PTH112
    waiting = [(path, deep) for path, deep in reversed(list(folders.items())) if tree.link(path) is None]
    while waiting:
        folder, deep = waiting.pop()
        try:
            below = [(path, deep - 1) for path in _inside(tree, folder, found) if path not in apart]
            waiting.extend(below if deep else ())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            denied += 1
        found.folders += 1
        if found.folders % EACH == 0:
            yield found.folders
            if monotonic() > end:
                break
    if waiting:
        found.unseen.append(
            Unseen(f"{len(waiting)} folders, {waiting[0][0]} among them", f"the walk took {seconds:.0f} s")
        )
    if denied:
        found.unseen.append(Unseen(f"{denied} folders", "they may not be read", "look again as root"))


def rights(root: Path) -> dict[str, str]:
    """Programs with rights of others, where programs usually are: path -> mode, owner, capabilities and digest."""
    found, tree = Walked(), Tree(root)
    for _ in walk(root, found, dict.fromkeys(PROGRAMS, 0)):
        pass
    held = (one for one in found.special if one.what in {"setuid", "setgid", "capable"})
    return {one.path: f"{_rights(one)} {_digest(tree, one.path)}" for one in held}


def _rights(one: Special) -> str:
    return f"{one.mode:o} {one.uid}:{one.gid} {','.join(one.capabilities) or '-'}"


def _digest(tree: Tree, path: str) -> str:
    try:
        return hashlib.sha256(tree.octets(path, LARGEST)).hexdigest()
    except OSError:
        return "unread"


def _inside(tree: Tree, folder: str, found: Walked) -> Iterator[str]:
    """Note what is special in a folder, and give the folders in it."""
    names, start = set(), folder.rstrip("/")
    shared = f"{folder}/".startswith(tuple(f"{one}/" for one in SHARED))
    with os.scandir(tree.at(folder)) as entries:
        for entry in entries:
            names.add(entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield f"{start}/{entry.name}"
            elif entry.is_file(follow_symlinks=False):
                _file(entry, f"{start}/{entry.name}", found, shared=shared)
    if {"HEAD", "objects", "refs"} <= names:
        found.repositories.append(folder)


def _file(entry: os.DirEntry[str], path: str, found: Walked, *, shared: bool) -> None:
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError:  # gone meanwhile
        return
    if about.st_mode & ANYBODY_RUNS == 0 and not shared:
        return
    what, can = _what(entry, path, about, shared=shared)
    if what is not None:
        is_program = _is_program(entry.path)
        known = (about.st_mode, about.st_uid, about.st_gid, about.st_ctime, can, is_program)
        found.special.append(Special(what, path, *known))


def _what(
    entry: os.DirEntry[str], path: str, about: os.stat_result, *, shared: bool
) -> tuple[What | None, tuple[str, ...]]:
    if about.st_mode & SPECIAL and about.st_mode & ANYBODY_RUNS:
        return "setuid" if about.st_mode & stat.S_ISUID else "setgid", ()
    if about.st_mode & ANYBODY_RUNS and (can := capabilities.of(entry.path)):
        return "capable", can
    if shared and path.startswith("/dev/") and not path.startswith(MEMORY):
        return "device", ()
    if shared and about.st_mode & ANYBODY_RUNS and (HIDDEN.match(path) or path.startswith(MEMORY)):
        return "hidden", ()
    return None, ()


def _is_program(place: str) -> bool:
    try:
        with opened(place, follow=False) as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _elsewhere(tree: Tree) -> Iterator[str]:
    """Where file systems are mounted that are no disk of this machine (proc_pid_mounts(5))."""
    try:
        text = tree.text("/proc/self/mounts")
    except OSError:
        return
    for line in text.splitlines():
        words = line.split()
        if len(words) > 2 and words[2].startswith(ELSEWHERE) and words[1] != "/":
            yield words[1].replace("\\040", " ")
