"""Everything about a user, an address or a thing: what it did, what was done to it, and from where it came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stockade.errors import ConfigurationError
from stockade.events import Entry
from stockade.search.match import matches
from stockade.search.query import All, Either, Is, Not, Query, Within, both
from stockade.search.said import address, folded
from stockade.search.terms import about, place

MOST: Final = 20
"""Addresses of somebody that a timeline follows. Who came from more is behind proxies, or is many."""


class Role(StrEnum):
    """Why an entry belongs to a timeline."""

    BY = "by"
    TO = "to"
    FROM = "from"
    NAMED = "named"
    NEARBY = "nearby"


@dataclass(frozen=True, slots=True)
class Timeline:
    """About whom, what else was asked of its entries, and the addresses from which somebody acted with success.

    ``addresses`` are followed as long as there are no more than :data:`MOST`.
    """

    subject: str
    narrowed: Query
    addresses: Sequence[str] = ()

    @property
    def followed(self) -> Sequence[str]:
        """The addresses that are followed."""
        return self.addresses if len(self.addresses) <= MOST else ()

    @property
    def query(self) -> Query:
        """What finds its entries."""
        near = tuple(_from(each) for each in self.followed)
        return both(Either((about(self.subject), *near)), self.narrowed)

    def role(self, entry: Entry) -> Role:
        """Why the entry is here; the nearest reason."""
        said = folded(self.subject)
        for role, field in ((Role.BY, "who"), (Role.TO, "whom")):
            if matches(Is(field, said), entry):
                return role
        if matches(_from(self.subject), entry):
            return Role.FROM
        return Role.NAMED if matches(about(self.subject), entry) else Role.NEARBY


def timeline(subject: str, narrowed: Query, sources: Collection[str]) -> Timeline:
    """The timeline of a subject, given from where it acted; raises ConfigurationError for an empty subject."""
    if not folded(subject).strip():
        raise ConfigurationError("a timeline is about somebody", remedy="Name a user, an address or a token.")
    known = sorted({str(address(source) or source) for source in sources})
    return Timeline(subject.strip(), narrowed, known)


def came_from(subject: str, narrowed: Query) -> Query:
    """What tells from where a subject acted: what it did, and succeeded in."""
    return both(All((Is("who", folded(subject.strip())), Not(Is("outcome", "failure")))), narrowed)


def _from(source: str) -> Within | Is:
    return place(source) or Is("where", folded(source))
