"""What a collection says of itself, read back part by part: items, parcels, what was abandoned, and the seal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from stockade.errors import ConfigurationError, Tampered
from stockade.host.evidence.chain import Chain, Line, Torn
from stockade.host.evidence.parcel import HEAVIEST
from stockade.host.evidence.shape import checked
from stockade.host.evidence.store import Shelf

PARTS: Final = "manifest/"


def part_name(number: int) -> str:
    """The name of a part of the manifest."""
    return f"{PARTS}{number:06}.jsonl"


def parcel_name(number: int) -> str:
    """The name of a parcel."""
    return f"parcels/{number:06}.tar.gz"


@dataclass(frozen=True, slots=True)
class Done:
    """How much was taken. ``missed`` are items of which there is nothing or not all, and artifacts that were cut short;
    what is not installed, and a secret that nobody asked for, is not missed.
    """

    items: int = 0
    octets: int = 0
    missed: int = 0
    artifacts: int = 0
    parcels: int = 0

    def plus(self, other: Done) -> Done:
        """Both together."""
        return Done(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(slots=True)
class Manifest:
    """The lines of a manifest, folded. ``head`` is the hash of the last; ``begun``, ``resumed`` and ``sealed`` are
    lines, ``items`` and ``parcels`` are lines by number and by name, ``torn`` are parts that are not whole, each
    with what is wrong with it, ``opened`` are items that a parcel holds a piece of and no line tells of yet.
    """

    head: str = ""
    begun: Line = field(default_factory=dict)
    sealed: Line | None = None
    resumed: list[Line] = field(default_factory=list)
    items: dict[int, Line] = field(default_factory=dict)
    parcels: dict[str, Line] = field(default_factory=dict)
    done: dict[str, Line] = field(default_factory=dict)
    opened: dict[int, Line] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    torn: dict[str, Torn] = field(default_factory=dict)

    @property
    def abandoned(self) -> dict[str, Any]:
        """Names that are there and count for nothing, with the SHA-256 they had when they were abandoned."""
        return {name: digest for line in self.resumed for name, digest in line["abandoned"].items()}

    @property
    def next_item(self) -> int:
        """A number that no item has had."""
        return int(
            max([0, *self.items, *self.opened, *(each["item"] for line in self.resumed for each in line["again"])]) + 1
        )

    def take(self, line: Line) -> None:
        """Fold one line in. Raises Tampered when it says what cannot be."""
        kind = line["kind"]
        if self.sealed is not None or (kind == "begin") != (not self.begun):
            raise Tampered(f"a line of kind {kind} stands where it cannot")
        if kind == "begin":
            self.begun = line
        elif kind == "item":
            self.items[line["item"]] = line
            self.opened.pop(line["item"], None)
        elif kind == "artifact":
            self.done[line["artifact"]] = line
        elif kind == "parcel":
            self.parcels[line["name"]] = line
            if line["open"]:
                self.opened[line["open"]["item"]] = line["open"]
        elif kind == "resume":
            self.resumed.append(line)
            self.opened.clear()
        elif kind == "seal":
            self.sealed = line


def read(shelf: Shelf) -> Manifest:
    """The manifest of a collection. Raises ConfigurationError when there is none, Tampered when it is not whole."""
    found = Manifest()
    for _ in walked(shelf, found):
        pass
    return found


def walked(shelf: Shelf, found: Manifest) -> Iterator[list[Line]]:
    """The same, part by part, for who looks at each: its lines, when they have been folded in."""
    chain = Chain()
    for name in sorted(name for name in shelf.names() if name.startswith(PARTS)):
        octets = shelf.read(name, HEAVIEST)
        try:
            lines = chain.read(octets, name)
        except Torn as error:
            found.torn[name] = error
            continue
        for line in lines:
            checked(line)
        _own_up(found, lines)
        for line in lines:
            found.take(line)
        found.parts.append(name)
        found.head = chain.head
        yield lines
    if not found.parts:
        raise ConfigurationError(f"there is no evidence in {shelf.place}", remedy="Name the place of a collection.")
    if found.torn and found.sealed is not None:
        raise next(iter(found.torn.values()))


def _own_up(found: Manifest, lines: list[Line]) -> None:
    """After parts that were torn in a fall there comes one that abandons them; else somebody has changed them."""
    abandoned = lines[0].get("abandoned", {}) if lines[0]["kind"] == "resume" else {}
    for name, error in found.torn.items():
        if name not in abandoned:
            raise error
    found.torn.clear()


def told_of(found: Manifest) -> Done:
    """How much a manifest tells of."""
    missed = sum(missing(line) for line in [*found.items.values(), *found.done.values()])
    octets = sum(line["size"] for line in found.items.values())
    return Done(len(found.items), octets, missed, len(found.done), len(found.parcels))


def missing(line: Line) -> bool:
    """Whether there is nothing of an item, or not all, or an artifact was cut short."""
    return bool(line.get("facts", {}).keys() & {"error", "cut"}) or "stopped" in line
