"""Which package a file belongs to, and what that package says it should be: dpkg, rpm or apk, read without them.

The database lies on the machine that is looked at. Who was root there could have written it too, so that a file that
agrees with it is proved nothing by that; one that does not is worth a look.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from stockade.host.facts import apk, dpkg, rpm
from stockade.host.facts.package import Database, Package
from stockade.host.facts.tree import Tree
from stockade.host.oddity import Unseen

__all__ = ["Package", "Packages", "read"]

NONE: Final = Database("", {}, {}, lambda _: {})
LINKS: Final = 8
NEAR: Final = 600.0
"""Seconds that the clock may have been set back since a process was started, and an update takes."""
ALTERNATIVES: Final = "/etc/alternatives/"


class Packages:
    """The packages of a machine. A path may be given as it is spelled anywhere: ``/bin/su`` is ``/usr/bin/su``."""

    def __init__(self, database: Database, tree: Tree) -> None:
        self.manager = database.manager
        self.installed: Mapping[str, Package] = database.installed
        self._database = database
        self._tree = tree
        self._digests: dict[str, Mapping[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self.installed)

    def owner(self, path: str) -> str | None:
        """The package that a file is of, a key of ``installed``: moved by diversions, chosen as an alternative, or
        made when the package was set up. None for what no package brought.
        """
        for _ in range(LINKS):
            path = self._tree.spelled(path)
            owner = self._database.owners.get(path) or self._database.made.get(path)
            if owner is not None:
                return owner
            target = self._tree.link(path)
            if target is None or not (target.startswith(ALTERNATIVES) or path.startswith(ALTERNATIVES)):
                return None
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120  not of here
        return None

    def renewed(self, package: str, since: float) -> bool:
        """Whether a package may have come or been renewed after a moment; one whose time nobody knows may have been."""
        known = self.installed.get(package)
        return known is None or known.when is None or known.when > since - NEAR

    def digest(self, path: str) -> str | None:
        """The digest that the database has of a file, in hexadecimal: MD5, SHA-1 or SHA-256, by its length."""
        path = self._tree.spelled(path)
        owner = self._database.owners.get(path)
        return None if owner is None else self.digests(owner).get(path)

    def digests(self, package: str) -> Mapping[str, str]:
        """The digest of each file of a package, by the file's one spelling."""
        if package not in self._digests:
            self._digests[package] = self._database.digests(package)
        return self._digests[package]

    def is_setting(self, path: str) -> bool:
        """Whether a package brought the file for people to change it (a conffile)."""
        return self._tree.spelled(path) in self._database.settings

    def files(self) -> Iterator[tuple[str, str]]:
        """Every path that packages brought, in its one spelling, with its package."""
        yield from self._database.owners.items()


def read(root: Path) -> tuple[Packages, tuple[Unseen, ...]]:
    """The packages of the machine whose files lie under ``root``; never raises for what cannot be read."""
    tree = Tree(root)
    try:
        database, unseen = _database(tree)
    except (OSError, sqlite3.Error) as error:
        missing = Unseen("packages", f"the database of packages cannot be read: {error}", "look again as root")
        return Packages(NONE, tree), (missing,)
    return Packages(database, tree), unseen


def _database(tree: Tree) -> tuple[Database, tuple[Unseen, ...]]:
    if _there(tree, dpkg.STATUS):
        return dpkg.read(tree)
    if _there(tree, apk.INSTALLED):
        return apk.read(tree)
    for path in rpm.PLACES:
        if _there(tree, path):
            return rpm.read(tree, path)
    old = next((path for path in rpm.OLDER if _there(tree, path)), None)
    if old is not None:
        unseen = Unseen("packages", f"{old} is in rpm's older format", "run: rpm -Va")
        return NONE, (unseen,)
    unseen = Unseen("packages", f"no database of dpkg, rpm or apk lies under {tree.root or '/'}")
    return NONE, (unseen,)


def _there(tree: Tree, path: str) -> bool:
    return os.path.exists(tree.at(path))  # noqa: PTH110
