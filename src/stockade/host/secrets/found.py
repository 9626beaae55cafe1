"""What is said of a secret that was found: where it lies and what it looks like, and never what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from stockade.events import Ref, Secret

Fingerprint = Callable[[str], str]
"""Names a secret under a key: the same for the same one, and nothing that tells it."""
Owner = Callable[[str], tuple[Ref, ...]]
"""Which things of a directory a secret is, by what the directory keeps of them."""


class Grade(StrEnum):
    """How sure it is that something is a secret, the surest first."""

    CERTAIN = "certain"
    LIKELY = "likely"
    PERHAPS = "perhaps"
    NOTE = "note"


GRADES: Final = tuple(Grade)


class Where(StrEnum):
    """In what a secret lies."""

    FILE = "file"
    HISTORY = "history"
    ENVIRONMENT = "environment"
    DATABASE = "database"


LIVE: Final = frozenset({Where.FILE, Where.ENVIRONMENT, Where.DATABASE})
"""Where a secret is gone when it was changed; a history keeps what was."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something in a text that may be a secret, with the secret in it: it goes no further than the scan of that text.

    ``at`` is its offset, -1 where it has none; ``name`` is what it is called there.
    """

    kind: str
    value: Secret
    at: int
    name: str = ""
    grade: Grade = Grade.CERTAIN
    why: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One place of a secret: a path, ``repository:path``, a program or ``table.column``, and the name it has there.

    ``at`` is the line, the commit or the row; it may move, and the place is still the same.
    """

    where: Where
    path: str
    name: str = ""
    at: str = field(default="", compare=False)
    owner: str = field(default="", compare=False)

    def __str__(self) -> str:
        named = f" {self.name}" if self.name else ""
        return f"{self.path}{':' + self.at if self.at else ''}{named}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A secret at one place."""

    fingerprint: str
    kind: str
    length: int
    place: Place
    grade: Grade
    why: str = ""
    refs: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A secret, with all the places where it was seen; ``refs`` are the things of the directory that it is."""

    fingerprint: str
    kind: str
    length: int
    grade: Grade
    places: tuple[Place, ...]
    why: str = ""
    refs: tuple[Ref, ...] = ()

    @property
    def id(self) -> str:
        """What it is called in lists: the first 64 bits of its fingerprint."""
        return short(self.fingerprint)

    @property
    def name(self) -> str:
        """What it is called where it lies."""
        return next((place.name for place in self.places if place.name), "")


def short(fingerprint: str) -> str:
    """The name of a secret in lists and references: 16 hexadecimal digits of its fingerprint."""
    return fingerprint.rpartition(":")[2][:16]


def gathered(sightings: Iterable[Sighting]) -> Mapping[str, Found]:
    """Sightings as secrets, by fingerprint: of several grades the surest counts."""
    found: dict[str, Found] = {}
    for each in sightings:
        known = found.get(each.fingerprint)
        if known is None:
            found[each.fingerprint] = Found(
                each.fingerprint, each.kind, each.length, each.grade, (each.place,), each.why, each.refs
            )
        elif each.place not in known.places:
            found[each.fingerprint] = _surer(replace(known, places=(*known.places, each.place)), each)
    return found


def _surer(known: Found, each: Sighting) -> Found:
    """A name that says more than an unknown text is kept, wherever it was met first."""
    if GRADES.index(each.grade) < GRADES.index(known.grade):
        return replace(known, kind=each.kind, grade=each.grade, why=each.why)
    return known
