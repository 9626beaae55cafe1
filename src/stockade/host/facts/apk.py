"""The database of apk, Alpine's package manager: one text, ``/lib/apk/db/installed`` (apk-v2 "installed" format)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from stockade.host.facts.package import Database, Package
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

INSTALLED: Final = "/lib/apk/db/installed"
WHOLE: Final = 256 << 20


class Stanza(NamedTuple):
    """A package with the digest of each of its files; empty where the database has none."""

    package: Package
    files: Mapping[str, str]


def stanzas(text: str) -> Iterator[Stanza]:
    """The packages that ``/lib/apk/db/installed`` lists."""
    for block in text.split("\n\n"):
        lines = [(line[:1], line[2:]) for line in block.splitlines() if line[1:2] == ":"]
        said = dict(lines)
        if "P" in said:
            source = said.get("o") or said["P"]
            yield Stanza(Package(said["P"], said.get("V", ""), source, said.get("A", "")), dict(_files(lines)))


def _files(lines: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """``F:`` begins a folder, ``R:`` a file in it, and ``Z:`` is that file's digest."""
    folder, path = "", ""
    for letter, value in lines:
        if letter == "F":
            folder = value
        elif letter == "R":
            path = "/" + f"{folder}/{value}".lstrip("/")
            yield path, ""
        elif letter == "Z" and path:
            yield path, digest(value)


def digest(said: str) -> str:
    """``Q1`` and the SHA-1 in Base64, as hexadecimal; empty where it is something else."""
    try:
        return b64decode(said[2:], validate=True).hex() if said.startswith("Q1") else ""
    except (NotBase64, ValueError):
        return ""


def read(tree: Tree) -> tuple[Database, tuple[Unseen, ...]]:
    """The database under a root. Raises OSError when there is none that can be read."""
    found = {stanza.package.name: stanza for stanza in stanzas(tree.text(INSTALLED, WHOLE))}
    owners = {tree.spelled(path): name for name, stanza in found.items() for path in stanza.files}
    settings = frozenset(path for path in owners if path.startswith("/etc/"))  # apk protects all of it

    def digests(name: str) -> Mapping[str, str]:
        return {tree.spelled(path): said for path, said in found[name].files.items() if said}

    installed = {name: stanza.package for name, stanza in found.items()}
    return Database("apk", installed, owners, digests, settings), ()
