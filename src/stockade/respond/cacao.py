"""A plan as a playbook of CACAO Security Playbooks 2.0, for who runs such playbooks, or archives them.

Every step is an action with one manual command, in OpenC2's words: what to do, to what. A step that can be taken back
says how in its description. The identifiers hang on the plan's digest, so that a second export is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from stockade.steps import Step, Tactic

_ACTIVITIES: Final = {
    Tactic.PRESERVE: "analyze-collected-data",
    Tactic.ISOLATE: "restrict-access",
    Tactic.EVICT: "eliminate-risk",
    Tactic.RESTORE: "restore-capabilities",
    Tactic.HARDEN: "configure-systems",
    Tactic.DETECT: "match-indicator",
}
"""What a tactic is called among the activities of a playbook (section 3.1.2)."""


def playbook(
    steps: Sequence[Step], *, digest: str, name: str, about: str, drawn: float, expires: float
) -> dict[str, Any]:
    """The playbook of a plan; times are seconds since the epoch, UTC."""
    agent, start, end = (f"{kind}--{_number(digest, kind)}" for kind in ("organization", "start", "end"))
    actions = [f"action--{_number(digest, f'step {number}')}" for number in range(1, len(steps) + 1)]
    following = [*actions[1:], end]
    workflow: dict[str, Any] = {start: {"type": "start", "name": "Begin", "on_completion": (actions or [end])[0]}}
    for number, (step, here, then) in enumerate(zip(steps, actions, following, strict=True), 1):
        workflow[here] = _action(number, step, agent, then)
    workflow[end] = {"type": "end", "name": "End"}
    return {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": f"playbook--{_number(digest, 'playbook')}",
        "name": name,
        "description": about,
        "playbook_types": sorted({"mitigation", "remediation"}),
        "playbook_activities": sorted({_ACTIVITIES[step.tactic] for step in steps}) or ["identify-steps"],
        "created_by": f"identity--{_number('', 'stockade')}",
        "created": _stamp(drawn),
        "modified": _stamp(drawn),
        "valid_from": _stamp(drawn),
        "valid_until": _stamp(expires),
        "labels": ["stockade", digest],
        "workflow_start": start,
        "workflow_exception": end,
        "workflow": workflow,
        "agent_definitions": {agent: {"type": "organization", "name": "whoever responds"}},
    }


def _action(number: int, step: Step, agent: str, then: str) -> dict[str, Any]:
    command = {
        "type": "manual",
        "command": f"{step.verb} {step.target}",
        "playbook_activity": _ACTIVITIES[step.tactic],
        "description": "done by a person" if step.by_hand else "done by stockade run",
    }
    return {
        "type": "action",
        "name": f"{number}. {step.verb} {step.target}",
        "description": _described(step),
        "commands": [command],
        "agent": agent,
        "on_completion": then,
    }


def _described(step: Step) -> str:
    back = f"To take it back: {step.undo.verb} {step.undo.target}." if step.undo else "It cannot be undone."
    return " ".join(part for part in (step.reason, step.effect, back) if part)


def _number(digest: str, what: str) -> UUID:
    return UUID(bytes=sha256(f"cacao:{digest}:{what}".encode()).digest()[:16], version=4)


def _stamp(time: float) -> str:
    moment = datetime.fromtimestamp(time, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
