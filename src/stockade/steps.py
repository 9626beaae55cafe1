"""What can be done, and the step that takes it back: the words in which a response is planned, approved and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from stockade.events import Ref


class Tactic(StrEnum):
    """What a step is for, in the words of MITRE D3FEND; an approval is given for each tactic by itself."""

    PRESERVE = "preserve"
    """Evidence is sealed before anything is touched (RFC 3227); D3FEND has no word for it."""
    ISOLATE = "isolate"
    EVICT = "evict"
    RESTORE = "restore"
    HARDEN = "harden"
    DETECT = "detect"


@dataclass(frozen=True, slots=True)
class Step:
    """One change, exactly as it was approved (OpenC2: action, target, arguments).

    ``verb`` is an action of the vocabulary, such as ``user.block`` or ``token.revoke``; ``target`` is what it is done
    to; ``reason`` says why and ``effect`` what people will notice. ``undo`` takes it back, fixed from what was observed
    when the plan was drawn; without one it cannot be undone. ``by_hand`` steps are done by a person, who says so.
    ``expects`` is what was observed of the target: when it is otherwise, the plan must be drawn again. ``details`` are
    arguments, JSON values, never a secret.
    """

    verb: str
    target: Ref
    tactic: Tactic
    reason: str
    effect: str = ""
    undo: Step | None = None
    by_hand: bool = False
    expects: Mapping[str, object] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)


class Actuator(Protocol):
    """A system that steps can be taken in. Every verb is idempotent: what is so already is done.

    Methods raise Unavailable when the system does not answer (the step stays pending), and Refused when it says no.
    """

    system: str
    verbs: frozenset[str]

    def observe(self, target: Ref) -> Mapping[str, object]:
        """What steps depend on and change, such as ``{"state": "active"}``: JSON values; empty when it is not there."""
        ...

    def perform(self, step: Step, *, by: Ref | None = None) -> Mapping[str, object]:
        """Take the step; what it tells for the record, never a secret."""
        ...

    def holds(self, step: Step) -> bool:
        """Whether the step's effect is there: looked up, or tried, afresh."""
        ...
