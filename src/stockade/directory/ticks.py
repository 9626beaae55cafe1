"""How far a rotation list is: what was ticked off or waived, what the directory and the log show to be done, what was
done too early to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stockade.directory.rotation import ENDED, REPLACED, Item
from stockade.errors import Refused
from stockade.events import Entry, Event, Ref

DONE: Final = "rotation.done"
WAIVED: Final = "rotation.waive"
REOPENED: Final = "rotation.reopen"
_DOING: Final = frozenset(
    {*ENDED.values(), *REPLACED.values(), "variable.change", "password.change", "webhook.change", "secret.rotated"}
)


class State(StrEnum):
    """How a line of the list stands."""

    OPEN = "open"
    EARLY = "too early"
    DONE = "done"
    WAIVED = "waived"


SETTLED: Final = frozenset({State.DONE, State.WAIVED})


@dataclass(frozen=True, slots=True)
class Tick:
    """A line's state: since when, by whom, and why; the entry of the log that says so, where one does."""

    state: State
    when: float | None = None
    by: str = ""
    reason: str = ""
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The list with the state of each line."""

    items: tuple[Item, ...]
    ticks: Mapping[Ref, Tick]

    @property
    def settled(self) -> int:
        """How many lines are done or waived."""
        return sum(self.ticks[item.target].state in SETTLED for item in self.items)

    @property
    def percent(self) -> int:
        """The same in a hundred, never rounded up to all of it."""
        return 100 * self.settled // len(self.items) if self.items else 100

    def waiting_for(self, item: Item) -> tuple[Item, ...]:
        """What has to be done before a line, and is not."""
        before = set(item.after)
        return tuple(
            each for each in self.items if each.target in before and self.ticks[each.target].state not in SETTLED
        )

    def item(self, target: Ref) -> Item:
        """The line about a thing. Raises Refused when there is none."""
        found = next((item for item in self.items if item.target == target), None)
        if found is None:
            raise Refused(f"{target} is not on the list", remedy="--list shows all that is.")
        return found


def progress(items: Sequence[Item], entries: Iterable[Entry], subject: Ref, account: Ref) -> Progress:
    """How far the list is, by the directory and by entries of the log about ``subject`` and the things on the list.

    What was replaced while something that could read it was still in force does not count: it is to be done again. What
    the account has done itself is nobody's rotation.
    """
    told = _told(entries, {item.target for item in items}, subject, account)
    ticks: dict[Ref, Tick] = {}
    for item in items:
        ticks[item.target] = _judged(item, told.get(item.target), ticks)
    return Progress(tuple(items), ticks)


def _told(entries: Iterable[Entry], targets: set[Ref], subject: Ref, account: Ref) -> dict[Ref, Tick]:
    found: dict[Ref, Tick] = {}
    for entry in sorted(entries, key=lambda each: each.event.time):
        event = entry.event
        if event.target in targets and event.outcome == "success" and event.target is not None:
            tick = _tick(entry, subject, account)
            if tick is not None:
                found[event.target] = tick
    return found


def _tick(entry: Entry, subject: Ref, account: Ref) -> Tick | None:
    event = entry.event
    by = event.actor.id if event.actor else ""
    reason = str(event.details.get("reason") or "")
    if event.action in _STATES and event.details.get("subject") == str(subject):
        return Tick(_STATES[event.action], event.time, by, reason, str(entry))
    if event.action in _DOING and event.actor != account:
        return Tick(State.DONE, event.time, by, event.action, str(entry))
    return None


_STATES: Final = {DONE: State.DONE, WAIVED: State.WAIVED, REOPENED: State.OPEN}


def _judged(item: Item, told: Tick | None, before: Mapping[Ref, Tick]) -> Tick:
    """The state of a line, when those before it are known. What has ended needs no tick, whenever that was."""
    if item.ended is not None:
        known = told if told is not None and told.state is State.DONE else Tick(State.DONE, item.ended or None)
        return Tick(State.DONE, known.when, known.by, known.reason or "it is ended", known.entry)
    if told is None:
        return Tick(State.OPEN)
    if told.state is State.DONE and _too_early(item, told, before):
        return Tick(State.EARLY, told.when, told.by, "it could still be read then: do it again", told.entry)
    return told


def _too_early(item: Item, told: Tick, before: Mapping[Ref, Tick]) -> bool:
    """Whether something that it had to wait for was still in force when it was done."""
    return any(
        tick.state is not State.WAIVED
        and (
            tick.state is not State.DONE or (tick.when is not None and told.when is not None and tick.when > told.when)
        )
        for ref in item.after
        if (tick := before.get(ref)) is not None
    )


def done(progress: Progress, target: Ref, subject: Ref, *, now: float, by: Ref | None, reason: str = "") -> Event:
    """The event that ticks a line off. Raises Refused when something that could read it is still in force."""
    item = progress.item(target)
    waiting = progress.waiting_for(item)
    if waiting:
        names = ", ".join(f"{each.position} {each.name}" for each in waiting[:3])
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        raise Refused(
            f"{item.name} can still be read by {names}{more}",
            remedy="Do these first and this one again, or waive it with a reason.",
        )
    return _event(DONE, target, subject, now=now, by=by, reason=reason)


def waived(progress: Progress, target: Ref, subject: Ref, *, now: float, by: Ref | None, reason: str) -> Event:
    """The event that leaves a line out, for a reason. Raises Refused when there is none."""
    progress.item(target)
    if not reason.strip():
        raise Refused("nothing is waived without a reason", remedy="Say why it need not be done.")
    return _event(WAIVED, target, subject, now=now, by=by, reason=reason)


def reopened(progress: Progress, target: Ref, subject: Ref, *, now: float, by: Ref | None) -> Event:
    """The event that opens a line again."""
    progress.item(target)
    return _event(REOPENED, target, subject, now=now, by=by, reason="")


def _event(action: str, target: Ref, subject: Ref, *, now: float, by: Ref | None, reason: str) -> Event:
    details = {"subject": str(subject)} | ({"reason": reason} if reason else {})
    return Event(now, action, by, target, details=details)
