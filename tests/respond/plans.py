"""A small compromise, its plan, and who responds to it."""

from __future__ import annotations

from dataclasses import replace

from stockade.events import Ref
from stockade.respond.acting import Actuators
from stockade.respond.approvals import Rule, approvals
from stockade.respond.plan import Plan, events_of
from stockade.respond.run import Runner
from stockade.respond.standing import PlanState
from stockade.steps import Step, Tactic
from tests.respond.systems import Journal, System

NOW = 1_800_000_000.0
OLGA, OMAR = Ref("unix", "user", "olga"), Ref("unix", "user", "omar")
ALICE = Ref("stockade", "user", "alice")


def token(number: int, system: str = "stockade") -> Ref:
    return Ref(system, "token", str(number))


def revoke(target: Ref) -> Step:
    undo = Step("token.restore", target, Tactic.RESTORE, "undo")
    return Step("token.revoke", target, Tactic.EVICT, "hers", "it stops", undo, expects={"state": "live"})


STEPS = (
    Step(
        "user.block",
        ALICE,
        Tactic.ISOLATE,
        "out at every door",
        undo=Step("user.unblock", ALICE, Tactic.RESTORE, "undo"),
        expects={"state": "active"},
    ),
    Step("session.end", ALICE, Tactic.ISOLATE, "two are open"),
    revoke(token(1)),
    revoke(token(2)),
    revoke(token(3)),
    Step("token.rotate", token(9), Tactic.RESTORE, "she could read it", expects={"turn": 0, "state": "live"}),
    Step("variable.rotate", Ref("stockade", "variable", "4"), Tactic.RESTORE, "she could read it", by_hand=True),
    Step("password.reset", ALICE, Tactic.RESTORE, "it is known"),
)


def world() -> System:
    things: dict[Ref, dict[str, object]] = {token(n): {"state": "live", "turn": 0} for n in (1, 2, 3, 9)}
    return System({ALICE: {"state": "active", "sessions": 2, "password": "set"}, **things})


def drawn(steps: tuple[Step, ...] = STEPS, *, now: float = NOW, lasting: float = 3600.0) -> Plan:
    return Plan("2027-01-15-alice", "account", ALICE, steps, now, now + lasting, {"since": now - 86400})


class Night:
    """A plan in its log, the system it is about, and those who are on call."""

    def __init__(self, plan: Plan | None = None, system: System | None = None, rule: Rule | None = None) -> None:
        self.journal, self.system, self.rule = Journal(), system or world(), rule or Rule()
        self.others: list[System] = []
        self.now = NOW + 60
        self.plan = plan or drawn()
        self.journal.write_all(events_of(self.plan, OLGA))

    @property
    def state(self) -> PlanState:
        return self.journal.state()

    @property
    def actuators(self) -> Actuators:
        return Actuators(self.system, *self.others)

    def approve(self, by: Ref = OLGA, *tactics: Tactic) -> None:
        self.journal.write_all(approvals(self.state, by, self.rule, self.now, tactics))

    def runner(self, by: Ref = OLGA) -> Runner:
        """As a new process would start: it knows what the log says, and nothing else."""
        return Runner(self.state, self.actuators, self.journal.write, by=by, clock=lambda: self.now, rule=self.rule)

    def run(self, by: Ref = OLGA) -> PlanState:
        return self.runner(by).run()

    def undo(self, by: Ref = OLGA) -> PlanState:
        return self.runner(by).undo()

    def again(self, steps: tuple[Step, ...]) -> Plan:
        return replace(self.plan, steps=steps)
