"""The one list of secrets to change: what scans have found and what the directory keeps, kept in the log to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stockade.app.host.secrets import STORY, machine_name
from stockade.app.respond.mentions import naming
from stockade.app.respond.reaching import ref_of
from stockade.directory import BuiltinDirectory
from stockade.directory.ticks import Progress, done, progress, reopened, waived
from stockade.events import Entry, Ref
from stockade.host.secrets.comparing import SCANNED, Kept, kept
from stockade.host.secrets.found import GRADES, Grade
from stockade.respond.journal import telling
from stockade.respond.renewal import Line, World, lines, machine_of, renewal

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade


@dataclass(frozen=True, slots=True)
class Listed:
    """The list, what is known of each line, and when was last scanned; ``doubtful`` is how many are not on it, as it is
    not sure that they are secrets.
    """

    progress: Progress
    lines: Mapping[Ref, Line]
    scanned: float | None
    doubtful: int


class Renewing:
    """The list of one machine."""

    def __init__(self, stockade: Stockade, directory: BuiltinDirectory, machine: str = "") -> None:
        self.stockade, self.directory, self.machine = stockade, directory, machine or machine_name()
        self.subject = machine_of(self.machine)

    def look(self, *, all_: bool = False) -> Listed:
        """The list as it stands. With ``all_``, what is doubtful is on it, and everything that the directory holds."""
        log = self.stockade.settings.audit_log()
        story = list(telling(log, STORY))
        known = kept(story, self.machine)
        credentials = list(self.directory.credentials())
        least = Grade.PERHAPS if all_ else Grade.LIKELY
        listed = lines(known.values(), credentials, self.machine, least=least, all_=all_)
        accounts = {each.name: each for each in self.directory.accounts()}
        projects = frozenset(each.path for each in self.directory.repositories())
        world = World(accounts, list(self.directory.memberships()), projects)
        items = renewal(listed, world, self.machine, contained(story, self.machine))
        about = {ref for ref in listed if ref.system != self.machine}
        entries = _once([*story, *naming(log, about)])
        scans = [each.event.time for each in story if each.event.action == SCANNED]
        return Listed(
            progress(items, entries, self.subject, self.subject),
            listed,
            max(scans, default=None),
            _doubtful(known, least),
        )

    def tick(self, found: Listed, verb: str, target: Ref, reason: str = "") -> None:
        """Tick a line off, leave it out or open it again. Raises Refused when something can still read it."""
        now, by = self.stockade.clock(), self.stockade.actor
        if verb == "done":
            event = done(found.progress, target, self.subject, now=now, by=by, reason=reason)
        elif verb == "waive":
            event = waived(found.progress, target, self.subject, now=now, by=by, reason=reason)
        else:
            event = reopened(found.progress, target, self.subject, now=now, by=by)
        with self.stockade.recording() as recording:
            recording.insist(event)

    def ref(self, text: str) -> Ref:
        """A line of the list by what it is called there. Raises ConfigurationError."""
        if text == "machine":
            return self.subject
        kind, _, id = text.partition("/")
        return Ref(self.machine, "secret", id) if kind == "secret" and id else ref_of(text)


def contained(story: Sequence[Entry], machine: str) -> float | None:
    """Since when the network of the machine is shut, by the log; None when it is not, or was opened again."""
    since: float | None = None
    for entry in story:
        event = entry.event
        if event.target == Ref("host", "network", machine) and event.outcome == "success":
            if event.action == "network.confirm":  # until then it is on trial, and opens by itself
                since = event.time
            elif event.action == "network.lift":
                since = None
    return since


def _doubtful(known: Mapping[str, Kept], least: Grade) -> int:
    return sum(GRADES.index(each.secret.grade) > GRADES.index(least) and not each.gone for each in known.values())


def _once(entries: Sequence[Entry]) -> list[Entry]:
    return sorted({entry.index: entry for entry in entries}.values(), key=lambda each: each.index)


@contextmanager
def renewing(stockade: Stockade) -> Iterator[Renewing]:
    """Ask for the list of this machine."""
    with stockade.directory() as directory:
        yield Renewing(stockade, directory)
