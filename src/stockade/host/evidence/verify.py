"""Evidence is checked with nothing but itself and the head that was written down: every octet is hashed again.

Nothing may be missing, added or claimed that is not there. Whatever is wrong raises Tampered, naming it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from stockade.errors import Tampered
from stockade.host.evidence.chain import Line
from stockade.host.evidence.manifest import Manifest, told_of, walked
from stockade.host.evidence.parcel import HEAVIEST, pieces
from stockade.host.evidence.phrase import heard, phrase
from stockade.host.evidence.store import Shelf

REMEDY = "Do not rely on this copy. Look for another, and find out who could write here."
Keep = Callable[[int, bytes], None]
"""Is handed the octets of items, in order, each with the number of its item."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked. ``remarks`` say what could not be, or what is to be known about it."""

    place: str
    host: str
    head: str
    sealed: bool
    begun: float
    items: int
    octets: int
    missed: int
    parcels: int
    resumed: int
    remarks: tuple[str, ...] = ()

    @property
    def phrase(self) -> str:
        """The head as it is written down."""
        return phrase(self.head)


def verify(shelf: Shelf, written: str = "", keep: Keep | None = None) -> Report:
    """Check a collection, against the head that was ``written`` down if there is one.

    Raises Tampered naming what is wrong; ConfigurationError when there is no evidence, or what was written down is no
    head; Unavailable.
    """
    wanted = heard(written) if written else ""
    found, check = Manifest(), _Check(shelf, keep)
    for lines in walked(shelf, found):
        for line in lines:
            check.line(line)
    loose = _stray(shelf, found)
    _count(found)
    if wanted and (found.sealed is None or phrase(found.head) != wanted):
        said = "it is not sealed, and only what is sealed has a head" if found.sealed is None else "it has another head"
        raise Tampered(f"{shelf.place} is not what {wanted} was written down for: {said}", remedy=REMEDY)
    return _report(shelf, found, _remarks(found, loose, given=bool(wanted)))


@dataclass(slots=True)
class _Check:
    """Follows the lines, and hashes what they tell of."""

    shelf: Shelf
    keep: Keep | None
    reading: dict[int, tuple[Any, int, int]] = field(default_factory=dict)
    """Of items of which pieces were seen: the hash so far, the octets and the pieces."""
    told: list[Line] = field(default_factory=list)

    def line(self, line: Line) -> None:
        """One line; what is told of items is checked when their last parcel has come."""
        if line["kind"] == "item":
            self.told.append(line)
        elif line["kind"] == "parcel":
            self._parcel(line)
            self._items(line)
        elif line["kind"] == "resume":
            for each in line["again"]:
                self.reading.pop(each["item"], None)
        elif line["kind"] == "seal" and self.reading:
            number = next(iter(self.reading))
            raise Tampered(f"there are pieces of an item {number} that no line tells of", remedy=REMEDY)

    def _parcel(self, line: Line) -> None:
        name, octets = line["name"], self.shelf.read(line["name"], HEAVIEST)
        if len(octets) != line["size"] or sha256(octets).hexdigest() != line["sha256"]:
            raise Tampered(f"{name} is not what was stored", remedy=REMEDY)
        held = []
        for called, piece in pieces(octets, name):
            held.append(called)
            self._piece(called, piece, name)
        if held != line["holds"]:
            raise Tampered(f"{name} does not hold what its line says", remedy=REMEDY)

    def _piece(self, called: str, octets: bytes, name: str) -> None:
        item, _, number = called.partition(".")
        if not item.isdecimal():
            raise Tampered(f"{called[:40]!r} in {name} is no piece of an item", remedy=REMEDY)
        digest, size, count = self.reading.get(int(item), (sha256(), 0, 0))
        if number != str(count):
            raise Tampered(f"piece {called} in {name} is not the next one of its item", remedy=REMEDY)
        digest.update(octets)
        self.reading[int(item)] = digest, size + len(octets), count + 1
        if self.keep is not None:
            self.keep(int(item), octets)

    def _items(self, parcel: Line) -> None:
        for line in self.told:
            digest, size, count = self.reading.pop(line["item"], (sha256(), 0, 0))
            if (digest.hexdigest(), size, count) != (line["sha256"], line["size"], line["pieces"]):
                said = f"item {line['item']}, {line['what']!r} of {line['artifact']}"
                raise Tampered(f"{said}, is not what was taken (in {parcel['name']})", remedy=REMEDY)
        self.told.clear()


def _stray(shelf: Shelf, found: Manifest) -> list[str]:
    """Names that no line vouches for: the last ones of a collection that is not sealed, and nothing else."""
    abandoned = found.abandoned
    for name, digest in abandoned.items():
        if sha256(shelf.read(name, HEAVIEST)).hexdigest() != digest:
            raise Tampered(f"{name} is not what it was when it was abandoned", remedy=REMEDY)
    stray = sorted({*shelf.names()} - {*found.parts, *found.parcels, *abandoned})
    if stray and found.sealed is not None:
        raise Tampered(f"{stray[0]} was added: no line tells of it", remedy=REMEDY)
    return stray


def _count(found: Manifest) -> None:
    """The seal says how much there is, so that it can be compared by eye; it must be so."""
    told = told_of(found)
    if found.sealed is not None and (found.sealed["items"], found.sealed["octets"]) != (told.items, told.octets):
        raise Tampered("the seal tells of another number of items than there are", remedy=REMEDY)


def _remarks(found: Manifest, loose: list[str], *, given: bool) -> Iterator[str]:
    if found.sealed is None:
        yield "it is not sealed: what it holds is whole, and nobody can tell what should come after"
    elif not given:
        yield "no head was given: it is whole, and only the head on paper shows that it is the one that was taken"
    for line in found.resumed:
        again = [f"{each['what']} of {each['artifact']}" for each in line["again"]]
        taken = f"; taken again: {', '.join(again)}" if again else ""
        yield f"it was interrupted and resumed{taken}"
        if line["boot"] != found.begun["boot"]:
            yield "the machine was started anew in between"
    if loose:
        yield f"{len(loose)} of its files are not vouched for, as it was interrupted: {', '.join(loose[:3])}"


def _report(shelf: Shelf, found: Manifest, remarks: Iterator[str]) -> Report:
    told, begun = told_of(found), found.begun
    return Report(
        shelf.place, str(begun["host"]), found.head, found.sealed is not None, float(begun["at"]),
        told.items, told.octets, told.missed, told.parcels, len(found.resumed), tuple(remarks),
    )  # fmt: skip
