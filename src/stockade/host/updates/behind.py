"""Something that is out of date: the words that judging speaks and plans, screens and reminders hear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from stockade.host.facts.package import Package
from stockade.host.oddity import Unseen
from stockade.host.updates.applications import Application
from stockade.host.updates.apt import Upgrade
from stockade.host.updates.catalogue import Exploited


class Why(StrEnum):
    """Why it should be brought up to date, the worst first."""

    EXPLOITED = "exploited"
    SECURITY = "security"
    END = "end of life"
    OLD = "behind"


ORDER: Final[Mapping[Why, int]] = {why: place for place, why in enumerate(Why)}


@dataclass(frozen=True, slots=True)
class Behind:
    """What is out of date. ``mends`` is the version that mends it, empty while there is none. ``exploited`` is what
    intruders use of it, ``cves`` all that is mended as far as anybody says. ``doubt`` says why it may not be so.
    ``reachable`` is whether something of it listens, None where that cannot be told.
    """

    name: str
    kind: Literal["application", "package", "system"]
    why: Why
    installed: str
    mends: str = ""
    says: str = ""
    exploited: tuple[Exploited, ...] = ()
    cves: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    doubt: str = ""
    ends: date | None = None
    reachable: bool | None = None

    @property
    def key(self) -> str:
        """What is told once: another release that mends it is told anew, and so is an attack on it."""
        return " ".join([self.kind, self.name, self.why, self.mends, *(each.cve for each in self.exploited)])


@dataclass(frozen=True, slots=True)
class System:
    """The operating system: ``id``, ``version`` and ``codename`` as os-release(5) has them."""

    id: str = ""
    version: str = ""
    codename: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a machine has. ``upgrades`` is what its package manager has at hand, None where that cannot be told;
    ``listening`` are the packages that wait for connections, None where nobody looked. ``running`` is the release of
    the kernel that runs.
    """

    system: System
    packages: Mapping[str, Package] = field(default_factory=dict)
    upgrades: tuple[Upgrade, ...] | None = None
    applications: tuple[Application, ...] = ()
    listening: frozenset[str] | None = None
    running: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is out of date, the worst first, and what could not be told."""

    behind: tuple[Behind, ...]
    unseen: tuple[Unseen, ...]

    def of(self, why: Why) -> tuple[Behind, ...]:
        """Those for one reason."""
        return tuple(each for each in self.behind if each.why is why)
