"""What a reach asks to be done: which secret is replaced or ended, in which order, by whom, and what only a person can.

Nothing that was replaced may be read by what was not yet: containment comes first, then whatever goes on reading when
the account is blocked, then the secrets themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from stockade.directory.accounts import (
    FACTOR_KINDS,
    Account,
    AccountKind,
    Credential,
    CredentialKind,
    Level,
    Membership,
)
from stockade.directory.ordering import in_order
from stockade.directory.powers import INSTANCE, PROTECTED, How, Power, ancestors, power_of
from stockade.directory.reach import Reach, Reached
from stockade.events import Ref

KIND = CredentialKind
ASKED: Final = 3
"""How many owners are named."""
ENDED: Final[Mapping[str, str]] = {
    "token": "token.revoke",
    "key": "key.remove",
    "factor": "factor.remove",
    "session": "session.end",
    "password": "password.reset",
    "reset": "password.reset.cancel",
    "grant": "grant.revoke",
    "application": "application.remove",
    "variable": "variable.remove",
    "runner": "runner.remove",
    "webhook": "webhook.remove",
    "githook": "githook.remove",
    "mirror": "mirror.remove",
    "schedule": "schedule.remove",
    "email": "email.remove",
    "identity": "identity.unlink",
    "user": "user.block",
}
"""The action that ends a thing, by its kind in references."""
REPLACED: Final[Mapping[str, str]] = {
    "token": "token.rotate",
    "runner": "runner.token.reset",
    "webhook": "webhook.rotate",
    "application": "application.rotate",
    "variable": "variable.rotate",
    "key": "key.remove",
    "mirror": "mirror.remove",
}
"""The action that puts another secret in its place."""
SERVING: Final = frozenset(
    {
        *(KIND.DEPLOY, KIND.TRIGGER, KIND.REGISTRATION, KIND.PROJECT, KIND.GROUP, KIND.DEPLOY_KEY),
        KIND.RUNNER,
        KIND.APPLICATION,
    }
)
"""What others work with, whoever holds it: replaced, not ended."""
BY_HAND: Final[Mapping[CredentialKind, str]] = {
    KIND.VARIABLE: "its new value comes from what it opens",
    KIND.MIRROR: "its password is changed at the other end",
    KIND.DEPLOY_KEY: "who uses it has to make a new pair",
}
"""Why no program can replace it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list. ``verb`` is the action that does it, ``by_hand`` why no program can; ``after`` is what has
    to be done before, as it could read what comes of this; ``cycle`` are those that can come by one another: all of
    them are ended before any is made anew. ``owners`` are who has to do it, or to be asked.
    """

    position: int
    target: Ref
    name: str
    verb: str
    why: str
    by_hand: str = ""
    owners: tuple[str, ...] = ()
    after: tuple[Ref, ...] = ()
    cycle: tuple[Ref, ...] = ()
    seen: str = ""
    ended: float | None = None


def rotation(
    found: Reach,
    accounts: Mapping[str, Account],
    memberships: Sequence[Membership],
    projects: frozenset[str] | None = None,
    *,
    protected: Level = PROTECTED,
) -> tuple[Item, ...]:
    """The list of what has to be done about a reach, in order. Accounts and memberships are everybody's."""
    secrets = {each.ref: each for each in found.secrets if _counts(each)}
    owners = Owners(accounts, memberships, found.subject.account.name)
    items = {each.ref: _item(each, owners) for each in secrets.values()} | _made(found, secrets, owners)
    first = _contained(found, items)
    readers = Readers(accounts, memberships, projects, protected)
    reads = dict(readers.edges([each for each in secrets.values() if each.ref != first.target]))
    after: dict[Ref, list[Ref]] = defaultdict(list)
    for reader, read in reads.items():
        for ref in read:
            after[ref].append(reader)
    items.pop(first.target, None)
    ordered = in_order(list(items), reads, lambda ref: _stage(secrets.get(ref)))
    return (first, *numbered(ordered, items, after, first.target))


def _counts(each: Reached) -> bool:
    """Whether it has to be replaced: an address or an identity that was there before is the person's own, and a public
    application has no secret.
    """
    kept = each.thing.kind in {KIND.EMAIL, KIND.IDENTITY} or "public" in each.thing.traits
    return not kept or each.fresh


def _item(each: Reached, owners: Owners) -> Item:
    thing, verb, by_hand = each.thing, ENDED[each.ref.kind], ""
    if not each.fresh and (each.how is not How.OWN or thing.kind in SERVING):
        verb, by_hand = REPLACED.get(each.ref.kind, verb), BY_HAND.get(thing.kind, "")
    elif thing.kind in FACTOR_KINDS and not each.fresh:
        by_hand = "ask whose it is: it was there before"
    who = owners.of_account(thing.holder) if each.how is How.OWN else owners.of_place(thing.within or INSTANCE)
    name = f"{thing.kind.value.replace('_', ' ')} {thing.name}" + (f" of {thing.within}" if thing.within else "")
    return Item(0, each.ref, name, verb, f"{each.how.value}: {each.why}", by_hand, who,
                seen="" if each.seen is None else str(each.seen), ended=thing.revoked)  # fmt: skip


def _made(found: Reach, secrets: Mapping[Ref, Reached], owners: Owners) -> dict[Ref, Item]:
    """What it made that is no secret, and can be ended: hooks, schedules, accounts."""
    items: dict[Ref, Item] = {}
    for deed in found.made:
        verb = ENDED.get(deed.ref.kind, "") if deed.thing is not None or deed.what == "user.create" else ""
        if verb and deed.ref not in secrets:
            place = getattr(deed.thing, "place", INSTANCE)
            ended = None if deed.thing is None else deed.thing.revoked
            who, why = owners.of_place(place), f"{How.MADE.value} in the window"
            items[deed.ref] = Item(0, deed.ref, deed.what, verb, why, owners=who, ended=ended)
    return items


def _contained(found: Reach, items: Mapping[Ref, Item]) -> Item:
    """What comes first of all: the account is blocked, or the token that leaked is revoked."""
    subject, account = found.subject, found.subject.account
    if subject.token is not None and subject.ref in items:
        return replace(items[subject.ref], position=1, why=f"it has leaked; {items[subject.ref].why}")
    why = "as long as it is not, all that is replaced can be read again"
    return Item(1, account.ref, f"account {account.name}", "user.block", why, ended=0.0 if account.blocked else None)


def _stage(each: Reached | None) -> tuple[int, int]:
    """What comes first where nothing else decides: its own, what it made, the surest; and what was seen to be used."""
    if each is None:
        return 1, 0
    seen = 0 if each.seen is not None else 1
    return (1 if each.fresh and each.how is not How.OWN else 2 * list(How).index(each.how)), seen


def numbered(
    ordered: Sequence[tuple[Ref, ...]], items: Mapping[Ref, Item], after: Mapping[Ref, Sequence[Ref]], first: Ref
) -> Iterator[Item]:
    """The lines in their order, from 2 on; each after ``first`` and what reads it, but for those of its own cycle."""
    position = 1
    for group in ordered:
        cycle = group if len(group) > 1 else ()
        for ref in group:
            position += 1
            before = tuple(each for each in after.get(ref, ()) if each not in cycle)
            yield replace(items[ref], position=position, after=(first, *before), cycle=cycle)


class Owners:
    """Who is asked about a secret: a person who may change it, is still there, and is not the one it is about."""

    def __init__(self, accounts: Mapping[str, Account], memberships: Iterable[Membership], subject: str) -> None:
        self.accounts, self.subject = accounts, subject
        self.admins = tuple(name for name, each in accounts.items() if each.admin and self._there(name))[:ASKED]
        self.known: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for part in memberships:
            if part.level >= Level.MAINTAINER and self._there(part.account):
                self.known[part.path].append((-part.level, part.account))

    def _there(self, name: str) -> bool:
        known = self.accounts.get(name)
        if known is None or known.kind is not AccountKind.HUMAN or name == self.subject:
            return False
        return not known.blocked and known.departed is None

    def of_place(self, place: str) -> tuple[str, ...]:
        """Those with the highest level nearest to a place; administrators where there is nobody."""
        for each in ancestors(place):
            if each in self.known:
                return tuple(name for _, name in sorted(set(self.known[each]))[:ASKED])
        return self.admins

    def of_account(self, name: str) -> tuple[str, ...]:
        """Whoever holds it, unless that is the one it is about."""
        return (name,) if self._there(name) else self.admins


_Alike = tuple[CredentialKind, frozenset[str]]
"""Secrets of one place that are alike in these are within reach of the same: how many there are, costs nothing."""


class Readers:
    """Which of the things on a list go on reading others when the account itself is blocked."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        memberships: Iterable[Membership],
        projects: frozenset[str] | None,
        protected: Level,
    ) -> None:
        self.accounts, self.projects, self.protected = accounts, projects, protected
        self.parts: dict[str, list[Membership]] = defaultdict(list)
        for part in memberships:
            self.parts[part.account].append(part)

    def edges(self, secrets: Sequence[Reached]) -> Iterator[tuple[Ref, list[Ref]]]:
        """What each of them can read of the others."""
        places: dict[str, dict[_Alike, list[Reached]]] = defaultdict(lambda: defaultdict(list))
        for each in secrets:
            if each.how is not How.OWN:
                places[each.thing.within or INSTANCE][each.thing.kind, each.thing.traits].append(each)
        refs = {place: {alike: [e.ref for e in group] for alike, group in at.items()} for place, at in places.items()}
        below: dict[str, list[str]] = defaultdict(list)
        for place in places:
            for above in ancestors(place):
                below[above].append(place)
        for each in secrets:
            power = self._power(each)
            near = set(places) if power.admin else _near(power, below)
            read = [
                ref
                for place in sorted(near & places.keys())
                for alike, group in places[place].items()
                if self._reads(power, group[0].thing)
                for ref in refs[place][alike]
            ]
            own = each.ref
            if any(ref != own for ref in read):
                yield own, [ref for ref in read if ref != own]

    def _power(self, each: Reached) -> Power:
        """What it lets somebody do who is not let in any more; nothing where it falls with the account."""
        holder = self.accounts.get(each.thing.holder)
        if each.how is How.OWN:
            return power_of(each.thing, ())
        return power_of(each.thing, self.parts[each.thing.holder], admin=holder is not None and holder.admin)

    def _reads(self, power: Power, secret: Credential) -> bool:
        return power.reaches(secret, projects=self.projects, protected=self.protected) is not None


def _near(power: Power, below: Mapping[str, Sequence[str]]) -> set[str]:
    """The places that have to do with those of a power: above and below."""
    return {place for part in power.confined() for place in (*below.get(part.path, ()), *ancestors(part.path))}
