"""A tar file as a stream: what is in it, without anything being unpacked."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import IO, Final

from stockade.host.backups.listed import BackedUp, lists_names, names_in, rooted

Wanted = Callable[[str], bool]
"""Whether the digest of a file is wanted, by its path: to work it out, all of the file has to be read."""
Read = tuple[str, tuple[str, ...] | None]
"""The digest of a file, empty when it is not wanted, and the names it lists; None when it is too large for that."""
LARGEST: Final = 8 << 20
"""Octets of a file that lists names: more lines than that are nobody's."""
PIECE: Final = 1 << 20
LINKED: Final = 1 << 20
"""How many files are remembered for hard links to them that come later."""


def of_tar(file: IO[bytes], wanted: Wanted | None) -> Iterator[BackedUp]:
    """What a tar file holds, compressed or not. Raises OSError when it is not whole."""
    known: dict[str, Read] = {}
    try:
        with tarfile.open(fileobj=file, mode="r|*") as archive:  # a stream: nothing is kept of what was read
            for member in archive:
                yield _of_member(archive, member, wanted, known)
                archive.members = []  # type: ignore[attr-defined]  # else all of them are remembered
    except (tarfile.TarError, EOFError) as error:
        raise OSError(f"it is no whole tar file: {error}") from error


def _of_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, wanted: Wanted | None, known: dict[str, Read]
) -> BackedUp:
    path, plain = rooted(member.name), member.isreg() or member.islnk()
    unread: Read = ("", None if plain and lists_names(path) else ())
    found = unread
    if member.isreg() and (opened := archive.extractfile(member)) is not None:
        found = read(opened, path, wanted)
        if len(known) < LINKED and (found[0] or found[1]):
            known[path] = found
    elif member.islnk():
        found = known.get(rooted(member.linkname), unread)
    return BackedUp(path, member.size, float(member.mtime), stat.S_IMODE(member.mode), *found, plain)


def read(file: IO[bytes], path: str, wanted: Wanted | None) -> Read:
    """The digest of a file, when it is wanted, and the names it lists, when it is one that does."""
    head = file.read(LARGEST + 1) if lists_names(path) else b""
    names = names_in(path, head.decode("utf-8", "replace")) if len(head) <= LARGEST else None
    if wanted is None or not wanted(path):
        return "", names
    digest = sha256(head)
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest(), names
