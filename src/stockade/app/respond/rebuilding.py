"""A machine rebuilt: the backup chosen, what came after it told, and a list kept in the log until the gate opens."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stockade.app.audit_check import audit_log
from stockade.app.host.secrets import machine_name
from stockade.app.respond.renewing import Renewing, contained
from stockade.errors import ConfigurationError, Refused, StockadeError
from stockade.events import Entry, Event, Ref
from stockade.host.backups.listed import Backup, files, head_of
from stockade.host.backups.reading import backups, contents
from stockade.host.backups.repositories import Repositories
from stockade.respond import checklist, journal
from stockade.respond.approvals import OVERRIDING
from stockade.respond.checklist import Rebuild, World
from stockade.respond.gate import Box
from stockade.respond.incident import Incident, incidents
from stockade.respond.judging import Evil, Indicator, Judged, Verdict, judge
from stockade.respond.rebuild import ENTERED, UNDOES, Entered, choice, entered, first_evil, judged, undoubted

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade
    from stockade.directory import BuiltinDirectory

STORY: Final = re.compile(rb'"action":"(?:rebuild|gate|network|evidence|host\.diff)')
AFTER: Final = re.compile(
    b'"action":"(?:' + b"|".join(re.escape(each).encode() for each in (*ENTERED, *UNDOES)) + b')"'
)
KINDS: Final = ("path", "sha256", "account", "key")
LARGEST: Final = 256 << 20
_GRAVE: Final = frozenset({"medium", "high", "critical"})


class GateClosed(Refused):
    """The machine is not to be put back in service yet; ``boxes`` say what is missing."""

    def __init__(self, state: Rebuild, found: Sequence[Box]) -> None:
        self.boxes = tuple(found)
        super().__init__(
            f"{state.machine.id} is not back yet; what is missing: {checklist.open_boxes(found)}",
            remedy="stockade rebuild show tells what is left; two people may answer for it with "
            "stockade rebuild serve --override --reason TEXT",
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plan of a rebuild: all backups with what is thought of them, the one that was chosen, or else the newest that
    only doubts speak against, and what came after.
    """

    judged: tuple[Judged, ...]
    chosen: Judged | None
    doubted: Judged | None
    between: tuple[float | None, float | None]
    entered: tuple[Entered, ...]
    evil: Evil


class Rebuilding:
    """The rebuild of one machine."""

    def __init__(self, stockade: Stockade, directory: BuiltinDirectory, machine: str = "") -> None:
        self.stockade, self.directory = stockade, directory
        self.machine = Ref(machine or machine_name(), "machine", machine or machine_name())
        self.log = stockade.settings.audit_log()

    def draw(
        self,
        places: Sequence[str],
        *,
        incident: str = "",
        first: float | None = None,
        indicators: Sequence[str] = (),
        baseline: Path | None = None,
        every: bool = False,
        ask: Callable[[str], str] | None = None,
    ) -> Drawn:
        """Judge backups and put the plan on record; nothing else is changed. ``ask`` is asked for the passphrase of a
        repository. Raises ConfigurationError.
        """
        about, repositories = self._incident(incident), Repositories(ask)
        evil = self._evil(about, first, [indicator(each) for each in indicators])
        known = read_baseline(baseline) if baseline is not None else {}
        there = self._ours(backups(list(places), repositories)) if places else []
        found = judged(there, evil, lambda each: _opened(each, evil, known, repositories), every=every)
        chosen = choice(found)
        since = chosen.backup.taken if chosen else None
        drawn = Drawn(found, chosen, undoubted(found), first_evil(found, evil), self.entered(since, about), evil)
        details = _summary(drawn) | {"incident": about.name if about else ""}
        self._insist(Event(self.stockade.clock(), "rebuild.plan", self.stockade.actor, self.machine, details=details))
        return drawn

    def _ours(self, there: Sequence[Backup]) -> list[Backup]:
        """Those of this machine, and those that do not say of which. Raises ConfigurationError when none is."""
        short = self.machine.id.partition(".")[0]
        ours = [each for each in there if not each.host or each.host.partition(".")[0] == short]
        if not ours:
            hosts = ", ".join(sorted({each.host for each in there})[:5])
            raise ConfigurationError(
                f"none of these backups is of {self.machine.id}: they are of {hosts}",
                remedy="--machine HOST names the machine as its backups do.",
            )
        return ours

    def entered(self, since: float | None, about: Incident | None) -> tuple[Entered, ...]:
        """What the log tells to have come after a moment; all of it when nothing is restored from."""
        theirs = frozenset(about.subjects) if about else frozenset()
        return entered(journal.telling(self.log, AFTER), since or 0.0, theirs)

    # ── the list ─────────────────────────────────────────────────────────────────────────────────

    def state(self) -> Rebuild:
        """How the rebuild stands. Raises ConfigurationError when none was planned."""
        found = checklist.rebuild(self._story(), self.machine)
        if found is None:
            raise ConfigurationError(
                f"no rebuild of {self.machine.id} is planned", remedy="stockade rebuild plan --backups DIR"
            )
        return found

    def boxes(self, state: Rebuild) -> tuple[Box, ...]:
        """The lines as the gate sees them."""
        return checklist.boxes(state, self._world())

    def done(self, name: str, *, on: str = "", reason: str = "") -> None:
        """Say that a line is done. Raises Refused out of its order."""
        now, by = self.stockade.clock(), self.stockade.actor
        self._insist(checklist.done(self.state(), self._world(), name, now=now, by=by, on=on, reason=reason))

    def waive(self, name: str, reason: str) -> None:
        """Say that a line need not be, and why."""
        self._insist(
            checklist.waived(self.state(), name, now=self.stockade.clock(), by=self.stockade.actor, reason=reason)
        )

    def serve(self, reason: str = "", *, override: bool = False) -> int:
        """Put the machine back in service; answers how many more people have to answer for it. Raises GateClosed."""
        state, now, by = self.state(), self.stockade.clock(), self.stockade.actor
        found = self.boxes(state)
        if any(box.open for box in found):
            if not override:
                raise GateClosed(state, found)
            self._insist(checklist.overriding(state, now=now, by=by, reason=reason, opens=False))
            missing = OVERRIDING - len(self.state().overrides)
            if missing > 0:
                return missing
        self._insist(checklist.overriding(state, now=self.stockade.clock(), by=by, reason=reason, opens=True))
        return 0

    def _world(self) -> World:
        story, now = self._story(), self.stockade.clock()
        sealed, verified = None, dict[str, float]()
        for event in (entry.event for entry in story if entry.event.outcome == "success" and entry.event.target):
            if event.action in {"evidence.collect", "evidence.verify"} and event.target == self.machine:
                sealed = event.time
            elif event.action == "host.diff" and event.target is not None:
                verified[event.target.id] = event.time
        renewing = Renewing(self.stockade, self.directory, self.machine.id).look()
        sinks = {
            each.what: each.says if each.grade == "problem" else "" for each in audit_log(self.stockade.settings, now)
        }
        secrets = renewing.progress if renewing.scanned is not None else None
        return World(contained(story, self.machine.id), sealed, verified, secrets, sinks)

    def _story(self) -> list[Entry]:
        return list(journal.telling(self.log, STORY))

    def _insist(self, event: Event) -> None:
        with self.stockade.recording() as recording:
            recording.insist(event)

    # ── the intruder ─────────────────────────────────────────────────────────────────────────────

    def _incident(self, name: str) -> Incident | None:
        """The incident of a name; the only open one when none is named."""
        known = incidents(journal.telling(self.log, journal.RESPONSE))
        if name:
            if name not in known:
                raise ConfigurationError(f"there is no incident {name!r}", remedy="stockade incident list shows all.")
            return known[name]
        still = [each for each in known.values() if each.closed is None]
        return still[0] if len(still) == 1 else None

    def _evil(self, about: Incident | None, first: float | None, given: Sequence[Indicator]) -> Evil:
        """Since when, and by which traces: those that were named, and those of the incident's findings."""
        told = list(self._findings(about))
        moments = [] if about is None or about.since is None else [about.since]
        for entry in told:
            shown = entry.event.details.get("entries")
            named = [self._entry(str(each)) for each in shown] if isinstance(shown, list) else []
            moments += [each.event.time for each in named if each is not None]
        traces = [trace for entry in told for trace in traces_of(entry.event)]
        known = {str(each): each for each in (*traces, *given)}
        return Evil(first if first is not None else min(moments, default=None), tuple(known.values()))

    def _findings(self, about: Incident | None) -> Iterator[Entry]:
        for each in about.findings if about else ():
            entry = self._entry(each.entry)
            if entry is not None and each.severity in _GRAVE:
                yield entry

    def _entry(self, name: str) -> Entry | None:
        try:
            return journal.entry(self.log, name)
        except StockadeError:
            return None


def _opened(backup: Backup, evil: Evil, baseline: Mapping[str, str], repositories: Repositories) -> Judged:
    every = bool(evil.of("sha256"))

    def wanted(path: str) -> bool:
        return every or any(path[at:] in baseline for at, each in enumerate(path) if each == "/")

    try:
        found = contents(backup, wanted if every or baseline else None, repositories)
        return judge(backup, found, evil, baseline)
    except OSError as error:
        return Judged(backup, Verdict.UNKNOWN, f"it cannot be read: {error.strerror or error}")


def traces_of(event: Event) -> Iterator[Indicator]:
    """The traces that a finding about a machine names: its file, and digests, accounts and keys among its facts."""
    title, facts = str(event.details.get("title", "")), event.details.get("facts")
    if event.target is not None and event.target.kind == "file":
        yield Indicator("path", event.target.id, title)
    told = facts if isinstance(facts, Mapping) else {}
    for kind in KINDS:
        value = told.get(kind)
        if isinstance(value, str) and value:
            yield Indicator(kind, value, title)


def indicator(text: str) -> Indicator:
    """An indicator as it is written: ``path:/usr/lib/x.so``. Raises ConfigurationError."""
    kind, colon, value = text.partition(":")
    if kind not in KINDS or not colon or not value:
        raise ConfigurationError(
            f"{text[:80]!r} is no indicator", remedy="Write path:/…, sha256:…, account:NAME or key:AAAA…."
        )
    return Indicator(kind, value)


def read_baseline(place: Path) -> dict[str, str]:
    """Digests by path: of a manifest, or of JSON with ``files``. Raises ConfigurationError when it is neither."""
    try:
        listed, told = _listed(place)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the baseline {place} cannot be read", remedy="stockade rebuild manifest makes one."
        ) from error
    named = told.get("files") if isinstance(told, dict) else None
    found: dict[str, str] = listed or (
        {str(path): str(each) for path, each in named.items()} if isinstance(named, dict) else {}
    )
    if not found:
        raise ConfigurationError(f"{place} has no digests in it", remedy="stockade rebuild manifest makes a baseline.")
    return found


def _listed(place: Path) -> tuple[dict[str, str], Any]:
    with place.open(encoding="utf-8", errors="surrogateescape") as file:
        head = head_of(file.readline(LARGEST))
        if head is not None and head[0] == "manifest":
            return {each.path: each.sha256 for each in files("manifest", file) if each.sha256}, {}
    return {}, {} if place.stat().st_size > LARGEST else json.loads(place.read_text("utf-8"))


MOST, LONGEST = 40, 200
"""Of a plan, how many backups that were opened and traces the log keeps, and characters of each text: an entry has only
so much room.
"""


def _summary(drawn: Drawn) -> dict[str, object]:
    """What the log keeps of a plan; ``after`` is when the backup was taken."""
    chosen = drawn.chosen.backup if drawn.chosen else None
    return {
        "backup": chosen.name if chosen else "",
        "place": chosen.place if chosen else "",
        "after": chosen.taken if chosen else None,
        "between": list(drawn.between),
        "indicators": [str(each)[:LONGEST] for each in drawn.evil.indicators[:MOST]],
        "judged": [_noted(each) for each in [each for each in drawn.judged if each.opened][-MOST:]],
        "backups": len(drawn.judged),
        "entered": dict(Counter(each.sort for each in drawn.entered if not each.theirs)),
        "theirs": sum(each.theirs for each in drawn.entered),
    }  # fmt: skip


def _noted(each: Judged) -> dict[str, object]:
    files = [path[:LONGEST] for path in each.files[:3]]
    said = {"backup": each.backup.name[:LONGEST], "why": each.why[:LONGEST], "verdict": each.verdict.value}
    return {**said, "taken": each.backup.taken, "files": files}


@contextmanager
def rebuilding(stockade: Stockade, machine: str = "") -> Iterator[Rebuilding]:
    """Ask about the rebuild of a machine; of this one, unless told."""
    with stockade.directory() as directory:
        yield Rebuilding(stockade, directory, machine)
