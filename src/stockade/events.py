"""What happened, and to what: the words every room reports in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["success", "failure", "refused", "unknown"]
Severity = Literal["informational", "low", "medium", "high", "critical"]
"""How bad, in the words of OCSF's ``severity`` and Sigma's ``level``."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing in a system, written ``system:kind/id``: ``stockade:user/alice``, ``gitlab:token/812``."""

    system: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.system}:{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read what ``str(ref)`` wrote; raises ValueError when it is something else."""
        system, colon, rest = text.partition(":")
        kind, slash, identity = rest.partition("/")
        if not (colon and slash and system and kind and identity):
            raise ValueError(f"not a reference of the form system:kind/id: {text!r}")
        return cls(system, kind, identity)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened (after the OCSF base event).

    ``time`` is seconds since the epoch, UTC; ``action`` is ``noun.verb`` as in audit logs (``token.revoke``,
    ``guard.ban``); ``actor`` did it to ``target``; ``source`` is where it came from, normally a client address.
    ``details`` holds JSON values, and never a secret but as ``Secret``.
    """

    time: float
    action: str
    actor: Ref | None = None
    target: Ref | None = None
    source: str | None = None
    outcome: Outcome = "success"
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as a log holds it: its number there, and when it was recorded in seconds since the epoch.

    ``origin`` is the name of the log; it is empty where there is only one.
    """

    index: int
    recorded: float
    event: Event
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.origin}#{self.index}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth acting on (OCSF Detection Finding): what was noticed, about whom, and the entries that show it.

    ``rule`` is the id of the rule that noticed it and ``title`` says it in a sentence; ``harmless`` says why there may
    be nothing to it. ``techniques`` are ids of MITRE ATT&CK in its version ``attack``. ``shadow`` findings come of
    rules on trial: recorded, and brought to nobody's attention.
    """

    time: float
    rule: str
    title: str
    severity: Severity
    subject: Ref | None
    entries: tuple[Entry, ...]
    harmless: str = ""
    techniques: tuple[str, ...] = ()
    shadow: bool = False
    attack: str = ""

    def as_event(self) -> Event:
        """The finding as the event that records it."""
        details = {
            "rule": self.rule,
            "title": self.title,
            "severity": self.severity,
            "entries": [str(entry) for entry in self.entries],
            "harmless": self.harmless,
            "techniques": list(self.techniques),
            "shadow": self.shadow,
            "attack": self.attack,
        }
        return Event(self.time, "finding.create", None, self.subject, None, "success", details)


class Secret:
    """A value in an event's details that no log may hold in clear: written as its fingerprint, or not at all."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "(secret)"


class Personal:
    """A value in an event's details about a person, whose key can be destroyed: then nobody can read it any more."""

    __slots__ = ("subject", "value")

    def __init__(self, value: str, subject: Ref) -> None:
        self.value, self.subject = value, subject

    def __repr__(self) -> str:
        return "(personal)"
