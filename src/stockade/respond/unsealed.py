"""What destroys evidence on a machine comes after it: refused until it is sealed, or somebody says why not."""

from __future__ import annotations

from typing import Final

from stockade.errors import Refused
from stockade.events import Ref
from stockade.respond.standing import PlanState, Progress
from stockade.steps import Step, Tactic

COLLECT: Final = "evidence.collect"
HOST: Final = "host"
CHANGING: Final = frozenset({Tactic.ISOLATE, Tactic.EVICT, Tactic.RESTORE})
SPARING: Final = frozenset(
    [
        *("network.restrict", "network.isolate", "network.confirm", "network.lift"),
        *("host.triage", "host.baseline", "host.diff", "rebuild.plan", "update.plan", "update.remind", "secret.scan"),
    ]
)
"""What changes a machine's network, or only looks. Any other verb is taken to destroy, the ones to come too."""


def destroys(step: Step) -> bool:
    """Whether a step may destroy evidence on a machine."""
    return step.target.system == HOST and step.tactic in CHANGING and step.verb not in SPARING


def refuse_unsealed(state: PlanState, step: Step) -> None:
    """Raises Refused for a step that may destroy what the plan has not saved yet (RFC 3227 section 2)."""
    if not destroys(step):
        return
    machine = machine_of(step.target)
    saving = [each for each in state.steps if each.step.verb == COLLECT and machine_of(each.step.target) == machine]
    if any(each.progress is Progress.DONE or each.waived for each in saving):
        return
    plan = state.digest[:12]
    remedy = (
        f"stockade run {plan} takes it first; if there is nothing to save: stockade waive {plan} NUMBER --reason TEXT"
    )
    if not saving:
        remedy = "Draw a plan that has evidence.collect about this machine before it."
    raise Refused(f"{step.verb} may destroy evidence on {machine}, and none is sealed", remedy=remedy)


def machine_of(target: Ref) -> str:
    """The machine that something is on: ``host:process/web1/4711`` is on web1."""
    return target.id.partition("/")[0]
