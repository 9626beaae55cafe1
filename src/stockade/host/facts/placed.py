"""Everything on a machine that will run again by itself, or lets somebody in again: the files, as they lie there."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stockade.host.facts.accounts import Account, accounts
from stockade.host.facts.attributes import is_fixed
from stockade.host.facts.places import KEYS, PLACES
from stockade.host.facts.sshd import key_files
from stockade.host.facts.tree import LARGEST, Tree
from stockade.host.oddity import Unseen

DEEP: Final = 6
"""Folders below a place of which all that lies below counts."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file in such a place.

    ``changed`` is when its content or its mode last was, in seconds since the epoch (st_ctime, which no ordinary
    program can set). ``text`` is what it says, at most a mebibyte, and may hold secrets: it is never shown or kept.
    ``link`` is where a symbolic link leads; then the rest is of what lies there. ``sha256`` is empty
    for what is longer. ``fixed`` is whether not even root can change it (chattr +i).
    """

    kind: str
    path: str
    mode: int
    uid: int
    size: int
    changed: float
    text: str = field(default="", repr=False)
    link: str = ""
    sha256: str = ""
    fixed: bool = False

    @property
    def octets(self) -> bytes:
        """What it says, exactly."""
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def is_program(self) -> bool:
        """Whether it is a compiled program rather than text."""
        return self.text.startswith("\x7fELF")


@dataclass(frozen=True, slots=True)
class Placement:
    """All files in such places, and the accounts whose homes were looked into. This is what a baseline is taken of."""

    files: tuple[Placed, ...] = ()
    accounts: tuple[Account, ...] = ()

    def of(self, *kinds: str) -> Iterator[Placed]:
        """Those of some kinds."""
        return (each for each in self.files if each.kind in kinds)

    def picture(self) -> dict[str, str]:
        """Path -> mode, owner and digest, or where it leads: plain data for a baseline; no content."""
        return {
            each.path: f"link {each.link}" if each.link else f"{each.mode:o} {each.uid} {each.sha256}"
            for each in self.files
        }


def read(root: Path) -> tuple[Placement, tuple[Unseen, ...]]:
    """The files in all places of the machine whose files lie under ``root``."""
    tree, unseen = Tree(root), list[Unseen]()
    people = _accounts(tree, unseen)
    homes = _homes(tree, people, unseen)
    wanted = dict(_wanted(tree, homes, unseen))
    wanted |= dict.fromkeys(_keys(tree, people), "authorized keys")
    files = [each for path, kind in wanted.items() for each in taken(tree, path, kind, unseen)]
    return Placement(tuple(files), people), tuple(unseen)


def _homes(tree: Tree, people: Iterable[Account], unseen: list[Unseen]) -> list[str]:
    """The homes that may be looked into; what is in one that may not looks as if it were not there, and is told."""
    homes = sorted({account.home.rstrip("/") for account in people if account.home.startswith("/")} - {""})
    closed = [home for home in homes if _is_closed(tree, home)]
    if closed:
        unseen.append(Unseen(f"homes: {', '.join(closed)}", "they may not be looked into", "look again as root"))
    return [home for home in homes if home not in closed]


def _is_closed(tree: Tree, home: str) -> bool:
    try:
        os.stat(tree.at(f"{home}/."))  # noqa: PTH116
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _accounts(tree: Tree, unseen: list[Unseen]) -> tuple[Account, ...]:
    try:
        passwd = tree.text("/etc/passwd")
    except OSError as error:
        unseen.append(Unseen("accounts", f"/etc/passwd: {error.strerror}", "look again as root"))
        return ()
    try:
        shadow = tree.text("/etc/shadow")
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            unseen.append(Unseen("passwords", f"/etc/shadow: {error.strerror}", "look again as root"))
        return tuple(accounts(passwd, None))
    return tuple(accounts(passwd, shadow))


def _wanted(tree: Tree, homes: Iterable[str], unseen: list[Unseen]) -> Iterator[tuple[str, str]]:
    for kind, patterns in PLACES.items():
        for pattern in patterns:
            spelled = [f"{home}{pattern[1:]}" for home in homes] if pattern[0] == "~" else [pattern]
            for each in spelled:
                try:
                    yield from ((path, kind) for path in matching(tree, each))
                except PermissionError as error:
                    unseen.append(Unseen(f"{kind} in {each}", str(error.strerror), "look again as root"))


def matching(tree: Tree, pattern: str) -> Iterator[str]:
    """The paths that a pattern stands for, folders apart. Raises PermissionError."""
    folder, parts = "", pattern.strip("/").split("/")
    yield from _matching(tree, folder, parts)


def _matching(tree: Tree, folder: str, parts: list[str]) -> Iterator[str]:
    part, *rest = parts
    if part == "**":
        yield from _below(tree, folder, DEEP)
        return
    names = fnmatch.filter(tree.names(folder), part) if "*" in part else [part]
    for name in names:
        path = f"{folder}/{name}"
        if rest:
            yield from _matching(tree, path, rest)
        elif os.path.lexists(tree.at(path)) and not _is_folder(tree, path):
            yield path


def _below(tree: Tree, folder: str, deep: int) -> Iterator[str]:
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        if not _is_folder(tree, path):
            yield path
        elif deep and tree.link(path) is None:
            yield from _below(tree, path, deep - 1)


def _is_folder(tree: Tree, path: str) -> bool:
    return os.path.isdir(tree.at(path))  # noqa: PTH112


def _keys(tree: Tree, people: Iterable[Account]) -> Iterator[str]:
    """The files of keys that sshd asks for each account, as its settings say."""
    settings = []
    for path in (*matching(tree, "/etc/ssh/sshd_config"), *matching(tree, "/etc/ssh/sshd_config.d/*.conf")):
        try:
            settings.append(tree.text(path))
        except OSError:
            continue  # told where the file itself is read
    for account in people:
        for said in (*KEYS, *key_files(settings)):
            path = said.replace("%h", account.home).replace("%u", account.name).replace("%U", str(account.uid))
            whole = path if path.startswith("/") else f"{account.home.rstrip('/')}/{path}"
            if os.path.lexists(tree.at(whole)):
                yield whole


def taken(tree: Tree, path: str, kind: str, unseen: list[Unseen]) -> Iterator[Placed]:
    """One file in a place, as it lies there; nothing, and told why in ``unseen``, when it cannot be read."""
    place = tree.spelled(path)
    link = tree.resolved(place) if tree.link(place) is not None else ""
    try:
        octets, about = _octets(tree, link or place, kind)
    except FileNotFoundError:  # a link that leads nowhere, as /dev/null in a copy
        yield Placed(kind, path, 0, 0, 0, 0.0, link=link)
        return
    except OSError as error:
        unseen.append(Unseen(path, str(error.strerror), "look again as root"))
        return
    digest = hashlib.sha256(octets).hexdigest() if about.st_size == len(octets) else ""
    text = octets.decode("utf-8", "surrogateescape")
    known = (about.st_mode, about.st_uid, about.st_size, about.st_ctime, text, link, digest)
    yield Placed(kind, path, *known, fixed=stat.S_ISREG(about.st_mode) and is_fixed(tree.at(place)))


def _octets(tree: Tree, path: str, kind: str) -> tuple[bytes, os.stat_result]:
    about = os.lstat(tree.at(path))
    if not stat.S_ISREG(about.st_mode):
        return b"", about  # a mask: /dev/null
    return tree.octets(path, 64 * LARGEST if kind == "authorized keys" else LARGEST), about
