"""What somebody could reach, from the accounts' own directory and the log; and the list of what to do, kept there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stockade.app.respond.mentions import naming
from stockade.directory import BuiltinDirectory
from stockade.directory.accounts import SYSTEM, Level
from stockade.directory.powers import PROTECTED
from stockade.directory.reach import Reach, Subject, Window, World, reach, witnessed
from stockade.directory.rotation import rotation
from stockade.directory.ticks import Progress, done, progress, reopened, waived
from stockade.errors import ConfigurationError
from stockade.events import Entry, Event, Ref

if TYPE_CHECKING:
    from stockade.app.stockade import Stockade

BACK: Final = 30 * 86_400.0
"""Seconds that the window goes back, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Found:
    """A reach, and how far its list is."""

    reach: Reach
    progress: Progress


class Reaching:
    """One question about one subject; its list is in the log and nowhere else."""

    def __init__(self, stockade: Stockade, directory: BuiltinDirectory, subject: Subject, window: Window) -> None:
        self.stockade, self.directory, self.subject, self.window = stockade, directory, subject, window

    def look(self, protected: Level = PROTECTED) -> Found:
        """The reach as it is now, and its list."""
        log, account = self.stockade.settings.audit_log(), self.subject.account.ref
        own = list(naming(log, {account}))
        accounts = {each.name: each for each in self.directory.accounts()}
        memberships = list(self.directory.memberships())
        projects = frozenset(each.path for each in self.directory.repositories())
        world = World(accounts, self.directory.credentials(), memberships, self.directory.integrations(), projects)
        found = reach(world, self.subject, self.window, own, protected=protected)
        about = list(naming(log, {each.ref for each in found.secrets} | {deed.ref for deed in found.made}))
        entries = _each_once(own, about)
        found = witnessed(found, (each for each in entries if self.window.holds(each.event.time)))
        items = rotation(found, accounts, memberships, projects, protected=protected)
        return Found(found, progress(items, entries, self.subject.ref, account))

    def done(self, found: Found, target: Ref, reason: str = "") -> None:
        """Tick a line off. Raises Refused when something that could read it is still in force."""
        self._insist(
            done(
                found.progress,
                target,
                self.subject.ref,
                now=self.stockade.clock(),
                by=self.stockade.actor,
                reason=reason,
            )
        )

    def waive(self, found: Found, target: Ref, reason: str) -> None:
        """Leave a line out. Raises Refused without a reason."""
        self._insist(
            waived(
                found.progress,
                target,
                self.subject.ref,
                now=self.stockade.clock(),
                by=self.stockade.actor,
                reason=reason,
            )
        )

    def reopen(self, found: Found, target: Ref) -> None:
        """Open a line again."""
        self._insist(
            reopened(found.progress, target, self.subject.ref, now=self.stockade.clock(), by=self.stockade.actor)
        )

    def _insist(self, event: Event) -> None:
        with self.stockade.recording() as recording:
            recording.insist(event)


def _each_once(*some: list[Entry]) -> list[Entry]:
    return sorted({entry.index: entry for entries in some for entry in entries}.values(), key=lambda each: each.index)


@contextmanager
def reaching(
    stockade: Stockade, who: str, since: float | None = None, until: float | None = None
) -> Iterator[Reaching]:
    """Ask about an account by its name, or about one of its credentials: ``token/12``."""
    now = stockade.clock()
    window = Window(now - BACK if since is None else since, now if until is None else until)
    if window.since > window.until:
        raise ConfigurationError("the window ends before it begins", remedy="--from comes before --to.")
    with stockade.directory() as directory:
        yield Reaching(stockade, directory, subject_of(directory, who), window)


def subject_of(directory: BuiltinDirectory, who: str) -> Subject:
    """Whose reach is asked for. Raises UnknownAccount, UnknownHolding, ConfigurationError for a secret of nobody's."""
    if "/" not in who:
        return Subject(directory.account(who))
    ref = ref_of(who)
    if ref.kind == "user":
        return Subject(directory.account(ref.id))
    found = directory.credential(ref)
    holder = found.holder or found.made_by
    if not holder:
        raise ConfigurationError(
            f"{ref} is nobody's, and opens nothing here",
            remedy="Replace it; what it opens elsewhere is not known here.",
        )
    return Subject(directory.account(holder), found)


def ref_of(text: str) -> Ref:
    """A reference, with or without the name of the system. Raises ConfigurationError."""
    try:
        return Ref.parse(text if ":" in text else f"{SYSTEM}:{text}")
    except ValueError as error:
        raise ConfigurationError(f"{text!r} names nothing", remedy="Write it as lists do: token/12.") from error
