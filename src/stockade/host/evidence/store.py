"""Where evidence goes: a place to which names can be added, each once, and none taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the store answers: how far its clock is ahead of ours in seconds, None where it has none of its own."""

    ahead: float | None = None


class Shelf(Protocol):
    """A collection to be read: names such as ``parcels/000001.tar.gz``, and their octets.

    Methods raise Unavailable when the store does not answer, Refused when it says no, and Tampered when it shows that
    something was written again, or is not locked.
    """

    place: str
    """What a person calls it, without a secret."""

    def names(self) -> Iterable[str]:
        """Every name there is."""
        ...

    def read(self, name: str, most: int) -> bytes:
        """The octets of a name. Raises Tampered when they are more than ``most``, or none are there."""
        ...


class Store(Shelf, Protocol):
    """A collection to be added to."""

    remark: str
    """What keeps it from being write-once, if anything does."""

    def put(self, name: str, octets: bytes) -> Receipt:
        """Add a name; when this returns, it is there for good. Raises Refused when there is such a name already."""
        ...
