"""What happened, and to what: the words every room reports in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["success", "failure", "refused", "unknown"]


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
    ``details`` holds JSON values and never a secret.
    """

    time: float
    action: str
    actor: Ref | None = None
    target: Ref | None = None
    source: str | None = None
    outcome: Outcome = "success"
    details: Mapping[str, object] = field(default_factory=dict)
