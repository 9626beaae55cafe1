"""The database of rpm, as it is kept in SQLite since rpm 4.16, read without rpm: headers of tags and their values.

A header is two numbers (how many tags, how many octets of values), the tags, and the values ("RPM v4 header format").
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Final

from stockade.host.facts.package import Database, Package
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

PLACES: Final = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
OLDER: Final = ("/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages.db")
SETTING: Final = 1
"""The bit of a file's flags that says it is there to be changed (RPMFILE_CONFIG)."""
MOST: Final = 1 << 20
Value = list[int] | list[str]


class Tag(IntEnum):
    """The tags that are asked for, of the hundreds there are."""

    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    WHEN = 1008
    ARCHITECTURE = 1022
    DIGESTS = 1035
    FLAGS = 1037
    SOURCE = 1044
    FOLDER_OF = 1116
    NAMES = 1117
    FOLDERS = 1118


def header(blob: bytes) -> Mapping[Tag, Value]:
    """The tags of a header that are asked for. Raises ValueError for what is no header."""
    if len(blob) < 8:
        raise ValueError("a header of rpm that is cut off")
    tags, octets = struct.unpack_from(">II", blob)
    start = 8 + 16 * tags
    if tags > MOST or len(blob) < start + octets:
        raise ValueError("a header of rpm that is cut off")
    wanted = set(Tag)
    found: dict[Tag, Value] = {}
    for at in range(8, start, 16):
        tag, kind, offset, count = struct.unpack_from(">IIII", blob, at)
        if tag in wanted:
            found[Tag(tag)] = _values(blob, kind, start + offset, min(count, MOST))
    return found


def _values(blob: bytes, kind: int, at: int, count: int) -> Value:
    if kind == 4:  # INT32
        return list(struct.unpack_from(f">{count}I", blob, at))
    if kind in {6, 8, 9}:  # STRING, STRING_ARRAY, I18NSTRING
        return list(_strings(blob, at, count))
    return []


def _strings(blob: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        end = blob.index(b"\0", at)
        yield blob[at:end].decode("utf-8", "surrogateescape")
        at = end + 1


def package(tags: Mapping[Tag, Value]) -> Package:
    """The package that a header is of; its source is named without the version."""
    version = f"{_first(tags, Tag.VERSION)}-{_first(tags, Tag.RELEASE)}"
    source = _first(tags, Tag.SOURCE).rsplit("-", 2)[0]
    when = tags.get(Tag.WHEN)
    moment = float(when[0]) if when else None
    name = _first(tags, Tag.NAME)
    return Package(name, version, source or name, _first(tags, Tag.ARCHITECTURE), moment)


def _first(tags: Mapping[Tag, Value], tag: Tag) -> str:
    return next((str(value) for value in tags.get(tag, [])), "")


def files(tags: Mapping[Tag, Value]) -> Iterator[tuple[str, str, bool]]:
    """Path, digest (empty for folders and links) and whether it is a setting, of each file of a package."""
    names, digests, flags = tags.get(Tag.NAMES, []), tags.get(Tag.DIGESTS, []), tags.get(Tag.FLAGS, [])
    folders = tags.get(Tag.FOLDERS, [])
    for at, (name, folder) in enumerate(zip(names, map(int, tags.get(Tag.FOLDER_OF, [])), strict=False)):
        digest = str(digests[at]) if at < len(digests) else ""
        yield f"{folders[folder]}{name}", digest, bool(at < len(flags) and int(flags[at]) & SETTING)


def read(tree: Tree, path: str) -> tuple[Database, tuple[Unseen, ...]]:
    """The database at a path, opened so that nothing is written beside it. Raises OSError, sqlite3.Error."""
    unseen = [*_waiting(tree.at(f"{path}-wal"))]
    installed: dict[str, Package] = {}
    listed: dict[str, list[tuple[str, str, bool]]] = {}
    for number, blob in _blobs(tree.at(path)):
        try:
            tags = header(blob)
            installed[package(tags).name] = package(tags)
            listed[package(tags).name] = [
                (tree.spelled(path), digest, changes) for path, digest, changes in files(tags)
            ]
        except (ValueError, IndexError, struct.error) as error:
            unseen.append(Unseen(f"package {number} in {path}", str(error)))
    owners = {file: name for name, said in listed.items() for file, _, _ in said}
    settings = frozenset(file for said in listed.values() for file, _, setting in said if setting)

    def digests(name: str) -> Mapping[str, str]:
        return {file: digest for file, digest, _ in listed[name] if digest}

    return Database("rpm", installed, owners, digests, settings), tuple(unseen)


def _waiting(place: str) -> Iterator[Unseen]:
    """What rpm has written beside the database, and SQLite would only put into it by changing files here."""
    if os.path.exists(place) and os.path.getsize(place):  # noqa: PTH110, PTH202
        yield Unseen("the newest packages", f"{place} is not yet in the database", "run: rpm -qa --last | head")


def _blobs(place: str) -> Iterator[tuple[int, bytes]]:
    database = sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True)
    try:
        yield from database.execute("SELECT hnum, blob FROM Packages")
    finally:
        database.close()
