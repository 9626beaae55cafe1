"""Every secret of a machine and of its directory in one list: what to change, in which order, who, and where it lies.

First the machine is contained. Then nothing is replaced that something which is not yet replaced can still read: what
opens the machine comes before what lies in its files, what opens a database before what lies in that, a key before what
is encrypted under it; and among tokens and variables as a reach has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from stockade.directory.accounts import Account, Credential, CredentialKind, Level, Membership
from stockade.directory.ordering import in_order
from stockade.directory.powers import PROTECTED, How
from stockade.directory.reach import Reached
from stockade.directory.rotation import BY_HAND, ENDED, REPLACED, Item, Owners, Readers, numbered
from stockade.events import Ref
from stockade.host.secrets.comparing import Kept
from stockade.host.secrets.found import GRADES, Found, Grade, Place, Where
from stockade.host.secrets.known import kinds
from stockade.host.secrets.patterns import About

KIND = CredentialKind
SEALED: Final = frozenset({KIND.VARIABLE, KIND.WEBHOOK, KIND.MIRROR})
"""What a directory must read again, so that whoever has its machine can; of the rest it keeps digests."""
_OPENS: Final[Mapping[str, frozenset[Where]]] = {
    "machine": frozenset({Where.FILE, Where.ENVIRONMENT, Where.DATABASE}),
    "cloud": frozenset({Where.FILE, Where.ENVIRONMENT, Where.DATABASE}),
    "database": frozenset({Where.DATABASE}),
    "encrypted": frozenset({Where.DATABASE}),
    "repositories": frozenset({Where.HISTORY}),
}
"""In which places somebody can read secrets with one that opens this."""
_STAGES: Final = ("machine", "cloud", "encrypted", "database", "repositories", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One secret of the list: what was found of it, what the directory knows of it; one of them, or both."""

    target: Ref
    found: tuple[Kept, ...] = ()
    thing: Credential | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """Everywhere it lies."""
        return tuple(sorted({place for each in self.found for place in each.secret.places}))

    @property
    def about(self) -> About:
        """What is known of its kind."""
        return kinds().get(self.found[0].secret.kind, About()) if self.found else About()

    @property
    def opens(self) -> str:
        """What somebody can read with it."""
        return self.about.opens


@dataclass(frozen=True, slots=True)
class World:
    """Who there is and who may do what where, as the directory says."""

    accounts: Mapping[str, Account]
    memberships: Sequence[Membership]
    projects: frozenset[str] | None = None
    protected: Level = PROTECTED


def machine_of(name: str) -> Ref:
    """The machine whose secrets these are."""
    return Ref(name, "machine", name)


def lines(
    kept: Iterable[Kept],
    credentials: Iterable[Credential],
    machine: str,
    *,
    least: Grade = Grade.LIKELY,
    all_: bool = False,
) -> Mapping[Ref, Line]:
    """What belongs on the list: all that was found and is at least so sure, and what the directory keeps readable, or
    with ``all_`` everything in it that is alive. What was found and is in the directory is one line.
    """
    things = {each.ref: each for each in credentials}
    found: dict[Ref, Line] = {}
    for each in kept:
        if GRADES.index(each.secret.grade) <= GRADES.index(least):
            for ref in [ref for ref in each.secret.refs if ref in things] or [Ref(machine, "secret", each.secret.id)]:
                known = found.get(ref) or Line(ref, thing=things.get(ref))
                found[ref] = replace(known, found=(*known.found, each))
    for ref, thing in things.items():
        if ref not in found and thing.revoked is None and (all_ or thing.kind in SEALED):
            found[ref] = Line(ref, thing=thing)
    return found


def renewal(listed: Mapping[Ref, Line], world: World, machine: str, contained: float | None = None) -> tuple[Item, ...]:
    """The list in order. ``contained`` is since when the intruder is shut out, as far as anybody has recorded."""
    owners = Owners(world.accounts, world.memberships, "")
    items = {ref: _item(line, owners) for ref, line in listed.items()}
    reads = _reads(listed, world)
    after: dict[Ref, list[Ref]] = defaultdict(list)
    for reader, read in reads.items():
        for ref in read:
            after[ref].append(reader)
    first = _contain(machine, contained)
    ordered = in_order(list(items), reads, lambda ref: _STAGES.index(listed[ref].opens))
    return (first, *numbered(ordered, items, after, first.target))


def _contain(machine: str, contained: float | None) -> Item:
    why = (
        "as long as somebody is in, all that is replaced can be read again; rotate after the rebuild, never before this"
    )
    target = machine_of(machine)
    return Item(
        1, target, f"machine {machine}", "network.restrict", why, by_hand="stockade host restrict", ended=contained
    )


def _item(line: Line, owners: Owners) -> Item:
    thing, about = line.thing, line.about
    if thing is None:
        kept = line.found[0]
        who = tuple(sorted({place.owner for place in line.places if place.owner}))
        return Item(0, line.target, _named(kept.secret), "secret.rotated", _why(line), about.change or _ANYHOW, who,
                    ended=kept.replaced)  # fmt: skip
    verb = REPLACED.get(line.target.kind, ENDED[line.target.kind])
    name = f"{thing.kind.value.replace('_', ' ')} {thing.name}" + (f" of {thing.within}" if thing.within else "")
    who = owners.of_account(thing.holder) if thing.within is None else owners.of_place(thing.within)
    return Item(0, line.target, name, verb, _why(line), BY_HAND.get(thing.kind, ""), who, ended=thing.revoked)


_ANYHOW: Final = "change it where it opens something, then here"


def _named(found: Found) -> str:
    return f"{found.kind} {found.name}".strip() if found.name and found.name != found.kind else found.kind


def _why(line: Line) -> str:
    """Where it lies, and what it costs to change it."""
    places = line.places
    lies = f"lies in {places[0]}" + (f" and {len(places) - 1} more places" if len(places) > 1 else "") if places else ""
    sealed = "the directory can read it, and so can whoever has its machine" if not places else ""
    cost = f"changing it: {line.about.breaks}" if line.about.breaks else ""
    lost = f"NOT SIMPLY REPLACED: without it nobody can read {line.about.lost}" if line.about.lost else ""
    gone = (
        "gone from here: say so when it is ended where it opened something" if any(e.gone for e in line.found) else ""
    )
    return "; ".join(each for each in (lies, sealed, gone, lost, cost) if each)


# ── what can read what ───────────────────────────────────────────────────────────────────────────


def _reads(listed: Mapping[Ref, Line], world: World) -> dict[Ref, list[Ref]]:
    secrets = [Reached(line.thing, How.READS, "") for line in listed.values() if line.thing is not None]
    edges = Readers(world.accounts, world.memberships, world.projects, world.protected).edges(secrets)
    reads = {reader: dict.fromkeys(read) for reader, read in edges}
    lying = _lying(listed)
    for ref, line in listed.items():
        for where in _OPENS.get(line.opens, frozenset()):
            reads.setdefault(ref, {}).update((other, None) for other in lying[where] if _before(line, listed[other]))
    return {reader: list(read) for reader, read in reads.items()}


def _before(line: Line, other: Line) -> bool:
    """Of two that can read each other, the one that opens more comes first; of equals, neither waits for the other."""
    return _STAGES.index(line.opens) < _STAGES.index(other.opens)


def _lying(listed: Mapping[Ref, Line]) -> Mapping[Where, list[Ref]]:
    found: dict[Where, list[Ref]] = defaultdict(list)
    for ref, line in listed.items():
        for where in {place.where for place in line.places}:
            found[where].append(ref)
        if line.thing is not None and line.thing.kind in SEALED:
            found[Where.FILE].append(ref)  # the key under which it is sealed lies in one
    return found
