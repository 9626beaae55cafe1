"""What is known of releases: what intruders use, what a project has released, what a distribution has mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from stockade.host.updates.version import numbers, unfinished

LIVELY: Final = timedelta(days=45)
"""A branch without a release for longer than this, while others had some, is taken for one that is given up, where
nobody says until when it is kept.
"""


@dataclass(frozen=True, slots=True)
class Exploited:
    """A vulnerability that intruders use, as CISA's catalogue has it since ``added``; to be mended by ``due``."""

    cve: str
    vendor: str
    product: str
    title: str
    added: date
    due: date


@dataclass(frozen=True, slots=True)
class Cycle:
    """A branch of releases: kept until ``ends``, by others or for money until ``extended``; None where nobody says."""

    name: str
    ends: date | None = None
    extended: date | None = None


@dataclass(frozen=True)
class Product:
    """What a project has released, and when (endoflife.date)."""

    name: str
    versions: Mapping[str, date]
    cycles: tuple[Cycle, ...] = ()

    def cycle(self, version: str) -> Cycle | None:
        """The branch that a version is of: the longest name that its numbers begin with."""
        told = numbers(version)
        of = [each for each in self.cycles if (own := numbers(each.name)) and told[: len(own)] == own]
        return max(of, key=lambda each: len(numbers(each.name)), default=None)

    def branch(self, version: str) -> tuple[int, ...]:
        """The numbers that all releases of a version's branch begin with."""
        cycle = self.cycle(version)
        return numbers(cycle.name) if cycle else numbers(version)[:2]

    @cached_property
    def branches(self) -> Mapping[tuple[int, ...], tuple[str, ...]]:
        """The finished releases of each branch, the latest last."""
        found: dict[tuple[int, ...], list[str]] = {}
        for version in sorted((each for each in self.versions if numbers(each) and not unfinished(each)), key=numbers):
            found.setdefault(self.branch(version), []).append(version)
        return {branch: tuple(versions) for branch, versions in found.items()}

    @cached_property
    def security_days(self) -> frozenset[date]:
        """Days on which several branches had a release, as they have when security is mended in all of them."""
        seen: dict[date, set[tuple[int, ...]]] = {}
        for branch, versions in self.branches.items():
            for version in versions:
                seen.setdefault(self.versions[version], set()).add(branch)
        return frozenset(day for day, branches in seen.items() if len(branches) > 1)

    def kept(self, branch: tuple[int, ...], today: date) -> bool:
        """Whether a branch still gets releases."""
        cycle = next((each for each in self.cycles if numbers(each.name) == branch), None)
        if cycle is not None and cycle.ends is not None:
            return today <= cycle.ends
        versions = self.branches.get(branch, ())
        return bool(versions) and max(map(self._day, versions)) + LIVELY >= max(map(self._day, self.versions))

    def _day(self, version: str) -> date:
        return self.versions[version]

    def date_of(self, version: str) -> date | None:
        """When a version came out, written as it may be; None where nobody says."""
        told = numbers(version)
        return next((day for name, day in self.versions.items() if numbers(name) == told), None)

    def later(self, version: str, today: date) -> str:
        """The release to go to: the latest of its own branch while that is kept, else of the nearest that is; empty
        when there is none later.
        """
        own = self.branch(version)
        kept = [branch for branch in sorted(self.branches) if branch >= own and self.kept(branch, today)]
        nearest = self.branches[kept[0]][-1] if kept else max(self.versions, key=numbers, default="")
        return nearest if numbers(nearest) > numbers(version) else ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where some of it is from: ``dated`` is how old it is and ``taken`` when it was read, in seconds since the epoch;
    ``digest`` is the SHA-256 of what was read.
    """

    name: str
    origin: str
    dated: float
    taken: float
    digest: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is known. ``exploited`` is None where nobody has said, and so is ``mended``: of a release of Debian, for
    each source package and each vulnerability of it the version that mends it, empty while there is none.
    """

    exploited: tuple[Exploited, ...] | None = None
    products: Mapping[str, Product] = field(default_factory=dict)
    mended: Mapping[str, Mapping[str, str]] | None = None
    release: str = ""
    sources: tuple[Source, ...] = ()

    def about(self, vendor: str, names: tuple[str, ...]) -> Iterator[Exploited]:
        """What is exploited in a product, by its vendor's name and the product's there."""
        for each in self.exploited or ():
            if each.vendor.casefold() == vendor.casefold() and each.product.casefold() in map(str.casefold, names):
                yield each

    def old(self, now: float, longest: float) -> Iterator[Source]:
        """Those that are older than ``longest`` seconds."""
        return (each for each in self.sources if now - each.dated > longest)
