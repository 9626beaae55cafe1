"""A package, and what a package manager's database says: the words that dpkg, rpm and apk are read into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    ``source`` is the package it was built from, ``source_version`` that one's where it differs; ``when`` it came or
    was last renewed, in seconds since the epoch, where that is known.
    """

    name: str
    version: str
    source: str = ""
    architecture: str = ""
    when: float | None = None
    source_version: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """What one package manager knows.

    ``owners`` says of a path in its one spelling whose it is, ``made`` the same of files that a package made when it
    was set up. ``settings`` are files that are there to be changed. ``digests`` gives, for the name of a package, the
    digest of each of its files in hexadecimal: MD5, SHA-1 or SHA-256, by its length.
    """

    manager: str
    installed: Mapping[str, Package]
    owners: Mapping[str, str]
    digests: Callable[[str], Mapping[str, str]]
    settings: frozenset[str] = frozenset()
    made: Mapping[str, str] = field(default_factory=dict)
