"""What somebody could reach with an account or a leaked credential: every secret, everything they could make, and all
that they did make; computed from what the directory and the log say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from stockade.directory.accounts import Account, Credential, CredentialKind, Integration, Level, Membership
from stockade.directory.powers import PROTECTED, How, Power, power_of
from stockade.directory.traces import Deed, Seen, deeds, former, sightings
from stockade.events import Entry, Ref

KIND = CredentialKind


@dataclass(frozen=True, slots=True)
class World:
    """What there is: all accounts by name, all credentials, memberships, and what acts by itself. ``projects`` are the
    paths that are projects and no groups, None when nobody can say.
    """

    accounts: Mapping[str, Account]
    credentials: Iterable[Credential]
    memberships: Sequence[Membership]
    integrations: Iterable[Integration] = ()
    projects: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose reach it is: an account, and of it one credential alone when that is what has leaked."""

    account: Account
    token: Credential | None = None

    @property
    def ref(self) -> Ref:
        """What is contained first."""
        return self.account.ref if self.token is None else self.token.ref


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when somebody else may have had it; seconds since the epoch, UTC, both ends included."""

    since: float
    until: float

    def holds(self, moment: float | None) -> bool:
        """Whether something happened then."""
        return moment is not None and self.since <= moment <= self.until


@dataclass(frozen=True, slots=True)
class Reached:
    """A secret that was within reach: how, and ``why`` in words. ``fresh`` is what it made in the window itself;
    ``seen`` is what the log shows of it; without, nothing does.
    """

    thing: Credential
    how: How
    why: str
    fresh: bool = False
    seen: Seen | None = None

    @property
    def ref(self) -> Ref:
        """The secret, as events name it."""
        return self.thing.ref


@dataclass(frozen=True, slots=True)
class Access:
    """Repositories and images of a place and all below it: what it could do there, as what."""

    path: str
    can: str
    why: str


@dataclass(frozen=True, slots=True)
class Mint:
    """What it could have made that was not there before; where, and as what."""

    what: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Reach:
    """All of it. Secrets by reference once each, in the surest way that they were within reach."""

    subject: Subject
    window: Window
    secrets: tuple[Reached, ...]
    access: tuple[Access, ...]
    mints: tuple[Mint, ...]
    made: tuple[Deed, ...]


def reach(
    world: World, subject: Subject, window: Window, entries: Iterable[Entry] = (), *, protected: Level = PROTECTED
) -> Reach:
    """What was within reach in the window. ``entries`` are those of the log that are by the account or about what it
    may have reached; ``protected`` is the level from which on members push to protected branches.

    A membership that has ended before the window, and one that began behind it, does not count; one that was taken
    away since then does, when the log tells of it. The window ends when the account was blocked, as long as it is: what
    was made since then, such as a token in another's place, was not within reach.
    """
    told = list(entries)
    window = _until_contained(subject, window, told)
    parts = (*_parts(world.memberships, subject, window), *former(told, subject.account, window.since))
    power = _power(subject, parts)
    walk = _Walk(subject, window, power, world.projects, protected)
    found = [each for thing in world.credentials if (each := walk.step(thing)) is not None]
    seen = sightings(told, {each.ref for each in found}, subject.account.ref)
    secrets = tuple(_sorted(_with(each, seen.get(each.ref)) for each in found))
    made = deeds(told, _made(world, found), subject.account, (window.since, window.until))
    return Reach(subject, window, secrets, tuple(_access(power)), tuple(_mints(power, subject)), made)


def _until_contained(subject: Subject, window: Window, entries: Iterable[Entry]) -> Window:
    account, ended = subject.account, None if subject.token is None else subject.token.revoked
    if account.blocked:
        blocks = [
            entry.event.time
            for entry in entries
            if (entry.event.action, entry.event.target, entry.event.outcome) == ("user.block", account.ref, "success")
        ]
        ended = min((each for each in (ended, max(blocks, default=None)) if each is not None), default=None)
    until = window.until if ended is None else max(window.since, min(window.until, ended))
    return replace(window, until=until)


def witnessed(found: Reach, entries: Iterable[Entry]) -> Reach:
    """The same, with what these entries show of each secret: those about the secrets, whoever they are by."""
    seen = sightings(entries, {each.ref for each in found.secrets}, found.subject.account.ref)
    return replace(found, secrets=tuple(_with(each, seen.get(each.ref)) for each in found.secrets))


def _power(subject: Subject, parts: tuple[Membership, ...]) -> Power:
    if subject.token is None:
        return Power(parts, subject.account.admin)
    return power_of(subject.token, parts, admin=subject.account.admin)


def _parts(memberships: Iterable[Membership], subject: Subject, window: Window) -> Iterator[Membership]:
    for part in memberships:
        ended = part.expires is not None and part.expires <= window.since
        if part.account == subject.account.name and not ended and (part.since is None or part.since <= window.until):
            yield part


@dataclass(frozen=True, slots=True)
class _Walk:
    """One look at each credential."""

    subject: Subject
    window: Window
    power: Power
    projects: frozenset[str] | None
    protected: Level

    def step(self, thing: Credential) -> Reached | None:
        """Whether it was within reach, and how; what had ended before the window, or began behind it, was not."""
        ended = any(end is not None and end < self.window.since for end in (thing.revoked, thing.expires))
        if ended or thing.made > self.window.until:
            return None
        return self._own(thing) or self._made(thing) or self._others(thing)

    def _own(self, thing: Credential) -> Reached | None:
        name, token = self.subject.account.name, self.subject.token
        if thing.holder != name or (token is not None and thing.ref != token.ref):
            return None
        fresh = thing.made_by in {None, name} and self.window.holds(thing.made)
        by = f", made by {thing.made_by}" if thing.made_by not in {None, name} else ""
        return Reached(thing, How.OWN, f"acts for {name}{by}; {_described(thing)}", fresh and token is None)

    def _made(self, thing: Credential) -> Reached | None:
        """Who makes a secret has seen it, and may have kept it. A token can make things only if it may do so."""
        if thing.made_by != self.subject.account.name or (self.subject.token is not None and not self.power.full):
            return None
        fresh = self.window.holds(thing.made)
        if self.subject.token is not None and not fresh:
            return None
        when = "in the window, on" if fresh else "on"
        return Reached(thing, How.MADE, f"{thing.made_by} made it {when} {day(thing.made)}; {_described(thing)}", fresh)

    def _others(self, thing: Credential) -> Reached | None:
        found = self.power.reaches(thing, projects=self.projects, protected=self.protected)
        if found is None:
            return None
        how, part = found
        return Reached(thing, how, f"{_as(part)}; {_described(thing)}")


def _as(part: Membership | None) -> str:
    """As what it comes by something: ``maintainer of group/x since 2026-03-01``."""
    if part is None:
        return "administrator"
    level = part.level.name.lower()
    return f"{level} of {part.path or 'the instance'}" + (f" since {day(part.since)}" if part.since else "")


def _described(thing: Credential) -> str:
    """What it is, in a few words: ``variable PROD_KEY of group/x, protected``."""
    what = thing.kind.value.replace("_", " ")
    place = f" of {thing.within}" if thing.within else ""
    traits = "".join(f", {trait}" for trait in sorted(thing.traits - {"masked"}))
    return f"{what} {thing.name}{place}{traits}"


def day(moment: float) -> str:
    """The day of a moment, in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def _with(each: Reached, seen: Seen | None) -> Reached:
    return each if seen is None else replace(each, seen=seen)


def _sorted(found: Iterable[Reached]) -> list[Reached]:
    """By how sure it is, then by kind and number, so that the same world is always told in the same order."""
    ways = list(How)
    return sorted(found, key=lambda each: (ways.index(each.how), each.thing.kind.value, each.thing.id))


def _made(world: World, found: Iterable[Reached]) -> Iterator[Credential | Integration]:
    """What may be told to be made by it: the credentials that were met, and whatever acts by itself."""
    yield from (each.thing for each in found)
    yield from world.integrations


# ── what it could do and make ────────────────────────────────────────────────────────────────────


def _access(power: Power) -> Iterator[Access]:
    if power.admin and power.within is None:
        yield Access("", _can(power, Level.OWNER), "administrator")
    for part in power.confined():
        if can := _can(power, part.level):
            yield Access(part.path, can, _as(part))


def _can(power: Power, level: Level) -> str:
    if level < Level.REPORTER:
        return ""
    writes = power.pushes and level >= Level.DEVELOPER
    return "read and write repositories and images" if writes else "read repositories and images"


def _mints(power: Power, subject: Subject) -> Iterator[Mint]:
    if not power.full:
        if subject.token is not None and subject.token.kind is KIND.REGISTRATION:
            yield Mint("runners", subject.token.within or "", "a registration token")
        return
    if power.admin and power.within is None:
        yield Mint("accounts, passwords and impersonation tokens of everybody", "", "administrator")
    if power.person:
        yield Mint("personal tokens, SSH keys and grants of its own", "", f"is {subject.account.name}")
    for part in power.confined():
        for least, what in MINTED.items():
            if part.level >= least:
                yield Mint(what, part.path, _as(part))


MINTED: Final[Mapping[Level, str]] = {
    Level.DEVELOPER: "pipelines, and with them job tokens",
    Level.MAINTAINER: "project, deploy and trigger tokens, deploy keys, variables, runners, webhooks, members",
    Level.OWNER: "group tokens",
}
"""What members of a level can make in a project, or in each project of a group."""
