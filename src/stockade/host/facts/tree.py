"""A machine's files under a root folder, by the paths that they have on that machine."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

LARGEST: Final = 1 << 20
"""Octets that are read of one settings file; what is longer is no settings file."""

LINKS: Final = 8
"""Links that are followed one after another before they are taken for a circle."""


def opened(place: str, *, follow: bool = True) -> BinaryIO:
    """A file, to be read without a trace in its time of access where that is allowed. Raises OSError; what is no file,
    a pipe that nobody writes to or a device without an end, is never read.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    _refuse_others(os.stat(place, follow_symlinks=follow))  # noqa: PTH116  before it is opened, which a device may feel
    try:
        descriptor = os.open(place, flags | os.O_NOATIME)
    except PermissionError:  # only the owner and root may leave no trace
        descriptor = os.open(place, flags)
    file = open(descriptor, "rb")  # noqa: PTH123, SIM115  whoever asks closes it
    try:
        _refuse_others(os.fstat(descriptor))
    except OSError:
        file.close()
        raise
    return file


def _refuse_others(about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is no file")


class Tree:
    """Paths of a machine, followed within its root, so that a link of a copied machine never leads out of the copy."""

    def __init__(self, root: Path) -> None:
        self.root = "" if str(root) == "/" else str(root)
        self._folders: dict[str, str] = {"": "", "/": ""}

    def at(self, path: str) -> str:
        """Where the file of that path lies on the machine that looks."""
        return self.root + path

    def folder(self, path: str) -> str:
        """The one spelling of a folder, without a slash at its end: ``/bin`` is ``/usr/bin`` where /usr is merged."""
        known = self._folders.get(path)
        if known is not None:
            return known
        parent, _, name = path.rpartition("/")
        spelled = f"{self.folder(parent)}/{name}"
        self._folders[path] = spelled  # so that a circle of links ends
        target = self.link(spelled)
        if target is not None:
            spelled = self.folder(os.path.normpath(os.path.join(spelled, "..", target)))  # noqa: PTH118  not of here
        self._folders[path] = spelled
        return spelled

    def spelled(self, path: str) -> str:
        """The one spelling of a path: its folders followed, its last part left as it is."""
        parent, _, name = path.rpartition("/")
        return f"{self.folder(parent)}/{name}"

    def resolved(self, path: str) -> str:
        """The path that a chain of links ends at, all of it within the root."""
        for _ in range(LINKS):
            path = self.spelled(path)
            target = self.link(path)
            if target is None:
                break
            path = os.path.normpath(os.path.join(path, "..", target))  # noqa: PTH118  not of here
        return path

    def link(self, path: str) -> str | None:
        """What a symbolic link says; None for what is none."""
        try:
            return os.readlink(self.root + path)  # noqa: PTH115  a hundred thousand of them
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        """The names in a folder, in order; none where there is no such folder. Raises PermissionError."""
        try:
            return sorted(os.listdir(self.root + (folder or "/")))  # noqa: PTH208  names, no paths
        except (FileNotFoundError, NotADirectoryError):
            return []

    def octets(self, path: str, largest: int = LARGEST, *, last: bool = False) -> bytes:
        """At most ``largest`` octets of a file, the first or the ``last``. Raises OSError, as for what is no file."""
        with opened(self.root + path) as file:
            if last:
                file.seek(max(0, os.fstat(file.fileno()).st_size - largest))
            return file.read(largest)

    def text(self, path: str, largest: int = LARGEST) -> str:
        """The same as text; octets that are none survive as surrogates. Raises OSError."""
        return self.octets(path, largest).decode("utf-8", "surrogateescape")
