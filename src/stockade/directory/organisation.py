"""A believable organisation, for trials and measurements: who works there, in which groups and on what, and as what.

The same seed and size always make the same one; only its secrets differ, for nobody may know them beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

from stockade.directory.accounts import AccountKind, Level
from stockade.errors import ConfigurationError

DAY: Final = 86_400.0
YEARS: Final = 4
"""How old the organisation is."""
FEWEST, MOST = 10, 100_000


def words(text: str) -> tuple[str, ...]:
    """A text's words."""
    return tuple(text.split())


_FIRST: Final = words(
    "ada aisha akira alma amir ana anders anouk arjun astrid ayesha bao beatriz bela boris camille carla chen "
    "chidi clara dana daniel david deniz diego dmitri edith elena elif emil emma erik esra eva fatima felix "
    "fernando freya gabriel gita greta hana hassan helena hiroshi hugo ida ines ingrid isaac ivan jana jens "
    "joana jonas julia kaito karin kemal kofi lars leila lena liam lin lucia luis maja mara marco maria mei mia "
    "milan mina nadia naomi nils nina noor olga oskar paul pia priya rafael rosa ruth sami sara sofia stefan "
    "sven tara tomas uma vera viktor wen yara yusuf zoe"
)
_LAST: Final = words(
    "abe adler almeida andersson bakker barros bauer becker berg bianchi brandt castro chandra costa cruz dahl "
    "demir diaz dubois eriksen farah fischer fontaine fuchs garcia gomez graf haddad hansen hofer holm ito "
    "ivanova jansen joshi kaya keller kim klein koch kowalski kumar lang larsen lehmann lima lindberg lopez "
    "maier mbeki meyer moreau mueller nakamura navarro nielsen novak nowak okafor olsen ortiz osei park patel "
    "pereira petrov popescu rao reyes ricci roth ruiz saito santos sato schmid silva singh sousa stein suzuki "
    "tanaka toth vargas vogel wagner weber wolf wong yilmaz zhang"
)
_DEPARTMENTS: Final = words(
    "platform payments storefront logistics data identity mobile search support finance research media"
)
_TEAMS: Final = words("core edge billing catalogue fleet insight messaging onboarding reporting risk routing tooling")
_AREAS: Final = words("europe americas asia internal partners labs")
_PROJECTS: Final = words(
    "api web worker gateway scheduler charts deploy terraform docs sdk importer exporter ledger cache console"
)
_PROGRAMS: Final = words("ci-bot deploy-bot release-bot renovate-bot scanner-bot mirror-bot")
_SERVICES: Final = words("backup registry monitoring mail-relay build-cache secrets-sync")
_LEVELS: Final = (Level.GUEST, Level.REPORTER, Level.DEVELOPER, Level.DEVELOPER, Level.MAINTAINER, Level.OWNER)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a program: ``departed`` is when they left, and who has left may have been forgotten here."""

    name: str
    kind: AccountKind
    created: float
    admin: bool = False
    blocked: bool = False
    departed: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A group or a project, when it was made and by whom."""

    path: str
    made: float
    made_by: str


@dataclass(frozen=True, slots=True)
class Part:
    """Who has which level where, since when, and by whom."""

    name: str
    path: str
    level: Level
    since: float
    made_by: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """All of it but what they hold."""

    people: Sequence[Person]
    groups: Sequence[Place]
    projects: Sequence[Place]
    parts: Sequence[Part]


def organisation(people: int, now: float, chance: Random) -> Organisation:
    """So many people, with a bot for every eighth and a service account for every fortieth of them.

    Raises ConfigurationError for fewer than ten, or more than a directory is meant for.
    """
    if not FEWEST <= people <= MOST:
        raise ConfigurationError(
            f"{people} people are no organisation", remedy=f"Say a number from {FEWEST} to {MOST:,}."
        )
    known = [*_humans(people, now, chance), *_programs(people, now, chance)]
    makers = [each.name for each in known if each.kind is AccountKind.HUMAN and each.departed is None]
    groups, projects = _places(people, makers, now, chance)
    return Organisation(known, groups, projects, list(_parts(known, groups, projects, now, chance)))


def _humans(number: int, now: float, chance: Random) -> Iterator[Person]:
    taken: set[str] = set()
    for at in range(number):
        created = now - DAY * (20 + chance.random() * 365 * YEARS)
        left = now - DAY * chance.uniform(2, 400) if chance.random() < 0.05 and at > 3 else None
        departed = left if left is not None and left > created else None
        blocked = chance.random() < (0.6 if departed else 0.01) and at > 3
        yield Person(_named(taken, chance), AccountKind.HUMAN, created, at < 3, blocked, departed)


def _named(taken: set[str], chance: Random) -> str:
    """A name that nobody has yet: ``ada.kim``, ``ada.kim2``."""
    name = f"{chance.choice(_FIRST)}.{chance.choice(_LAST)}"
    free = next(each for number in count(1) if (each := name if number == 1 else f"{name}{number}") not in taken)
    taken.add(free)
    return free


def _programs(people: int, now: float, chance: Random) -> Iterator[Person]:
    for kind, names, number in (
        (AccountKind.BOT, _PROGRAMS, max(2, people // 8)),
        (AccountKind.SERVICE, _SERVICES, max(1, people // 40)),
    ):
        for at in range(number):
            name, lap = names[at % len(names)], at // len(names)
            created = now - DAY * (10 + chance.random() * 365 * YEARS)
            admin = kind is AccountKind.SERVICE and at == 0
            yield Person(f"{name}-{lap}" if lap else name, kind, created, admin, blocked=chance.random() < 0.02)


# ── where ────────────────────────────────────────────────────────────────────────────────────────


def _places(people: int, makers: Sequence[str], now: float, chance: Random) -> tuple[list[Place], list[Place]]:
    """A project for every third of them, in teams of departments, some in an area of a team."""
    groups, leaves = list[Place](), list[Place]()
    wanted = max(6, people // 3)
    for at in count():
        if len(leaves) * 4 >= wanted:
            break
        department = _numbered(_DEPARTMENTS, at)
        groups.append(Place(department, now - DAY * 365 * YEARS, makers[0]))
        for team in chance.sample(_TEAMS, chance.randint(2, 5)):
            found = _team(f"{department}/{team}", makers, now, chance)
            groups += found
            leaves += found[1:] or found
    return groups, [_project(leaves, at, makers, now, chance) for at in range(wanted)]


def _team(path: str, makers: Sequence[str], now: float, chance: Random) -> list[Place]:
    """A team's group; of three of them, one has areas below."""
    team = Place(path, now - DAY * chance.uniform(300, 365 * YEARS), chance.choice(makers))
    areas = chance.sample(_AREAS, chance.randint(2, 3)) if chance.random() < 0.34 else []
    return [team, *(Place(f"{path}/{area}", team.made + DAY, team.made_by) for area in areas)]


def _project(leaves: Sequence[Place], at: int, makers: Sequence[str], now: float, chance: Random) -> Place:
    group = leaves[at % len(leaves)]
    name = _numbered(_PROJECTS, at // len(leaves) + at % 3)
    return Place(f"{group.path}/{name}-{at}", now - (now - group.made) * chance.random(), chance.choice(makers))


def _numbered(names: Sequence[str], at: int) -> str:
    return names[at % len(names)] + (f"-{at // len(names) + 1}" if at >= len(names) else "")


# ── who may do what there ────────────────────────────────────────────────────────────────────────


def _parts(
    people: Sequence[Person], groups: Sequence[Place], projects: Sequence[Place], now: float, chance: Random
) -> Iterator[Part]:
    """Everybody has a group at home, some a project or two elsewhere; every department has an owner."""
    departments = [group for group in groups if "/" not in group.path]
    homes = [group for group in groups if "/" in group.path]
    for at, who in enumerate(people):
        if at < len(departments):
            yield _part(who, departments[at], Level.OWNER, now, chance)
        home = homes[at % len(homes)]
        yield _part(who, home, chance.choice((Level.DEVELOPER, Level.DEVELOPER, Level.MAINTAINER)), now, chance)
        for project in chance.sample(projects, min(len(projects), chance.choice((0, 0, 1, 1, 2, 3)))):
            yield _part(who, project, chance.choice(_LEVELS), now, chance)


def _part(who: Person, place: Place, level: Level, now: float, chance: Random) -> Part:
    began = max(who.created, place.made)
    since = began + (now - began) * chance.random()
    ends = now + DAY * chance.uniform(-30, 300) if chance.random() < 0.06 else None
    return Part(who.name, place.path, level, since, place.made_by, ends)
