"""A machine as a system in which the steps of a plan are taken: its network shut, and opened again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from stockade.errors import ConfigurationError
from stockade.events import Event, Ref
from stockade.host.restrict.kernel import PacketFilter
from stockade.host.restrict.named import Connection, Restriction, Server
from stockade.host.restrict.shutting import shut
from stockade.host.restrict.standing import Note
from stockade.steps import Step

WITHIN: Final = 60.0
"""Seconds that a step has to try what it has shut; should the process die in that time, the kernel opens all again."""
FORMS: Final = {"network.restrict": "restrict", "network.isolate": "isolate"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a step asks for, drawn for this machine as it is now; ``sessions`` and ``sinks`` must not be cut."""

    restriction: Restriction
    sessions: tuple[Connection, ...] = ()
    sinks: tuple[Server, ...] = ()


class HostActuator:
    """The network of the machine called ``host``. ``draw`` makes a restriction of a step, and may raise Refused;
    ``record`` hears of what is done.

    A step is confirmed by the process that takes it, when all that was named answers as before.
    """

    system = "host"
    verbs = frozenset({*FORMS, "network.lift"})

    def __init__(
        self,
        host: str,
        draw: Callable[[Step], Wanted],
        *,
        clock: Callable[[], float],
        record: Callable[[Event], None] = lambda _event: None,
        packets: PacketFilter | None = None,
    ) -> None:
        self._host, self._draw, self._clock, self._record = host, draw, clock, record
        self._packets = packets or PacketFilter()

    def observe(self, target: Ref) -> Mapping[str, object]:
        """``{"network": "open"}``, or what it is shut to: ``restrict`` or ``isolate``."""
        if (target.system, target.kind, target.id) != (self.system, "network", self._host):
            return {}
        standing = self._packets.standing()
        if standing is None or not standing.counts:
            return {"network": "open"}
        return {"network": standing.note.called if standing.note else "restrict"}

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        """Take the step. Raises Refused, with nothing changed, where it would cut off the operator or a sink, and
        Unavailable, with all as it was, where something that is named is cut off all the same.
        """
        if self.holds(step):
            return {}
        if step.verb == "network.lift":
            self._tell(step.verb, step, by)
            self._packets.lift()
            return {}
        wanted = self._draw(step)
        note = Note(FORMS[step.verb], _digest(step), by.id[:40] if by else "a plan", self._clock())
        answers = shut(self._packets, wanted.restriction, WITHIN, note, sessions=wanted.sessions, sinks=wanted.sinks)
        self._packets.confirm(note.digest)
        for done in (step.verb, "network.confirm"):
            self._tell(done, step, by)
        return {"silent": [each.name for each, answered in answers.items() if answered is False]}

    def holds(self, step: Step) -> bool:
        """Whether what the step asks for is confirmed and counts, of a step by hand whatever it is; of a lift, whether
        nothing does.
        """
        if step.verb not in self.verbs:
            raise ConfigurationError(f"{self.system} cannot {step.verb}")
        standing = self._packets.standing()
        if step.verb == "network.lift":
            return standing is None or not standing.counts
        if standing is None or not standing.kept or standing.on_trial or standing.note is None:
            return False
        return step.by_hand or (standing.note.called, standing.note.digest) == (FORMS[step.verb], _digest(step))

    def _tell(self, action: str, step: Step, by: Ref | None) -> None:
        told = {"reason": step.reason} if action == "network.lift" else {"reason": step.reason, "digest": _digest(step)}
        self._record(Event(self._clock(), action, by, step.target, details=told))


def _digest(step: Step) -> str:
    """What the step asks for, not what came of it: names may have other addresses tomorrow."""
    return sha256(json.dumps([step.verb, dict(step.details)], sort_keys=True).encode()).hexdigest()[:12]
