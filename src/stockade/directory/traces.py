"""What the log shows of a reach: what was read and used, what was made, and memberships that are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from stockade.directory.accounts import Account, Credential, Integration, Level, Membership
from stockade.events import Entry, Ref

READING: Final = frozenset({"variable.read"})
USING: Final = frozenset({"token.use", "authentication.success", "repository.read", "repository.write", "image.read",
                          "image.write", "pipeline.run", "session.create", "authentication.unusual"})  # fmt: skip
MAKING: Final = frozenset({"create", "add", "link", "authorize", "rotate", "impersonate"})
"""The verbs of actions that bring something into being, or a new secret."""
CHANGED_BY_MAKING: Final = frozenset({"githook.change", "runner.token.reset", "variable.change", "webhook.change"})
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """How often the account was seen to read a secret, and anybody to use it; when last, and in which entries."""

    read: int
    used: int
    last: float
    entries: tuple[str, ...]

    def __str__(self) -> str:
        told = [f"{word} {count} times" if count > 1 else word for word, count in self._counts() if count]
        return f"{' and '.join(told)} ({', '.join(self.entries)})"

    def _counts(self) -> tuple[tuple[str, int], ...]:
        return ("read", self.read), ("used", self.used)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something it made, or had made anew, in the window: told by the directory, by entries of the log, or by both.

    ``thing`` is what the directory knows of it; none when it is not there any more, or is no thing of the directory.
    """

    ref: Ref
    what: str
    when: float
    thing: Credential | Integration | None = None
    entries: tuple[str, ...] = ()


def sightings(entries: Iterable[Entry], about: Collection[Ref], account: Ref) -> dict[Ref, Seen]:
    """What the log shows of each reference: that the account has read it, that somebody has used it."""
    found: dict[Ref, Seen] = {}
    for entry in entries:
        reading, using = entry.event.action in READING, entry.event.action in USING
        if entry.event.outcome != "success" or (reading and entry.event.actor != account) or not (reading or using):
            continue
        for ref in _named(entry):
            if ref in about:
                found[ref] = _more(found.get(ref), entry, reading=reading)
    return found


def _more(seen: Seen | None, entry: Entry, *, reading: bool) -> Seen:
    before = seen or Seen(0, 0, 0.0, ())
    entries = (*before.entries, str(entry))[:_SHOWN]
    counts = (before.read + 1, before.used) if reading else (before.read, before.used + 1)
    return Seen(*counts, max(before.last, entry.event.time), entries)


def _named(entry: Entry) -> Iterator[Ref]:
    """What an entry is about: its target, and the credential that was used for it."""
    if entry.event.target is not None:
        yield entry.event.target
    credential = entry.event.details.get("credential")
    if isinstance(credential, str):
        try:
            yield Ref.parse(credential)
        except ValueError:
            return


def deeds(
    entries: Iterable[Entry],
    things: Iterable[Credential | Integration],
    account: Account,
    window: tuple[float, float],
) -> tuple[Deed, ...]:
    """All that the account made in the window, in the order of time; each once."""
    found: dict[Ref, Deed] = {}
    for thing in things:
        if thing.made_by == account.name and window[0] <= thing.made <= window[1]:
            found[thing.ref] = Deed(thing.ref, _called(thing), thing.made, thing)
    for entry in entries:
        target = entry.event.target
        if target is not None and _makes(entry, account.ref, window):
            before = found.get(target, Deed(target, entry.event.action, entry.event.time))
            found[target] = replace(before, entries=(*before.entries, str(entry)))
    return tuple(sorted(found.values(), key=lambda deed: (deed.when, str(deed.ref))))


def _makes(entry: Entry, account: Ref, window: tuple[float, float]) -> bool:
    event = entry.event
    making = event.action.rpartition(".")[2] in MAKING or event.action in CHANGED_BY_MAKING
    made = making and event.actor == account and event.outcome == "success"
    return made and window[0] <= event.time <= window[1] and event.action != "session.create"


def _called(thing: Credential | Integration) -> str:
    place = thing.within if isinstance(thing, Credential) else thing.place
    return f"{thing.kind.value.replace('_', ' ')} {thing.name}" + (f" of {place}" if place else "")


def former(entries: Iterable[Entry], account: Account, since: float) -> tuple[Membership, ...]:
    """Memberships that were taken away at ``since`` or later: the level from the log, or, where it does not tell, the
    highest, so that nothing is left out.
    """
    given: dict[str, Membership] = {}
    taken: list[Membership] = []
    for entry in sorted((each for each in entries if each.event.target == account.ref), key=lambda e: e.event.time):
        path, action = entry.event.details.get("path"), entry.event.action
        if entry.event.outcome != "success" or not isinstance(path, str):
            continue
        if action in {"member.add", "member.change"}:
            given[path] = Membership(account.name, path, _level(entry.event.details), entry.event.time)
        elif action == "member.remove" and entry.event.time >= since:
            known = given.get(path) or Membership(account.name, path, _level(entry.event.details))
            taken.append(replace(known, expires=entry.event.time))
    return tuple(taken)


def _level(details: Mapping[str, object]) -> Level:
    said = str(details.get("level", "")).upper()
    return Level[said] if said in Level.__members__ else Level.OWNER
