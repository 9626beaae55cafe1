"""What apt would upgrade, as it says when it is asked to try (apt-get(8), --simulate)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ASK: Final = (
    "apt-get", "--simulate", "-o", "Debug::NoLocking=true", "-o", "Dir::Cache::pkgcache=",
    "-o", "Dir::Cache::srcpkgcache=", "dist-upgrade",
)  # fmt: skip
"""How it is asked: nothing is locked, and no cache is written."""
LINE: Final = re.compile(r"Inst (\S+) \[(\S+)\] \((\S+) (.*) \[(\w+)\]\)")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A package with a later version at hand; ``security`` when one of the places it comes from is for security."""

    package: str
    installed: str
    candidate: str
    security: bool


def upgrades(said: str) -> Iterator[Upgrade]:
    """What its answer says: ``Inst bash [5.2-2] (5.2-3 Debian:12.1/stable [amd64])``; new packages are none."""
    for line in said.splitlines():
        if found := LINE.match(line):
            package, installed, candidate, places, _ = found.groups()
            security = "security" in places.casefold()
            yield Upgrade(package.partition(":")[0], installed, candidate, security)
