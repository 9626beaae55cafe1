"""What is odd on a machine, and what could not be looked at: the words every look is told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stockade.events import Event, Finding, Ref, Severity

ATTACK: Final = "19"
"""The version of MITRE ATT&CK that the techniques here are of."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something on a machine that an intruder may have left.

    ``signal`` is the kind of trace, such as ``deleted-binary``. ``severity`` is ``informational`` for a note: what is
    odd, and explained. ``title`` says in a sentence what was seen; ``why`` what an intruder gains by it; ``look`` is a
    command that shows more; ``harmless`` why there may be nothing to it, and which of that was checked already.
    ``techniques`` are ids of ATT&CK. ``facts`` are what was read, JSON values, never a secret.
    """

    signal: str
    severity: Severity
    title: str
    subject: Ref
    why: str
    look: str = ""
    harmless: str = ""
    techniques: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def finding(self, time: float) -> Finding:
        """The oddity as a finding, noticed at ``time`` (seconds since the epoch, UTC)."""
        return Finding(
            time, f"host.{self.signal}", self.title, self.severity, self.subject, (), self.harmless, self.techniques,
            attack=ATTACK,
        )  # fmt: skip

    def as_event(self, time: float) -> Event:
        """The finding as the event that records it, with the facts and the way to look closer."""
        event = self.finding(time).as_event()
        more = {"why": self.why, "look": self.look, "facts": dict(self.facts)}
        return Event(event.time, event.action, None, event.target, None, event.outcome, {**event.details, **more})


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be looked at: what, why not, and what to do so that it can be."""

    what: str
    why: str
    remedy: str = ""
