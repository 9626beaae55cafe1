"""Everything on a machine that will run again by itself, or lets somebody in again: the files, as they lie there."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from stockade.host.facts.accounts import Account, accounts
from stockade.host.facts.attributes import is_fixed
from stockade.host.facts.places import KEYS, PLACES
from stockade.host.facts.sshd import key_files
from stockade.host.facts.tree import LARGEST, Tree
from stockade.host.oddity import Unseen
from stockade.host.patience import in_turn

MANY: Final = 10_000
"""Files of one pattern that are read."""
TOGETHER: Final = 256 << 20
"""Characters that all files may have together, as they are kept."""
PATIENCE: Final = 5.0
"""Seconds that a file or a home is waited for."""
SILENT: Final = "it does not answer"
WHERE: Final = "look at what is mounted there: grep -E 'fuse|nfs|cifs' /proc/self/mounts"
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
    wanted = dict(_wanted(tree, people, unseen))
    return Placement(tuple(_all_taken(tree, wanted, unseen)), people), tuple(dict.fromkeys(unseen))


def _all_taken(tree: Tree, wanted: Mapping[str, str], unseen: list[Unseen]) -> Iterator[Placed]:
    """All files as they lie there, as long as they are no more than fit."""
    room = TOGETHER
    for (path, _), answer in in_turn(wanted.items(), lambda job: list(taken(tree, *job, unseen)), PATIENCE):
        if answer is None:
            unseen.append(Unseen(path, SILENT, WHERE))
        for each in answer or ():
            room -= len(each.text)
            if room < 0:
                remedy = f"ls -l {path.rpartition('/')[0]}"
                unseen.append(
                    Unseen(f"what starts by itself from {path} on", "the files are too long together", remedy)
                )
                return
            yield each


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


class _Patterns(NamedTuple):
    """Patterns of one home, or one of the machine's own."""

    where: str
    patterns: tuple[tuple[str, str], ...]


def _sought(people: Iterable[Account]) -> Iterator[_Patterns]:
    homes = sorted({account.home.rstrip("/") for account in people if account.home.startswith("/")} - {""})
    every = [(kind, pattern) for kind, patterns in PLACES.items() for pattern in patterns]
    yield from (_Patterns("", ((kind, pattern),)) for kind, pattern in every if pattern[0] != "~")
    personal = [(kind, pattern[1:]) for kind, pattern in every if pattern[0] == "~"]
    yield from (_Patterns(home, tuple((kind, f"{home}{rest}") for kind, rest in personal)) for home in homes)


def _wanted(tree: Tree, people: tuple[Account, ...], unseen: list[Unseen]) -> Iterator[tuple[str, str]]:
    """Each path with its kind. What is in a home that may not be looked into looks as if it were not there, and is
    told; so is a place where nobody answers.
    """
    closed = list[str]()
    for sought, answer in in_turn(_sought(people), lambda one: _matched(tree, one, unseen, closed), PATIENCE):
        if answer is None:
            unseen.append(Unseen(sought.where or " ".join(sought.patterns[0]), SILENT, WHERE))
        yield from answer or ()
    if closed:
        unseen.append(Unseen(f"homes: {', '.join(closed)}", "they may not be looked into", "look again as root"))
    settings = _settings(tree)
    for account, keys in in_turn(people, lambda one: list(_keys(tree, one, settings)), PATIENCE):
        if keys is None:
            unseen.append(Unseen(f"keys of {account.name}", SILENT, WHERE))
        yield from ((path, "authorized keys") for path in keys or ())


def _matched(tree: Tree, sought: _Patterns, unseen: list[Unseen], closed: list[str]) -> list[tuple[str, str]]:
    if sought.where and _is_closed(tree, sought.where):
        closed.append(sought.where)
        return []
    found = list[tuple[str, str]]()
    for kind, pattern in sought.patterns:
        try:
            paths = list(islice(matching(tree, pattern), MANY + 1))
        except OSError as error:
            unseen.append(Unseen(f"{kind} in {pattern}", str(error.strerror), "look again as root"))
            continue
        if len(paths) > MANY:
            unseen.append(Unseen(f"{kind} in {pattern}", f"there are more than {MANY:,}, and the first were looked at"))
        found += [(path, kind) for path in paths[:MANY]]
    return found


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


def _settings(tree: Tree) -> list[str]:
    """The settings of sshd. What cannot be read is told where the file itself is."""
    texts = list[str]()
    for pattern in ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"):
        with suppress(OSError):
            texts += [tree.text(path) for path in islice(matching(tree, pattern), MANY)]
    return texts


def _keys(tree: Tree, account: Account, settings: Iterable[str]) -> Iterator[str]:
    """The files of keys that sshd asks for an account, as its settings say."""
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
