"""Where a file in a place comes from: a package, unchanged or not, or nobody's; and whether it is news."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from stockade.host.facts.packages import Packages
from stockade.host.facts.placed import Placed

State = Literal["unchanged", "changed", "setting", "made", "off", "nobody"]
"""``setting``: changed, and there to be changed. ``made``: by a package when it was set up, of which no digest is kept.
``off``: a link to /dev/null.
"""
DIGESTS: Final = {32: "md5", 40: "sha1", 64: "sha256"}
WEEK: Final = 7 * 86400.0
NEAR: Final = 3600.0


class Origin(NamedTuple):
    """The package that a file is of, empty for nobody's, and how it compares with it."""

    package: str
    state: State


def digest(octets: bytes, like: str) -> str:
    """The digest of octets by the algorithm of another, which its length tells."""
    return hashlib.new(DIGESTS.get(len(like), "sha256"), octets, usedforsecurity=False).hexdigest()


def origin(placed: Placed, packages: Packages) -> Origin:
    """Where it comes from; of a link, where that comes from which it leads to."""
    path = placed.link or placed.path
    if path == "/dev/null":
        return Origin("", "off")
    owner = packages.owner(path)
    if owner is None:
        return Origin("", "nobody")
    expected = packages.digest(path)
    if expected is None:
        return Origin(owner, "made")
    if digest(placed.octets, expected) == expected:
        return Origin(owner, "unchanged")
    return Origin(owner, "setting" if packages.is_setting(path) else "changed")


class News:
    """Tells what came to a machine in the last week without a package: none changed within an hour of it.

    On a machine that is itself newer than that nothing is news, nor is anything in a copy of one.
    """

    def __init__(self, packaged: Iterable[float], now: float) -> None:
        changes = sorted(packaged)
        self._now = now
        self._young = not changes or changes[0] > now - WEEK
        self._hours = {round(change / NEAR) + step for change in changes for step in (-1, 0, 1)}

    def __call__(self, placed: Placed) -> bool:
        if self._young or not self._now - WEEK < placed.changed <= self._now:
            return False
        return round(placed.changed / NEAR) not in self._hours
