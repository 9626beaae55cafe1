"""A plan: the steps a playbook has drawn from one look at the world, under a digest by which people approve them.

The digest is the SHA-256 of the plan as canonical JSON (RFC 8785): whoever approves a digest approves these steps, in
this order, with these reasons and no others. For people it is also four words, to be read out and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from stockade.audit.record import PLAIN
from stockade.audit.words import spoken
from stockade.errors import Tampered
from stockade.events import Event, Ref
from stockade.respond.sparing import blocked
from stockade.search.formats.canonical import canonical
from stockade.steps import Step, Tactic

SHORTEST: Final = 8
"""Characters of a digest that a person must give at least."""
TOGETHER: Final = 40_000
"""Octets of steps in one entry of the log, well below what an entry can hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about ``subject``, drawn at ``drawn`` and to be begun before ``expires`` (seconds since the
    epoch, UTC). ``asked`` is what the playbook was asked, JSON values, so that it can be drawn again.
    """

    incident: str
    playbook: str
    subject: Ref
    steps: tuple[Step, ...]
    drawn: float
    expires: float
    asked: Mapping[str, object] = field(default_factory=dict)

    def digest(self) -> str:
        """The SHA-256 of its canonical JSON, in hexadecimal."""
        return sha256(canonical(plan_as_json(self))).hexdigest()

    def suspects(self) -> frozenset[str]:
        """The accounts that a plan for a machine was asked to shut out, by name."""
        told = self.asked.get("suspects")
        return frozenset(map(str, told)) if isinstance(told, list) else frozenset()

    def about(self) -> frozenset[str]:
        """The accounts that it takes for being in strange hands, by name."""
        subject = {self.subject.id} if self.subject.kind == "user" else set()
        holder = {str(self.asked["account"])} if "account" in self.asked else set()
        return self.suspects() | subject | holder | blocked(self.steps)

    def tactics(self) -> tuple[Tactic, ...]:
        """The tactics of its steps, in the order of the first step of each."""
        return tuple(dict.fromkeys(step.tactic for step in self.steps))


def words_of(digest: str) -> str:
    """A digest as four words, which two people can compare by voice (64 of its 256 bits)."""
    return " ".join(spoken(bytes.fromhex(digest)[:8]))


# ── as JSON, and back ────────────────────────────────────────────────────────────────────────────


def step_as_json(step: Step) -> dict[str, object]:
    """The step in JSON values; what it does not say is left out."""
    said: dict[str, object] = {
        "verb": step.verb,
        "target": str(step.target),
        "tactic": step.tactic.value,
        "reason": step.reason,
        "effect": step.effect,
        "undo": None if step.undo is None else step_as_json(step.undo),
        "by_hand": step.by_hand,
        "expects": dict(step.expects),
        "details": dict(step.details),
    }
    return {name: value for name, value in said.items() if value not in ("", None, False, {})}


def step_of(said: Mapping[str, Any]) -> Step:
    """The step that JSON values describe. Raises Tampered when they describe none."""
    try:
        undo = said.get("undo")
        return Step(
            verb=said["verb"],
            target=Ref.parse(said["target"]),
            tactic=Tactic(said["tactic"]),
            reason=said.get("reason", ""),
            effect=said.get("effect", ""),
            undo=None if undo is None else step_of(undo),
            by_hand=said.get("by_hand", False),
            expects=said.get("expects", {}),
            details=said.get("details", {}),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Tampered(f"not a step of a plan: {str(said)[:80]!r}") from error


def plan_as_json(plan: Plan) -> dict[str, object]:
    """The whole plan in JSON values."""
    return {**_heading(plan), "steps": [step_as_json(step) for step in plan.steps]}


def plan_of(heading: Mapping[str, Any], steps: Sequence[Step]) -> Plan:
    """The plan of a heading and its steps. Raises Tampered when the heading is none."""
    try:
        return Plan(
            incident=heading["incident"],
            playbook=heading["playbook"],
            subject=Ref.parse(heading["subject"]),
            steps=tuple(steps),
            drawn=heading["drawn"],
            expires=heading["expires"],
            asked=heading.get("asked", {}),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Tampered(f"not the heading of a plan: {str(heading)[:80]!r}") from error


def _heading(plan: Plan) -> dict[str, object]:
    return {
        "incident": plan.incident,
        "playbook": plan.playbook,
        "subject": str(plan.subject),
        "drawn": plan.drawn,
        "expires": plan.expires,
        "asked": dict(plan.asked),
    }


# ── as events ────────────────────────────────────────────────────────────────────────────────────


def events_of(plan: Plan, by: Ref | None) -> Iterator[Event]:
    """What records the plan: its steps, as many an entry as fit, then the plan itself."""
    digest = plan.digest()
    named = {"plan": digest, "incident": plan.incident}
    for first, steps in _bundles(plan.steps):
        yield Event(plan.drawn, "plan.step", by, plan.subject, details={**named, "first": first, "steps": steps})
    told = {**named, **_heading(plan), "count": len(plan.steps), "words": words_of(digest)}
    yield Event(plan.drawn, "plan.create", by, plan.subject, details=told)


def _bundles(steps: Sequence[Step]) -> Iterator[tuple[int, list[dict[str, object]]]]:
    """The steps as JSON, as many together as fit, after the number of the first."""
    bundle: list[dict[str, object]] = []
    octets, first = 0, 1
    for number, step in enumerate(steps, 1):
        said = step_as_json(step)
        size = len(PLAIN(said))
        if bundle and octets + size > TOGETHER:
            yield first, bundle
            bundle, octets, first = [], 0, number
        bundle.append(said)
        octets += size
    if bundle:
        yield first, bundle
