"""Coming back clean: which backup predates the intruder, what came after it, and the list that the gate goes by.

Whatever an intruder has put somewhere is in every backup from then on, so that the newest clean one is found as a word
in a dictionary is: by opening it in the middle. A backup is clean by what was looked at in it, never by its age alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stockade.events import Entry, Ref
from stockade.host.backups.listed import BackedUp, Backup

NAMED: Final = 5
"""How many files a judgement names."""


class Verdict(StrEnum):
    """What is thought of a backup."""

    CLEAN = "clean"
    TAINTED = "tainted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Indicator:
    """Something that shows the intruder: a ``path``, a ``sha256``, an ``account`` or a ``key``; ``why`` it does."""

    kind: str
    value: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Evil:
    """What is known of the intruder: since when, seconds since the epoch, None when nobody knows; and the traces."""

    first: float | None = None
    indicators: tuple[Indicator, ...] = ()

    def of(self, kind: str) -> frozenset[str]:
        """The values of the indicators of a kind."""
        return frozenset(each.value for each in self.indicators if each.kind == kind)


@dataclass(frozen=True, slots=True)
class Judged:
    """A backup and what is thought of it: why, by which files, and whether it was opened or is told from others."""

    backup: Backup
    verdict: Verdict
    why: str
    files: tuple[str, ...] = ()
    opened: bool = True


# ── one backup ───────────────────────────────────────────────────────────────────────────────────

_RUNS: Final = (
    *("/bin/", "/sbin/", "/lib", "/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/local/", "/etc/cron", "/etc/systemd/"),
    *("/etc/init.d/", "/etc/pam.d/", "/etc/ld.so", "/etc/ssh/", "/etc/sudoers", "/etc/profile", "/root", "/opt/"),
)
"""Where what is changed may run, or let somebody in."""


def judge(backup: Backup, files: Iterable[BackedUp], evil: Evil, baseline: Mapping[str, str]) -> Judged:
    """Look through a backup. ``baseline`` are the digests (SHA-256) of the machine when it was known to be good.

    Tainted is what has a trace of the intruder; unknown what cannot be compared, or differs where something runs.
    """
    look = _Look(evil, baseline)
    for each in files:
        look.at(each)
    if look.traces:
        return Judged(backup, Verdict.TAINTED, "; ".join(look.traces[:NAMED]), tuple(look.tainted[:NAMED]))
    if not look.seen:
        return Judged(backup, Verdict.UNKNOWN, _UNLISTED)
    if look.blind:
        return Judged(backup, Verdict.UNKNOWN, "its list has no digests: only paths and names could be compared")
    if look.differ:
        why = f"{len(look.differ)} files that run, or let in, are not as in the baseline: look at them"
        return Judged(backup, Verdict.UNKNOWN, why, tuple(look.differ[:NAMED]))
    against = f" and {look.compared:,} of them with the baseline" if baseline else ""
    return Judged(backup, Verdict.CLEAN, f"{look.seen:,} files compared with {len(evil.indicators)} traces{against}")


_UNLISTED: Final = "nothing tells what is in it: hand in its list, such as borg list --json-lines or restic ls --json"


class _Look:
    """What was seen of one backup so far; of as many files as there may be, only what matters is kept."""

    def __init__(self, evil: Evil, baseline: Mapping[str, str]) -> None:
        self.baseline, self.whys = baseline, {str(each): each.why for each in evil.indicators}
        self.paths, self.digests = evil.of("path"), evil.of("sha256")
        self.names = frozenset(str(each) for each in evil.indicators if each.kind in {"account", "key"})
        self.seen = self.compared = self._without = 0
        self.traces: list[str] = []
        self.tainted: list[str] = []
        self.differ: list[str] = []

    @property
    def blind(self) -> bool:
        """Whether digests were asked for and too few are there."""
        return bool(self.digests or self.baseline) and self._without == self.seen

    def at(self, each: BackedUp) -> None:
        """Look at a file."""
        self.seen += 1
        self._without += not each.sha256
        for trace in self._traces(each):
            self.traces.append(f"{trace} ({self.whys[trace]})" if self.whys.get(trace) else trace)
            self.tainted.append(each.path)
        known = self.baseline.get(each.path)
        if known is not None and each.sha256:
            self.compared += 1
            if known != each.sha256 and each.path.startswith(_RUNS):
                self.differ.append(each.path)

    def _traces(self, each: BackedUp) -> Iterator[str]:
        if each.path in self.paths:
            yield f"path:{each.path}"
        if each.sha256 and each.sha256 in self.digests:
            yield f"sha256:{each.sha256}"
        yield from (name for name in each.names if name in self.names)


# ── all of them ──────────────────────────────────────────────────────────────────────────────────


def judged(
    backups: Iterable[Backup], evil: Evil, opened: Callable[[Backup], Judged], *, every: bool = False
) -> tuple[Judged, ...]:
    """Every backup, oldest first. ``opened`` looks through one, and is asked for few: what was taken at the first evil
    or after it is tainted by that; of the others the border is sought by halves, and of what is left the newest that
    is clean. With ``every``, all of the others are opened: an intruder may have taken away again what shows them.
    """
    known = {id(each): each for each in backups}
    dated = sorted((each for each in known.values() if each.taken is not None), key=lambda each: each.taken or 0.0)
    before = [each for each in dated if evil.first is None or (each.taken or 0.0) < evil.first]
    said = {id(each): Judged(each, Verdict.TAINTED, "taken when the intruder was in, or after", opened=False)
            for each in dated[len(before):]}  # fmt: skip
    said |= {id(each): Judged(each, Verdict.UNKNOWN, "nothing says when it was taken", opened=False)
             for each in known.values() if each.taken is None}  # fmt: skip
    said |= {id(each): opened(each) for each in before} if every else _sought(before, opened)
    return tuple(said[id(each)] for each in (*dated, *(e for e in known.values() if e.taken is None)))


def _sought(before: Sequence[Backup], opened: Callable[[Backup], Judged]) -> dict[int, Judged]:
    looked: dict[int, Judged] = {}

    def tainted(at: int) -> bool:
        found = looked[id(before[at])] = looked.get(id(before[at])) or opened(before[at])
        return found.verdict is Verdict.TAINTED

    border = _border(len(before), tainted)
    at = border - 1
    while at >= 0 and not tainted(at) and looked[id(before[at])].verdict is not Verdict.CLEAN:
        at -= 1
    for place, each in enumerate(before):
        if id(each) not in looked:
            looked[id(each)] = _told(each, place, border)
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
    end = next((at for at, each in enumerate(found) if each.verdict is Verdict.TAINTED), len(found))
    return next((each for each in reversed(found[:end]) if each.verdict is Verdict.CLEAN), None)


def first_evil(found: Sequence[Judged], evil: Evil) -> tuple[float | None, float | None]:
    """Between which moments the intruder came, as far as backups and findings show: after, and before or at."""
    chosen = choice(found)
    tainted = [
        each.backup.taken for each in found if each.verdict is Verdict.TAINTED and each.opened and each.backup.taken
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
