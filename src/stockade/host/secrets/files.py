"""Every file of a tree, looked through for secrets; links are not followed, other file systems not entered."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from pathlib import Path, PurePath
from typing import BinaryIO, Final

from stockade.host.oddity import Unseen
from stockade.host.secrets import known
from stockade.host.secrets.found import Place, Sighting, Where
from stockade.host.secrets.scanning import Scanner
from stockade.host.secrets.texts import blocks, opened

SKIPPED: Final = frozenset({".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"})
"""Folders that are not entered: histories are read as histories, caches repeat what lies beside them."""
VIRTUAL: Final = ("/proc", "/sys", "/dev", "/run/user")
PACKED: Final = frozenset(
    {".gz", ".xz", ".bz2", ".zst", ".zip", ".tar", ".tgz", ".7z", ".rar", ".jar", ".whl", ".rpm", ".deb"}
)
STORES: Final = frozenset({".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".kdb", ".wallet"})
"""Endings of stores of keys under a password, which are named and not opened."""
Tell = Callable[[int], None]


class FilesScan:
    """One walk. What it counts can be read when it is over."""

    def __init__(self, scanner: Scanner, *, excluded: Collection[Path] = (), tell: Tell = lambda _octets: None) -> None:
        self.scanner, self.tell = scanner, tell
        self.excluded = frozenset(str(each) for each in excluded)
        self.files = self.octets = self.binary = self.packed = 0
        self.repositories: list[Path] = []
        self.root = ""

    def walk(self, root: Path) -> Iterator[Sighting | Unseen]:
        """What lies under a path, which may be a file. Says what could not be read, and never what is in it."""
        try:
            first = root.lstat()
        except OSError as error:
            yield Unseen(str(root), _reason(error), "Name a path that exists.")
            return
        self.root = f"{root if stat.S_ISDIR(first.st_mode) else root.parent}/"
        if stat.S_ISDIR(first.st_mode):
            yield from self._folder(str(root), first.st_dev)
        else:
            yield from self._file(str(root))

    def _folder(self, top: str, device: int) -> Iterator[Sighting | Unseen]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                yield Unseen(folder, _reason(error), "Run it as root.")
                continue
            if is_repository(folder, {entry.name for entry in entries}):
                self.repositories.append(Path(folder))
            inner, files = self._sorted(entries, device)
            waiting += reversed(inner)
            for path in files:
                yield from self._file(path)

    def _sorted(self, entries: list[os.DirEntry[str]], device: int) -> tuple[list[str], list[str]]:
        """Folders to be entered, and files to be looked at."""
        bare = is_bare({entry.name for entry in entries})
        inner: list[str] = []
        files: list[str] = []
        for entry in entries:
            if entry.path in self.excluded or entry.path.startswith(VIRTUAL):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name == ".git":
                        files.append(f"{entry.path}/config")  # a password may stand in a remote's URL
                    if entry.name not in SKIPPED and not bare and entry.stat(follow_symlinks=False).st_dev == device:
                        inner.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.path)
            except OSError:
                continue  # it was gone before it could be looked at
        return inner, files

    def _file(self, path: str) -> Iterator[Sighting | Unseen]:
        ending = PurePath(path).suffix.lower()
        self.packed += ending in PACKED
        if ending in STORES:
            yield Unseen(path, "a store of keys under a password of its own", "Change what is in it by hand.")
        if ending in PACKED | STORES:
            return
        try:
            file = opened(path)
            if file is not None:
                with file:
                    yield from self._opened(file, path)
        except OSError as error:
            yield Unseen(path, _reason(error), "Run it as root.")

    def _opened(self, file: BinaryIO, path: str) -> Iterator[Sighting | Unseen]:
        status = os.fstat(file.fileno())
        below = path.removeprefix(self.root)
        owner, whole = owner_of(status.st_uid), known.LARGEST if known.file_at(path).reader != "lines" else 0
        self.files += 1
        self.octets += status.st_size
        self.tell(self.octets)
        if whole and status.st_size > whole:
            yield Unseen(
                path, f"it is larger than {whole >> 20} MiB, and can only be read whole", "Look at it by hand."
            )
            whole = 0
        any_text = False
        for block in blocks(file, whole):
            any_text = True
            try:
                found = list(self.scanner.look(block.text, path, whole=block.whole, below=below))
            except known.NotAsNamed as error:
                yield Unseen(path, f"its name is known, and it cannot be read so: {error}", "Look at it by hand.")
                found = list(self.scanner.look(block.text, path, whole=False, below=below))
            for each in found:
                end = each.at + len(each.value.value)
                if each.at < 0 or end > block.fresh:
                    at = "" if each.at < 0 else str(block.line + block.text.count("\n", 0, each.at))
                    yield self.scanner.sighting(each, Place(Where.FILE, path, each.name, at, owner))
        self.binary += not any_text and status.st_size > 0


def is_bare(names: Collection[str]) -> bool:
    """Whether a folder with these in it is a bare repository, or the inner folder of one."""
    return {"HEAD", "objects", "refs"} <= set(names)


def is_repository(folder: str, names: Collection[str]) -> bool:
    """Whether a folder is the top of a repository, of either sort."""
    return ".git" in names or (is_bare(names) and not folder.endswith("/.git"))


@lru_cache(maxsize=1024)
def owner_of(uid: int) -> str:
    """The name of a login; its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _reason(error: OSError) -> str:
    return (error.strerror or "it cannot be read").lower()
