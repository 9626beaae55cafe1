"""Notes become events: each kind once per rule, client and window, with a count, so that a flood cannot write the log
full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from stockade.events import Event, Outcome, Ref
from stockade.guard.decision import Decision, Note, NoteKind
from stockade.guard.request import Request

Record = Callable[[Event], None]
MAX_OPEN: Final = 10_000
WINDOW: Final = 60.0

ACTIONS: Final[Mapping[NoteKind, str]] = {
    "safelist": "guard.safelist",
    "blocklist": "guard.blocklist",
    "throttle": "guard.throttle",
    "track": "guard.track",
    "ban": "guard.ban",
    "banned": "guard.banned",
    "strike": "guard.strike",
    "exempt": "guard.ban.refused",
    "failed": "guard.rule.failed",
}
ONCE: Final = frozenset({"ban"})
"""Kinds that are rare and grave: written every time."""


@dataclass(slots=True)
class Held:
    """An event that was told, and how often the same came again since."""

    event: Event
    since: float
    repeated: int = 0


class Journal:
    """Writes what is worth reading to ``record``, and counts all of it in ``totals`` by (kind, rule, shadow)."""

    def __init__(self, record: Record | None = None, insist: Record | None = None) -> None:
        self.record = record
        self.insist = insist
        self.totals: Counter[tuple[str, str, bool]] = Counter()
        self._open: dict[tuple[str, str, str], Held] = {}

    def write(self, decision: Decision, now: float) -> None:
        """Take a decision's notes. ``now`` is in seconds since the epoch."""
        for note in decision.notes:
            self.totals[note.kind, note.rule, note.shadow] += 1
            held = self._open.get((note.kind, note.rule, note.client))
            if held is not None and now - held.since < WINDOW and note.kind not in ONCE:
                held.repeated += 1
            elif self.record is not None:
                self._tell(note, decision.request, held, now)

    def report(self, event: Event) -> None:
        """Write an event that is about no request, such as an outage."""
        if self.record is not None:
            self.record(event)

    @contextmanager
    def insisting(self, *events: Event) -> Iterator[None]:
        """Write what the block does by hand before it is done, and where it fails, that it did. What ``insist`` raises
        keeps the block from being entered.
        """
        try:
            if self.insist is not None:
                for event in events:
                    self.insist(event)
            yield
        except Exception as error:
            for event in events:
                self.report(replace(event, outcome="failure", details={**event.details, "error": str(error)[:500]}))
            raise
        if self.insist is None:
            for event in events:
                self.report(event)

    def _tell(self, note: Note, request: Request, held: Held | None, now: float) -> None:
        if held is not None and held.repeated:
            self._say_again(held, now)
        if len(self._open) >= MAX_OPEN:
            self.flush(now)
        event = event_of(note, request, now)
        self._open[note.kind, note.rule, note.client] = Held(event, now)
        self.report(event)

    def flush(self, now: float, older: float = 0.0) -> None:
        """Write down how often the open kinds came again, and close those that are ``older`` (seconds) than that."""
        for key, held in list(self._open.items()):
            if now - held.since >= older:
                del self._open[key]
                if held.repeated:
                    self._say_again(held, now)

    def _say_again(self, held: Held, now: float) -> None:
        details = {**held.event.details, "repeated": held.repeated, "since": held.event.time}
        self.report(replace(held.event, time=now, details=details))


def event_of(note: Note, request: Request, now: float) -> Event:
    """One note as an event. The path is written, the query never: it may hold a token."""
    refused = not note.shadow and note.kind in {"blocklist", "throttle", "banned", "strike"}
    outcome: Outcome = "refused" if refused else "failure" if note.kind == "failed" else "success"
    details: dict[str, object] = {
        "rule": note.rule,
        "client": note.client,
        "method": request.method[:32],
        "path": request.path[:1024],
    }
    details |= {k: v for k in ("used", "limit", "wait", "level", "until") if (v := getattr(note, k))}
    details |= {"error": note.evidence} if note.kind == "failed" else {}
    details |= {"shadow": True} if note.shadow else {}
    details |= {"status": request.status} if request.status else {}
    user = _user_of(request)
    actor = Ref("stockade", "user", user) if user else None
    return Event(now, ACTIONS[note.kind], actor, Ref("guard", "client", note.client), request.address, outcome, details)


def _user_of(request: Request) -> str | None:
    """Who asks, unless finding that out fails: then that is what there is to tell."""
    try:
        return request.user
    except Exception:  # noqa: BLE001  identify may be anybody's code
        return None
