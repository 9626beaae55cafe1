"""A picture of a machine: what stays the same on it from day to day, so that what does not can be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from stockade.errors import Tampered
from stockade.host.triage.familiar import CONTENT, PACKAGE
from stockade.host.updates import version

FORM: Final = "stockade picture 1"


@dataclass(frozen=True, slots=True)
class Picture:
    """What was there at a moment (seconds since the epoch, UTC): kind by kind, each thing with what tells it apart from
    another of that name: a version, a digest. ``unseen`` is what could not be looked at.
    """

    host: str
    taken: float
    kinds: Mapping[str, Mapping[str, str]]
    unseen: tuple[str, ...] = ()

    def octets(self) -> bytes:
        """The picture as a file: JSON, always the same for the same picture."""
        fields = {FORM: True, "host": self.host, "taken": self.taken, "kinds": self.kinds, "unseen": self.unseen}
        return json.dumps(fields, sort_keys=True, indent=1).encode() + b"\n"

    @property
    def digest(self) -> str:
        """What the log keeps of it: the SHA-256 of the file, in hexadecimal."""
        return sha256(self.octets()).hexdigest()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many things of each kind it has."""
        return {kind: len(things) for kind, things in self.kinds.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that is not as it was: empty ``was`` where it is new, empty ``now`` where it is gone."""

    kind: str
    thing: str
    was: str | None
    now: str | None

    @property
    def change(self) -> str:
        """``new``, ``gone``, ``changed``, or of a package ``updated`` to a later version."""
        if self.was is None:
            return "new"
        if self.now is None:
            return "gone"
        return "updated" if self.kind == PACKAGE and version.compared(self.now, self.was) > 0 else "changed"

    @property
    def counts(self) -> bool:
        """Whether it has to be explained: that a package was brought up to date does not."""
        return self.change != "updated"


def parsed(octets: bytes) -> Picture:
    """Read what ``octets`` wrote. Raises Tampered for what is no picture."""
    try:
        said = json.loads(octets)
        kinds = {str(kind): {str(a): str(b) for a, b in things.items()} for kind, things in said["kinds"].items()}
        _ = said[FORM]
        return Picture(str(said["host"]), float(said["taken"]), kinds, tuple(map(str, said["unseen"])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered("the picture of the machine is none", remedy="Take it from where copies are kept.") from error


def compared(was: Picture, now: Picture) -> Iterator[Difference]:
    """What is not as it was, kind by kind. A kind that only one picture has is not compared, and what the files of a
    package hold only where the package is of the version that it was.
    """
    known, packages = was.kinds.get(PACKAGE, {}), now.kinds.get(PACKAGE, {})
    for kind in sorted(was.kinds.keys() & now.kinds.keys()):
        before, after = was.kinds[kind], now.kinds[kind]
        for thing in sorted(before.keys() | after.keys()):
            if kind == CONTENT and known.get(thing) != packages.get(thing):
                continue
            if before.get(thing) != after.get(thing):
                yield Difference(kind, thing, before.get(thing), after.get(thing))
