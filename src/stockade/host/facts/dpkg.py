"""The database of dpkg: status, lists of files, digests, diversions, and what ucf keeps (deb(5), dpkg-divert(1)).

Paths in the lists are spelled as the package spells them: ``/bin/su`` where the file is ``/usr/bin/su``. Each is put
into its one spelling, without which a healthy machine has hundreds of programs that nobody owns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from stockade.host.facts.package import Database, Package
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

STATUS: Final = "/var/lib/dpkg/status"
INFO: Final = "/var/lib/dpkg/info"
WHOLE: Final = 256 << 20
PRESENT: Final = frozenset({"installed", "half-configured", "triggers-awaited", "triggers-pending", "unpacked"})


class Stanza(NamedTuple):
    """A package in the status file, with the digests of its settings."""

    package: Package
    settings: Mapping[str, str]


def stanzas(status: str) -> Iterator[Stanza]:
    """The packages that are installed, of ``/var/lib/dpkg/status``."""
    for block in status.split("\n\n"):
        fields = _fields(block)
        if fields.get("Status", "").rpartition(" ")[2] in PRESENT:
            source, _, version = (fields.get("Source") or fields["Package"]).partition(" ")
            package = Package(
                fields["Package"],
                fields.get("Version", ""),
                source,
                fields.get("Architecture", ""),
                source_version=version.strip("()"),
            )
            yield Stanza(package, dict(_settings(fields.get("Conffiles", ""))))


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if line[:1] == " ":
            if name == "Conffiles":
                fields[name] += "\n" + line
            continue
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields


def _settings(said: str) -> Iterator[tuple[str, str]]:
    """``PATH MD5`` with ``obsolete`` or ``remove-on-upgrade`` behind it, one a line."""
    for line in said.splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[1]) == 32:
            yield words[0], words[1]


def sums(text: str) -> Iterator[tuple[str, str]]:
    """Path and digest of each line of a ``*.md5sums``."""
    for line in text.splitlines():
        digest, _, path = line.partition("  ")
        if len(digest) == 32:
            yield "/" + path.removeprefix("./"), digest


def diversions(text: str) -> dict[str, tuple[str, str]]:
    """Path -> where it was moved to, and the package that may keep the path (``:`` for the administrator)."""
    lines = text.splitlines()
    return {lines[at]: (lines[at + 1], lines[at + 2]) for at in range(0, len(lines) - 2, 3)}


class Placing:
    """Where the file that a package calls ``path`` lies: in its one spelling, and moved where it was diverted."""

    def __init__(self, tree: Tree, moved: Mapping[str, tuple[str, str]]) -> None:
        self._tree = tree
        self._moved = moved

    def __call__(self, path: str, package: str) -> str:
        moved = self._moved.get(path)
        if moved is not None and moved[1] != package:
            path = moved[0]
        return self._tree.spelled(path)


def read(tree: Tree) -> tuple[Database, tuple[Unseen, ...]]:
    """The database under a root. Raises OSError when there is none that can be read."""
    found = {_key(tree, stanza.package): stanza for stanza in stanzas(tree.text(STATUS, WHOLE))}
    place = Placing(tree, diversions(_or_empty(tree, "/var/lib/dpkg/diversions")))
    owners: dict[str, str] = {}
    installed: dict[str, Package] = {}
    unseen = []
    for key, (package, _) in found.items():
        try:
            owners.update((place(path, package.name), key) for path in tree.text(_list(key), WHOLE).splitlines())
            when = os.stat(tree.at(_list(key))).st_mtime  # noqa: PTH116
        except OSError as error:
            unseen.append(Unseen(f"the files of package {key}", str(error.strerror)))
            when = None
        installed[key] = replace(package, when=when)
    settings = frozenset(place(path, key) for key, stanza in found.items() for path in stanza.settings)
    made = {tree.spelled(path): name for name, path in registered(_or_empty(tree, "/var/lib/ucf/registry"))}
    return Database("dpkg", installed, owners, _digests(tree, found, place), settings, made), tuple(unseen)


def registered(text: str) -> Iterator[tuple[str, str]]:
    """Package and path of each settings file that ucf keeps (ucf(1)): no list names them."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2:
            yield words[0], words[1]


def _digests(tree: Tree, found: Mapping[str, Stanza], place: Placing) -> Callable[[str], Mapping[str, str]]:
    def of(key: str) -> Mapping[str, str]:
        name = found[key].package.name
        listed = _or_empty(tree, _list(key).removesuffix("list") + "md5sums")
        digests = {place(path, name): digest for path, digest in sums(listed)}
        return digests | {place(path, name): digest for path, digest in found[key].settings.items()}

    return of


def _key(tree: Tree, package: Package) -> str:
    """The name that the package's files in ``info`` begin with: with its architecture where several may be there."""
    foreign = f"{package.name}:{package.architecture}"
    return foreign if os.path.exists(tree.at(f"{INFO}/{foreign}.list")) else package.name  # noqa: PTH110


def _list(key: str) -> str:
    return f"{INFO}/{key}.list"


def _or_empty(tree: Tree, path: str) -> str:
    try:
        return tree.text(path, WHOLE)
    except OSError:
        return ""
