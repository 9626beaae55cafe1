"""One look at the world for a playbook: what the directory has, what the log tells, and what was within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stockade.directory.accounts import Account, Credential, Directory, Integration, Membership
from stockade.directory.reach import Reach, Subject, Window, reach
from stockade.directory.reach import World as Everything
from stockade.directory.rotation import Item, rotation
from stockade.events import Entry, Ref
from stockade.respond.world import Made, Reached, World


@dataclass(frozen=True, slots=True)
class Question:
    """About whom a plan is asked for: an account, or one token of it; from when to when, under which incident."""

    account: Account
    since: float
    until: float
    incident: str
    token: Credential | None = None
    rotate: bool = False


def look(
    asked: Question,
    directory: Directory,
    entries: Sequence[Entry],
    observe: Callable[[Iterable[Ref]], Mapping[Ref, Mapping[str, object]]],
    now: float,
    *,
    projects: frozenset[str] | None = None,
) -> World:
    """The world as it is now. ``entries`` are those of the log about the account; ``projects`` the paths that are
    projects and no groups, None when nobody can say.
    """
    account, window = asked.account, Window(asked.since, asked.until)
    everything = list(directory.credentials())
    accounts = {each.name: each for each in directory.accounts()}
    memberships = list(directory.memberships())
    integrations = list(directory.integrations())
    there = Everything(accounts, everything, memberships, integrations, projects)
    found = reach(there, Subject(account, asked.token), window, entries)
    holds = tuple(each for each in everything if each.holder == account.name and each.live(now))
    known, strange = _addresses(entries, account.ref, asked.since)
    made = tuple(_made(found, everything, accounts, memberships))
    reached = tuple(_reached(rotation(found, accounts, memberships, projects), {each.ref for each in holds}))
    things = [account, *holds, *(each for each in made if not isinstance(each, Membership))]
    seen = observe([*(each.ref for each in things), *(each.target for each in reached)])
    return World(
        now=now,
        account=account,
        since=asked.since,
        until=asked.until,
        holds=() if asked.token else holds,
        made=made,
        reached=reached,
        known=known,
        strange=strange,
        enrolled=_enrolled(entries),
        observe=lambda ref: seen.get(ref, {}),
        token=asked.token,
        incident=asked.incident,
        rotate=asked.rotate,
    )


def _made(
    found: Reach,
    everything: Iterable[Credential],
    accounts: Mapping[str, Account],
    memberships: Iterable[Membership],
) -> Iterator[Made]:
    """What the account made in the window and is there: things, accounts, and who may do what through it."""
    name, window = found.subject.account.name, found.window
    seen: set[Ref] = set()
    for deed in found.made:
        thing: Credential | Integration | Account | None = deed.thing
        if thing is None and deed.ref.kind == "user" and deed.what == "user.create":
            thing = accounts.get(deed.ref.id)
        if thing is not None and deed.ref not in seen:
            seen.add(deed.ref)
            yield thing
    for each in everything:
        if each.made_by == name and window.holds(each.made) and each.ref not in seen:
            seen.add(each.ref)
            yield each
    yield from (each for each in memberships if each.made_by == name and window.holds(each.since))


def _reached(items: Iterable[Item], own: set[Ref]) -> Iterator[Reached]:
    """What has to be replaced because it was within reach, and is neither the account nor its own."""
    for item in items:
        if item.ended is None and item.target not in own and item.target.kind != "user":
            why, verb = item.why.partition(";")[0], "" if item.by_hand else item.verb
            yield Reached(item.target, item.name, why, verb, ", ".join(item.owners), item.seen, item.by_hand)


def _addresses(entries: Iterable[Entry], account: Ref, since: float) -> tuple[frozenset[str], tuple[str, ...]]:
    """From where the account was seen before, and from where since then and never before."""
    before: set[str] = set()
    later: dict[str, None] = {}
    for entry in entries:
        event = entry.event
        if event.actor == account and event.source and event.outcome == "success":
            if event.time < since:
                before.add(event.source)
            else:
                later[event.source] = None
    strange = tuple(each for each in later if each not in before) if before else ()
    return frozenset(before), strange


def _enrolled(entries: Iterable[Entry]) -> dict[Ref, str]:
    """From which address each second factor was enrolled, as far as the log tells."""
    return {
        entry.event.target: entry.event.source
        for entry in entries
        if entry.event.action == "factor.add" and entry.event.target is not None and entry.event.source
    }
