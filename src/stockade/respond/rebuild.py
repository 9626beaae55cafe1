"""Coming back clean: which backup predates the intruder, and what came after it.

Whatever an intruder has put somewhere is in every backup from then on, so that the newest clean one is found as a word
in a dictionary is: by opening it in the middle. A backup is clean by what was looked at in it, never by its age alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from stockade.events import Entry, Ref
from stockade.host.backups.listed import Backup
from stockade.respond.judging import Evil, Judged, Verdict

Opened = Callable[[Backup], Judged]


def judged(backups: Iterable[Backup], evil: Evil, opened: Opened, *, every: bool = False) -> tuple[Judged, ...]:
    """Every backup, oldest first. ``opened`` looks through one, and is asked for few: what was taken at the first evil
    or after it is tainted by that; of the others the border is sought by halves, and of what is left the newest that
    is clean. With ``every``, all of the others are opened: an intruder may have taken away again what shows them.
    """
    known = tuple(backups)
    dated = sorted((each for each in known if each.taken is not None), key=_taken)
    before = [each for each in dated if evil.first is None or _taken(each) + each.spread < evil.first]
    said = {id(each): Judged(each, Verdict.UNKNOWN, "nothing says when it was taken", opened=False)
            for each in known if each.taken is None}  # fmt: skip
    said |= {id(each): Judged(each, Verdict.TAINTED, "taken when the intruder was in, or after", opened=False)
             for each in dated}  # fmt: skip
    said |= {id(each): opened(each) for each in before} if every else _sought(before, opened)
    return tuple(said[id(each)] for each in (*dated, *(each for each in known if each.taken is None)))


def _taken(each: Backup) -> float:
    return each.taken or 0.0


def _sought(before: Sequence[Backup], opened: Opened) -> dict[int, Judged]:
    """Those of the same moment are one step of the row: when one of them is tainted, that moment is."""
    row = [list(group) for _, group in groupby(before, key=_taken)]
    looked: dict[int, Judged] = {}

    def found(at: int) -> list[Judged]:
        for each in row[at]:
            looked[id(each)] = looked.get(id(each)) or opened(each)
        return [looked[id(each)] for each in row[at]]

    def tainted(at: int) -> bool:
        return any(each.verdict is Verdict.TAINTED for each in found(at))

    border = _border(len(row), tainted)
    at = border - 1
    while at >= 0 and not tainted(at) and all(each.verdict is not Verdict.CLEAN for each in found(at)):
        at -= 1
    for place, group in enumerate(row):
        looked |= {id(each): _told(each, place, border) for each in group if id(each) not in looked}
    return looked


def _told(each: Backup, place: int, border: int) -> Judged:
    """What is thought of a backup that was not opened, by those that were."""
    if place >= border:
        return Judged(each, Verdict.TAINTED, "newer than one that is tainted", opened=False)
    return Judged(each, Verdict.UNKNOWN, "not opened: a newer one is to be preferred", opened=False)


def _border(count: int, tainted: Callable[[int], bool]) -> int:
    """How many of a row are not tainted, from the beginning on. The newest is asked first: mostly it is clean."""
    if count == 0 or not tainted(count - 1):
        return count
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if tainted(middle) else (middle + 1, high)
    return low


def choice(found: Sequence[Judged]) -> Judged | None:
    """The newest that is clean and older than all that are tainted; None when none is."""
    end = min((_taken(each.backup) for each in found if each.verdict is Verdict.TAINTED), default=float("inf"))
    clean = [each for each in found if each.verdict is Verdict.CLEAN and _taken(each.backup) < end]
    return max(clean, key=lambda each: _taken(each.backup), default=None)


def undoubted(found: Sequence[Judged]) -> Judged | None:
    """The newest in which nothing was found, though it cannot be called clean; None when there is none."""
    end = min((_taken(each.backup) for each in found if each.verdict is Verdict.TAINTED), default=float("inf"))
    left = [each for each in found if each.verdict is Verdict.UNKNOWN and each.opened and _taken(each.backup) < end]
    return max(left, key=lambda each: _taken(each.backup), default=None)


def first_evil(found: Sequence[Judged], evil: Evil) -> tuple[float | None, float | None]:
    """Between which moments the intruder came, as far as backups and findings show: after, and before or at."""
    chosen = choice(found)
    tainted = [
        each.backup.taken + each.backup.spread
        for each in found
        if each.verdict is Verdict.TAINTED and each.opened and each.backup.taken
    ]
    ends = [*tainted, *([evil.first] if evil.first is not None else [])]
    return (chosen.backup.taken if chosen else None), min(ends, default=None)


# ── what came after ──────────────────────────────────────────────────────────────────────────────

ENTERED: Final[Mapping[str, str]] = {
    "repository.write": "commits",
    "image.write": "images",
    "project.create": "projects",
    "group.create": "groups",
    "user.create": "accounts",
    "user.change": "accounts",
    "user.role.change": "rights",
    "member.add": "memberships",
    "member.change": "memberships",
    "token.create": "credentials",
    "token.rotate": "credentials",
    "key.add": "credentials",
    "factor.add": "credentials",
    "application.create": "credentials",
    "variable.create": "variables",
    "variable.change": "variables",
    "variable.rotate": "variables",
    "webhook.add": "integrations",
    "webhook.change": "integrations",
    "mirror.add": "integrations",
    "schedule.add": "integrations",
    "runner.add": "integrations",
    "githook.change": "integrations",
    "project.change": "settings",
    "group.change": "settings",
    "branch.policy.change": "settings",
    "setting.change": "settings",
    "configuration.change": "settings",
}
"""What is not in an older backup and has to be entered again, and of which sort it is."""
UNDOES: Final[Mapping[str, str]] = {
    "token.revoke": "token.create",
    "key.remove": "key.add",
    "factor.remove": "factor.add",
    "variable.remove": "variable.create",
    "webhook.remove": "webhook.add",
    "mirror.remove": "mirror.add",
    "schedule.remove": "schedule.add",
    "runner.remove": "runner.add",
    "application.remove": "application.create",
    "user.remove": "user.create",
    "member.remove": "member.add",
    "project.delete": "project.create",
    "group.delete": "group.create",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """Something that came after a backup: of which sort, what, by whom, when last and how often; ``theirs`` when it is
    by one of those whom the incident is about, and so nothing to be entered again unread.
    """

    sort: str
    target: Ref
    by: str
    last: float
    times: int
    theirs: bool
    entry: str


def entered(
    entries: Iterable[Entry], since: float, intruders: frozenset[Ref], addresses: frozenset[str] = frozenset()
) -> tuple[Entered, ...]:
    """What came after a moment and is still there, each thing once, in the order of sorts and of time."""
    found: dict[tuple[str, Ref], Entered] = {}
    for entry in entries:
        event = entry.event
        if event.time < since or event.outcome != "success" or event.target is None:
            continue
        if event.action in UNDOES:
            found.pop((ENTERED[UNDOES[event.action]], event.target), None)
        elif event.action in ENTERED:
            key = (ENTERED[event.action], event.target)
            was = found.get(key)
            theirs = event.actor in intruders or event.source in addresses or (was is not None and was.theirs)
            by = event.actor.id if event.actor else ""
            found[key] = Entered(*key, by, event.time, (was.times if was else 0) + 1, theirs, str(entry))
    sorts = list(dict.fromkeys(ENTERED.values()))
    return tuple(sorted(found.values(), key=lambda each: (sorts.index(each.sort), each.last)))
